"""Receipts as a table: every receipt that was asked for, once, and nothing that a spreadsheet would compute."""

import csv
import io
from typing import Any

import pytest
from django.db.models import Q
from hypothesis import given
from hypothesis import strategies as st

from controlplane.common.actor import Right
from controlplane.receipts import spreadsheet
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import ingest_batch
from controlplane.receipts.spreadsheet import COLUMNS, csv_rows, harmless
from tests.controlplane.api.asking import asker
from tests.controlplane.commands import run
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
BOMB = '=HYPERLINK("http://evil.example","a")'


def stored(*subjects: str) -> None:
    sender = Sender("probe").enrol()
    lines = [sender.receipt(principal={"sub": subject, "issuer": "drawbridge"}) for subject in subjects]
    assert not ingest_batch(sender.batch(lines)).refused


def table(which: Q | None = None) -> list[dict[str, Any]]:
    return list(csv.DictReader(io.StringIO("".join(csv_rows(which or Q())), newline="")))


def test_each_receipt_is_a_row_over_all_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "PAGE", 3)
    stored(*(f"s{n}" for n in range(10)))
    rows = table()
    assert sorted(row["principal"] for row in rows) == [f"s{n}" for n in range(10)]
    assert {row["receipt_id"] for row in rows} == set(Receipt.objects.values_list("receipt_id", flat=True))
    assert rows[0].keys() == dict(COLUMNS).keys()
    assert (rows[0]["decision"], rows[0]["reason_codes"]) == ("allow", "ALLOW_POLICY_MATCH")


def test_a_filter_filters() -> None:
    stored("ada", "eve")
    assert [row["principal"] for row in table(Q(subject="eve"))] == ["eve"]


@pytest.mark.parametrize("text", [BOMB, "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"])
def test_a_formula_is_text(text: str) -> None:
    stored(text)
    assert table()[0]["principal"] == "'" + text


def test_what_can_not_be_seen_is_shown() -> None:
    stored("a\u202eb\x00")
    assert table()[0]["principal"] == "a⟨U+202E⟩b⟨U+0000⟩"


@given(st.text())
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not harmless(text).startswith(spreadsheet._FORMULA)


def test_it_is_taken_out_over_the_api_and_that_leaves_a_receipt() -> None:
    stored(BOMB, "ada")
    answer = asker(Right.EXPORT_RECEIPTS).get("/receipts/export/csv?server=files")
    assert answer.headers["Content-Type"] == "text/csv"
    assert answer.headers["Content-Disposition"].endswith('.csv"')
    text = b"".join(answer.streaming_content).decode()
    assert len(list(csv.reader(io.StringIO(text, newline="")))) == 3
    assert f"\"'{BOMB[:10]}" in text
    assert Receipt.objects.filter(receipt_type__endswith="admin.v1").exists()


@pytest.mark.django_db(transaction=True)
def test_it_is_printed_on_the_command_line() -> None:
    stored("ada", "eve")
    ended = run("receipts", "export", "--csv", "--principal", "eve")
    assert ended.code == 0
    assert len(ended.out.splitlines()) == 2
