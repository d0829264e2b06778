"""What a dynamic prompt is once it was read, and how it is filled in: every way, or by chance.

`dynamic.py` reads. Filling in spends from a budget, so that no prompt, however its variables double each other, keeps
a process busy; the budget is of work and not of seconds, so the same prompt always ends the same way.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from apps.images.grammar.errors import PROMPT_CHARS, NestedTooDeep, PromptTooLong, TookTooLong, TooManyVariants

DEPTH_LIMIT = 30
WORK_LIMIT = 400_000  # less than a second
_CHARS_PER_WORK = 64


@dataclass(frozen=True, slots=True)
class Text:
    """Words as they stand."""

    text: str
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Recall:
    """The text that a variable was given once and for all."""

    name: str
    depth: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Chain:
    """Nodes one after the other. Compared by identity: variables share nodes, so equality could take for ever."""

    nodes: "tuple[Node, ...]"
    depth: int


@dataclass(frozen=True, slots=True, eq=False)
class Choice:
    """`{…}` or a wildcard: `least` to `most` of the options, in any order; `shares` are their parts of the chance."""

    options: "tuple[Node, ...]"
    shares: tuple[float, ...]
    depth: int
    least: int = 1
    most: int = 1
    separator: str = ","


@dataclass(frozen=True, slots=True, eq=False)
class Keep:
    """`${name=!…}`: the node is filled in here, once, and said wherever the name is recalled."""

    name: str
    node: "Node"
    depth: int


Node = Text | Recall | Chain | Choice | Keep


def chain(nodes: Sequence[Node]) -> Node:
    """Return the nodes as one."""
    return nodes[0] if len(nodes) == 1 else Chain(tuple(nodes), deepest(nodes))


def deepest(nodes: Sequence[Node], more: int = 0) -> int:
    """Return how deep the nodes go, `more` included; raise `NestedTooDeep` beyond the limit."""
    depth = max((node.depth for node in nodes), default=0) + more
    if depth > DEPTH_LIMIT:
        raise NestedTooDeep(limit=DEPTH_LIMIT)
    return depth


class Budget:
    """The work that one prompt may take."""

    def __init__(self, work: int = WORK_LIMIT) -> None:
        self._left = work

    def spend(self, text: str = "", work: int = 1) -> None:
        """Take the work of making a text off the budget."""
        if len(text) > PROMPT_CHARS:
            raise PromptTooLong(limit=PROMPT_CHARS)
        self._left -= work + len(text) // _CHARS_PER_WORK
        if self._left < 0:
            raise TookTooLong


def every_text(node: Node, *, limit: int, budget: Budget) -> tuple[str, ...]:
    """Return each text that a prompt stands for, once; raise `TooManyVariants` for more than `limit`."""
    return tuple(dict.fromkeys(text for text, _ in _Every(limit, budget).prompt(node)))


def drawn_text(node: Node, *, chance: random.Random, budget: Budget) -> str:
    """Return one of the texts that a prompt stands for, by chance."""
    return _Drawn(chance, budget).text(node)


_Known = Mapping[str, str]


class _Every:
    """Fills in every way; no list grows beyond the limit, since a part has never more texts than the whole."""

    def __init__(self, limit: int, budget: Budget) -> None:
        self._limit = limit
        self._budget = budget

    def prompt(self, node: Node) -> list[tuple[str, _Known]]:
        """Return the texts of the outermost node, each with what its variables keep."""
        states: list[tuple[str, _Known]] = [("", {})]
        for part in node.nodes if isinstance(node, Chain) else (node,):
            grown: list[tuple[str, _Known]] = []
            for text, known in states:
                for more in self._texts(part.node if isinstance(part, Keep) else part, known):
                    if isinstance(part, Keep):
                        self._budget.spend(work=len(known))
                        grown.append((text, {**known, part.name: more}))
                    else:
                        grown.append((text + more, known))
                    self._check(len(grown), grown[-1][0])
            states = grown
        return states

    def _texts(self, node: Node, known: _Known) -> list[str]:
        self._budget.spend()
        if isinstance(node, Text):
            return [node.text]
        if isinstance(node, Recall):
            return [known[node.name]]
        if isinstance(node, Chain):
            return self._joined(node.nodes, "", known)
        if isinstance(node, Keep):
            return self._texts(node.node, known)
        found: dict[str, None] = {}
        for picked in self._picked(node):
            for joined in self._joined(picked, node.separator, known):
                text = _without_edges(joined, node.separator) if len(picked) > 1 else joined
                found[text] = None
                self._check(len(found), text)
        return list(found)

    def _picked(self, choice: Choice) -> Iterator[tuple[Node, ...]]:
        for count in range(choice.least, choice.most + 1):
            yield from permutations(choice.options, count)

    def _joined(self, nodes: Sequence[Node], separator: str, known: _Known) -> list[str]:
        """Return each way to fill in nodes that stand one after the other."""
        texts = [""]
        for index, node in enumerate(nodes):
            grown = []
            for text in texts:
                for more in self._texts(node, known):
                    grown.append(text + separator + more if index else more)
                    self._check(len(grown), grown[-1])
            texts = grown
        return texts

    def _check(self, count: int, text: str) -> None:
        if count > self._limit:
            raise TooManyVariants(limit=self._limit)
        self._budget.spend(text)


class _Drawn:
    """Fills in by chance."""

    def __init__(self, chance: random.Random, budget: Budget) -> None:
        self._chance = chance
        self._budget = budget
        self._known: dict[str, str] = {}

    def text(self, node: Node) -> str:
        """Return one text of a node."""
        if isinstance(node, Text):
            text = node.text
        elif isinstance(node, Recall):
            text = self._known[node.name]
        elif isinstance(node, Chain):
            text = "".join(self._parts(node.nodes))
        elif isinstance(node, Keep):
            self._known[node.name] = self.text(node.node)
            text = ""
        else:
            texts = self._parts(self._picked(node))
            text = _without_edges(node.separator.join(texts), node.separator) if len(texts) > 1 else "".join(texts)
        self._budget.spend(text)
        return text

    def _parts(self, nodes: Sequence[Node]) -> list[str]:
        """Return the texts of nodes, as long as they may be."""
        texts: list[str] = []
        chars = 0
        for node in nodes:
            texts.append(self.text(node))
            chars += len(texts[-1])
            if chars > PROMPT_CHARS:
                raise PromptTooLong(limit=PROMPT_CHARS)
        return texts

    def _picked(self, choice: Choice) -> list[Node]:
        """Return some of the options: none twice, in the order in which chance gave them."""
        left = list(range(len(choice.options)))
        picked: list[Node] = []
        for _ in range(self._chance.randint(choice.least, choice.most)):
            self._budget.spend()
            shares = [choice.shares[index] for index in left]
            index = self._chance.choices(left, shares if sum(shares) > 0 else None)[0]
            left.remove(index)
            picked.append(choice.options[index])
        return picked


def _without_edges(joined: str, separator: str) -> str:
    """Return joined options without the separator that an empty first or last one leaves, as the package does."""
    return joined.removeprefix(separator).removesuffix(separator)
