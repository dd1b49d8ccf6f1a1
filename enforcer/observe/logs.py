"""Where the enforcer's log goes and in which form: `LOG_FORMAT`, else `log` of the file, else JSON off a terminal."""

import atexit
import logging
import sys
from collections.abc import Mapping

from enforcer.contract.log_lines import FORMATS, Format, LineHandler, formatter, log_the_unforeseen
from enforcer.errors import ConfigurationError
from enforcer.observe.background import BackgroundWriter
from enforcer.observe.calls import CallFilter

VARIABLE = "LOG_FORMAT"


def set_up(environ: Mapping[str, str], *, file: Format = "auto") -> None:
    """Everything at INFO and above on standard error; also what ends a thread or the process unforeseen."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    handler = LineHandler(sys.stderr)
    handler.setFormatter(formatter(_wanted(environ) or file))
    handler.addFilter(CallFilter())
    root.addHandler(handler)
    root.setLevel(logging.INFO)
    logging.getLogger("uvicorn").setLevel(logging.WARNING)
    log_the_unforeseen()


def in_background() -> BackgroundWriter:
    """From now on write in a thread, until the process ends."""
    writer = BackgroundWriter(sys.stderr)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, LineHandler):
            handler.setStream(writer)  # type: ignore[arg-type]  # it needs no more than write and flush
    atexit.register(writer.close)
    return writer


def of_worker(number: int) -> None:
    """From now on every record says which worker it is from."""

    def named(record: logging.LogRecord) -> bool:
        record.worker = number
        return True

    for handler in logging.getLogger().handlers:
        handler.addFilter(named)


def _wanted(environ: Mapping[str, str]) -> Format | None:
    text = environ.get(VARIABLE)
    if not text:
        return None
    for known in FORMATS:
        if text == known:
            return known
    raise ConfigurationError(f"environment:1: {VARIABLE}: {text!r} is no form; write auto, json or line")
