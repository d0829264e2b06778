"""What must always hold: apps register checks, `manage.py verify_invariants` runs them all.

An app puts its checks into `apps/<app>/invariants.py`, which is imported by name when they are run.
"""

from collections.abc import Callable
from dataclasses import dataclass

from django.utils.module_loading import autodiscover_modules

Check = Callable[[], list[str]]
_checks: dict[str, Check] = {}


@dataclass(frozen=True, slots=True)
class Violation:
    """One thing that does not hold: which check saw it, and a sentence that names the rows."""

    check: str
    what: str


def invariant(name: str) -> Callable[[Check], Check]:
    """Register a function that returns one sentence per violation, an empty list when all is well."""

    def register(check: Check) -> Check:
        if _checks.get(name, check).__qualname__ != check.__qualname__:
            message = f"Two invariants are called {name}."
            raise ValueError(message)
        _checks[name] = check
        return check

    return register


def verify() -> list[Violation]:
    """Run every registered check, in the order of their names."""
    autodiscover_modules("invariants")
    return [Violation(name, what) for name in sorted(_checks) for what in _checks[name]()]


def names() -> list[str]:
    """Return the names of all checks."""
    autodiscover_modules("invariants")
    return sorted(_checks)
