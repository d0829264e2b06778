"""JSON that programs and pages send, read so that nothing in it can break what comes after (security case 44)."""

import json
from typing import IO, Any, NoReturn

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


def json_of(data: bytes) -> Any:
    """Return the value that a body holds.

    Raises ValueError for what is no JSON (RFC 8259: NaN and Infinity are none), for what is nested too deep, and for
    characters that PostgreSQL does not keep: NUL, and half of a surrogate pair.
    """
    try:
        value = json.loads(data, parse_constant=_no_number)
        text = json.dumps(value, ensure_ascii=False)
        text.encode()
    except RecursionError:
        message = "It is nested too deep."
        raise ValueError(message) from None
    if r"\u0000" in text.replace(r"\\", ""):
        message = "It holds a NUL."
        raise ValueError(message)
    return value


def _no_number(name: str) -> NoReturn:
    message = f"{name} is no number."
    raise ValueError(message)


class BodyParser(JSONParser):
    """Reads the JSON bodies of the API. Raises ParseError, which is answered 400."""

    def parse(self, stream: IO[bytes], media_type: str | None = None, parser_context: object = None) -> Any:
        """Return the value of a body."""
        try:
            return json_of(stream.read())
        except ValueError as error:
            raise ParseError from error
