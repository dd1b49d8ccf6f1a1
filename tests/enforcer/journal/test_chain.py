import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.receipt import open_line
from enforcer.contract.times import to_text
from enforcer.journal.chain import Chain, is_whole, successor
from enforcer.journal.clock import SteadyClock
from tests.enforcer.journal.receipts import a_draft

NOW = "2026-11-23T21:00:00.000Z"
LINE = Chain("c", {"boot_nonce": "n"}).place(a_draft("one"), NOW)[1]


def test_the_first_receipt_of_a_chain_names_the_head_of_the_chain_before() -> None:
    before, _ = Chain("old", {"boot_nonce": "n"}).place(a_draft(), NOW)
    _, row = successor("new", "nonce", before).place(a_draft(), NOW)
    link, receipt = open_line(row.line)
    assert link.parent_hash == before.head
    assert receipt["genesis"] == {"boot_nonce": "nonce", "previous_chain_id": "old", "previous_sequence": 1}


def test_only_the_first_receipt_of_a_chain_carries_a_genesis() -> None:
    chain, _ = Chain("c", {"boot_nonce": "n"}).place(a_draft(), NOW)
    _, row = chain.place(a_draft(), NOW)
    assert "genesis" not in open_line(row.line)[1]


@given(st.lists(st.tuples(st.floats(0, 4e9), st.floats(0, 4e9)), max_size=20))
def test_a_stamp_is_never_before_the_observation_nor_before_the_stamp_of_the_link_before(
    times: list[tuple[float, float]],
) -> None:
    chain, last = Chain("c", {}), ""
    for now, observed in times:
        chain, row = chain.place(a_draft(observed_at=to_text(observed)), to_text(now))
        assert row.recorded_at >= max(to_text(observed), to_text(now), last)
        last = row.recorded_at


@given(st.lists(st.floats(0, 4e9), min_size=1))
def test_the_clock_of_the_stamps_never_goes_back(readings: list[float]) -> None:
    clock = SteadyClock(iter(readings).__next__)
    seen = [clock() for _ in readings]
    assert seen == sorted(seen)
    assert seen[-1] == max(readings)


@given(st.integers(0, len(LINE.line) - 1), st.integers(1, 255))
def test_any_changed_byte_of_a_stored_line_is_found(where: int, flip: int) -> None:
    raw = bytearray(LINE.line)
    raw[where] ^= flip
    assert is_whole(LINE.line, LINE.receipt_hash, None)
    assert not is_whole(bytes(raw), LINE.receipt_hash, None)


def test_a_line_that_names_another_parent_is_not_whole() -> None:
    assert not is_whole(LINE.line, LINE.receipt_hash, LINE.receipt_hash)


def test_a_receipt_that_no_batch_could_hold_is_refused() -> None:
    with pytest.raises(ValueError, match="batch"):
        Chain("c", {}).place(a_draft(detail="x" * 200_000), NOW)
