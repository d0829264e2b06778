"""What passes between the host and the child that reads a document. Plain Python: the child knows no Django."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["pdf", "docx", "markdown", "html", "text"]
Param = str | int | float | None
Report = Callable[[int, int], None]  # (pages done, pages in all)


@dataclass(frozen=True, slots=True)
class ParseLimits:
    """What one parse may cost. Seconds, MiB, pages and characters."""

    wall_s: float = 300.0
    cpu_s: int = 240
    memory_mib: int = 1_400
    max_pages: int = 10_000
    max_chars: int = 20_000_000


class Refused(Exception):
    """A document that is not read, with a stable code and what the sentence for people needs."""

    def __init__(self, code: str, **params: Param) -> None:
        super().__init__(code)
        self.code = code
        self.params = params


@dataclass(frozen=True, slots=True)
class Task:
    """What the child is to read. `report` tells how far it is; it may be called as often as one likes."""

    path: str
    name: str
    password: str | None
    limits: ParseLimits
    report: Report = field(default=lambda _done, _total: None)


@dataclass(frozen=True, slots=True)
class Failure:
    """How a parse failed, as the child or its keeper tells it. `log` is for operators only."""

    code: str
    params: Mapping[str, Param] = field(default_factory=dict)
    log: str = ""
