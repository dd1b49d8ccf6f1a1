"""Old beside new, word by word."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controlplane.policy.history.words import Piece, pieces

TEXTS = st.text(alphabet='ab []"\u202e', max_size=200)


def test_a_word_that_changed_stands_between_those_that_stayed() -> None:
    assert pieces('["read", "fs_*"]', '["read", "write"]') == [
        Piece("same", '["read", "'), Piece("gone", "fs_*"), Piece("new", "write"), Piece("same", '"]'),
    ]  # fmt: skip


@given(TEXTS, TEXTS)
def test_nothing_is_lost_on_either_side(old: str, new: str) -> None:
    made = pieces(old, new)
    assert "".join(piece.text for piece in made if piece.kind != "new") == old
    assert "".join(piece.text for piece in made if piece.kind != "gone") == new


@pytest.mark.parametrize(("old", "new"), [("a b " * 250, "b a " * 250), ("[]" * 500, "][" * 500)])
def test_no_text_makes_it_slow(old: str, new: str) -> None:
    began = time.process_time()
    for _ in range(50):
        pieces(old, new)
    assert time.process_time() - began < 5
