"""Grids of pictures as tables: the first axis across, the second one down, a table for each value of the third."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from apps.images.grammar.errors import PromptError
from apps.images.grammar.grids import Axis, read_axis
from apps.images.orders import Order
from apps.images.wording import axis_kinds, value_of

Item = TypeVar("Item")
_X, _Y, _Z = range(3)


@dataclass(frozen=True, slots=True)
class Row(Generic[Item]):
    """A row of a table: the value of the second axis, "" where there is none, and what stands in each column."""

    label: str
    cells: Sequence[Sequence[Item]]  # several in one place where an order asks for more than one picture


@dataclass(frozen=True, slots=True)
class Sheet(Generic[Item]):
    """One table. `title` names the value of the third axis; texts of axes that are not there are empty."""

    title: str
    column_axis: str
    row_axis: str
    columns: Sequence[str]
    rows: Sequence[Row[Item]]


def axes_of(order: Order) -> list[Axis]:
    """Return the axes of an order's grid; none where another release would read them otherwise."""
    try:
        return [read_axis(axis.kind, axis.values) for axis in order.axes]
    except PromptError:
        return []


def sheets_of(axes: Sequence[Axis], placed: Iterable[tuple[Sequence[int], Item]]) -> list[Sheet[Item]]:
    """Return the tables of what stands at these places of the axes, from 0; empty rows and columns are left out."""
    found: dict[tuple[int, ...], list[Item]] = defaultdict(list)
    for place, item in placed:
        found[*place, *(0,) * (_Z + 1 - len(place))].append(item)
    if not axes:
        return []
    columns, rows, layers = (sorted({place[axis] for place in found}) for axis in (_X, _Y, _Z))
    names = dict(axis_kinds())
    return [
        Sheet(
            title=" ".join(filter(None, (_name(names, axes, _Z), _label(axes, _Z, z)))),
            column_axis=_name(names, axes, _X),
            row_axis=_name(names, axes, _Y),
            columns=[_label(axes, _X, x) for x in columns],
            rows=[Row(_label(axes, _Y, y), [found.get((x, y, z), []) for x in columns]) for y in rows],
        )
        for z in layers
    ]


def _name(names: dict[str, str], axes: Sequence[Axis], at: int) -> str:
    return names.get(axes[at].kind, axes[at].kind) if at < len(axes) else ""


def _label(axes: Sequence[Axis], at: int, place: int) -> str:
    """Return a value of an axis in words."""
    if at >= len(axes) or place >= len(axes[at].values):
        return ""
    return value_of(axes[at].kind, axes[at].values[place])
