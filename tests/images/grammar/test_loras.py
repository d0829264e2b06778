"""media.md 53 to 56: LoRAs named in a prompt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.images.grammar.loras import LoraRef, read_loras

COOL = "some prompt, very cool, <lora:hey-lora:0.4>,  cool   <lora:you-lora:0.2>"
HEY, YOU = LoraRef("hey-lora", 0.4, 0.4), LoraRef("you-lora", 0.2, 0.2)


def test_it_takes_tags_out_of_the_text() -> None:
    """Case 53."""
    read = read_loras(COOL, limit=5)

    assert read.loras == (HEY, YOU)
    assert read.text == "some prompt, very cool, cool"


def test_it_keeps_to_the_limit() -> None:
    """Case 53."""
    read = read_loras(COOL, limit=1)

    assert read.loras == (HEY,)
    assert read.dropped == (YOU,)
    assert read.text == "some prompt, very cool, cool"


def test_it_lets_what_was_chosen_go_first() -> None:
    """Case 54."""
    tags = ", ".join(f"<lora:l{number}:{weight}>" for number, weight in enumerate((0.4, -0.2, 0.3, 0.5, 0.24, 0.1)))

    read = read_loras(f"some prompt, very cool, {tags}", chosen=[HEY])

    assert [lora.name for lora in read.loras] == ["hey-lora", "l0", "l1", "l2", "l3"]
    assert read.loras[2].unet == -0.2
    assert read.text == "some prompt, very cool"


def test_it_counts_a_name_once() -> None:
    """Case 54."""
    read = read_loras("<lora:hey-lora:0.9><lora:a:0.4><lora:a:0.7><lora:b:0.4>", chosen=[HEY])

    assert read.loras == (HEY, LoraRef("a", 0.4, 0.4), LoraRef("b", 0.4, 0.4))
    assert read.text == ""


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("<lora:foo:1..2>, <lora:bar:.>, <test:1.0>, <lora:baz:+> and <lora:quux:>", id="55"),
        pytest.param("a <b> c", id="56-no-tag"),
        pytest.param("<lora:x:0.7", id="56-open"),
        pytest.param("<lora::0.7>", id="56-no-name"),
        pytest.param("<lora:x:0.7:0.5:4>", id="56-three-numbers"),
        pytest.param("<lora:x:dyn=4>", id="56-unknown-argument"),
        pytest.param(f"<lora:x:{'9' * 400}>", id="56-infinite"),
        pytest.param("<hypernet:x:0.7>,  a", id="56-another-kind"),
        pytest.param("<LORA:x:0.7>", id="56-capitals"),
        pytest.param("", id="56-empty"),
    ],
)
def test_it_leaves_what_it_cannot_read(text: str) -> None:
    read = read_loras(text)

    assert read.loras == ()
    assert read.text == text


def test_it_names_what_it_left() -> None:
    assert read_loras("<lora:foo:1..2> <lora:b:1>").unread == ("<lora:foo:1..2>",)


@pytest.mark.parametrize(
    ("text", "expected", "rest"),
    [
        pytest.param(
            "1girl, <lora:A:0.7> <lora:B:0.5>", [LoraRef("A", 0.7, 0.7), LoraRef("B", 0.5, 0.5)], "1girl", id="56"
        ),
        pytest.param("<lora:x>", [LoraRef("x", 1.0, 1.0)], "", id="56-no-weight"),
        pytest.param("<lora:x:0.7:0.5>", [LoraRef("x", 0.7, 0.5)], "", id="56-two"),
        pytest.param("<lora:x:te=0.5:unet=1>", [LoraRef("x", 0.5, 1.0)], "", id="56-named"),
        pytest.param("<lora:x:unet=0.3>", [LoraRef("x", 1.0, 0.3)], "", id="56-unet"),
        pytest.param("<lora:x:te=0.3>", [LoraRef("x", 0.3, 0.3)], "", id="56-te"),
        pytest.param("<lora:x:0.7:unet=.2>", [LoraRef("x", 0.7, 0.2)], "", id="56-mixed"),
        pytest.param("<lora:国 风/x.v2:1.>", [LoraRef("国 风/x.v2", 1.0, 1.0)], "", id="56-chinese"),
        pytest.param("<lyco:x:0.5>", [LoraRef("x", 0.5, 0.5)], "", id="56-other-name"),
        pytest.param("a<lora:x:1>b", [LoraRef("x", 1.0, 1.0)], "ab", id="56-in-a-word"),
        pytest.param("a <lora:x:1> b", [LoraRef("x", 1.0, 1.0)], "a b", id="56-between"),
        pytest.param("(a <lora:x:1>), b", [LoraRef("x", 1.0, 1.0)], "(a), b", id="56-in-brackets"),
        pytest.param("a,\n<lora:x:1>\nb", [LoraRef("x", 1.0, 1.0)], "a,\n\nb", id="56-lines"),
        pytest.param("<lora:x:1>, a,  b", [LoraRef("x", 1.0, 1.0)], "a,  b", id="56-first"),
    ],
)
def test_it_reads_both_weights(text: str, expected: list[LoraRef], rest: str) -> None:
    read = read_loras(text)

    assert list(read.loras) == expected
    assert read.text == rest


@pytest.mark.parametrize("lora", [LoraRef("a", 0.7, 0.7), LoraRef("a", 0.7, 0.5), LoraRef("b c")])
def test_it_reads_the_tags_it_writes(lora: LoraRef) -> None:
    assert read_loras(lora.tag).loras == (lora,)


@given(st.text(alphabet="<>lora:=te.1, \n", max_size=60))
def test_it_reads_whatever_is_written(text: str) -> None:
    read = read_loras(text)

    assert len(read.loras) <= 5
    assert len(read.text) <= len(text)
