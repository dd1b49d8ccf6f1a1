"""Django's LOGGING: JSON lines, or one readable line at a terminal, with the trace of the request in each.

A person at a terminal is not shown each request; the machine that collects JSON is.
"""

import logging
import sys
from typing import Any

from controlplane.observability.trace import TRACE, RequestTrace, current_trace_id
from enforcer.contract.log_lines import Format


class RequestFilter(logging.Filter):
    """Names the trace; and where Django would log a request's path, its route, for a path may hold a one-time link."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Lets everything pass."""
        request = getattr(record, "request", None)
        trace_id = current_trace_id() or _trace_id_of(request)
        if trace_id is not None:
            record.trace_id = trace_id
        match = getattr(request, "resolver_match", None)
        if request is not None and match is not None and isinstance(record.args, tuple):
            record.args = tuple(match.route if arg == request.path else arg for arg in record.args)
        return True


def _trace_id_of(request: object) -> str | None:
    known = getattr(request, "META", {}).get(TRACE)
    return known.place.trace_id if isinstance(known, RequestTrace) else None


def logging_for(wanted: Format) -> dict[str, Any]:
    """For Django's `LOGGING`."""
    line = wanted == "line" or (wanted == "auto" and sys.stderr.isatty())
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "filters": {"request": {"()": "controlplane.observability.logs.RequestFilter"}},
        "formatters": {"line": {"()": "enforcer.contract.log_lines.formatter", "wanted": wanted}},
        "handlers": {
            "stderr": {
                "()": "enforcer.contract.log_lines.LineHandler",
                "formatter": "line",
                "filters": ["request"],
            }
        },
        "root": {"handlers": ["stderr"], "level": "INFO"},
        "loggers": {
            "django": {"handlers": [], "level": "INFO", "propagate": True},
            "django.server": {"handlers": [], "level": "ERROR", "propagate": True},  # it logs whole request lines
            "controlplane.access": {"level": "WARNING" if line else "INFO"},
        },
    }


def gunicorn_logging_for(wanted: Format) -> dict[str, Any]:
    """For gunicorn's `logconfig_dict`: the same handler, and no access log of its own."""
    known = logging_for(wanted)
    ours = {
        "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
        "gunicorn.access": {"handlers": [], "level": "CRITICAL", "propagate": False},
    }
    return {**known, "loggers": {**known["loggers"], **ours}}
