"""A tool that runs in another thread: what the gate's side waits for, and what it says afterwards."""

import asyncio

import pytest

from enforcer.embed.running import Running
from enforcer.mcp.upstream.base import UpstreamFailure


async def begun(running: Running) -> "asyncio.Task[object]":
    task = asyncio.get_running_loop().create_task(running.run({"whom": "x"}))
    assert await asyncio.wrap_future(running.started) == {"whom": "x"}
    return task


async def test_a_tool_that_was_stopped_is_waited_for_however_often_it_is_stopped() -> None:
    running = Running()
    task = await begun(running)
    told: list[bool] = []
    running.on_stop(lambda: told.append(True))
    for _ in range(3):
        task.cancel()
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not task.done()
    assert running.stopped.is_set()
    assert told == [True]
    running.end({"resultType": "complete"})
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_who_asks_late_to_be_told_is_told_at_once() -> None:
    running = Running()
    task = await begun(running)
    running.interrupt()
    told: list[bool] = []
    running.on_stop(lambda: told.append(True))
    assert told == [True]
    running.end(None, "interrupted: effect unknown")
    with pytest.raises(UpstreamFailure) as failed:
        await task
    assert failed.value.outcome == "interrupted: effect unknown"


async def test_the_first_end_stands() -> None:
    running = Running()
    task = await begun(running)
    running.end({"first": True})
    running.end(None, "second")
    assert await task == {"first": True}


async def test_waiting_for_the_start_may_be_given_up_without_harm() -> None:
    running = Running()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.wrap_future(running.started)
    task = await begun(running)
    running.end({})
    assert await task == {}
