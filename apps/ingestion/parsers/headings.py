"""Keeps track of the headings that a block stands under."""

MAX_HEADING_CHARS = 300  # libraries.models.Chunk.heading_path


class HeadingStack:
    """The headings above the present place. Levels count from 1 and may jump."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, str]] = []

    def push(self, level: int, text: str) -> tuple[str, ...]:
        """Enter a heading; return its path, itself included."""
        while self._stack and self._stack[-1][0] >= level:
            self._stack.pop()
        self._stack.append((level, " ".join(text.split())[:MAX_HEADING_CHARS]))
        return self.path

    @property
    def path(self) -> tuple[str, ...]:
        """Return the headings from the outermost to the nearest."""
        return tuple(text for _level, text in self._stack)
