"""Dynamic prompts: `{red|green}`, `{2$$ and $$a|b|c}`, `{0.7::a|0.3::b}`, `${x=…}`, wildcards `__name__`, comments.

Behaviour: media.md 58 and 59 (the package dynamicprompts 0.31, executed), written anew because that package loops for
ever on an unknown wildcard inside a variant and reads wildcards from paths. Here the whole prompt is read, and each
wildcard in it looked up, before anything is filled in. Weights, schedules and escapes of other grammars pass through.
"""

import random
import re
from collections.abc import Mapping, Sequence

from apps.images.grammar.errors import (
    MalformedVariant,
    NestedTooDeep,
    UnknownVariable,
    UnknownWildcard,
    WildcardName,
    require_length,
)
from apps.images.grammar.variants import (
    DEPTH_LIMIT,
    Budget,
    Choice,
    Keep,
    Node,
    Recall,
    Text,
    chain,
    deepest,
    drawn_text,
    every_text,
)

VARIANT_LIMIT = 100
_ALL = 10_000
Wildcards = Mapping[str, Sequence[str]]

_COMMENT = re.compile(r"(?<!\\)#[^\n]*")
_WORDS = re.compile(r"(?:[^\\{}|$_]|\\.|\\$)+", re.DOTALL)
_WILDCARD = re.compile(r"__([^\s{}|$_](?:[^\s{}|$]{0,198}?[^\s{}|$_])?)__")
_WILDCARD_NAME = re.compile(r"[\w-]+(?:/[\w-]+)*")
_BOUNDS = re.compile(r"\s*(?:(\d{1,4})|(\d{0,4})-(\d{0,4}))\$\$", re.ASCII)
_SEPARATOR = re.compile(r"([^{}|$]*)\$\$")
_SHARE = re.compile(r"\s*(\d{1,9}(?:\.\d{0,9})?|\.\d{1,9})\s*::", re.ASCII)
_SPACE = re.compile(r"\s*")
_VARIABLE = re.compile(r"\$\{\s*(\w+)\s*(=!?|:|(?=\}))")


def expand_every(text: str, wildcards: Wildcards, *, limit: int = VARIANT_LIMIT) -> tuple[str, ...]:
    """Return every prompt that a dynamic prompt stands for, each once, the last choice changing fastest.

    Raises `TooManyVariants` for more than `limit` before making them all, and a `PromptError` for whatever cannot be
    read or takes too much work. `wildcards` are the caller's own lists by name; no file is ever opened.
    """
    budget = Budget()
    return every_text(_read(text, wildcards, budget), limit=limit, budget=budget)


def expand_one(text: str, wildcards: Wildcards, *, seed: int) -> str:
    """Return one prompt of a dynamic prompt: the same for the same seed, text and wildcards."""
    budget = Budget()
    chance = random.Random(seed)  # noqa: S311  (pictures, not secrets; and the same again for the same seed)
    return drawn_text(_read(text, wildcards, budget), chance=chance, budget=budget)


def is_dynamic(text: str) -> bool:
    """Return whether a prompt may stand for others: only then need it be expanded."""
    return any(sign in text for sign in ("{", "__", "#"))


def _read(text: str, wildcards: Wildcards, budget: Budget) -> Node:
    require_length(text)
    scope = _Scope(wildcards, budget)
    return _Reader(_COMMENT.sub("", text), scope).prompt()


class _Scope:
    """What the texts of one prompt share: its wildcards once they are read, and its variables."""

    def __init__(self, wildcards: Wildcards, budget: Budget) -> None:
        self.wildcards = wildcards
        self.budget = budget
        self.variables: dict[str, Node] = {}
        self.read: dict[str, Choice] = {}
        self.reading: set[str] = set()

    def wildcard(self, name: str, level: int) -> Choice:
        """Return the choice among a wildcard's lines; they may name other wildcards, but none in a circle."""
        if not _WILDCARD_NAME.fullmatch(name):
            raise WildcardName(name=name[:60])
        if name in self.read:
            return self.read[name]
        lines = [line for line in self.wildcards.get(name, ()) if line.strip() and not line.lstrip().startswith("#")]
        if not lines:
            raise UnknownWildcard(name=name[:60])
        if name in self.reading or level > DEPTH_LIMIT:
            raise NestedTooDeep(limit=DEPTH_LIMIT)
        self.reading.add(name)
        options = [_Reader(_COMMENT.sub("", line.strip()), self, level).line() for line in lines]
        self.reading.discard(name)
        self.read[name] = _choice(options)
        return self.read[name]


Option = tuple[Node, float]


def _choice(options: Sequence[Option], least: int = 1, most: int = 1, separator: str = ",") -> Choice:
    nodes = tuple(node for node, _ in options)
    shares = tuple(share for _, share in options)
    bounds = sorted(min(bound, len(nodes)) for bound in (least, most))  # as the package: no more than there are
    return Choice(nodes, shares, deepest(nodes, 1), bounds[0], bounds[1], separator)


class _Reader:
    """Reads one text, from left to right."""

    def __init__(self, text: str, scope: _Scope, level: int = 0) -> None:
        self._text = text
        self._scope = scope
        self._level = level
        self._at = 0
        self._is_prompt = False

    def prompt(self) -> Node:
        """Return the whole text; only here, and not inside braces, may variables be given values."""
        self._is_prompt = True
        return self._chain("")

    def line(self) -> Option:
        """Return a line of a wildcard, and its share."""
        share = self._share()
        return self._chain(""), share

    def _chain(self, stops: str) -> Node:
        """Return what stands before one of the stops, or before the end."""
        nodes: list[Node] = []
        while self._at < len(self._text) and not (stops and self._text[self._at] in stops):
            self._scope.budget.spend()
            nodes.append(self._node())
        return chain(nodes) if nodes else Text("")

    def _node(self) -> Node:
        words = _WORDS.match(self._text, self._at)
        if words:
            self._at = words.end()
            return Text(words.group())
        if self._text[self._at] == "{":
            return self._braces()
        if self._text.startswith("${", self._at):
            return self._variable()
        wildcard = _WILDCARD.match(self._text, self._at)
        if wildcard:
            self._at = wildcard.end()
            return self._scope.wildcard(wildcard.group(1), self._level + 1)
        self._at += 1
        return Text(self._text[self._at - 1])

    def _braces(self) -> Node:
        start = self._at
        self._enter()
        self._at += 1
        least, most, separator = self._bounds()
        options = [self._option()]
        while self._peek() == "|":
            self._at += 1
            options.append(self._option())
        self._leave(start)
        if len(options) == 1 and isinstance(options[0][0], Choice) and most > 1:  # {2$$__colour__}
            inner = options[0][0]
            options = list(zip(inner.options, inner.shares, strict=True))
        return _choice(options, least, most, separator)

    def _bounds(self) -> tuple[int, int, str]:
        """Return how many are to be chosen, at least and at most, and what stands between them."""
        match = _BOUNDS.match(self._text, self._at)
        if match is None:
            return 1, 1, ","
        between = _SEPARATOR.match(self._text, match.end())
        self._at = (between or match).end()
        exact, least, most = match.groups()
        separator = between.group(1) if between else ","
        if exact is not None:
            return int(exact), int(exact), separator
        return int(least or 1), int(most or _ALL), separator

    def _option(self) -> Option:
        share = self._share()
        self._skip_space()
        return self._chain("|}"), share

    def _share(self) -> float:
        match = _SHARE.match(self._text, self._at)
        if match is None:
            return 1.0
        self._at = match.end()
        return float(match.group(1))

    def _variable(self) -> Node:
        """Return what `${x}`, `${x:other}`, `${x=value}` or `${x=!value}` says."""
        start = self._at
        match = _VARIABLE.match(self._text, self._at)
        if match is None:
            raise self._malformed(start)
        self._at = match.end()
        name, sign = match.groups()
        is_outermost = self._is_prompt and self._level == 0
        self._enter()
        value = self._chain("}") if sign else None
        self._leave(start)
        if not sign.startswith("="):
            return self._recalled(name, value)
        if not is_outermost or value is None:
            raise self._malformed(start)
        self._scope.variables[name] = Recall(name) if sign == "=!" else value
        return Keep(name, value, deepest([value])) if sign == "=!" else Text("")

    def _recalled(self, name: str, value: Node | None) -> Node:
        found = self._scope.variables.get(name, value)
        if found is None:
            raise UnknownVariable(name=name[:60])
        return found

    def _enter(self) -> None:
        self._level += 1
        if self._level > DEPTH_LIMIT:
            raise NestedTooDeep(limit=DEPTH_LIMIT)

    def _leave(self, start: int) -> None:
        if self._peek() != "}":
            raise self._malformed(start)
        self._at += 1
        self._level -= 1

    def _peek(self) -> str:
        return self._text[self._at : self._at + 1]

    def _skip_space(self) -> None:
        match = _SPACE.match(self._text, self._at)
        self._at = match.end() if match else self._at

    def _malformed(self, start: int) -> MalformedVariant:
        return MalformedVariant(near=self._text[start : start + 30])
