"""Tries a foreign chat template in a process of its own: one that never ends, or breaks out, is known before its use.

`python -m apps.runtimes.llama.template_trial < template`: exit 0 where it renders a conversation with what was said in
it, 1 with one sentence where it does not.
"""

import re
import resource
import subprocess
import sys
from pathlib import Path

from apps.runtimes.contracts import RuntimeFailure, Turn

CPU_S = 5
WALL_S = 20
MEMORY = 1024**3
_INSIDES = re.compile(r"__\w+__")
MARK = "zhiku-marker"
CONVERSATIONS = (
    (Turn("system", "Answer briefly."), Turn("user", MARK)),
    (Turn("system", "Answer briefly."), Turn("user", "Hello"), Turn("assistant", "Hello."), Turn("user", MARK)),
)


def try_template(source: str) -> str:
    """Return why a template cannot be used, empty where it can.

    A name with double underscores leads to Python's insides: the sandbox turns it into nothing, and no honest template
    has one.
    """
    if _INSIDES.search(source):
        return "It reaches for Python's insides."
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            [sys.executable, "-m", __name__],
            cwd=Path(__file__).resolve().parents[3],
            input=source,
            capture_output=True,
            text=True,
            timeout=WALL_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return "It does not end."
    if done.returncode == 0:
        return ""
    return done.stdout.strip()[:200] or "It does not end."


def _refusal(source: str) -> str:
    from apps.runtimes.llama.template import ChatTemplate  # noqa: PLC0415 -- loads jinja2, for this process alone

    try:
        template = ChatTemplate(source, bos="<s>", eos="</s>")
        for turns in CONVERSATIONS:
            if MARK not in template.render(turns):
                return "It leaves the question out."
    except RuntimeFailure as error:
        return str(error)
    except MemoryError:
        return "It takes too much memory."
    return ""


def main() -> int:
    """Judge the template on standard input."""
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_S, CPU_S))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    refusal = _refusal(sys.stdin.read())
    sys.stdout.write(refusal)
    return 1 if refusal else 0


if __name__ == "__main__":
    sys.exit(main())
