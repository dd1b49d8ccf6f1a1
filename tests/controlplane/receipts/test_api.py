"""Searching and exporting receipts over the API."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from controlplane.common.actor import Right
from controlplane.policy.models import Published
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import record_admin_receipt
from enforcer.contract.export import verify_export
from enforcer.contract.keys import Role
from tests.controlplane.api.asking import asker, done, problem
from tests.controlplane.factories import ServerFactory
from tests.controlplane.running import RunningPublisher
from tests.controlplane.valkeys import Valkey
from tests.support.processes import wait_for

FIELDS: dict[str, Any] = {
    "receipt_type": "csp.tool_safety.action.v1", "enforcer_id": "probe", "chain_id": "c", "server_id": "files",
    "tool_name": "read", "subject": "ada", "result": "allow", "reason_codes": "ALLOW_POLICY_MATCH",
    "event_time": "2026-01-02T00:00:00.000Z",
}  # fmt: skip
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def receipt(number: int, **other: Any) -> Receipt:
    line = f'{{"receipt_id":"r{number}","trace_id":"{TRACE}"}}'.encode()
    values = {"line": line, **FIELDS, **other}
    return Receipt.objects.create(receipt_id=f"r{number}", sequence=number, **values)


@pytest.fixture
def three(db: None) -> None:
    receipt(1)
    receipt(
        2, subject="bob", server_id="mail", tool_name="send", result="deny", enforcer_id="other", chain_id="d",
        reason_codes="DENY_INVALID_TOKEN DENY_NO_AUTHN", event_time="2026-01-03T00:00:00.000Z",
        receipt_type="csp.tool_safety.refusal.v1", line=b'{"receipt_id":"r2","trace_id":"0"}',
    )  # fmt: skip
    receipt(3, event_time="2026-01-04T00:00:00.000Z")


@pytest.mark.parametrize(
    "query",
    ["principal=bob", "server=mail", "tool=send", "decision=deny", "reason=DENY_NO_AUTHN", "enforcer=other", "chain=d",
     "type=csp.tool_safety.refusal.v1", "since=2026-01-03&until=2026-01-03T00:00:01Z"],
)  # fmt: skip
def test_each_filter_finds_the_one(three: None, query: str) -> None:
    assert [row["receipt_id"] for row in done(asker().get(f"/receipts?{query}"))["results"]] == ["r2"]


def test_the_newest_come_first_and_pages_hold_all(three: None) -> None:
    first = done(asker().get("/receipts?limit=2&until=2026-02-01"))
    rest = done(asker().get(first["next"].removeprefix("/api/v1")))
    assert [row["receipt_id"] for row in first["results"] + rest["results"]] == ["r3", "r2", "r1"]


def test_equal_times_are_told_apart_by_id(db: None) -> None:
    for number in range(5):
        receipt(number)
    first = done(asker().get("/receipts?limit=3&until=2026-02-01"))
    rest = done(asker().get(first["next"].removeprefix("/api/v1")))
    assert [row["receipt_id"] for row in first["results"] + rest["results"]] == ["r4", "r3", "r2", "r1", "r0"]


def test_a_trace_is_found_since_a_time_and_only_then(three: None) -> None:
    found = done(asker().get(f"/receipts?trace={TRACE}&since=2026-01-01"))["results"]
    assert [row["receipt_id"] for row in found] == ["r3", "r1"]
    assert problem(asker().get(f"/receipts?trace={TRACE}"))["status"] == 400


@pytest.mark.parametrize(
    "query",
    ["since=yesterday", "since=2026-13-01", "until=2026-02-30T00:00:00Z", "reason=x", "decision=maybe", "type=x",
     "trace=x", "line=x", "receipt_id__startswith=r", "reason_codes=x"],
)  # fmt: skip
def test_what_can_not_be_meant_is_400(three: None, query: str) -> None:
    assert problem(asker().get(f"/receipts?{query}"))["errors"][0]["parameter"] == query.partition("=")[0]
    assert problem(asker().get(f"/receipts/export?{query}"))["status"] == 400


def test_one_shows_the_very_bytes(db: None) -> None:
    record_admin_receipt(actor="ada", action="x", detail={"é": "\u202e"})
    row = Receipt.objects.get()
    shown = done(asker().get(f"/receipts/{row.receipt_id}"))
    assert shown["line"].encode() == bytes(row.line)
    assert shown["receipt"]["detail"] == {"é": "\u202e"}
    assert problem(asker().get("/receipts/nothing"))["status"] == 404


def test_reading_and_exporting_need_their_rights(db: None) -> None:
    assert problem(asker(Right.VIEW).get("/receipts"))["code"] == "read_receipts"
    assert problem(asker(Right.VIEW, Right.READ_RECEIPTS).get("/receipts/export"))["code"] == "export_receipts"


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[RunningPublisher]:
    ServerFactory(id="files")
    with RunningPublisher() as running:
        wait_for(lambda: Published.objects.exclude(lease="").exists(), "a lease")
        yield running


@pytest.mark.django_db(transaction=True)
def test_an_export_verifies_offline_and_leaves_a_receipt_itself(publisher: RunningPublisher) -> None:
    record_admin_receipt(actor="ada", action="x", detail={})
    answer = asker().get("/receipts/export?principal=ada")
    assert answer.headers["Content-Type"] == "application/x-ndjson"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "attachment" in answer.headers["Content-Disposition"]
    whole = asker(Right.EXPORT_RECEIPTS, name="auditor").get("/receipts/export")
    narrow = b"".join(answer.streaming_content).splitlines()
    lines = b"".join(whole.streaming_content).splitlines()
    signers = publisher.ring.key_list.of(Role.CHECKPOINT)
    report = verify_export(lines, signers)
    assert report.problems == []
    assert report.receipts == Receipt.objects.count()
    assert [json.loads(line)["principal"]["sub"] for line in narrow if b"chain_head" not in line].count("ada") > 0
    noted = [json.loads(bytes(row.line)) for row in Receipt.objects.order_by("sequence")]
    exports = [(row["principal"]["sub"], row["detail"]) for row in noted if row["action"] == "receipts.export"]
    assert exports == [("token:ci", {"filters": {"principal": "ada"}}), ("token:auditor", {"filters": {}})]


@pytest.mark.django_db(transaction=True)
def test_without_a_publisher_an_export_is_503_and_not_half_a_file(
    data_dir: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    from controlplane.policy import signing

    clock = iter(range(0, 10**6, 100))
    monkeypatch.setattr(signing.time, "monotonic", lambda: float(next(clock)))
    record_admin_receipt(actor="ada", action="x", detail={})
    answer = asker().get("/receipts/export")
    assert problem(answer)["status"] == 503


@pytest.mark.django_db
def test_the_schema_of_a_receipt_is_there_for_whoever_may_look() -> None:
    answer = asker(Right.VIEW).get("/receipts/schema")
    assert done(answer)["title"] == "A receipt of Drawbridge"
    assert answer.headers["Content-Type"].startswith("application/json")
