"""Log lines with the id of the request or task they belong to."""

import json
import logging
from contextvars import ContextVar

current_id: ContextVar[str] = ContextVar("current_id", default="")
_STANDARD = set(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "taskName"}


def _extra(record: logging.LogRecord) -> dict[str, str]:
    return {key: str(value) for key, value in record.__dict__.items() if key not in _STANDARD and key != "data"}


class LineFormatter(logging.Formatter):
    """One readable line: time, level, logger, message, extras, request or task id."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s", "%H:%M:%S")

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, with a traceback below it where there is one."""
        extra = _extra(record)
        if current_id.get():
            extra["id"] = current_id.get()
        line = super().format(record)
        if not extra:
            return line
        head, newline, tail = line.partition("\n")
        return head + " " + " ".join(f"{key}={value}" for key, value in extra.items()) + newline + tail


class JsonFormatter(logging.Formatter):
    """One JSON object a line, for a log collector."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the object as one line."""
        entry = {
            "time": self.formatTime(record, "%Y-%m-%dT%H:%M:%S%z"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            "id": current_id.get(),
        } | _extra(record)
        if record.exc_info:
            entry["traceback"] = self.formatException(record.exc_info)
        return json.dumps(entry, ensure_ascii=False)
