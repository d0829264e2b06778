"""The readers of documents: `host.parse` runs one of them in a child process with limits.

Every module here but `host` knows no Django. Importing this package imports none of the libraries that parse.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast

from apps.ingestion.parsers.types import Kind, Task
from apps.libraries.types import ParsedDocument

# Loaded once in the zygote, since every child needs them at once or often; a rare format's reader is loaded by the
# child that needs it, so that its libraries cost no memory meanwhile.
PRELOADED: tuple[Kind, ...] = ("pdf", "docx", "markdown", "html", "text")


def parser_of(kind: Kind) -> Callable[[Task], ParsedDocument]:
    """Return the parser of a kind: the function `parse` of the module of that name. Only children may call it."""
    return cast("Callable[[Task], ParsedDocument]", import_module(f"{__name__}.{kind}").parse)
