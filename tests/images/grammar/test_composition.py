"""media.md case 52: AND."""

import pytest

from apps.images.grammar.composition import parse_composition


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("left AND right:0.5", [("left", 1.0), (" right", 0.5)], id="52"),
        pytest.param(
            "a cat :1.2 AND a dog AND a penguin :2.2",
            [("a cat", 1.2), (" a dog", 1.0), (" a penguin", 2.2)],
            id="52b",
        ),
        pytest.param("brANDy", [("brANDy", 1.0)], id="52c"),
        pytest.param("a and b", [("a and b", 1.0)], id="52d-lower-case"),
        pytest.param("a AND b:-0.5", [("a", 1.0), (" b", -0.5)], id="52e-negative"),
        pytest.param("a AND b: +.5 ", [("a", 1.0), (" b", 0.5)], id="52f"),
        pytest.param("a\nAND b\nAND\nc:2.", [("a", 1.0), (" b", 1.0), ("\nc", 2.0)], id="52g-lines"),
        pytest.param("a AND", [("a", 1.0), ("", 1.0)], id="52h"),
        pytest.param("a AND b:1.2.3", [("a", 1.0), (" b:1.2.3", 1.0)], id="52i"),
        pytest.param("(a:1.2) AND (b:0.5)", [("(a:1.2)", 1.0), (" (b:0.5)", 1.0)], id="52j"),
        pytest.param("a:b:2 AND 猫:0.3", [("a:b", 2.0), (" 猫", 0.3)], id="52k"),
        pytest.param("", [("", 1.0)], id="52l"),
    ],
)
def test_it_parts_prompts(text: str, expected: list[tuple[str, float]]) -> None:
    assert [(part.text, part.weight) for part in parse_composition(text)] == expected
