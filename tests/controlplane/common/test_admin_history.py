"""The history page of an object: who, when, why, and each field, old beside new."""

from typing import Any

import pytest

from controlplane.common.admin_history import ROWS, history_of
from controlplane.grants.models import Grant
from controlplane.inventory.models import Server, Tool
from controlplane.policy import edits
from controlplane.principals.models import Principal
from tests.controlplane.actors import ADA, GRACE
from tests.controlplane.browsing import VIEWER, signed_in, text
from tests.controlplane.factories import PrincipalFactory, ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db


def save(section: str, reason: str = "a test", actor: Any = GRACE, **item: Any) -> None:
    applied = edits.save(section=section, item=item, actor=actor, reason=reason)
    assert not applied.problems


def told(obj: Any, before: int | None = None) -> list[tuple[str, str, dict[str, str]]]:
    """Who, why, and each changed field as `old|new`."""
    return [
        (entry.who, entry.why, {field.name: _marked(field.pieces) for field in entry.fields})
        for entry in history_of(obj, before).entries
    ]


def _marked(pieces: Any) -> str:
    signs = {"gone": "[-{}-]", "new": "[+{}+]", "same": "{}"}
    return "".join(signs[piece.kind].format(piece.text) for piece in pieces)


def test_each_act_is_told_with_its_author_reason_and_fields() -> None:
    save("servers", id="files", trust_level="internal", title="Old title", reason="new server", actor=ADA)
    save("servers", id="files", trust_level="internal", title="New title", reason="a typo")
    changed, made = told(Server.objects.get())
    assert changed == ("grace", "a typo", {"title": "[-Old-][+New+] title"})
    assert made[:2] == ("ada", "new server")
    assert made[2]["title"] == "[+Old title+]"


def test_a_principal_and_its_groups_are_one_act() -> None:
    save("principals", subject="ada", issuer="drawbridge", groups=["ops"], reason="hired")
    save("principals", subject="ada", issuer="drawbridge", groups=["finance"], actor_type="agent", reason="moved")
    moved, hired = told(Principal.objects.get())
    assert moved == ("grace", "moved", {"actor type": "[-user-][+agent+]", "groups": "[-ops-][+finance+]"})
    assert hired[2]["groups"] == "[+ops+]"


def test_names_stand_for_rows_and_removed_rows_are_said_to_be_removed() -> None:
    PrincipalFactory(subject="ada")
    PrincipalFactory(subject="bob")
    ServerFactory(id="files")
    save("grants", id="one", principal="ada", server="files", tools=["*"])
    save("grants", id="one", principal="bob", server="files", tools=["*"], reason="for bob")
    grant = Grant.objects.get()
    assert told(grant)[0][2] == {"principal": "[-ada-][+bob+]"}
    Principal.objects.filter(subject="ada").delete()
    assert told(grant)[0][2]["principal"].startswith("[-removed, number")


def test_what_differs_far_inside_a_long_text_is_shown() -> None:
    schema = {"type": "object", "description": "x" * 5000, "title": "before"}
    tool = ToolFactory(input_schema=schema)
    tool.input_schema = {**schema, "title": "after"}
    tool.save()
    tool.history.filter(history_type="~").update(history_change_reason="another act")
    shown = told(tool)[0][2]["input schema"]
    assert "[-before-][+after+]" in shown
    assert len(shown) < 1000


def test_a_long_history_goes_page_by_page_and_loses_nothing() -> None:
    tool = ToolFactory(risk="LOW")
    for number in range(2 * ROWS):
        tool.name = f"name-{number}"
        tool.save()
        row = tool.history.first()
        row.history_change_reason = f"change {number}"
        row.save()
    first = history_of(tool, None)
    assert len(first.entries) == ROWS
    second = history_of(tool, first.older)
    third = history_of(tool, second.older)
    reasons = [entry.why for page in (first, second, third) for entry in page.entries]
    assert reasons == [f"change {number}" for number in reversed(range(2 * ROWS))] + [""]
    assert third.older is None
    assert not third.entries or third.entries[-1].made


def test_the_page_is_for_whoever_may_look_and_only_looks() -> None:
    server = ServerFactory(id="files", title="<b>bold</b>")
    viewer, url = signed_in(VIEWER), "/admin/inventory/server/files/history/"
    page = viewer.get(url)
    assert "title <b>bold</b>" in text(page)
    assert "<b>bold" not in page.content.decode()
    assert viewer.get("/admin/inventory/server/gone/history/").status_code == 404
    assert viewer.get(f"{url}?before=x%00").status_code == 200
    assert viewer.get(f"/admin/inventory/server/{server.pk}/change/").content.decode().count("historylink") == 1


def test_the_page_of_a_long_history_takes_few_queries(django_assert_max_num_queries: Any) -> None:
    ada = PrincipalFactory(subject="ada")
    for number in range(ROWS):
        save("principals", subject="ada", issuer="drawbridge", groups=[f"g{number}"])
    viewer = signed_in(VIEWER)
    viewer.get("/admin/principals/principal/")
    with django_assert_max_num_queries(16):
        viewer.get(f"/admin/principals/principal/{ada.pk}/history/")
    assert Tool.objects.count() == 0
