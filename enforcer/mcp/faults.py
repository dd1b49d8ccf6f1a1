"""What is wrong with a request, and how the protocol says so. Nothing else knows a JSON-RPC code or an HTTP status.

Sources: MCP_WIRE sections 2.1, 3, 7 and 8; CONTRACTS section 4.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from enforcer.contract.reasons import ReasonCode
from enforcer.contract.strict_json import JsonValue

RequestId = str | int


class Fault(StrEnum):
    """Why a request was refused before anybody asked the policy."""

    HOST = "host"
    ORIGIN = "origin"
    HTTP_METHOD = "http_method"
    ACCEPT = "accept"
    MEDIA_TYPE = "media_type"
    FRAMING = "framing"
    TOO_LARGE = "too_large"
    TOO_DEEP = "too_deep"
    NOT_JSON = "not_json"
    NOT_A_MESSAGE = "not_a_message"
    NO_SESSION = "no_session"
    HEADER_MISMATCH = "header_mismatch"
    VERSION = "version"
    PARAMS = "params"
    UNKNOWN_METHOD = "unknown_method"
    UNKNOWN_METHOD_LEGACY = "unknown_method_legacy"


class Fit(NamedTuple):
    """HTTP status and JSON-RPC code."""

    status: int
    code: int


POLICY = Fit(200, -32003)
AUTHENTICATION = Fit(401, -32001)
UPSTREAM = Fit(200, -32603)
INTERNAL = Fit(200, -32603)

FITS: Mapping[Fault, tuple[Fit, ReasonCode]] = {
    Fault.HOST: (Fit(421, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.ORIGIN: (Fit(403, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.HTTP_METHOD: (Fit(405, -32600), ReasonCode.DENY_METHOD_NOT_ALLOWED),
    Fault.ACCEPT: (Fit(406, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.MEDIA_TYPE: (Fit(415, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.FRAMING: (Fit(400, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.TOO_LARGE: (Fit(413, -32600), ReasonCode.DENY_PAYLOAD_TOO_LARGE),
    Fault.TOO_DEEP: (Fit(400, -32600), ReasonCode.DENY_PAYLOAD_TOO_LARGE),
    Fault.NOT_JSON: (Fit(400, -32700), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.NOT_A_MESSAGE: (Fit(400, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.NO_SESSION: (Fit(404, -32600), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.HEADER_MISMATCH: (Fit(400, -32020), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.VERSION: (Fit(400, -32022), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.PARAMS: (Fit(400, -32602), ReasonCode.DENY_MALFORMED_REQUEST),
    Fault.UNKNOWN_METHOD: (Fit(404, -32601), ReasonCode.DENY_METHOD_NOT_ALLOWED),
    # 404 would tell a handshake client that its session is gone
    Fault.UNKNOWN_METHOD_LEGACY: (Fit(200, -32601), ReasonCode.DENY_METHOD_NOT_ALLOWED),
}

# Codes of an upstream's error that a client may act on, with their HTTP status in the modern era.
UPSTREAM_CODES: Mapping[int, int] = {-32600: 400, -32601: 404, -32602: 400}


@dataclass(frozen=True, slots=True)
class Refusal:
    """A request that goes no further. `sentence` is ours alone and holds nothing of the request but names."""

    fault: Fault
    sentence: str
    id: RequestId | None = None
    method: str | None = None
    data: Mapping[str, JsonValue] = field(default_factory=dict)
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def fit(self) -> Fit:
        """Status and code."""
        return FITS[self.fault][0]

    @property
    def reasons(self) -> tuple[ReasonCode, ...]:
        """For receipt and caller alike."""
        return (FITS[self.fault][1],)
