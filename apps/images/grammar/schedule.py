"""Prompts that change while a picture is drawn: `[a:b:0.5]`, `[b:3]`, `[a::0.5]`, `[a|b|c]`, one inside another.

Reference cases: media.md 2b. What a bracket means can only be told when it closes, so the reader keeps the open ones
on a stack (no recursion: depth is free) and decides then. A bracket that is none of the known forms is text, and so
is every bracket around it; a `|` left over in such text makes the whole prompt stand as it was written, as upstream.

One difference is meant. Where signs that belong to nothing follow `[a:b:3]` at once, upstream's ambiguous grammar takes
the change for text if they are two, four or six, as in `[a:b:3]::`, and reads it if they are one, three or five (after
`([a:b:3])` the other way round). Here it is read always. 10⁴ random prompts gave no other difference.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from apps.images.grammar.errors import StepsOutOfRange, require_length

STEPS_MAX = 1_000
_CLOSERS = {")": "(", "]": "["}
_PLAIN = re.compile(r"(?:[^\\\[\]():|]|\\.)+")
_WHEN = re.compile(r"\s*([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?)\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Stage:
    """The prompt up to and with the step `until_step`, counted from 1."""

    until_step: int
    text: str


@dataclass(frozen=True, slots=True)
class _Steps:
    """How many steps there are, and what a first pass took off the numbers (hires: as upstream)."""

    count: int
    offset: int = 0
    fraction_offset: float = 0.0

    def at(self, when: str) -> int:
        """Return the last step before a change: a value with a point is a fraction of the steps, another a step."""
        value = float(when)
        at = (value - self.fraction_offset) * self.count if "." in when else value - self.offset
        return self.count if at >= self.count else int(max(at, 0.0))


@dataclass(frozen=True, slots=True)
class _Switch:
    """`[before:after:when]`."""

    before: "Sequence[_Node]"
    after: "Sequence[_Node]"
    when: int


@dataclass(frozen=True, slots=True)
class _Turns:
    """`[a|b|c]`: one per step, in turn."""

    options: "Sequence[Sequence[_Node]]"


@dataclass(frozen=True, slots=True)
class _Group:
    """A pair of brackets that stays in the text, with what it holds."""

    nodes: "Sequence[_Node]"


_Node = str | _Switch | _Turns | _Group


@dataclass(slots=True)
class _Frame:
    """An open bracket: its parts, and the signs that part them."""

    opener: str
    parts: list[list[_Node]] = field(default_factory=lambda: [[]])
    signs: list[str] = field(default_factory=list)


def parse_schedule(text: str, steps: int, *, hires_steps: int | None = None) -> tuple[Stage, ...]:
    """Return the stages of a prompt over `steps`; the last one ends with the last step.

    With `hires_steps` they are those of the second pass: whole numbers count on from the first pass, fractions of
    the second one are 1.0 to 2.0. Raises `StepsOutOfRange` or `PromptTooLong`; whatever else is written parses.
    """
    require_length(text)
    for number in (steps, hires_steps):
        if number is not None and not 1 <= number <= STEPS_MAX:
            raise StepsOutOfRange(steps=number, limit=STEPS_MAX)
    counted = _Steps(steps) if hires_steps is None else _Steps(hires_steps, steps, 1.0)
    reader = _Reader(counted)
    if not reader.read(text):
        return (Stage(counted.count, text),)
    ends = sorted(reader.ends | {counted.count})
    return tuple(Stage(end, _at_step(reader.nodes, end)) for end in ends)


class _Reader:
    """Reads one prompt into nodes; `ends` are the steps at which its text may change."""

    def __init__(self, steps: _Steps) -> None:
        self.nodes: list[_Node] = []
        self.ends: set[int] = set()
        self._steps = steps
        self._open: list[_Frame] = []

    def read(self, text: str) -> bool:
        """Return whether the prompt fits the grammar; where not, it stands as it was written."""
        position = 0
        while position < len(text):
            plain = _PLAIN.match(text, position)
            piece = plain.group() if plain else text[position]
            position += len(piece)
            if not (self._add(piece) if plain else self._take(piece)):
                return False
        return self._give_up()

    def _take(self, sign: str) -> bool:
        if sign == "\\":  # it escapes nothing: the end of the text, or of a line
            return False
        if sign in "([":
            self._open.append(_Frame(sign))
            return True
        if sign in _CLOSERS:
            return self._close(sign)
        if not self._open:
            return self._add(sign) if sign == ":" else False
        self._open[-1].signs.append(sign)
        self._open[-1].parts.append([])
        return True

    def _close(self, sign: str) -> bool:
        """Make a node of the innermost bracket; where it is none, all that are open become text."""
        node = None
        if self._open and self._open[-1].opener == _CLOSERS[sign]:
            frame = self._open[-1]
            node = self._round(frame) if sign == ")" else self._square(frame)
        if node is None:
            return self._give_up() and self._add(sign)
        self._open.pop()
        return self._add(node)

    def _round(self, frame: _Frame) -> _Node | None:
        """`(a)`, `(a:1.2)`: only what is inside may change."""
        if frame.signs not in ([], [":"]):
            return None
        return _Group(["(", *_joined(frame), ")"])

    def _square(self, frame: _Frame) -> _Node | None:
        if not frame.signs:
            return _Group(["[", *frame.parts[0], "]"])
        if ":" not in frame.signs:
            self.ends.update(range(1, self._steps.count + 1))
            return _Turns(frame.parts)
        when = _when(frame.parts[-1])
        if when is None or frame.signs not in ([":"], [":", ":"]):
            return None
        at = self._steps.at(when)
        if at >= 1:
            self.ends.add(at)
        before = frame.parts[0] if len(frame.parts) > 2 else []  # noqa: PLR2004
        return _Switch(before, frame.parts[-2], at)

    def _add(self, node: _Node) -> bool:
        (self._open[-1].parts[-1] if self._open else self.nodes).append(node)
        return True

    def _give_up(self) -> bool:
        """Turn the open brackets into text; return False where a `|` is among it, which upstream cannot read."""
        for frame in self._open:
            if "|" in frame.signs:
                return False
            self.nodes.append(frame.opener)
            self.nodes.extend(_joined(frame))
        self._open.clear()
        return True


def _joined(frame: _Frame) -> Iterator[_Node]:
    """Yield what a frame holds, with its signs back between the parts."""
    yield from frame.parts[0]
    for sign, part in zip(frame.signs, frame.parts[1:], strict=True):
        yield sign
        yield from part


def _when(part: Sequence[_Node]) -> str | None:
    """Return the number that a part is, if it is nothing else."""
    match = _WHEN.fullmatch(part[0]) if len(part) == 1 and isinstance(part[0], str) else None
    return match.group(1) if match else None


def _at_step(nodes: Sequence[_Node], step: int) -> str:
    """Return the text at one step."""
    out: list[str] = []
    waiting = [iter(nodes)]
    while waiting:
        node = next(waiting[-1], None)
        if node is None:
            waiting.pop()
        elif isinstance(node, str):
            out.append(node)
        elif isinstance(node, _Group):
            waiting.append(iter(node.nodes))
        elif isinstance(node, _Turns):
            waiting.append(iter(node.options[(step - 1) % len(node.options)]))
        else:
            waiting.append(iter(node.before if step <= node.when else node.after))
    return "".join(out)
