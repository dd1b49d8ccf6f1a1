"""A record becomes one line that nobody can forge, with nothing in it but what is named."""

import json
import logging
import sys
from typing import Any

import pytest

from enforcer.contract.log_lines import JsonLine, TextLine, formatter

CANARY = "canary7Secret"
FORMATTERS = [JsonLine(), TextLine()]


def record(
    message: str = "hello", *args: object, error: BaseException | None = None, **extra: Any
) -> logging.LogRecord:
    info = (type(error), error, error.__traceback__) if error else None
    made = logging.LogRecord("drawbridge.test", logging.WARNING, __file__, 1, message, args, info)
    made.created = 1_795_500_000.25
    vars(made).update(extra)
    return made


def raised(message: str) -> BaseException:
    try:
        raise ValueError(message)
    except ValueError as error:
        return error


def test_json_has_what_is_named_and_nothing_else() -> None:
    line = JsonLine().format(
        record("%s and %d", "a", 2, trace_id="t", receipt_id="r", request="GET /?secret=1", status=404)
    )
    assert json.loads(line) == {
        "time": "2026-11-24T06:00:00.250Z",
        "level": "warning",
        "logger": "drawbridge.test",
        "message": "a and 2",
        "trace_id": "t",
        "receipt_id": "r",
        "status": 404,
    }


def test_a_message_that_is_no_text_brings_nothing_along() -> None:
    made = record()
    made.msg = {"pin": CANARY, "message": "hello"}  # type: ignore[assignment]
    assert CANARY not in JsonLine().format(made)


def test_a_person_reads_one_line() -> None:
    line = TextLine().format(record("%s and %d", "a", 2, trace_id="t", receipt_id="r"))
    assert line == "2026-11-24T06:00:00.250Z WARNING drawbridge.test: a and 2 [trace_id=t receipt_id=r]"


@pytest.mark.parametrize("form", FORMATTERS)
@pytest.mark.parametrize(
    "secret", [f"Bearer {CANARY}", f"redis://a:{CANARY}@h", f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n"]
)
def test_no_secret_of_message_argument_extra_or_exception_is_in_a_line(form: logging.Formatter, secret: str) -> None:
    made = record(f"{secret} %s", secret, error=raised(secret), route=secret, stack_info=f"Stack: {secret}")
    line = form.format(made)
    assert CANARY not in line
    assert "ValueError" in line
    made.exc_info, made.exc_text = None, secret  # as a handler before this one may have left it
    assert CANARY not in form.format(made)


@pytest.mark.parametrize("form", FORMATTERS)
def test_no_text_can_forge_a_line_or_reach_a_terminal(form: logging.Formatter) -> None:
    forged = "\n2026-11-24T06:00:00.250Z INFO enforcer: all is well\r\x1b[2J\u202e"
    line = form.format(record(f"a{forged}%s", forged, error=raised(forged), route=forged))
    assert not any(part.startswith("2026") for part in line.split("\n")[1:])
    assert all(part.isprintable() for part in line.split("\n"))
    if isinstance(form, JsonLine):
        assert "\n" not in line
        assert all(part.isprintable() for value in json.loads(line).values() for part in str(value).split("\n"))


@pytest.mark.parametrize(
    ("wanted", "terminal", "made"),
    [
        ("auto", False, JsonLine),
        ("auto", True, TextLine),
        ("json", True, JsonLine),
        ("line", False, TextLine),
    ],
)
def test_the_form_is_chosen_or_follows_the_terminal(
    wanted: Any, terminal: bool, made: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: terminal, raising=False)
    assert type(formatter(wanted)) is made
