"""Rates that workers count together: no token is given twice, and what can't be counted has no room."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.link import counts
from enforcer.link.counts import Counts
from enforcer.link.wire import Count, Counted
from enforcer.policy.call import Call, Caller
from enforcer.policy.index import SERVER_BUCKET
from enforcer.policy.rates import Rate
from enforcer.workers.tally import Tally

RATES = {"g": Rate(3, 3600.0), SERVER_BUCKET: Rate(5, 3600.0)}


def a_call(subject: str = "ada") -> Call:
    return Call("gate", "files", "read", Caller(subject, "drawbridge"))


class Desk:
    """Two workers at one tally."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.workers = [self.worker() for _ in range(2)]

    def worker(self) -> Counts:
        def send(asked: Count) -> None:
            answer = self.tally.answer(asked)
            if answer is not None:
                made.answered(answer)

        made = Counts(send)
        return made


async def test_two_workers_take_together_what_one_could() -> None:
    desk = Desk()
    taken = [await desk.workers[n % 2].take(a_call(), RATES) for n in range(6)]
    assert taken == [True] * 3 + [False] * 3
    assert await desk.workers[0].left(a_call(), RATES) == pytest.approx({"g": 0.0, SERVER_BUCKET: 2.0}, abs=0.01)
    assert [await desk.workers[1].take(a_call("grace"), RATES) for _ in range(3)] == [True, True, False]


async def test_what_is_given_back_can_be_taken_again() -> None:
    desk = Desk()
    for _ in range(3):
        assert await desk.workers[0].take(a_call(), RATES)
    desk.workers[0].give_back(a_call(), RATES)
    assert await desk.workers[1].take(a_call(), RATES)
    assert not await desk.workers[1].take(a_call(), RATES)


async def test_what_is_not_answered_in_time_has_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counts, "TIMEOUT_S", 0.01)
    asked: list[Count] = []
    silent = Counts(asked.append)
    assert await silent.left(a_call(), RATES) == {"g": 0.0, SERVER_BUCKET: 0.0}
    assert not await silent.take(a_call(), RATES)
    assert silent.problem() == "the link process does not answer"
    silent.answered(Counted(ask=asked[-1].ask, taken=True))  # too late: nobody waits


@given(st.lists(st.tuples(st.sampled_from("ab"), st.sampled_from(["take", "give_back", "left"])), max_size=40))
def test_no_more_is_taken_than_there_is(steps: list[tuple[str, str]]) -> None:
    tally, out = Tally(), Counter[str]()
    rates = {"g": (3, 86400.0)}
    for number, (subject, act) in enumerate(steps):
        if act == "give_back" and not out[subject]:
            continue
        asked = Count(ask=number, act=act, server_id="files", issuer="i", subject=subject, rates=rates)
        answer = tally.answer(asked)
        if act == "give_back":
            out[subject] -= 1
        elif act == "take":
            assert answer is not None
            out[subject] += answer.taken
        assert out[subject] <= 3
