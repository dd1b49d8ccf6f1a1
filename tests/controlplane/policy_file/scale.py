"""A policy of any size, of the shape of a real one: many grants for few people and groups, selectors, denies."""

from enforcer.contract.strict_json import JsonObject, JsonValue

SCHEMA: JsonObject = {
    "type": "object",
    "properties": {"path": {"type": "string"}, "limit": {"type": "integer", "minimum": 1}},
    "required": ["path"],
}
RISKS = ("LOW", "MEDIUM", "HIGH", "CRITICAL")
LEVELS = ("internal", "verified", "community", "unknown")


def large_document(*, servers: int, tools: int, grants: int, principals: int) -> JsonObject:
    """`tools` and `grants` in all, spread over the servers."""
    groups = max(1, principals // 10)
    return {
        "version": 1,
        "groups": [{"name": f"group-{n}"} for n in range(groups)],
        "principals": [_principal(n, groups) for n in range(principals)],
        "servers": [_server(n) for n in range(servers)],
        "tools": [_tool(n, servers) for n in range(tools)],
        "grants": [_grant(n, servers, principals, groups) for n in range(grants)],
        "kill_switches": [{"target": f"tool:server-{n}/tool_*", "reason": "r"} for n in range(0, servers, 10)],
    }


def _principal(n: int, groups: int) -> JsonValue:
    return {"subject": f"agent-{n}", "issuer": "drawbridge", "groups": [f"group-{n % groups}"]}


def _server(n: int) -> JsonValue:
    level, credential = LEVELS[n % 4], {"mode": "none"}
    return {"id": f"server-{n}", "trust_level": level, "credential": credential, "workspace": f"/srv/{n}"}


def _tool(n: int, servers: int) -> JsonValue:
    schema: JsonObject = {**SCHEMA, "title": f"tool {n}"}
    return {"server": f"server-{n % servers}", "name": f"tool_{n // servers}", "risk": RISKS[n % 4],
            "input_schema": schema, "path_arguments": ["/path"]}  # fmt: skip


def _grant(n: int, servers: int, principals: int, groups: int) -> JsonValue:
    """Of a hundred: eighty for a principal, some for a group, four selectors, six denies, ten constraints."""
    who: JsonObject = {"group": f"group-{n % groups}"} if n % 10 == 9 else {"principal": f"agent-{n % principals}"}
    item: JsonObject = {"id": f"grant-{n}", **who}
    if n % 25 == 7:
        return {**item, "trust": LEVELS[n % 4], "risk": RISKS[n // 25 % 4]}
    item |= {"server": f"server-{n * 7 % servers}", "tools": [f"tool_{n % 20}", f"tool_{n % 7}*"]}
    if n % 50 in (3, 21, 40):
        return {**item, "effect": "deny", "tools": ["*"]}
    if n % 10 == 5:
        return {**item, "constraint": {"properties": {"path": {"pattern": f"^reports/{n % 100}/"}}}}
    return {**item, "max_risk": RISKS[n % 4], "reason": f"asked for in review {n}", "ticket": f"OPS-{n}"}
