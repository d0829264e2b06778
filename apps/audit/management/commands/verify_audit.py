"""`manage.py verify_audit`: check the hash chain of the log."""

from argparse import ArgumentParser
from typing import Any

from apps.audit.models import AuditEvent
from apps.audit.services import verify_chain
from apps.core.commands import ShellCommand


class Command(ShellCommand):
    help = (
        "Checks that no event of the audit log was changed, lost or put in, and prints the hash of the last one. Keep "
        "that hash elsewhere: given back by --anchor it proves that nothing before it was rewritten. "
        "Exit code 1: broken."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--anchor", default="", metavar="HASH", help="a hash printed earlier, which must still occur"
        )

    def run(self, options: dict[str, Any]) -> dict[str, Any]:
        broken = verify_chain()
        anchor = str(options["anchor"]).strip().lower()
        if anchor and not AuditEvent.objects.filter(hash=anchor).exists():
            broken.append("no event has the hash that was given: the log was rewritten since, or it is another log")
        last = AuditEvent.objects.order_by("-sequence").first()
        self._ok = not broken
        return {
            "ok": self._ok,
            "events": last.sequence if last else 0,
            "head": last.hash if last else "",
            "broken": broken,
        }

    def handle(self, *args: Any, **options: Any) -> None:
        """Print the result; leave with 1 where the chain does not hold."""
        self._ok = True
        super().handle(*args, **options)
        if not self._ok:
            raise SystemExit(1)

    def sentence(self, result: dict[str, Any]) -> str:
        """Return the result for people."""
        lines = [*result["broken"], f"{result['events']} events, {'in order' if result['ok'] else 'NOT in order'}."]
        return "\n".join([*lines, f"Last hash: {result['head']}"] if result["head"] else lines)
