"""Text that people type into one-line fields, and what programs send in place of ids."""

from uuid import UUID


def one_line(text: str) -> str:
    """Return the text without control characters (a NUL would break PostgreSQL) and doubled spaces."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def typed(text: str, most: int = 100) -> str:
    """Return the words typed into a search or a note as PostgreSQL takes them: no NUL, `most` characters."""
    return text.replace("\0", "").strip()[:most]


def uuid_or_none(text: str) -> UUID | None:
    """Return the id in a text, None where there is none."""
    try:
        return UUID(text)
    except ValueError:
        return None
