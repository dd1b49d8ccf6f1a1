"""The log lines of both sides: JSON for machines, one readable line for a person at a terminal.

Nothing gets into a line but what is named here, so that a request or an exception's arguments can't ride along in
`extra`; all text is redacted, and made visible, after the exception's own text is in.
"""

import logging
import sys
import threading
from types import TracebackType
from typing import Literal, TextIO

from pythonjsonlogger.json import JsonFormatter

from enforcer.contract.redaction import redacted, visible
from enforcer.contract.times import to_text

log = logging.getLogger(__name__)
Format = Literal["auto", "json", "line"]
FORMATS: tuple[Format, ...] = ("auto", "json", "line")
CALL = ("trace_id", "receipt_id")
NUMBERS = ("status", "duration_ms", "pid", "worker")
EXTRA = (*CALL, "server", "method", "route", *NUMBERS)
_NAMES = {"levelname": "level", "name": "logger", "exc_info": "error", "stack_info": "stack"}
_ORDER = ("time", "level", "logger", "message", *EXTRA, "error", "stack")


class JsonLine(JsonFormatter):
    """One JSON object a record; a line break inside a text is an escape."""

    def __init__(self) -> None:
        super().__init__(["levelname", "name", "message"], rename_fields=_NAMES)

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        """Only what is named, and only text and numbers."""
        return {name: _value(name, log_data[name]) for name in _ORDER if log_data.get(name) is not None}

    def add_fields(
        self, log_data: dict[str, object], record: logging.LogRecord, message_dict: dict[str, object]
    ) -> None:
        """With the time in UTC."""
        super().add_fields(log_data, record, message_dict)
        log_data["time"] = to_text(record.created)
        log_data["level"] = record.levelname.lower()


class TextLine(logging.Formatter):
    """`TIME LEVEL logger: message`; the lines of a traceback are indented, so that none can pass for a record."""

    def format(self, record: logging.LogRecord) -> str:
        """The whole record."""
        head = f"{to_text(record.created)} {record.levelname} {record.name}: {visible(redacted(record.getMessage()))}"
        return head + _about(record) + "".join(f"\n    | {line}" for line in self._below(record))

    def _below(self, record: logging.LogRecord) -> list[str]:
        told = self.formatException(record.exc_info) if record.exc_info else record.exc_text or ""
        stack = self.formatStack(record.stack_info) if record.stack_info else ""
        return [visible(line) for line in redacted("\n".join(filter(None, (told, stack)))).split("\n") if line]


class LineHandler(logging.StreamHandler[TextIO]):
    """A record that can't be formatted is told of by its place: logging itself would print its arguments."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Called by `emit`."""
        told = logging.makeLogRecord({"name": record.name, "levelname": "ERROR", "levelno": logging.ERROR})
        told.msg = f"a log record made at {record.pathname}:{record.lineno} can't be formatted"
        self.stream.write(self.format(told) + self.terminator)


def log_the_unforeseen() -> None:
    """What ends a thread or the process goes through the log too: Python would print it as it is."""
    sys.excepthook = _unforeseen
    threading.excepthook = lambda found: _unforeseen(found.exc_type, found.exc_value, found.exc_traceback)


def formatter(wanted: Format) -> logging.Formatter:
    """`auto` is JSON unless standard error is a terminal."""
    line = wanted == "line" or (wanted == "auto" and sys.stderr.isatty())
    return TextLine() if line else JsonLine()


def _unforeseen(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if error is not None and not issubclass(kind, KeyboardInterrupt):
        name = threading.current_thread().name
        log.critical("an unforeseen error ended %s", name, exc_info=(kind, error, where))


def _value(name: str, value: object) -> object:
    if name in NUMBERS and isinstance(value, int | float):
        return value
    text = redacted(value if isinstance(value, str) else str(value))
    return "\n".join(visible(line) for line in text.split("\n")) if name in ("error", "stack") else visible(text)


def _about(record: logging.LogRecord) -> str:
    known = [(name, getattr(record, name, None)) for name in EXTRA]
    told = " ".join(f"{name}={visible(redacted(str(value)))}" for name, value in known if value is not None)
    return f" [{told}]" if told else ""
