"""Text that people type into one-line fields."""


def one_line(text: str) -> str:
    """Return the text without control characters (a NUL would break PostgreSQL) and doubled spaces."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
