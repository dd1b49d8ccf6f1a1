"""Decisions as they come in: the newest first, filtered by the address, standing still where somebody paused."""

import re
import time

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from controlplane.dashboard import live
from controlplane.receipts.services import ingest_batch, record_admin_receipt
from enforcer.contract.times import to_text
from tests.controlplane.browsing import signed_in
from tests.controlplane.receipts.sending import Sender

pytestmark = pytest.mark.django_db
DENIED = {"result": "deny", "reason_codes": ["DENY_NO_GRANT"]}


@pytest.fixture(autouse=True)
def _nothing_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LASTS_S", 0.0)


@pytest.fixture
def gate() -> Sender:
    return Sender("gate").enrol()


@pytest.fixture
def viewer(db: None) -> Client:
    return signed_in("auditor")


def sent(gate: Sender, ago_s: float, subject: str, **more: object) -> None:
    line = gate.receipt(event_time=to_text(time.time() - ago_s), principal={"sub": subject}, **more)  # type: ignore[arg-type]
    assert ingest_batch(gate.batch([line])).stored == 1


def source(client: Client, url: str) -> str:
    page = client.get(url)
    assert page.status_code == 200
    return page.content.decode()


def shown(client: Client, url: str) -> list[str]:
    """Who, in the order of the rows."""
    return re.findall(r"</code></a></td><td>(\w+)</td>", source(client, url))


def test_the_newest_stand_first_and_old_ones_not_at_all(gate: Sender, viewer: Client) -> None:
    for ago_s, who in ((700, "old"), (60, "first"), (5, "second")):
        sent(gate, ago_s, who)
    assert shown(viewer, "/live/") == shown(viewer, "/parts/live/") == ["second", "first"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("decision=deny", ["bob"]),
        ("reason=DENY_NO_GRANT", ["bob"]),
        ("reason=DENY", []),
        ("who=ada", ["ada"]),
        ("tool=write", ["bob"]),
        ("server=files&enforcer=gate", ["bob", "ada"]),
        ("server=other", []),
        ("server=%00", ["bob", "ada"]),
    ],
)
def test_the_address_filters_page_and_part_alike(gate: Sender, viewer: Client, query: str, found: list[str]) -> None:
    sent(gate, 9, "ada")
    sent(gate, 5, "bob", decision=DENIED, mcp={"server_id": "files", "tool_name": "write"})
    assert shown(viewer, f"/live/?{query}") == shown(viewer, f"/parts/live/?{query}") == found


def test_a_paused_page_shows_what_it_showed_and_asks_for_nothing(gate: Sender, viewer: Client) -> None:
    sent(gate, 60, "ada")
    running = source(viewer, "/live/?server=files")
    assert 'hx-get="/parts/live/?server=files"' in running
    link = re.search(r'href="\?(server=files&amp;until=[^"]+)">Pause', running)
    assert link is not None
    paused = "/live/?" + link[1].replace("&amp;", "&")
    sent(gate, -1, "bob")
    assert shown(viewer, "/live/?server=files") == ["bob", "ada"]
    assert shown(viewer, paused) == ["ada"]
    page = source(viewer, paused)
    assert "/parts/live/" not in page
    assert 'href="?server=files">Go on' in page


def test_a_pause_at_no_time_is_none(viewer: Client) -> None:
    assert "/parts/live/" in source(viewer, "/live/?until=soon")


def test_a_row_costs_no_query_and_there_are_so_many_at_most(
    gate: Sender, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "ROWS", 3)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            viewer.get("/parts/live/")
        return len(asked)

    sent(gate, 9, "ada")
    queries()
    before = queries()
    for number in range(5):
        sent(gate, 5 - number, "bob")
    assert queries() == before
    assert shown(viewer, "/live/") == ["bob"] * 3
    assert "Only the newest" in source(viewer, "/live/")


def test_what_people_did_stands_among_the_decisions(viewer: Client) -> None:
    signed_in("admin")

    record_admin_receipt(actor="grace", action="kill.raise", detail={})
    assert shown(viewer, "/live/?enforcer=control-plane")[:1] == ["grace"]


def test_all_who_ask_the_same_within_a_second_get_one_answer(
    gate: Sender, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LASTS_S", 60.0)
    monkeypatch.setattr(live, "_answers", {})
    sent(gate, 5, "ada")
    assert shown(viewer, "/parts/live/") == ["ada"]
    sent(gate, 4, "bob")
    with CaptureQueriesContext(connection) as asked:
        assert shown(viewer, "/parts/live/") == ["ada"]
    assert not [query for query in asked if "receipts_receipt" in query["sql"]]
    assert shown(viewer, "/parts/live/?who=bob") == ["bob"]
    assert shown(viewer, "/live/") == ["bob", "ada"]  # a page that is opened is always new
    assert signed_in("viewer").get("/parts/live/").status_code == 403


def test_answers_that_are_kept_are_few(viewer: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "LASTS_S", 60.0)
    monkeypatch.setattr(live, "_answers", {})
    for number in range(live.MOST_ANSWERS + 5):
        viewer.get(f"/parts/live/?who=p{number}")
    assert len(live._answers) <= live.MOST_ANSWERS


def test_a_clock_that_is_years_ahead_hides_nothing_of_others(
    gate: Sender, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "ROWS", 2)
    sent(gate, 5, "ada")
    for _ in range(3):
        sent(gate, -900 * 86_400, "skewed")
    assert shown(viewer, "/live/") == ["ada"]
