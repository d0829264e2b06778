"""The readers of documents: `host.parse` runs one of them in a child process with limits.

Every module here but `host` knows no Django. Importing this package imports none of the libraries that parse.
"""

from collections.abc import Callable
from importlib import import_module
from typing import cast, get_args

from apps.ingestion.parsers.types import Kind, Task
from apps.libraries.types import ParsedDocument

KINDS: tuple[Kind, ...] = get_args(Kind)


def parser_of(kind: Kind) -> Callable[[Task], ParsedDocument]:
    """Return the parser of a kind: the function `parse` of the module of that name. Only children may call it."""
    return cast("Callable[[Task], ParsedDocument]", import_module(f"{__name__}.{kind}").parse)
