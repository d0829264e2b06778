"""A fake model that writes, and a tale for it."""

import pytest

from apps.catalog.models import AIModel
from apps.images import assistant_tasks
from apps.images.models import Story
from apps.libraries.models import Document
from apps.libraries.reading import save_blocks
from apps.libraries.types import Block
from apps.users.models import Team, User
from tests import factories
from tests.images.assistant.tales import GOOD, begun, worked

BLOCKS = (
    Block("One", "heading", 1, heading_path=("One",), level=1),
    Block("A fox ran through the deep snow and looked back at the dark forest behind it.", "text", 1, None, ("One",)),
    Block("Two", "heading", 2, heading_path=("Two",), level=1),
    Block(
        "An old lighthouse stood on the cliff; its lamp had not been lit for thirty years.", "text", 2, None, ("Two",)
    ),
)


@pytest.fixture(autouse=True)
def _no_bells_for_writers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let tests say when a worker writes."""
    monkeypatch.setattr(assistant_tasks.write_prompt, "apply_async", lambda *_args, **_named: None)
    monkeypatch.setattr(assistant_tasks.find_scenes, "apply_async", lambda *_args, **_named: None)


@pytest.fixture
def writer(image_model: AIModel) -> AIModel:
    """Return the chat model that writes, a fake, beside the one that draws."""
    model: AIModel = factories.ChatModelFactory()
    return model


@pytest.fixture
def tale(t1: Team, writer: AIModel) -> Document:
    """Return a document of t1 with two chapters."""
    document: Document = factories.DocumentFactory(library__team=t1, name="CANARY-T1 tale.md")
    version = document.current_version
    assert version is not None
    version.blocks = save_blocks(version, BLOCKS)
    version.save()
    return document


@pytest.fixture
def story(alice: User, t1: Team, tale: Document) -> Story:
    """Return alice's story with two scenes that have prompts."""
    found = begun(alice, t1, tale)
    worked(GOOD, GOOD)
    found.refresh_from_db()
    return found
