"""The way back: an upstream's response becomes the client's answer, reduced to what this gate passes."""

from typing import Literal

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp import answers
from enforcer.mcp.answers import Answer
from enforcer.mcp.lists import page_result, read_page
from enforcer.mcp.methods import Treatment
from enforcer.mcp.results import call_result, discover_result, initialize_result
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.transaction import Transaction
from enforcer.policy.access import visible_tools

Status = Literal["success", "error", "timeout"]
Told = tuple[Answer, Status, str]


def answer_of(gate: Gate, tx: Transaction, response: JsonObject | None, session_id: str | None) -> Told:
    """(answer, status and detail of the outcome)."""
    assert tx.admitted is not None
    if tx.admitted.kind == "notification":
        return answers.accepted(), "success", ""
    if response is None:
        return _invalid(tx)
    error = response.get("error")
    if isinstance(error, dict):
        return answers.upstream_error(tx.admitted, error.get("code"), tx.receipt_id), "error", "upstream_error"
    result = response.get("result")
    body = _reduced(gate, tx, result, session_id) if isinstance(result, dict) else None
    if body is None:
        return _invalid(tx)
    return _whole(tx, body), "success", "isError" if body.get("isError") is True else ""


def _whole(tx: Transaction, body: JsonObject) -> Answer:
    assert tx.admitted is not None
    if tx.opening is not None:
        return answers.opened(tx.admitted, body, tx.opening.id)
    return answers.result(tx.admitted, body)


def _reduced(gate: Gate, tx: Transaction, result: JsonObject, session_id: str | None) -> JsonObject | None:
    assert tx.admitted is not None
    match tx.admitted.treatment:
        case Treatment.CALL:
            return call_result(result, tx.admitted.era)
        case Treatment.LIST:
            return _list(gate, tx, result)
        case Treatment.DISCOVER:
            return discover_result(result)
        case Treatment.OPEN:
            return _open(gate, tx, result, session_id)
        case _:
            return None


def _list(gate: Gate, tx: Transaction, result: JsonObject) -> JsonObject | None:
    assert tx.admitted is not None
    policy = gate.link.current(tx.server_id)
    page = read_page(result)
    if page is None or policy is None:
        return None
    cursor = None
    if page.next_cursor is not None:
        cursor = gate.cursors.wrap(page.next_cursor, tx.principal, tx.server_id, "tools/list")
        if cursor is None:
            return None
    age, names = gate.link.lease_age(tx.server_id), [str(tool["name"]) for tool in page.tools]
    visible = visible_tools(policy.index, policy.incident, tx.call.caller, tx.enforcer_id, age, gate.wall(), names)
    catalog = gate.catalog(tx.server_id)
    return page_result(
        page,
        tx.admitted.era,
        visible=visible,
        genuine=lambda definition: catalog.shows(policy.index, definition),
        wrapped_cursor=cursor,
    )


def _open(gate: Gate, tx: Transaction, result: JsonObject, session_id: str | None) -> JsonObject | None:
    opened = initialize_result(result)
    if opened is None or tx.opening is None:
        return None
    gate.sessions.established(tx.opening, protocol_version=opened.protocol_version, upstream_session_id=session_id)
    return opened.result


def _invalid(tx: Transaction) -> Told:
    assert tx.admitted is not None
    return answers.failed(tx.admitted, "invalid", tx.receipt_id), "error", "upstream_invalid"
