"""Receipts in the web admin: searched by index, read whole, verified where they lie, edited by nobody."""

import re
import time
from typing import Any

import pytest
from django.test import Client

from controlplane.accounts.models import User
from controlplane.incidents.services import raise_kill
from controlplane.receipts.models import Chain, Conflict, Receipt, ReceiptIndex
from controlplane.receipts.services import OWN_CHAIN, ingest_batch
from enforcer.contract.reasons import EXPLANATIONS, ReasonCode
from enforcer.contract.strict_json import JsonObject
from enforcer.contract.times import to_text
from tests.controlplane.actors import ADA
from tests.controlplane.factories import GrantFactory, PrincipalFactory, ServerFactory
from tests.controlplane.people import HOSTILE, assert_inert, client_of, person
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
RECEIPTS = "/admin/receipts/receipt/"
CHAINS = "/admin/receipts/chain/"
CONFLICTS = "/admin/receipts/conflict/"
DENIED: JsonObject = {
    "result": "deny",
    "policy_id": "g-1",
    "snapshot_version": 3,
    "reason_codes": ["DENY_KILL_SWITCH", "INCIDENT_KILL_SWITCH_ACTIVE"],
}


def page(client: Client, url: str, **given: str) -> str:
    response = client.get(url, given)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


def now(ago_s: float = 0) -> str:
    return to_text(time.time() - ago_s)


@pytest.fixture
def sender() -> Sender:
    return Sender("probe").enrol()


def taken(sender: Sender, *lines: str) -> list[Receipt]:
    done = ingest_batch(sender.batch(lines))
    assert not done.refused
    return list(Receipt.objects.filter(chain_id=sender.chain_id).order_by("sequence"))


def ids(text: str) -> list[str]:
    table = text.rsplit('id="result_list"', maxsplit=1)[-1]
    return re.findall(r'href="/admin/receipts/receipt/([^/"]+)/change/', table)


def test_an_auditor_sees_the_newest_first_with_who_what_and_why(sender: Sender) -> None:
    old, new = taken(
        sender, sender.receipt(event_time=now(60)), sender.receipt(event_time=now(), decision=DENIED)
    )  # fmt: skip
    text = page(client_of("auditor"), RECEIPTS)
    found = ids(text)
    assert found.index(new.pk) < found.index(old.pk)
    for word in ("ada", "files/read", "badge bad", "DENY_KILL_SWITCH", "probe"):
        assert word in text


@pytest.mark.parametrize("role", ["viewer", "approver", "platform", "admin"])
def test_whoever_may_not_read_receipts_sees_none(role: str, sender: Sender) -> None:
    (row,) = taken(sender, sender.receipt(event_time=now()))
    client = client_of(role)
    for url in (RECEIPTS, f"{RECEIPTS}{row.pk}/change/", CHAINS, f"{CHAINS}{row.chain_id}/change/", CONFLICTS):
        assert client.get(url).status_code == 403


def test_the_list_shows_a_week_unless_more_is_asked_for(sender: Sender) -> None:
    old, new = taken(sender, sender.receipt(event_time=now(8 * 86400)), sender.receipt(event_time=now()))
    client = client_of("auditor")
    assert old.pk not in ids(page(client, RECEIPTS))
    assert old.pk in ids(page(client, RECEIPTS, when="month"))
    assert old.pk in ids(page(client, RECEIPTS, q=old.pk)), "one that is asked for by its id, whenever it was"
    assert new.pk in ids(page(client, RECEIPTS, when="day"))


def test_each_filter_narrows(sender: Sender) -> None:
    other = Sender("other").enrol()
    allowed, denied = taken(sender, sender.receipt(event_time=now()), sender.receipt(event_time=now(), decision=DENIED))
    (third,) = taken(other, other.receipt(event_time=now(), mcp={"server_id": "mail"}, principal={"sub": "grace"}))
    client = client_of("auditor")
    shown = {
        ("decision", "deny"): {denied},
        ("reason", "DENY_KILL_SWITCH"): {denied},
        ("reason", "INCIDENT_KILL_SWITCH_ACTIVE"): {denied},
        ("reason", "DENY_KILL"): set(),
        ("server", "mail"): {third},
        ("principal", "grace"): {third},
        ("enforcer", "probe"): {allowed, denied},
        ("chain", other.chain_id): {third},
        ("type", "csp.tool_safety.refusal.v1"): set(),
    }
    for (name, value), wanted in shown.items():
        assert set(ids(page(client, RECEIPTS, **{name: value}))) == {row.pk for row in wanted}, (name, value)


def test_all_times_for_something_rare_need_an_index_beside_it(sender: Sender) -> None:
    (row,) = taken(sender, sender.receipt(event_time=now(90 * 86400), decision=DENIED))
    client = client_of("auditor")
    answer = client.get(RECEIPTS, {"when": "all", "decision": "deny"}, follow=True)
    assert answer.redirect_chain[0][0] == "?when=month&decision=deny"
    assert "here are 30 days" in answer.content.decode()
    assert row.pk in ids(page(client, RECEIPTS, when="all", decision="deny", server="files"))
    assert row.pk in ids(page(client, RECEIPTS, when="all"))


def test_filters_keep_each_other_in_the_address(sender: Sender) -> None:
    taken(sender, sender.receipt(event_time=now()))
    text = page(client_of("auditor"), RECEIPTS, server="files", decision="allow")
    assert "decision=deny&amp;server=files" in text
    box = text.split('id="filter_principal"')[0].rsplit("<form", 1)[1]
    assert '<input type="hidden" name="server" value="files">' in box


@pytest.mark.parametrize("term", ["ada", "read", "files/read"])
def test_a_search_finds_by_subject_tool_and_server_with_tool(sender: Sender, term: str) -> None:
    (row,) = taken(sender, sender.receipt(event_time=now()))
    client = client_of("auditor")
    assert ids(page(client, RECEIPTS, q=term, enforcer="probe")) == [row.pk]
    assert ids(page(client, RECEIPTS, q="nobody")) == []


def test_a_list_of_hundreds_is_paged_without_a_count(sender: Sender, django_assert_max_num_queries: Any) -> None:
    rows = taken(sender, *(sender.receipt(event_time=now(n)) for n in range(120)))
    client, seen, url = client_of("auditor"), [], RECEIPTS
    for _ in range(3):
        with django_assert_max_num_queries(14) as asked:
            text = page(client, url, chain=sender.chain_id) if url == RECEIPTS else page(client, url)
        counts = [query["sql"] for query in asked.captured_queries if "COUNT(*)" in query["sql"]]
        assert not [sql for sql in counts if "receipts_receipt" in sql]
        seen += ids(text)
        url = (
            RECEIPTS + text.split('" rel="next">Older')[0].rsplit('href="', 1)[1].replace("&amp;", "&")
            if 'rel="next"' in text
            else ""
        )
    assert sorted(seen) == sorted(row.pk for row in rows)
    assert url == ""


def test_the_page_of_a_receipt_shows_every_field_and_the_exact_line(sender: Sender) -> None:
    ServerFactory(id="files")
    grant = GrantFactory(key="g-1", server_id="files", principal=PrincipalFactory(subject="ada"))
    line = sender.receipt(event_time=now(), decision=DENIED, principal={"sub": "ada", "issuer": "drawbridge"})
    (row,) = taken(sender, line)
    text = page(client_of("auditor"), f"{RECEIPTS}{row.pk}/change/")
    for path in ("mcp.server_id", "decision.policy_id", "decision.reason_codes", "principal.sub", "receipt_hash"):
        assert f"<code>{path}</code>" in text
    assert line.replace('"', "&quot;") in text
    assert EXPLANATIONS[ReasonCode.DENY_KILL_SWITCH].remedy in text
    for url in (f"/admin/grants/grant/{grant.pk}/change/", "/admin/inventory/server/files/change/",
                "/admin/fleet/enforcer/probe/change/"):  # fmt: skip
        assert f'href="{url}"' in text
    assert "snapshot" in text.lower()
    assert "not here any more" in text, "the snapshot was never here"


def test_the_chain_is_verified_around_a_receipt(sender: Sender) -> None:
    _, middle, _ = taken(sender, *(sender.receipt(event_time=now()) for _ in range(3)))
    text = page(client_of("auditor"), f"{RECEIPTS}{middle.pk}/change/")
    for says in (
        "✓ the hash in it is that of its content",
        "✓ it has place 2 of its chain",
        "✓ it names the hash of the receipt before it",
        "✓ the receipt after it names its hash",
        "✓ its chain is whole from 1 to 3",
    ):
        assert says in text
    assert "✗" not in text


def test_the_first_of_a_chain_names_the_head_of_the_one_before(sender: Sender) -> None:
    taken(sender, sender.receipt(event_time=now()))
    later = sender.next_start()
    genesis: JsonObject = {"previous_chain_id": sender.chain_id}
    (row,) = taken(later, later.receipt(event_time=now(), genesis=genesis))
    text = page(client_of("auditor"), f"{RECEIPTS}{row.pk}/change/")
    assert f"✓ it names the head of chain {sender.chain_id}" in text


def tampered(row: Receipt, old: bytes, new: bytes) -> None:
    assert old in bytes(row.line)
    Receipt.objects.filter(pk=row.pk).update(line=bytes(row.line).replace(old, new))


def test_a_line_that_somebody_changed_is_told(sender: Sender) -> None:
    first, second, third = taken(sender, *(sender.receipt(event_time=now()) for _ in range(3)))
    tampered(second, b'"ada"', b'"eve"')
    client = client_of("auditor")
    assert "✗ this line is not as it was written" in page(client, f"{RECEIPTS}{second.pk}/change/")
    assert "✗ the receipt after it is not as it was written" in page(client, f"{RECEIPTS}{first.pk}/change/")
    assert "✗ the receipt before it has another hash" in page(client, f"{RECEIPTS}{third.pk}/change/")
    assert "its hash is not that of its content" in page(client, f"{CHAINS}{sender.chain_id}/change/")


def test_a_receipt_that_somebody_wrote_anew_is_told(sender: Sender) -> None:
    _, second, third = taken(sender, *(sender.receipt(event_time=now()) for _ in range(3)))
    forger = Sender("probe", sender.key, sender.chain_id, sequence=1, parent="sha256:" + "1" * 64)
    forged = forger.receipt(event_time=now(), receipt_id=second.pk)
    Receipt.objects.filter(pk=second.pk).update(line=forged.encode())
    client = client_of("auditor")
    text = page(client, f"{RECEIPTS}{second.pk}/change/")
    assert "✗ its place in the chain was noted for another receipt" in text
    assert "✗ the receipt before it has another hash than it names" in text
    assert "✗ the receipt after it names another hash" in text
    assert "✗ the receipt before it has another hash" in page(client, f"{RECEIPTS}{third.pk}/change/")
    assert "✗ the receipt at 2 is not the one" in page(client, f"{CHAINS}{sender.chain_id}/change/")


def test_columns_that_say_something_else_than_the_line_are_told(sender: Sender) -> None:
    (row,) = taken(sender, sender.receipt(event_time=now()))
    Receipt.objects.filter(pk=row.pk).update(sequence=9)
    text = page(client_of("auditor"), f"{RECEIPTS}{row.pk}/change/")
    assert "✗ the columns by which it is found say something else" in text


def test_a_gap_is_told_on_list_and_pages(sender: Sender) -> None:
    lines = sender.receipts(4)
    taken(sender, lines[0], lines[3])
    client = client_of("auditor")
    assert "waits for 2" in page(client, CHAINS)
    text = page(client, f"{CHAINS}{sender.chain_id}/change/")
    assert "for 2; 4 is here already" in text
    last = Receipt.objects.get(sequence=4, chain_id=sender.chain_id)
    assert "whole up to 1 only" in page(client, f"{RECEIPTS}{last.pk}/change/")


def test_a_receipt_that_is_gone_is_told(sender: Sender) -> None:
    rows = taken(sender, *sender.receipts(3))
    Receipt.objects.filter(pk=rows[0].pk).delete()
    assert "✗ the receipt at 1 is gone" in page(client_of("auditor"), f"{CHAINS}{sender.chain_id}/change/")


def test_a_conflict_is_an_alarm_with_the_line_that_was_refused(sender: Sender) -> None:
    taken(sender, sender.receipt(event_time=now()))
    fork = Sender("probe", sender.key, sender.chain_id)
    ingest_batch(sender.batch([fork.receipt(event_time=now(), principal={"sub": "eve"})]))
    client, row = client_of("auditor"), Conflict.objects.get()
    assert "another receipt has this place" in page(client, CONFLICTS)
    text = page(client, f"{CONFLICTS}{row.pk}/change/")
    assert "&quot;sub&quot;:&quot;eve&quot;" in text
    assert "1 receipt claimed a place" in page(client, f"{CHAINS}{sender.chain_id}/change/")


def test_what_people_did_here_is_named_in_the_list() -> None:
    ServerFactory(id="files")
    raise_kill(target="all", reason="r", actor=ADA)
    text = page(client_of("auditor"), RECEIPTS, chain=OWN_CHAIN)
    assert "kill.raise" in text
    row = next(row for row in Receipt.objects.all() if b"kill.raise" in bytes(row.line))
    assert "<code>detail.target</code>" in page(client_of("auditor", username="a2"), f"{RECEIPTS}{row.pk}/change/")


def test_a_superuser_reads_receipts_and_changes_none(sender: Sender) -> None:
    (row,) = taken(sender, sender.receipt(event_time=now()))
    root = person(username="root")
    User.objects.filter(pk=root.pk).update(is_superuser=True)
    client = Client()
    client.force_login(User.objects.get(pk=root.pk))
    assert row.pk in page(client, RECEIPTS)
    before = bytes(Receipt.objects.get(pk=row.pk).line)
    for url, pk in ((RECEIPTS, row.pk), (CHAINS, row.chain_id)):
        assert client.get(f"{url}add/").status_code == 403
        assert client.post(f"{url}{pk}/change/", {"line": "x"}).status_code == 403
        assert client.post(f"{url}{pk}/delete/", {"post": "yes"}).status_code == 403
        assert "Delete" not in page(client, f"{url}{pk}/change/")
        client.post(url, {"action": "delete_selected", "_selected_action": pk, "post": "yes"})
    assert bytes(Receipt.objects.get(pk=row.pk).line) == before
    assert Chain.objects.filter(pk=row.chain_id).exists()


def test_hostile_text_is_inert(sender: Sender) -> None:
    mcp: JsonObject = {"server_id": HOSTILE[:60], "tool_name": HOSTILE}
    decision: JsonObject = {"result": HOSTILE[:19], "reason_codes": [HOSTILE]}
    (row,) = taken(
        sender,
        sender.receipt(event_time=now(), mcp=mcp, principal={"sub": HOSTILE}, decision=decision, **{HOSTILE: HOSTILE}),
    )
    Conflict.objects.create(chain_id=row.chain_id, sequence=1, line=row.line, problem=HOSTILE, enforcer_id="probe")
    client, conflict = client_of("auditor"), Conflict.objects.get()
    for url in (RECEIPTS, f"{RECEIPTS}{row.pk}/change/", CONFLICTS, f"{CONFLICTS}{conflict.pk}/change/"):
        assert_inert(page(client, url))
    assert_inert(page(client, RECEIPTS, server=HOSTILE))


def test_a_huge_receipt_is_cut_with_a_note(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    (row,) = taken(sender, sender.receipt(event_time=now(), facts={f"f{n}": "x" * 3000 for n in range(500)}))
    text = page(client_of("auditor"), f"{RECEIPTS}{row.pk}/change/")
    assert len(text) < 1_500_000
    assert "more characters are left out here" in text
    assert "more, below" in text


def test_a_chain_id_of_any_letters_has_a_page(sender: Sender) -> None:
    Chain.objects.create(chain_id="a_2F/../b c", enforcer_id="probe")
    client = client_of("auditor")
    url = re.findall(r'href="(/admin/receipts/chain/[^"?]+/change/)', page(client, CHAINS, q="probe"))[0]
    assert "Chain a_2F/../b c" in page(client, url)


def test_pages_of_one_take_few_queries(sender: Sender, django_assert_max_num_queries: Any) -> None:
    rows = taken(sender, *(sender.receipt(event_time=now(), decision=DENIED) for _ in range(60)))
    client = client_of("auditor")
    for url in (f"{RECEIPTS}{rows[5].pk}/change/", CHAINS, f"{CHAINS}{sender.chain_id}/change/", CONFLICTS):
        with django_assert_max_num_queries(26):
            page(client, url)
    assert ReceiptIndex.objects.filter(chain_id=sender.chain_id).count() == 60
