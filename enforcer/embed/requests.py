"""A call of the embedding program as the request that a client would have sent: the same stages read it."""

import json
from urllib.parse import urlsplit

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp.eras import LATEST_MODERN, VERSION_HEADER
from enforcer.mcp.outbound import own_request, upstream_headers
from enforcer.mcp.param_headers import header_params
from enforcer.mcp.requests import HttpRequest

ID = "embedded"


def request(
    method: str, params: JsonObject, *, token: str | None, public_url: str, traceparent: str | None, schema: JsonObject
) -> HttpRequest:
    """What can't be written as JSON goes as an empty body, which the gate refuses and keeps a receipt of.

    `schema`: the input schema of the tool, for the arguments that a client repeats in headers.
    """
    message = own_request("modern", method, upstream_id=ID, params=params)
    try:
        body = json.dumps(message).encode()  # NaN and lone surrogates are written, and refused by who reads them
        named = upstream_headers("modern", message, header_params(schema) or ())
    except (TypeError, ValueError, RecursionError):
        body, named = b"", (("Mcp-Method", method),)
    lines = [
        ("host", urlsplit(public_url).netloc),
        (VERSION_HEADER, LATEST_MODERN),
        ("content-type", "application/json"),
        ("accept", "application/json, text/event-stream"),
        *named,
    ]
    if token is not None:
        lines.append(("authorization", f"Bearer {token}"))
    if traceparent is not None:
        lines.append(("traceparent", traceparent))
    raw = tuple((name.lower().encode(), value.encode("latin-1", "replace")) for name, value in lines)
    return HttpRequest("POST", "/mcp", b"", raw, body)
