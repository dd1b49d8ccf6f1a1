import asyncio

import pytest

from enforcer.contract.reasons import ReasonCode
from enforcer.pipeline.inflight import Flight, Flights
from enforcer.policy.call import Call, Caller
from enforcer.policy.decision import Decision, Facts

KILLED = Decision("deny", (ReasonCode.DENY_KILL_SWITCH,), (ReasonCode.DENY_KILL_SWITCH,))


def a_flight(server: str = "files", number: str = "1") -> Flight:
    task = asyncio.current_task()
    assert task is not None
    return Flight(Call("probe", server, "read", Caller("ada", "drawbridge")), Facts(0.5), task, number)


async def test_only_what_the_judge_refuses_at_this_server_is_cancelled() -> None:
    flights = Flights()
    here, elsewhere = a_flight(), a_flight("git")
    flights.enter(here)
    flights.enter(elsewhere)
    flights.stop_refused("files", lambda call, facts: KILLED)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert (here.stopped, elsewhere.stopped) == (KILLED, None)
    assert (flights.stopping("files"), flights.stopping("git")) == (1, 0)
    flights.leave(here)
    assert flights.stopping("files") == 0
    here.end()


async def test_an_answered_call_is_not_cancelled_while_its_receipt_is_written() -> None:
    flights, flight = Flights(), a_flight()
    flights.enter(flight)
    flight.end()
    flights.stop_refused("files", lambda call, facts: KILLED)
    flights.abandon("1")
    await asyncio.sleep(0)
    assert not flight.over


async def test_after_the_end_the_task_is_as_if_never_cancelled() -> None:
    flight = a_flight()
    flight.abandon()
    flight.stop(KILLED)
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    flight.end()
    assert flight.task.cancelling() == 0
    await asyncio.sleep(0)


async def test_a_client_cancels_only_what_went_out_under_its_id() -> None:
    flights, mine, other = Flights(), a_flight(number="1"), a_flight(number="2")
    flights.enter(mine)
    flights.enter(other)
    flights.abandon("1")
    with pytest.raises(asyncio.CancelledError):
        await asyncio.sleep(0)
    assert (mine.abandoned, other.abandoned) == (True, False)
    mine.end()
