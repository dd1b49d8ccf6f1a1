"""History, published versions and proposals in the web admin."""

from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from controlplane.accounts.roles import ROLES
from controlplane.common.actor import Actor
from controlplane.grants.models import Grant
from controlplane.incidents.services import raise_kill
from controlplane.policy import edits
from controlplane.policy.models import Change, ChangedServer, Kind, Proposal, Published, SignedDocument
from controlplane.policy.proposals import propose
from controlplane.policy.publisher.documents import publish
from controlplane.policy.services import policy_changed
from tests.controlplane.actors import ADA
from tests.controlplane.factories import GrantFactory, PrincipalFactory, ServerFactory, ToolFactory
from tests.controlplane.people import HOSTILE, assert_inert, client_of
from tests.controlplane.running import ring

pytestmark = pytest.mark.django_db(transaction=True)  # the publisher begins its own
CHANGES = "/admin/policy/change/"
DOCUMENTS = "/admin/policy/signeddocument/"
PROPOSALS = "/admin/policy/proposal/"
GRANT: dict[str, Any] = {"id": "one", "principal": "alice", "server": "files", "tools": ["read"]}


def page(client: Client, url: str, **given: str) -> str:
    response = client.get(url, given)
    assert response.status_code == 200, response.status_code
    return response.content.decode()


@pytest.fixture
def files(data_dir: Path) -> None:
    """A server with a tool, a caller and a grant, published twice."""
    ToolFactory(server=ServerFactory(id="files"), name="read")
    PrincipalFactory(subject="alice")
    save(**GRANT)
    published()
    save(**GRANT | {"tools": ["read", "write"], "max_risk": "LOW"}, reason="less risk")
    published()


def save(**item: Any) -> int:
    applied = edits.save(section="grants", item=item, actor=ADA, reason=item.pop("reason", "more"))
    assert applied.change_ids, applied.problems
    return applied.change_ids[0]


def published(kind: Kind = Kind.POLICY) -> None:
    for outcome in publish(["files"], kind, ring()):
        assert not outcome.problem


def test_history_is_newest_first_with_who_why_and_what_became_of_it(files: None) -> None:
    text = page(client_of("viewer"), CHANGES)
    newer, older = Change.objects.order_by("-id")
    assert text.index(f"{CHANGES}{newer.pk}/change/") < text.index(f"{CHANGES}{older.pk}/change/")
    assert "less risk" in text
    assert ">ada<" in text
    assert text.index("published as 2") < text.index("published as 1")


def test_a_change_that_could_not_be_compiled_is_red_with_its_error(files: None) -> None:
    change = save(**GRANT | {"tools": ["*"]})
    ChangedServer.objects.filter(change_id=change).update(error="too large")
    client = client_of("viewer")
    assert '<span class="badge bad">1 not published</span>' in page(client, CHANGES)
    assert "✗ too large" in page(client, f"{CHANGES}{change}/change/")


def test_a_change_that_waits_says_so(files: None) -> None:
    change = save(**GRANT | {"tools": ["*"]})
    client = client_of("viewer")
    assert "published 0 of 1" in page(client, CHANGES)
    assert "waits for the publisher" in page(client, f"{CHANGES}{change}/change/")


def test_a_change_shows_what_is_different_at_the_server_word_by_word(files: None) -> None:
    change = Change.objects.order_by("-id")[0]
    text = page(client_of("viewer"), f"{CHANGES}{change.pk}/change/")
    assert "from 1 to 2" in text
    assert "changed grant" in text
    assert "<ins>LOW</ins>" in text
    assert "write&quot;</ins>" in text
    assert "▲ more" in text
    assert "~ grant one: allow alice files [read, write]" in text, "the lines of the receipt"


def test_the_receipt_of_a_change_is_linked_for_whoever_reads_receipts(files: None) -> None:
    change = Change.objects.order_by("-id")[0]
    url = f"{CHANGES}{change.pk}/change/"
    assert "/admin/receipts/receipt/" in page(client_of("auditor"), url).split('class="facts"')[1]
    assert "/admin/receipts/receipt/" not in page(client_of("viewer", username="v"), url)


def test_the_changes_of_one_server_can_be_asked_for(files: None) -> None:
    ServerFactory(id="mail")
    policy_changed(server_ids=["mail"], actor=ADA, reason="only mail")
    client = client_of("viewer")
    assert "only mail" in page(client, CHANGES, of="mail")
    assert "only mail" not in page(client, CHANGES, of="files")


def test_history_is_paged_by_the_last_rows_key() -> None:
    Change.objects.bulk_create(Change(kind="policy", actor="ada", reason=f"n{n:03}") for n in range(120))
    client, seen, url = client_of("viewer"), [], CHANGES
    for _ in range(3):
        text = page(client, url)
        seen += [f"n{n:03}" for n in range(120) if f">n{n:03}<" in text]
        url = CHANGES + text.split('" rel="next">Older')[0].rsplit('href="', 1)[1] if 'rel="next"' in text else ""
    assert url == ""
    assert sorted(seen) == [f"n{n:03}" for n in range(120)]
    assert len(seen) == 120


@pytest.mark.parametrize("before", ["x", "[1]", "{}", '["a","b"]', '["x"]'])
def test_a_key_that_is_none_is_refused_softly(before: str) -> None:
    assert client_of("viewer").get(CHANGES, {"before": before}).status_code == 302


def test_a_version_is_verified_where_it_lies(files: None) -> None:
    document = SignedDocument.objects.get(number=2)
    client = client_of("viewer")
    text = page(client, f"{DOCUMENTS}{document.pk}/change/")
    assert "✓ holds" in text
    assert ring().signing["policy"].public.keyid in text
    assert document.payload_hash in text
    assert "&quot;server_id&quot;: &quot;files&quot;" in text
    assert "<ins>LOW</ins>" in text
    assert "before it" in text.lower()


def test_a_version_is_compared_with_any_other_of_its_server(files: None) -> None:
    save(**GRANT | {"id": "two"})
    published()
    client, url = client_of("viewer"), f"{DOCUMENTS}{SignedDocument.objects.get(number=3).pk}/change/"
    before, since = page(client, url), page(client, url, since="1")
    assert "from 2 to 3" in before
    assert "from 1 to 3" in since
    assert "added grant" in before
    assert "added grant" in since
    assert "<ins>LOW</ins>" in since
    assert "<ins>LOW</ins>" not in before
    for asked in ("9", "x", "-1", "٣", "9" * 40):
        told = page(client, url, since=asked)
        assert "There is no version" in told
        assert "from 2 to 3" in told


def test_a_version_that_somebody_changed_in_the_database_does_not_hold(files: None) -> None:
    first, second = SignedDocument.objects.order_by("number")
    SignedDocument.objects.filter(pk=second.pk).update(payload_hash=first.payload_hash)
    client, url = client_of("viewer"), f"{DOCUMENTS}{second.pk}/change/"
    assert "the hash in the database is of something else" in page(client, url)
    SignedDocument.objects.filter(pk=second.pk).update(envelope=second.envelope.replace('"sig":"', '"sig":"AA'))
    assert "✗ does not hold" in page(client, url)
    SignedDocument.objects.filter(pk=second.pk).update(envelope="nonsense")
    assert "✗ does not hold" in page(client, url)


def test_without_a_key_list_nobody_claims_that_it_holds(files: None, data_dir: Path) -> None:
    (data_dir / "keys.json").unlink()
    document = SignedDocument.objects.get(number=2)
    text = page(client_of("viewer"), f"{DOCUMENTS}{document.pk}/change/")
    assert 'badge person">unknown' in text
    assert "✓ holds" not in text


def test_a_large_version_is_cut_with_a_note(files: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("controlplane.policy.history.reading.LARGEST_PRINTED", 100)
    document = SignedDocument.objects.get(number=2)
    assert "more characters are left out here" in page(client_of("viewer"), f"{DOCUMENTS}{document.pk}/change/")


def test_an_incident_state_is_shown_with_what_came(files: None) -> None:
    raise_kill(target="all", reason="r", actor=ADA)
    published(Kind.INCIDENT)
    document = SignedDocument.objects.get(kind="incident")
    text = page(client_of("viewer"), f"{DOCUMENTS}{document.pk}/change/")
    assert "Incident state 1 of files" in text
    assert "added kill switch" in text
    assert "▼ less" in text


def test_nobody_edits_a_version_superusers_included(files: None) -> None:
    client = client_of("admin", "policy owner", username="root")
    from controlplane.accounts.models import User

    User.objects.filter(username="root").update(is_superuser=True)
    document = SignedDocument.objects.get(number=2)
    for kind, pk in ((DOCUMENTS, document.pk), (CHANGES, Change.objects.all()[0].pk)):
        assert client.post(f"{kind}{pk}/change/", {"envelope": "x"}).status_code == 403
        assert client.post(f"{kind}{pk}/delete/", {"post": "yes"}).status_code == 403
        assert client.get(f"{kind}add/").status_code == 403
        client.post(kind, {"action": "delete_selected", "_selected_action": str(pk), "post": "yes"})
    assert SignedDocument.objects.get(number=2).envelope == document.envelope
    assert Change.objects.count() == 2


AUTHOR = Actor("paula", ROLES["policy author"])


def proposal(**more: Any) -> Proposal:
    ServerFactory(id="files")
    PrincipalFactory(subject="alice")
    return propose(section="grants", item=GRANT | more, actor=AUTHOR, reason="alice needs it")


def test_a_proposal_is_read_and_approved_by_somebody_else() -> None:
    row, client = proposal(), client_of("policy owner")
    text = page(client, f"{PROPOSALS}{row.pk}/change/")
    for word in ("+ grant one", "alice needs it", "paula", "&quot;tools&quot;", "Approve…", "Reject…"):
        assert word in text
    assert "Withdraw…" not in text
    answer = client.post(f"{PROPOSALS}{row.pk}/approve/", {"note": "fine"}, follow=True).content.decode()
    assert Grant.objects.get().key == "one"
    assert f'hx-get="/parts/changes/{Change.objects.get().pk}/"' in answer
    assert "approved" in page(client, f"{PROPOSALS}{row.pk}/change/")


def test_approving_what_no_longer_fits_shows_its_problems() -> None:
    row, client = proposal(), client_of("policy owner")
    edits.remove(section="principals", item={"issuer": "drawbridge", "subject": "alice"}, actor=ADA)
    assert "✗ principal" in page(client, f"{PROPOSALS}{row.pk}/change/")
    answer = client.post(f"{PROPOSALS}{row.pk}/approve/", {"note": ""}).content.decode()
    assert "alice" in answer.split('class="errorlist')[1]
    row.refresh_from_db()
    assert row.decided_at is None


def test_whoever_proposed_it_withdraws_it_and_approves_nothing() -> None:
    client = client_of("policy author", "policy owner", username="paula")
    row = proposal()
    text = page(client, f"{PROPOSALS}{row.pk}/change/")
    assert "Approve…" not in text
    assert "Waits for somebody else" in text
    refused = client.post(f"{PROPOSALS}{row.pk}/approve/", {"note": ""}).content.decode()
    assert "somebody else has to approve" in refused
    client.post(f"{PROPOSALS}{row.pk}/withdraw/", {"note": "never mind"})
    row.refresh_from_db()
    assert (row.approved, row.decided_by, row.note) == (False, "paula", "never mind")


def test_a_viewer_reads_proposals_and_decides_nothing() -> None:
    row, client = proposal(), client_of("viewer")
    assert "Approve…" not in page(client, f"{PROPOSALS}{row.pk}/change/")
    for act in ("approve", "reject", "withdraw"):
        assert client.post(f"{PROPOSALS}{row.pk}/{act}/", {"note": ""}).status_code == 403
    row.refresh_from_db()
    assert row.decided_at is None


def test_open_proposals_come_first() -> None:
    old = proposal()
    newer = propose(section="groups", item={"name": "g"}, actor=AUTHOR)
    client = client_of("policy owner")
    client.post(f"{PROPOSALS}{newer.pk}/reject/", {"note": ""})
    text = page(client, PROPOSALS)
    assert text.index(f"{PROPOSALS}{old.pk}/change/") < text.index(f"{PROPOSALS}{newer.pk}/change/")


def test_hostile_text_is_inert_on_every_page(data_dir: Path) -> None:
    server = ToolFactory(server=ServerFactory(id="files"), name=HOSTILE).server
    GrantFactory(key="one", server=server, principal=PrincipalFactory(subject=HOSTILE), tools=[HOSTILE])
    policy_changed(server_ids=["files"], actor=ADA, reason=HOSTILE)
    published()
    row = Proposal.objects.create(
        section="groups", item={"name": HOSTILE}, summary=HOSTILE, reason=HOSTILE, proposed_by=HOSTILE
    )
    client = client_of("auditor", "policy owner")
    change, document = Change.objects.get(), SignedDocument.objects.get()
    for url in (
        CHANGES,
        f"{CHANGES}{change.pk}/change/",
        f"{DOCUMENTS}{document.pk}/change/",
        PROPOSALS,
        f"{PROPOSALS}{row.pk}/change/",
        f"{PROPOSALS}{row.pk}/approve/",
    ):
        text = page(client, url)
        assert "&lt;script&gt;alert(1)" in text or url.endswith("approve/"), url
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert not {"\u202e", "\u200b", "\x1b"} & set(text)
    ChangedServer.objects.update(document=None, error=HOSTILE)
    assert_inert(page(client, f"{CHANGES}{change.pk}/change/"))


def test_lists_and_pages_take_few_queries_however_much_there_is(django_assert_max_num_queries: Any) -> None:
    ids = [ServerFactory(id=f"s{n}").id for n in range(80)]
    changes = Change.objects.bulk_create(Change(kind="policy", actor="ada") for _ in range(60))
    ChangedServer.objects.bulk_create(ChangedServer(change=changes[0], server_id=id_) for id_ in ids)
    SignedDocument.objects.bulk_create(
        SignedDocument(kind="policy", server_id="s0", number=n, generation=1, envelope="{}", payload_hash="h")
        for n in range(1, 61)
    )
    Proposal.objects.bulk_create(
        Proposal(section="groups", item={"name": "g"}, summary="s", proposed_by="paula") for _ in range(60)
    )
    client = client_of("policy owner")
    document, row = SignedDocument.objects.all()[5], Proposal.objects.all()[0]
    for url in (
        CHANGES,
        f"{CHANGES}{changes[0].pk}/change/",
        DOCUMENTS,
        f"{DOCUMENTS}{document.pk}/change/",
        PROPOSALS,
        f"{PROPOSALS}{row.pk}/change/",
    ):
        with django_assert_max_num_queries(26):
            page(client, url)


def test_a_change_of_many_servers_shows_some_and_says_how_many_more() -> None:
    ids = [ServerFactory(id=f"s{n:02}").id for n in range(80)]
    change = Change.objects.create(kind="policy", actor="ada")
    ChangedServer.objects.bulk_create(ChangedServer(change=change, server_id=id_) for id_ in ids)
    text = page(client_of("viewer"), f"{CHANGES}{change.pk}/change/")
    assert "and 30 more servers" in text
    assert Published.objects.count() == 0
