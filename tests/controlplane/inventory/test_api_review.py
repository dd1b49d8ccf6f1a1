"""Reviews over the API: what is shown, and that only what was looked at is approved."""

from typing import Any

import pytest
from django.utils import timezone

from controlplane.common.actor import Right
from controlplane.inventory.models import Tool
from controlplane.receipts.models import Receipt
from enforcer.contract.canonical import canonical
from enforcer.contract.definition import definition_hash
from enforcer.contract.strict_json import JsonObject, parse_object
from tests.controlplane.api.asking import Asker, asker, problem
from tests.controlplane.factories import ServerFactory, ToolFactory

pytestmark = pytest.mark.django_db
SCHEMA: JsonObject = {"type": "object", "properties": {"path": {"type": "string", "maxLength": 10}}}
WIDER: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}, "all": {"type": "boolean"}}}
WHICH = {"server": "files", "name": "fs_read"}


def defined(tool: Tool, schema: JsonObject, text: str) -> str:
    definition: JsonObject = {"name": "fs_read", "description": text, "inputSchema": schema}
    body, at = canonical(definition).decode(), timezone.now()
    tool.definitions.create(
        hash=definition_hash(definition), body=body, size=len(body), enforcer_id="gate", first_seen_at=at
    )
    return definition_hash(definition)


@pytest.fixture
def tool() -> Tool:
    """One that was approved and is another one now."""
    made = ToolFactory(
        server=ServerFactory(id="files", workspace="/srv"),
        name="fs_read",
        declared=False,
        state="changed",
        risk="LOW",
        input_schema=SCHEMA,
    )
    assert isinstance(made, Tool)
    made.pin, made.seen = defined(made, SCHEMA, "Reads."), defined(made, WIDER, "Deletes\u202e everything.")
    made.save()
    return made


@pytest.fixture
def editor() -> Asker:
    return asker(Right.EDIT_POLICY, Right.VIEW)


def shown(who: Asker) -> dict[str, Any]:
    answer = who.get("/tool-reviews/files/fs_read")
    assert answer.status_code == 200
    found: dict[str, Any] = answer.json()
    return found


def test_a_review_shows_both_definitions_and_what_got_wider(tool: Tool, editor: Asker) -> None:
    page = shown(editor)
    assert (page["state"], page["risk"], page["problem"]) == ("changed", "LOW", "")
    assert (page["approved"]["description"], page["live"]["inputSchema"]) == ("Reads.", WIDER)
    reach = {line["place"]: line["reach"] for line in page["differences"]}
    assert reach["inputSchema.properties.path.maxLength"] == "wider"
    assert reach["inputSchema.properties.all"] == "wider"
    assert reach["description"] == "neither"
    assert any("can't be seen" in remark for remark in page["remarks"])
    assert tool.state == "changed"


def test_what_was_looked_at_is_approved_at_the_reviewers_risk(tool: Tool, editor: Asker) -> None:
    body = {**WHICH, "seen": shown(editor)["seen"], "risk": "HIGH", "reason": "OPS-12"}
    answer = editor.post("/tool-reviews/approve", body)
    assert (answer.status_code, len(answer.json()["change_ids"])) == (200, 1)
    tool.refresh_from_db()
    assert (tool.state, tool.risk, tool.pin, tool.input_schema) == ("reviewed", "HIGH", tool.seen, WIDER)
    receipt = parse_object(bytes(Receipt.objects.latest("sequence").line))
    assert receipt["detail"] == {"tools": ["files/fs_read"], "tool_count": 1, "reason": "OPS-12"}
    assert shown(editor)["differences"] == []


def test_a_tool_that_became_another_one_since_stays_held(tool: Tool, editor: Asker) -> None:
    seen = shown(editor)["seen"]
    Tool.objects.update(seen=defined(tool, WIDER, "Mails everything."))
    answer = editor.post("/tool-reviews/approve", {**WHICH, "seen": seen})
    assert (answer.status_code, problem(answer)["code"]) == (422, "changed_since")
    tool.refresh_from_db()
    assert tool.state == "changed"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (WHICH, "/seen"),
        ({**WHICH, "seen": "x", "risk": "NONE"}, "/risk"),
        ({**WHICH, "seen": "x", "all": True}, "/all"),
        ({"server": "files", "seen": "x"}, "/name"),
    ],
)
def test_a_wrong_body_is_told_at_its_place(tool: Tool, editor: Asker, body: dict[str, Any], pointer: str) -> None:
    answer = editor.post("/tool-reviews/approve", body)
    assert (answer.status_code, tool.state) == (422, "changed")
    assert pointer in [error["pointer"] for error in problem(answer)["errors"]]


def test_a_quarantine_begins_and_ends_and_ends_in_a_review(tool: Tool, editor: Asker) -> None:
    for act, state in (("quarantine", "quarantined"), ("end-quarantine", "unreviewed")):
        assert len(editor.post(f"/tool-reviews/{act}", WHICH).json()["change_ids"]) == 1
        tool.refresh_from_db()
        assert tool.state == state
        assert editor.post(f"/tool-reviews/{act}", WHICH).json()["change_ids"] == []


def test_what_is_not_there_is_said_to_be_so(editor: Asker) -> None:
    assert editor.get("/tool-reviews/files/fs_read").status_code == 404
    answer = editor.post("/tool-reviews/quarantine", WHICH)
    assert (answer.status_code, problem(answer)["code"]) == (422, "not_there")
