from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.fleet import MOST_CHAINS_ACKED
from enforcer.journal.store import Pending
from enforcer.link.outstanding import MOST_BATCHES, MOST_BYTES, RESEND_MOST_S, RESEND_S, Outstanding


def steady() -> Outstanding:
    return Outstanding(jitter=lambda: 1.0)


def test_chains_take_turns_the_oldest_first() -> None:
    out = steady()
    pending = [Pending(1, "old", 0, 1000), Pending(2, "new", 0, 1000)]
    turns = []
    for now in range(MOST_BATCHES):
        chosen = out.choose(pending)
        assert chosen is not None
        chain, after = chosen
        turns.append((chain.chain_id, after))
        out.sent(chain.chain_id, after + 10, 1000, now)
    assert turns == [(chain, after) for after in range(0, 10 * MOST_BATCHES // 2, 10) for chain in ("old", "new")]
    assert out.choose(pending) is None


def test_of_large_batches_fewer_are_out() -> None:
    out, pending = steady(), [Pending(1, "c", 0, 100_000)]
    while (chosen := out.choose(pending)) is not None:
        out.sent("c", chosen[1] + 200, 256 * 1024, 0)
    assert out.count() * 256 * 1024 == MOST_BYTES


def test_a_crash_loops_many_short_chains_go_out_together() -> None:
    """One kill every other second leaves a chain of twenty receipts each time, and an ack comes once a second."""
    out, pending = steady(), [Pending(n, str(n), 0, 20) for n in range(200)]
    while (chosen := out.choose(pending)) is not None:
        out.sent(chosen[0].chain_id, 20, 20_000, 0)
    assert out.count() >= 40
    assert out.count() < MOST_CHAINS_ACKED, "an ack must be able to name all of them"


def test_it_is_due_once_and_then_waits_twice_as_long_up_to_a_minute() -> None:
    out, now, waits = steady(), 0.0, []
    for _ in range(6):
        out.sent("c", 1, 1, now)
        wait = out.wait_s(now)
        assert wait is not None
        assert not out.give_up_if_due(now + wait - 0.1)
        assert out.give_up_if_due(now + wait)
        assert out.wait_s(now) is None
        waits.append(wait)
        now += wait
    assert waits == [RESEND_S, 10, 20, 40, RESEND_MOST_S, RESEND_MOST_S]


def test_an_ack_starts_the_wait_anew() -> None:
    out = steady()
    out.sent("c", 1, 1, 0)
    out.sent("c", 2, 1, 0)
    out.acked("c", 1, 4)
    assert not out.give_up_if_due(8)
    assert out.give_up_if_due(9)


@given(st.lists(st.tuples(st.sampled_from(["send", "ack", "late"]), st.integers(0, 1), st.integers(1, 5)), max_size=60))
def test_nothing_is_skipped_and_never_too_many_batches_are_out(steps: list[tuple[str, int, int]]) -> None:
    out, acked, received, now = steady(), [0, 0], [0, 0], 0.0
    for kind, which, size in steps:
        now += 0.1
        if kind == "send":
            chosen = out.choose([Pending(n, str(n), acked[n], 1000) for n in (0, 1)])
            if chosen is not None:
                chain, after = chosen
                assert acked[chain.number] <= after <= received[chain.number]
                received[chain.number] = max(received[chain.number], after + size)
                out.sent(chain.chain_id, after + size, 1000, now)
        elif kind == "ack":
            acked[which] = min(received[which], acked[which] + size)
            out.acked(str(which), acked[which], now)
        else:
            now += RESEND_MOST_S
            out.give_up_if_due(now)
        assert out.count() <= MOST_BATCHES
