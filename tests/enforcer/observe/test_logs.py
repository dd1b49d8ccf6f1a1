"""Every record of a call names it, no line waits for its reader, and nothing gets past the formatter."""

import contextvars
import io
import json
import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from enforcer.contract.log_lines import JsonLine, LineHandler
from enforcer.errors import ConfigurationError
from enforcer.observe import logs
from enforcer.observe.background import BackgroundWriter
from enforcer.pipeline import run
from tests.enforcer.pipeline.workbench import Workbench
from tests.support.processes import wait_for

CANARY = "canary7Secret"
log = logging.getLogger("drawbridge.test")


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Standard error, with logging set up as the program does it, and everything put back afterwards."""
    root, stream = logging.getLogger(), io.StringIO()
    before = (list(root.handlers), root.level, logging.getLogger("uvicorn").level)
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "excepthook", sys.excepthook)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    logs.set_up({})
    yield stream
    root.handlers[:], level = before[0], before[1]
    root.setLevel(level)
    logging.getLogger("uvicorn").setLevel(before[2])


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_record_of_a_worker_names_it(said: io.StringIO) -> None:
    log.info("before")
    logs.of_worker(3)
    log.info("after")
    assert [line.get("worker") for line in lines(said)] == [None, 3]


async def test_a_record_of_a_call_names_its_receipt_and_its_trace(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: object) -> None:
        raise ValueError(f"Authorization: Bearer {CANARY}")

    monkeypatch.setattr(run, "STAGES", (*run.STAGES[:5], broken))
    bench = Workbench(tmp_path)
    await bench.call()
    log.info("after it")
    during, after = lines(said)
    (receipt,) = bench.receipts()
    assert (during["receipt_id"], during["trace_id"]) == (receipt["receipt_id"], receipt["trace_id"])
    assert "ValueError" in during["error"]
    assert CANARY not in said.getvalue()
    assert not after.keys() & {"receipt_id", "trace_id"}


async def test_what_a_call_left_running_is_no_longer_its_own(
    tmp_path: Path, said: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    left: list[contextvars.Context] = []

    async def leaving(*_: object) -> None:
        left.append(contextvars.copy_context())  # as every callback keeps one
        log.info("during it")

    monkeypatch.setattr(run, "STAGES", (*run.STAGES, leaving))
    bench = Workbench(tmp_path)
    await bench.call()
    left[0].run(log.info, "a process ended")
    bench.journal.close()
    assert [(line["message"], "receipt_id" in line) for line in lines(said)] == [
        ("during it", True),
        ("a process ended", False),
    ]


def test_a_record_that_can_not_be_formatted_is_told_of_without_its_arguments(said: io.StringIO) -> None:
    record = log.makeRecord("drawbridge.test", logging.INFO, __file__, 7, "%d", (CANARY,), None)
    handler = LineHandler(said)  # not the root's: pytest's own handler there would fail on it
    handler.setFormatter(JsonLine())
    handler.handle(record)
    (line,) = lines(said)
    assert "can't be formatted" in line["message"]
    assert "test_logs.py:7" in line["message"]
    assert CANARY not in said.getvalue()


def test_what_ends_a_thread_is_logged_without_secrets(said: io.StringIO) -> None:
    def end() -> None:
        raise ValueError(f"redis://admin:{CANARY}@127.0.0.1")

    thread = threading.Thread(target=end, name="journal")
    thread.start()
    thread.join()
    (line,) = lines(said)
    assert (line["level"], line["message"]) == ("critical", "an unforeseen error ended journal")
    assert "ValueError" in line["error"]
    assert CANARY not in said.getvalue()


@pytest.mark.parametrize(
    ("environ", "file", "json_lines"),
    [
        ({}, "auto", True),
        ({}, "line", False),
        ({"LOG_FORMAT": "line"}, "json", False),
        ({"LOG_FORMAT": ""}, "json", True),
    ],
)
def test_the_environment_goes_before_the_file(
    said: io.StringIO, environ: dict[str, str], file: Any, json_lines: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stderr", said)  # pytest put its own back since the fixture
    logs.set_up(environ, file=file)
    log.info("hello")
    assert said.getvalue().startswith("{") is json_lines


def test_a_form_that_is_none_is_refused(said: io.StringIO) -> None:
    with pytest.raises(ConfigurationError, match="environment:1: LOG_FORMAT: 'xml' is no form; write auto"):
        logs.set_up({"LOG_FORMAT": "xml"})


class Stuck(io.StringIO):
    """A reader that takes nothing until it is let go."""

    def __init__(self) -> None:
        super().__init__()
        self.going = threading.Event()

    def write(self, text: str) -> int:
        assert self.going.wait(30)
        return super().write(text)


def test_a_reader_that_stands_still_stops_nobody_and_what_was_lost_is_counted() -> None:
    reader = Stuck()
    writer = BackgroundWriter(reader, most=10)
    for number in range(100):
        writer.write(f"{number}\n")  # it would hang here
    assert writer.dropped >= 89
    reader.going.set()
    writer.close()
    assert reader.getvalue().splitlines()[:10] == [str(n) for n in range(10)]


def test_lost_lines_are_told_of_when_there_is_room(said: io.StringIO) -> None:
    reader = Stuck()
    writer = BackgroundWriter(reader, most=2)
    for _ in range(5):
        writer.write("x\n")
    reader.going.set()
    wait_for(lambda: "log lines were dropped since the start" in said.getvalue(), "the warning")
    writer.close()


def test_a_reader_that_is_gone_stops_nobody() -> None:
    reader = io.StringIO()
    writer = BackgroundWriter(reader)
    reader.close()
    writer.write("x\n")
    wait_for(lambda: writer.dropped == 1, "the count")
    writer.close()


def test_what_waits_is_written_at_the_end(said: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", said)
    writer = logs.in_background()
    for number in range(100):
        log.info("line %d", number)
    writer.close()
    assert [line["message"] for line in lines(said)] == [f"line {n}" for n in range(100)]
