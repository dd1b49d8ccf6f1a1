"""Receipts are handed out from a page, with the keys to verify them; a refusal leads to what would change it."""

from datetime import date

import pytest
from django.test import Client
from pytest_django import Settings

from controlplane.policy.publisher.keys import KeyFiles, open_ring
from controlplane.receipts.admin_export import last_month
from controlplane.receipts.models import Receipt
from controlplane.receipts.services import ingest_batch
from tests.controlplane.browsing import signed_in, text
from tests.controlplane.factories import PrincipalFactory, ServerFactory, ToolFactory
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
PAGE = "/admin/receipts/receipt/"


@pytest.mark.parametrize(
    ("today", "since", "until"),
    [
        (date(2026, 11, 27), date(2026, 10, 1), date(2026, 11, 1)),
        (date(2026, 1, 1), date(2025, 12, 1), date(2026, 1, 1)),
        (date(2026, 3, 31), date(2026, 2, 1), date(2026, 3, 1)),
    ],
)
def test_last_month_is_whole(today: date, since: date, until: date) -> None:
    assert last_month(today) == (since, until)


def test_the_form_begins_with_what_the_list_was_narrowed_to(db: None) -> None:
    auditor = signed_in("auditor")
    listed = auditor.get(f"{PAGE}?server=files&decision=deny&when=day").content.decode()
    assert 'href="/admin/receipts/receipt/export/?server=files&amp;decision=deny"' in listed
    page = auditor.get(f"{PAGE}export/?server=files&decision=deny").content.decode()
    assert 'value="files"' in page
    assert '<option value="deny" selected>' in page


@pytest.mark.parametrize(("form", "path"), [("lines", "export"), ("table", "export/csv")])
def test_a_button_leads_to_the_api_with_the_filters_that_were_filled_in(db: None, form: str, path: str) -> None:
    asked = f"{PAGE}export/?since=2026-10-01&until=2026-11-01&server=files&tool=&decision=&reason=&as={form}"
    answer = signed_in("auditor").get(asked)
    assert answer.status_code == 302
    assert answer["Location"] == f"/api/v1/receipts/{path}?since=2026-10-01&until=2026-11-01&server=files"


def test_what_the_api_streams_is_what_the_form_asked_for(db: None) -> None:
    gate = Sender("gate").enrol()
    ingest_batch(gate.batch([gate.receipt(mcp={"server_id": server}) for server in ("files", "mail")]))
    asked = f"{PAGE}export/?since=2026-01-01&until=2026-02-01&server=files&tool=&as=table"
    answer = signed_in("auditor").get(asked, follow=True)
    table = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    assert (table.count("files"), table.count("mail")) == (1, 0)


def test_a_time_that_is_none_is_told_at_its_field(db: None) -> None:
    page = text(signed_in("auditor").get(f"{PAGE}export/?since=soon&until=2026-11-01&as=lines"))
    assert "Enter a valid date" in page


@pytest.mark.parametrize("role", ["viewer", "responder", "policy owner"])
def test_whoever_may_not_export_sees_neither_link_nor_page(role: str) -> None:
    client = signed_in(role)
    assert "export/" not in client.get(PAGE).content.decode()
    for name in ("export", "keys"):
        assert client.get(f"{PAGE}{name}/").status_code == 403


def test_the_keys_are_those_that_the_root_signed(data_dir: object, settings: Settings) -> None:
    auditor = signed_in("auditor")
    assert "is the control plane up?" in text(auditor.get(f"{PAGE}keys/", follow=True))  # there are none yet
    from django.conf import settings as now

    ring = open_ring(KeyFiles(now.KEYS_DIR, now.KEYS_JSON, now.ROOT_PUB), now=0)
    listed = auditor.get(f"{PAGE}keys/").json()["keys"]
    assert {key["keyid"] for key in listed} == set(ring.key_ids)


def refusal(code: str) -> str:
    gate = Sender("gate").enrol()
    decision = {"result": "deny", "reason_codes": [code]}
    principal = {"sub": "ada", "issuer": "drawbridge", "actor_type": "agent"}
    ingest_batch(gate.batch([gate.receipt(decision=decision, principal=principal)]))
    return f"{PAGE}{Receipt.objects.get().pk}/change/"


@pytest.fixture
def owner() -> Client:
    ToolFactory(server=ServerFactory(id="files"), name="read")
    PrincipalFactory(subject="ada")
    return signed_in("policy owner")


def test_a_call_without_a_grant_leads_to_the_form_that_gives_it(owner: Client) -> None:
    page = owner.get(refusal("DENY_NO_MATCHING_RULE")).content.decode()
    assert "/admin/grants/grant/add/?principal=" in page
    assert "&amp;server=files&amp;tools=read" in page
    assert "/matrix/files/?principal=" in page


def test_any_other_refusal_leads_to_its_cell_alone(owner: Client) -> None:
    page = owner.get(refusal("DENY_KILL_SWITCH")).content.decode()
    assert "/matrix/files/?principal=" in page
    assert "/admin/grants/grant/add/" not in page


def test_nothing_is_offered_for_a_caller_or_a_tool_that_is_not_known_here() -> None:
    page = signed_in("policy owner").get(refusal("DENY_NO_MATCHING_RULE")).content.decode()
    assert "What the policy of now says" not in page
    assert "deny" in text(signed_in("auditor").get(f"{PAGE}{Receipt.objects.get().pk}/change/"))
