"""What must always hold for the audit log."""

from apps.audit.services import verify_chain
from apps.core.invariants import invariant


@invariant("audit.chain")
def chain() -> list[str]:
    """The hash chain is whole."""
    return verify_chain()
