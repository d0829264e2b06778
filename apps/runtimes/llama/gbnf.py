"""A JSON schema as the grammar that llama.cpp's sampler keeps a text to.

The part of JSON Schema that this product asks with: objects with all their properties in order, arrays with bounds,
strings with bounds and with `enum`, numbers, booleans. Anything else is refused rather than half understood.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from apps.runtimes.contracts import RuntimeFailure

ROOT = "root"
_MOST = 200  # characters of a string, or elements of an array, without a bound of its own: a grammar grows with it
# Space between the parts is what the models write themselves; more of it lets a small one write nothing but space.
_BASE = {
    "char": r'[^"\\\x00-\x1F\x7F] | "\\" ["\\/bfnrt]',
    "integer": '"-"? ("0" | [1-9] [0-9]{0,8})',
    "number": 'integer ("." [0-9]{1,6})?',
    "boolean": '"true" | "false"',
}


def grammar_of(schema: str) -> str:
    """Return GBNF for a JSON schema given as JSON. Raises RuntimeFailure for what is not understood."""
    rules = _Rules()
    try:
        body = rules.of(json.loads(schema))
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise RuntimeFailure(f"A JSON schema could not be made a grammar: {error}.") from error
    return rules.text(body)


class _Rules:
    """Rules of a grammar while they are made; the same part of a schema is one rule."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}

    def text(self, body: str) -> str:
        """Return the whole grammar that begins with `body`."""
        named = [f"{name} ::= {rule}" for rule, name in self._names.items()]
        return "\n".join([f"{ROOT} ::= {body}", *named, *(f"{name} ::= {rule}" for name, rule in _BASE.items())]) + "\n"

    def of(self, schema: Mapping[str, Any]) -> str:
        """Return what stands for a schema within a rule: the name of a rule, or a text."""
        if "enum" in schema:
            return self._named(" | ".join(_literal(json.dumps(each, ensure_ascii=False)) for each in schema["enum"]))
        match schema.get("type"):
            case "object":
                return self._named(self._object(schema))
            case "array":
                return self._named(self._array(schema))
            case "string":
                least, most = int(schema.get("minLength", 0)), int(schema.get("maxLength", _MOST))
                return self._named(rf'"\"" char{{{least},{most}}} "\""')
            case "integer" | "number" | "boolean" as kind:
                return str(kind)
        message = f"the type {schema.get('type')!r} is not known"
        raise ValueError(message)

    def _named(self, rule: str) -> str:
        return self._names.setdefault(rule, f"part{len(self._names)}")

    def _object(self, schema: Mapping[str, Any]) -> str:
        properties: Mapping[str, Any] = schema["properties"]
        pairs = [f"{_literal(json.dumps(name) + ': ')} {self.of(each)}" for name, each in properties.items()]
        return _joined(['"{"', ' ", " '.join(pairs), '"}"'])

    def _array(self, schema: Mapping[str, Any]) -> str:
        item = self.of(schema["items"])
        least, most = int(schema.get("minItems", 0)), int(schema.get("maxItems", _MOST))
        more = f'(", " {item}){{{max(least - 1, 0)},{most - 1}}}' if most > 1 else ""
        some = _joined([item, more])
        some = some if least else f"({some})?"
        return _joined(['"["', some if most else "", '"]"'])


def _literal(text: str) -> str:
    """Return a text as GBNF writes it: with its own quotes and backslashes escaped, as JSON does."""
    return json.dumps(text, ensure_ascii=False)


def _joined(parts: Sequence[str]) -> str:
    return " ".join(part for part in parts if part)
