"""Where sentences end."""

import pytest

from apps.rag.sentences import split


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        pytest.param("He left! Did he? Yes.", ["He left!", "Did he?", "Yes."], id="marks"),
        pytest.param(
            "Dr. Smith et al. paid $3.50 to J. K. Rowling.",
            ["Dr. Smith et al. paid $3.50 to J. K. Rowling."],
            id="dots",
        ),
        pytest.param(
            "It moved to the U.S. in May. It grew.", ["It moved to the U.S. in May.", "It grew."], id="abbreviation"
        ),
        pytest.param("Acme Inc. It sells.", ["Acme Inc.", "It sells."], id="ending abbreviation"),
        pytest.param("See example.org today. Now.", ["See example.org today.", "Now."], id="host name"),
        pytest.param("他说：“你好。”然后走了。", ["他说：“你好。”", "然后走了。"], id="closing quotes"),
        pytest.param("价格是3.5元！真的？是的…好", ["价格是3.5元！", "真的？", "是的…", "好"], id="Chinese"),
        pytest.param("版本2.0发布. 大家好。OK.", ["版本2.0发布.", "大家好。", "OK."], id="mixed"),
        pytest.param("1. Open it.\n2. Close it.", ["1. Open it.", "2. Close it."], id="list"),
        pytest.param(
            "This is a line that a file had wrapped\nand that goes on. End",
            ["This is a line that a file had wrapped\nand that goes on.", "End"],
            id="wrapped",
        ),
        pytest.param("Title\n\nText.", ["Title", "Text."], id="heading"),
        pytest.param("", [], id="empty"),
        pytest.param(" \n ", [], id="blank"),
    ],
)
def test_it_finds_sentences(text: str, sentences: list[str]) -> None:
    assert [sentence.text for sentence in split(text)] == sentences


@pytest.mark.parametrize("sign", ["a", "[", "((", "!", " ", "。", ".", "\n", "中", '"'])
def test_it_takes_a_megabyte_of_one_sign(sign: str) -> None:
    text = sign * (1_000_000 // len(sign))

    sentences = split(text)

    assert "".join(sentence.text for sentence in sentences) == text.strip()


def test_its_offsets_point_into_the_text() -> None:
    text = "  One.  Two!\n\n三。 四"

    for sentence in split(text):
        assert text[sentence.start : sentence.end] == sentence.text
