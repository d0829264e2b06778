"""The drawer marks the very words, wherever they stand."""

import pytest
from django.test import Client
from django.urls import reverse

from apps.chat.models import Citation
from apps.chat.sources import source_of
from apps.libraries.models import Chunk, DocumentVersion
from apps.libraries.reading import save_blocks
from apps.libraries.types import Block, Box
from apps.users.models import User
from tests import factories

BLOCKS = [
    Block("Holidays", "heading", 1, Box(1, 0.1, 0.1, 0.5, 0.2)),
    Block("Every employee\nhas 27  days.", "text", 1, Box(1, 0.1, 0.3, 0.9, 0.4)),
    Block("Unused days expire.", "text", 2, Box(2, 0.1, 0.1, 0.9, 0.2)),
]


@pytest.fixture
def citation(alice: User, chunk: Chunk) -> Citation:
    version = chunk.version
    version.blocks = save_blocks(version, BLOCKS)
    version.save()
    length = sum(len(block.text) for block in BLOCKS) + 2 * (len(BLOCKS) - 1)
    conversation = factories.ConversationFactory(owner=alice, team=chunk.team)
    made: Citation = factories.CitationFactory(
        message=factories.AnswerFactory(conversation=conversation),
        chunk=chunk,
        char_to=length,
        boxes=[[1, 0.1, 0.1, 0.9, 0.4], [2, 0.1, 0.1, 0.9, 0.2]],
        page_from=1,
    )
    return made


def quoted(citation: Citation, quote: str, media_type: str) -> Citation:
    version = citation.version
    assert version is not None
    version.media_type = media_type
    version.save()
    citation.quote = quote
    citation.save()
    return citation


def test_it_opens_the_page_on_which_the_quote_stands(alice: User, citation: Citation) -> None:
    source = source_of(alice, quoted(citation, "Unused days expire.", "application/pdf"))

    assert (source.page, source.boxes) == (2, [[2, 0.1, 0.1, 0.9, 0.2]])
    assert source.context == citation.boxes


def test_it_finds_a_quote_whose_white_space_differs(alice: User, citation: Citation) -> None:
    source = source_of(alice, quoted(citation, "Holidays Every employee has 27 days.", "application/pdf"))

    assert (source.page, source.boxes) == (1, [[1, 0.1, 0.3, 0.9, 0.4]])


def test_it_marks_the_passage_where_the_quote_is_not_found(alice: User, citation: Citation) -> None:
    source = source_of(alice, quoted(citation, "Something else.", "application/pdf"))

    assert (source.page, source.boxes, source.context) == (1, citation.boxes, ())


def test_it_marks_quote_and_passage_in_text(alice: User, citation: Citation) -> None:
    source = source_of(alice, quoted(citation, "has 27 days", "text/plain"))

    assert source.kind == "text"
    pieces = [[(piece.weight, piece.text) for piece in extract.pieces] for extract in source.extracts]
    assert pieces[1] == [("passage", "Every employee\n"), ("quote", "has 27  days"), ("passage", ".")]
    assert "".join(piece.text for extract in source.extracts for piece in extract.pieces) == "".join(
        block.text for block in BLOCKS
    )


def test_it_shows_nothing_to_whom_the_library_is_closed(alice: User, citation: Citation, chunk: Chunk) -> None:
    chunk.library.team.memberships.all().delete()

    assert source_of(alice, quoted(citation, "Unused days expire.", "application/pdf")).kind == "closed"


def new_version(citation: Citation, *, keeps_chunk: bool) -> None:
    """Give the cited document another version, which repeats the cited passage or not."""
    document, chunk = citation.document, citation.chunk
    assert document is not None
    assert chunk is not None
    version = DocumentVersion.objects.create(document=document, number=2, sha256="2", file="documents/00/none")
    document.current_version = version
    document.save()
    if keeps_chunk:
        chunk.version = version
        chunk.save()
    else:
        chunk.delete()
    citation.refresh_from_db()


def test_it_says_when_the_source_changed_since_the_answer(
    alice: User, alice_client: Client, citation: Citation
) -> None:
    before = alice_client.get(reverse("chat:conversation", args=[citation.message.conversation_id])).content.decode()
    new_version(citation, keeps_chunk=False)
    page = alice_client.get(reverse("chat:conversation", args=[citation.message.conversation_id])).content.decode()
    drawer = alice_client.get(reverse("chat:citation", args=[citation.message_id, 1])).content.decode()

    assert "changed since" not in before
    assert "changed since" in page
    assert reverse("libraries:compare", args=[citation.document_id]) + f"?from={citation.version_id}" in drawer
    assert source_of(alice, citation).is_changed


def test_it_says_nothing_of_a_new_version_that_repeats_the_passage(alice: User, citation: Citation) -> None:
    new_version(citation, keeps_chunk=True)
    source = source_of(alice, citation)

    assert (source.is_outdated, source.is_changed) == (True, False)


def test_it_says_when_somebody_edited_the_cited_passage(alice: User, citation: Citation) -> None:
    chunk = citation.chunk
    assert chunk is not None
    chunk.text, chunk.is_edited = "Another text.", True
    chunk.save()

    assert source_of(alice, citation).is_changed
