"""Where the enforcer's log goes and in which form: `LOG_FORMAT`, else `log` of the file, else JSON off a terminal."""

import atexit
import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import TextIO

from enforcer.contract.log_lines import FORMATS, Format, formatter
from enforcer.errors import ConfigurationError
from enforcer.observe.background import BackgroundWriter
from enforcer.observe.calls import CallFilter

VARIABLE = "LOG_FORMAT"
log = logging.getLogger(__name__)


class Handler(logging.StreamHandler[TextIO]):
    """A record that can't be formatted is told of by its place: logging itself would print its arguments."""

    def __init__(self, stream: TextIO, wanted: Format) -> None:
        super().__init__(stream)
        self.setFormatter(formatter(wanted))
        self.addFilter(CallFilter())

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's own name
        """Called by `emit`."""
        told = logging.makeLogRecord({"name": record.name, "levelname": "ERROR", "levelno": logging.ERROR})
        told.msg = f"a log record made at {record.pathname}:{record.lineno} can't be formatted"
        self.stream.write(self.format(told) + self.terminator)


def set_up(environ: Mapping[str, str], *, file: Format = "auto") -> None:
    """Everything at INFO and above on standard error; also what ends a thread or the process unforeseen."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    root.addHandler(Handler(sys.stderr, _wanted(environ) or file))
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    sys.excepthook = _unforeseen
    threading.excepthook = lambda found: _unforeseen(found.exc_type, found.exc_value, found.exc_traceback)


def in_background() -> BackgroundWriter:
    """From now on write in a thread, until the process ends."""
    writer = BackgroundWriter(sys.stderr)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, Handler):
            handler.setStream(writer)  # type: ignore[arg-type]  # it needs no more than write and flush
    atexit.register(writer.close)
    return writer


def _wanted(environ: Mapping[str, str]) -> Format | None:
    text = environ.get(VARIABLE)
    if not text:
        return None
    for known in FORMATS:
        if text == known:
            return known
    raise ConfigurationError(f"environment:1: {VARIABLE}: {text!r} is no form; write auto, json or line")


def _unforeseen(kind: type[BaseException], error: BaseException | None, where: TracebackType | None) -> None:
    if error is None or issubclass(kind, KeyboardInterrupt):
        return
    log.critical("an unforeseen error ended %s", threading.current_thread().name, exc_info=(kind, error, where))
