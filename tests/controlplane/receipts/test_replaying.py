"""A receipt decided once more: on its page, over the API, from documents that a real key signed."""

from datetime import UTC, datetime
from typing import Any

import pytest

from controlplane.common.actor import Right
from controlplane.policy.models import Kind, SignedDocument
from controlplane.policy.publisher.documents import publish
from controlplane.receipts.models import Receipt
from controlplane.receipts.replaying import replayed
from controlplane.receipts.services import ingest_batch
from enforcer.contract.strict_json import JsonObject
from tests.controlplane.api.asking import asker, done
from tests.controlplane.factories import GrantFactory, PrincipalFactory, ServerFactory, ToolFactory, trust_level
from tests.controlplane.people import client_of
from tests.controlplane.policy.test_admin import ring
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db(transaction=True)  # as the publisher's own
NOW = datetime(2026, 11, 27, 8, tzinfo=UTC).timestamp()


@pytest.fixture
def published() -> dict[Kind, SignedDocument]:
    """ada may call `fs_read`."""
    trust_level("internal")
    server = ServerFactory(id="files")
    ToolFactory(server=server, name="fs_read", state="reviewed", risk="LOW", declared=True)
    GrantFactory(key="g-1", principal=PrincipalFactory(subject="ada"), server=server, tools=["fs_read"])
    found: dict[Kind, SignedDocument] = {}
    for kind in (Kind.INCIDENT, Kind.POLICY):
        document = publish(["files"], kind, ring())[0].document
        assert document is not None
        found[kind] = document
    return found


def receipt(published: dict[Kind, SignedDocument], **changes: Any) -> Receipt:
    """As a gate wrote it."""
    sender = Sender("probe").enrol()
    facts: JsonObject = {
        "now": NOW,
        "lease_age_s": 0.5,
        "definition": "same",
        "rates": {},
        "constraints": {},
        "arguments": {"paths": [], "urls": [], "names_url": False},
    }
    decision: JsonObject = {
        "result": "allow",
        "policy_id": "g-1",
        "snapshot_version": published[Kind.POLICY].number,
        "incident_epoch": published[Kind.INCIDENT].number,
        "reason_codes": ["ALLOW_POLICY_MATCH"],
    }
    line = sender.receipt(
        facts=changes.pop("facts", facts),
        decision={**decision, **changes},
        principal={"sub": "ada", "issuer": "drawbridge", "actor_type": "user"},
        mcp={"method": "tools/call", "server_id": "files", "tool_name": "fs_read"},
    )
    assert not ingest_batch(sender.batch([line])).refused
    return Receipt.objects.get(chain_id=sender.chain_id)


def test_the_same_decision_comes_of_it_step_by_step(published: dict[Kind, SignedDocument]) -> None:
    again = replayed(receipt(published))
    assert again.outcome == "same", again
    assert [step.outcome for step in again.steps] == ["passed"] * len(again.steps)
    assert {document.kind for document, _ in again.documents} == {"policy", "incident"}


def test_a_record_that_does_not_fit_its_policy_says_so(published: dict[Kind, SignedDocument]) -> None:
    again = replayed(receipt(published, result="deny", reason_codes=["DENY_NO_MATCHING_RULE"], policy_id=None))
    assert again.outcome == "other"


def test_what_names_no_policy_or_one_that_is_gone_says_so(published: dict[Kind, SignedDocument]) -> None:
    assert replayed(receipt(published, snapshot_version=99)).outcome == "unknown"
    Receipt.objects.all().delete()


def test_what_was_refused_before_policy_was_asked_has_nothing_to_replay(published: dict[Kind, SignedDocument]) -> None:
    again = replayed(receipt(published, facts={}))
    assert (again.outcome, again.says.split(":")[0]) == ("unknown", "There is nothing to replay")


def test_an_auditor_reads_it_on_its_page_and_over_the_api(published: dict[Kind, SignedDocument]) -> None:
    row = receipt(published)
    auditor = client_of("auditor")
    url = f"/admin/receipts/receipt/{row.pk}/replay/"
    assert url in auditor.get(f"/admin/receipts/receipt/{row.pk}/change/").content.decode()
    page = auditor.get(url).content.decode()
    assert "The same decision comes of the same policy and facts." in page
    assert "Step by step" in page
    assert client_of("viewer", username="vera").get(url).status_code == 403
    said = done(asker(Right.READ_RECEIPTS).get(f"/receipts/{row.pk}/replay"))
    assert (said["outcome"], said["decision"], said["policy_id"]) == ("same", "allow", "g-1")
    assert said["steps"]
