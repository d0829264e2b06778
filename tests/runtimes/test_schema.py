"""Answers held to a JSON schema: the grammar made of it, the request to a service, the fake."""

import json

import pytest

from apps.runtimes.contracts import RuntimeFailure, Sampling
from apps.runtimes.fake import FakeChat, replies
from apps.runtimes.llama.gbnf import grammar_of

WORD = {"type": "string", "minLength": 2, "maxLength": 9}
SCHEMA = json.dumps({
    "type": "object",
    "properties": {
        "tags": {"type": "array", "items": WORD, "minItems": 1, "maxItems": 3},
        "colour": {"enum": ["red", 'say "红"']},
        "count": {"type": "integer"},
    },
})  # fmt: skip


def test_it_makes_a_grammar_of_a_schema() -> None:
    assert grammar_of(SCHEMA).splitlines()[:5] == [
        "root ::= part3",
        r'part0 ::= "\"" char{2,9} "\""',
        'part1 ::= "[" part0 (", " part0){0,2} "]"',
        r'part2 ::= "\"red\"" | "\"say \\\"红\\\"\""',
        r'part3 ::= "{" "\"tags\": " part1 ", " "\"colour\": " part2 ", " "\"count\": " integer "}"',
    ]


@pytest.mark.parametrize(
    ("schema", "rule"),
    [
        ({"type": "array", "items": {"type": "boolean"}, "maxItems": 1}, 'part0 ::= "[" (boolean)? "]"'),
        ({"type": "array", "items": {"type": "number"}, "maxItems": 0}, 'part0 ::= "[" "]"'),
        ({"type": "string"}, r'part0 ::= "\"" char{0,200} "\""'),
    ],
)
def test_it_bounds_arrays_and_strings(schema: dict[str, object], rule: str) -> None:
    assert rule in grammar_of(json.dumps(schema)).splitlines()


@pytest.mark.parametrize("schema", ["", "[]", "{}", '{"type": "object"}', '{"type": "null"}', '{"anyOf": []}'])
def test_it_refuses_what_it_does_not_understand(schema: str) -> None:
    with pytest.raises(RuntimeFailure, match="grammar"):
        grammar_of(schema)


def test_the_fake_fulfils_a_schema_unless_it_is_scripted() -> None:
    fake = FakeChat()

    said = "".join(piece.text for piece in fake.stream("A prompt.", Sampling(schema=SCHEMA)))
    with replies("no JSON"):
        scripted = "".join(piece.text for piece in fake.stream("A prompt.", Sampling(schema=SCHEMA)))

    assert json.loads(said) == {"tags": ["tags"], "colour": "red", "count": 0}
    assert scripted == "no JSON"
