"""A client that doesn't read holds up its own answers, and nothing else of the process."""

import asyncio
import os
import threading
from collections.abc import Iterator
from typing import BinaryIO

import pytest

from enforcer.stdio import output
from enforcer.stdio.output import Output


@pytest.fixture
def pipe() -> Iterator[tuple[BinaryIO, BinaryIO]]:
    read, write = os.pipe()
    with os.fdopen(read, "rb", buffering=0) as reader, os.fdopen(write, "wb", buffering=0) as writer:
        yield reader, writer


async def test_lines_arrive_whole_and_in_order(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    out = Output(writer)
    await asyncio.gather(*(out.write(f"line {number}".encode()) for number in range(50)))
    assert reader.read(65536).decode().splitlines() == [f"line {number}" for number in range(50)]


async def test_who_does_not_read_takes_no_thread_that_others_need(
    pipe: tuple[BinaryIO, BinaryIO], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(output, "READ_WITHIN_S", 0.2)
    reader, writer = pipe
    out, before = Output(writer), threading.active_count()
    stuck = [asyncio.ensure_future(out.write(b"x" * 100_000)) for _ in range(100)]
    async with asyncio.timeout(5):
        assert await asyncio.to_thread(lambda: "the link writes its policy") == "the link writes its policy"
        await asyncio.gather(*stuck)  # given up, each of them
    assert threading.active_count() <= before + 1
    waiting = out._lines.qsize()
    await out.write(b"dropped")
    assert out._lines.qsize() == waiting
    reader.close()


async def test_a_client_that_has_gone_is_no_error(pipe: tuple[BinaryIO, BinaryIO]) -> None:
    reader, writer = pipe
    reader.close()
    async with asyncio.timeout(5):
        await Output(writer).write(b"nobody")
