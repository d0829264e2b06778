"""media.md 58 and 59: dynamic prompts and wildcards."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.images.grammar.dynamic import expand_every, expand_one
from apps.images.grammar.errors import (
    MalformedVariant,
    NestedTooDeep,
    PromptError,
    PromptTooLong,
    TookTooLong,
    TooManyVariants,
    UnknownVariable,
    UnknownWildcard,
    WildcardName,
)

LISTS = {
    "color": ["red", "green", "# nothing", "", "blue"],
    "deep/x-y": ["__color__ fox", "{old|new} cat"],
    "circle": ["a __round__"],
    "round": ["b __circle__"],
    "own": ["__own__"],
    "weighted": ["0.9::a", "0.1::b"],
    "颜色": ["红", "绿"],
    "bad": ["{a"],
    "empty": ["", "# a"],
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a {red|green} ball", ["a red ball", "a green ball"], id="58"),
        pytest.param(
            "{2$$red|green|blue}",
            ["red,green", "red,blue", "green,red", "green,blue", "blue,red", "blue,green"],
            id="58b",
        ),
        pytest.param("{2$$ and $$a|b}", ["a and b", "b and a"], id="58c"),
        pytest.param("{1-2$$a|b}", ["a", "b", "a,b", "b,a"], id="58d"),
        pytest.param("{0-1$$a|b}", ["", "a", "b"], id="58e"),
        pytest.param("{-2$$a|b}", ["a", "b", "a,b", "b,a"], id="58f"),
        pytest.param("{2-$$a|b}", ["a,b", "b,a"], id="58g"),
        pytest.param("{2-1$$a|b}", ["a", "b", "a,b", "b,a"], id="58h"),
        pytest.param("{3$$a|b}", ["a,b", "b,a"], id="58i"),
        pytest.param("${x=red}a ${x} ball", ["a red ball"], id="58j"),
        pytest.param("${x={a|b}}${x} ${x}", ["a a", "a b", "b a", "b b"], id="58k"),
        pytest.param("${x=!{a|b}}${x} {c${x}|d}", ["a ca", "a d", "b cb", "b d"], id="58l-once-and-for-all"),
        pytest.param("${y:blue} sky", ["blue sky"], id="58m"),
        pytest.param("${x=a}${x}${x=b}${x}", ["ab"], id="58n"),
        pytest.param("a # comment", ["a "], id="58o"),
        pytest.param("a # {b|c\nd", ["a \nd"], id="58p"),
        pytest.param("{0.7::a|0.3::b}", ["a", "b"], id="58q"),
        pytest.param("{2$$0.5::a|b}", ["a,b", "b,a"], id="58r"),
        pytest.param("{a::b|c}", ["a::b", "c"], id="58s"),
        pytest.param(
            "(a:1.2) [b] [c|d] [e:f:0.5] {g|h}",
            ["(a:1.2) [b] [c|d] [e:f:0.5] g", "(a:1.2) [b] [c|d] [e:f:0.5] h"],
            id="58t-other-grammars",
        ),
        pytest.param("{(a:1.1)|<lora:x:0.5>}", ["(a:1.1)", "<lora:x:0.5>"], id="58u"),
        pytest.param("{a|b} {c|d}", ["a c", "a d", "b c", "b d"], id="58v"),
        pytest.param("{a{b|c}|d}", ["ab", "ac", "d"], id="58w"),
        pytest.param("a {|b} c", ["a  c", "a b c"], id="58x"),
        pytest.param("{a|a}", ["a"], id="58y"),
        pytest.param("{}", [""], id="58z"),
        pytest.param("{ red | green } x", ["red  x", "green  x"], id="58-space"),
        pytest.param("a } b $ 5 $$ a__b a_b", ["a } b $ 5 $$ a__b a_b"], id="58-plain"),
        pytest.param(r"\{a|b\} \(c\)", [r"\{a|b\} \(c\)"], id="58-escapes-stay"),
        pytest.param("__color__ ball", ["red ball", "green ball", "blue ball"], id="59-wildcard"),
        pytest.param(
            "{2$$ $$__color__}",
            ["red green", "red blue", "green red", "green blue", "blue red", "blue green"],
            id="59-of-a-wildcard",
        ),
        pytest.param("{__color__|x}", ["red", "green", "blue", "x"], id="59-inside"),
        pytest.param("__deep/x-y__", ["red fox", "green fox", "blue fox", "old cat", "new cat"], id="59-nested"),
        pytest.param("__颜色__，{猫|狗}", ["红，猫", "红，狗", "绿，猫", "绿，狗"], id="59-chinese"),
        pytest.param("", [""], id="58-empty"),
        pytest.param("{1-2$$a|}", ["a", ""], id="58-nothing-beside-one"),
        pytest.param("{2$$a||b}", ["a", "a,b", "b", "b,a"], id="58-no-separator-at-the-edge"),
        pytest.param("{2$$ and $$a|}", ["a"], id="58-no-word-at-the-edge"),
    ],
)
def test_it_makes_every_prompt(text: str, expected: list[str]) -> None:
    assert list(expand_every(text, LISTS)) == expected


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param("{__nope__|b}", UnknownWildcard, id="59-trap"),
        pytest.param("__nope__", UnknownWildcard, id="59-unknown"),
        pytest.param("__empty__", UnknownWildcard, id="59-without-lines"),
        pytest.param("__circle__", NestedTooDeep, id="59-circle"),
        pytest.param("__own__", NestedTooDeep, id="59-itself"),
        pytest.param("__c*__", WildcardName, id="59-pattern"),
        pytest.param("__**__", WildcardName, id="59-any"),
        pytest.param("__../../etc/passwd__", WildcardName, id="59-path"),
        pytest.param("__/etc/passwd__", WildcardName, id="59-root"),
        pytest.param(r"__..\x__", WildcardName, id="59-backslash"),
        pytest.param("__color(a=1)__", WildcardName, id="59-arguments"),
        pytest.param("__bad__", MalformedVariant, id="59-broken-line"),
        pytest.param("a {b", MalformedVariant, id="58-open"),
        pytest.param("{2$$a|b", MalformedVariant, id="58-open-count"),
        pytest.param("${x", MalformedVariant, id="58-open-variable"),
        pytest.param("${x=a", MalformedVariant, id="58-open-value"),
        pytest.param("${}", MalformedVariant, id="58-no-name"),
        pytest.param("{${x=a}|b}", MalformedVariant, id="58-value-inside"),
        pytest.param("${x}", UnknownVariable, id="58-no-value"),
        pytest.param("{a|b}" * 7, TooManyVariants, id="58-many"),
        pytest.param("{a|b}" * 1_500, TooManyVariants, id="58-very-many"),
        pytest.param("{9$$a|b|c|d|e|f|g|h|i}", TooManyVariants, id="58-orders"),
        pytest.param("{10$$" + "a|" * 2_000 + "}", TookTooLong, id="58-orders-of-the-same"),
        pytest.param("{" * 200 + "a" + "}" * 200, NestedTooDeep, id="58-deep"),
        pytest.param("{" * 9_000, NestedTooDeep, id="58-deep-open"),
        pytest.param(
            "${a=xy}"
            + "".join(f"${{{b}=${{{a}}}${{{a}}}}}" for a, b in zip("abcdefghijklmnop", "bcdefghijklmnopq", strict=True))
            + "${q}",
            PromptTooLong,
            id="58-doubling",
        ),
        pytest.param(
            "${v0=}" + "".join(f"${{v{n + 1}=${{v{n}}}${{v{n}}}}}" for n in range(60)) + "${v60}",
            TookTooLong,
            id="58-doubling-nothing",
        ),
        pytest.param(
            "${v0=a}" + "".join(f"${{v{n + 1}={{${{v{n}}}}}}}" for n in range(400)) + "${v400}",
            NestedTooDeep,
            id="58-deep-variables",
        ),
        pytest.param("a" * 10_001, PromptTooLong, id="58-long"),
    ],
)
def test_it_ends_with_an_error(text: str, error: type[PromptError]) -> None:
    started = time.process_time()

    with pytest.raises(error) as caught:
        expand_every(text, LISTS)

    assert caught.value.sentence()
    assert time.process_time() - started < 5


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("{__nope__|b}", id="59-trap"),
        pytest.param("__circle__", id="59-circle"),
        pytest.param("${v0=}" + "".join(f"${{v{n + 1}=${{v{n}}}${{v{n}}}}}" for n in range(60)) + "${v60}", id="58"),
    ],
)
def test_it_ends_by_chance_too(text: str) -> None:
    with pytest.raises(PromptError):
        expand_one(text, LISTS, seed=1)


def test_it_draws_the_same_again_for_a_seed() -> None:
    text = "{2$$red|green|blue} __deep/x-y__ ${x=!{a|b}}${x}${x}"
    drawn = {expand_one(text, LISTS, seed=seed) for seed in range(50)}

    assert expand_one(text, LISTS, seed=7) == expand_one(text, LISTS, seed=7)
    assert len(drawn) > 10
    assert all(words.endswith(("aa", "bb")) for words in drawn)


def test_it_draws_by_weight() -> None:
    for text in ("{0.9::a|0.1::b}", "__weighted__"):
        drawn = [expand_one(text, LISTS, seed=seed) for seed in range(300)]
        assert 240 < drawn.count("a") < 295
    assert {expand_one("{0::a|1::b}", {}, seed=seed) for seed in range(30)} == {"b"}
    assert expand_one("{0::a|0::b}", {}, seed=1) in {"a", "b"}


def test_it_draws_what_it_would_list() -> None:
    text = "{1-2$$ and $$a|b|{c|d}} __color__"
    every = set(expand_every(text, LISTS))

    assert {expand_one(text, LISTS, seed=seed) for seed in range(400)} == every


def test_it_takes_more_variants_when_told() -> None:
    assert len(expand_every("{a|b}" * 7, {}, limit=128)) == 128


def test_it_reads_long_lists() -> None:
    lists = {"many": [f"word {number}" for number in range(10_000)]}

    assert expand_one("__many__", lists, seed=3) in lists["many"]
    with pytest.raises(TooManyVariants):
        expand_every("{2$$__many__}", lists)


@settings(max_examples=500, deadline=None)
@given(st.text(alphabet="{}|$_:=!#\\ 12-a\ncolor", max_size=60), st.integers(0, 5))
def test_it_reads_or_refuses_whatever_is_written(text: str, seed: int) -> None:
    try:
        drawn = expand_one(text, LISTS, seed=seed)
        every = expand_every(text, LISTS)
    except PromptError:
        return

    assert drawn in every
