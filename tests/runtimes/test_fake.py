"""The stand-ins behave as the contracts say."""

import numpy as np
import pytest

from apps.runtimes import fake
from apps.runtimes.contracts import RuntimeFailure, Sampling, Turn


def test_it_embeds_alike_texts_near_each_other() -> None:
    vectors = fake.FakeEmbedder().embed_passages(
        [
            "How many days of annual leave?",
            "Annual leave: fifteen days.",
            "The pump broke.",
            "年假有几天？",
            "员工有十五天年假。",
        ]
    )
    cosine = vectors @ vectors.T

    assert vectors.dtype == np.float32
    assert np.allclose(np.diag(cosine), 1)
    assert cosine[0, 1] > cosine[0, 2] + 0.2
    assert cosine[3, 4] > cosine[3, 2] + 0.2


def test_it_embeds_every_text() -> None:
    vectors = fake.FakeEmbedder().embed_passages(["", "?"])

    assert np.allclose(np.linalg.norm(vectors, axis=1), 1)


def test_it_reads_the_first_passage_aloud() -> None:
    prompt = "Passages:\n[1] Leave is fifteen days.\n[2] Other.\nQuestion: how long?"

    pieces = list(fake.FakeChat().stream(prompt, Sampling()))

    assert "".join(piece.text for piece in pieces) == "Leave is fifteen days. [1]"
    assert all(piece.tokens == 1 for piece in pieces)


def test_it_says_what_is_scripted() -> None:
    chat = fake.FakeChat()

    with fake.replies("one two", RuntimeFailure("broken")):
        assert "".join(piece.text for piece in chat.stream("x", Sampling(max_tokens=1))) == "one"
        with pytest.raises(RuntimeFailure, match="broken"):
            list(chat.stream("x", Sampling()))


def test_it_notices_a_stream_that_is_broken_off() -> None:
    chat = fake.FakeChat()
    stream = chat.stream("one two three", Sampling())
    next(stream)

    stream.close()

    assert chat.closed == 1


def test_it_renders_open_for_the_assistant() -> None:
    assert fake.FakeChat().render([Turn("user", "Hi")]).endswith("<assistant>\n")


def test_its_tokens_cover_the_text() -> None:
    tokenizer = fake.FakeTokenizer()

    assert [("年假 is 15 days"[start:end]) for start, end in tokenizer.spans("年假 is 15 days")] == [
        "年",
        "假",
        "is",
        "15",
        "days",
    ]
    assert tokenizer.count(["年假 is", ""]) == [3, 0]
