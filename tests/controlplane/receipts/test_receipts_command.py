import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command

from controlplane.receipts.models import Receipt
from controlplane.receipts.services import ingest_batch
from enforcer.contract.export import verify_export
from enforcer.contract.keys import PublicKey
from enforcer.contract.strict_json import JsonObject
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.running import RunningPublisher, ring
from tests.controlplane.valkeys import Valkey

DENIED: JsonObject = {"result": "deny", "reason_codes": ["DENY_X", "DENY_Y"]}


def run(*args: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("receipts", *args, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.mark.django_db(transaction=True)
def test_an_export_signed_by_the_publisher_verifies_with_the_keys_that_the_command_prints(valkey: Valkey) -> None:
    gate = Sender("gate").enrol()
    with RunningPublisher():
        ingest_batch(gate.batch(gate.receipts(5)))
        code, out, err = run("export", "--settle", "1")
        listed = json.loads(run("keys")[1])["keys"]
    keys = {k["keyid"]: PublicKey.from_text(k["public"]) for k in listed if k["role"] == "checkpoint"}
    report = verify_export(out.encode().splitlines(), keys)
    assert (code, report.problems, report.receipts) == (0, [], 5), err
    assert run("verify") == (0, "5 receipts, chain verified\n", "")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("filters", "found"),
    [
        (["--server", "files"], 3),
        (["--server", "other"], 0),
        (["--principal", "ada", "--decision", "deny"], 1),
        (["--reason", "DENY_Y"], 1),
        (["--reason", "DENY"], 0),
        (["--since", "2026-02-01"], 1),
        (["--until", "2026-02-01"], 2),
        (["--since", "2026-01-31T12:00:00Z", "--until", "2026-01-31T12:00:00.001Z"], 2),
        (["--enforcer", "nobody"], 0),
    ],
)
def test_each_filter_narrows(valkey: Valkey, filters: list[str], found: int) -> None:
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch([*gate.receipts(2), gate.receipt(event_time="2026-02-01T00:00:00.000Z", decision=DENIED)]))
    with RunningPublisher():
        code, out, _ = run("export", *filters)
    assert (code, sum("chain_head" not in line for line in out.splitlines())) == (0, found)


@pytest.mark.django_db
def test_a_changed_receipt_makes_verify_say_no() -> None:
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch(gate.receipts(2)))
    row = Receipt.objects.get(sequence=1)
    Receipt.objects.filter(pk=row.pk).update(line=bytes(row.line).replace(b"ada", b"bob"))
    code, out, _ = run("verify")
    assert code == 1
    assert "line 1: its hash is not that of its content" in out


@pytest.mark.parametrize("args", [["--since", "yesterday"], ["--until", "2026-13-01"], ["--reason", "a b"]])
def test_a_filter_that_can_not_be_meant_is_wrong_use(args: list[str]) -> None:
    code, out, err = run("export", *args)
    assert (code, out) == (2, "")
    assert err.startswith(f"command line:1: {args[0]}: ")


def test_without_a_control_plane_there_are_no_keys(data_dir: Path) -> None:
    assert run("keys")[0] == 3


def test_keys_that_the_root_did_not_sign_are_not_printed(data_dir: Path) -> None:
    ring()
    (data_dir / "root.pub").write_text(Sender("gate").key.public.text)
    code, out, _ = run("keys")
    assert (code, out) == (2, "")
