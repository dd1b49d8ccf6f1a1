"""Reason codes: the one table from which API, pages and wire take a sentence for a person and a remedy."""

from enum import StrEnum
from typing import NamedTuple


class ReasonCode(StrEnum):
    """Why a call was allowed, refused or held, how its token was handled, or which incident was active."""

    ALLOW_POLICY_MATCH = "ALLOW_POLICY_MATCH"
    DENY_NO_AUTHN = "DENY_NO_AUTHN"
    DENY_INVALID_TOKEN = "DENY_INVALID_TOKEN"  # noqa: S105 - a name, not a secret
    DENY_NO_PERMISSION = "DENY_NO_PERMISSION"
    DENY_TOOL_NOT_FOUND = "DENY_TOOL_NOT_FOUND"
    DENY_NO_MATCHING_RULE = "DENY_NO_MATCHING_RULE"
    DENY_UNKNOWN_FIELDS = "DENY_UNKNOWN_FIELDS"
    DENY_PAYLOAD_TOO_LARGE = "DENY_PAYLOAD_TOO_LARGE"
    DENY_PATH_TRAVERSAL = "DENY_PATH_TRAVERSAL"
    DENY_RATE_LIMIT = "DENY_RATE_LIMIT"
    DENY_KILL_SWITCH = "DENY_KILL_SWITCH"
    DENY_PASSTHROUGH_BLOCKED = "DENY_PASSTHROUGH_BLOCKED"
    DENY_OAUTH_REDIRECT_INVALID = "DENY_OAUTH_REDIRECT_INVALID"
    DENY_OAUTH_CLIENT_UNAPPROVED = "DENY_OAUTH_CLIENT_UNAPPROVED"
    REQUIRE_APPROVAL = "REQUIRE_APPROVAL"
    TOKEN_EXCHANGED = "TOKEN_EXCHANGED"  # noqa: S105
    TOKEN_FROM_VAULT = "TOKEN_FROM_VAULT"  # noqa: S105
    TOKEN_NONE = "TOKEN_NONE"  # noqa: S105
    TOKEN_PASSTHROUGH_BLOCKED = "TOKEN_PASSTHROUGH_BLOCKED"  # noqa: S105
    INCIDENT_KILL_SWITCH_ACTIVE = "INCIDENT_KILL_SWITCH_ACTIVE"
    INCIDENT_SESSION_QUARANTINED = "INCIDENT_SESSION_QUARANTINED"
    INCIDENT_TOKENS_REVOKED = "INCIDENT_TOKENS_REVOKED"
    DENY_INVALID_ARGUMENTS = "DENY_INVALID_ARGUMENTS"
    DENY_ARGUMENT_CONSTRAINT = "DENY_ARGUMENT_CONSTRAINT"
    DENY_EGRESS_BLOCKED = "DENY_EGRESS_BLOCKED"
    DENY_TOOL_UNREVIEWED = "DENY_TOOL_UNREVIEWED"
    DENY_TOOL_CHANGED = "DENY_TOOL_CHANGED"
    DENY_METHOD_NOT_ALLOWED = "DENY_METHOD_NOT_ALLOWED"
    DENY_MALFORMED_REQUEST = "DENY_MALFORMED_REQUEST"
    DENY_POLICY_UNAVAILABLE = "DENY_POLICY_UNAVAILABLE"
    DENY_POLICY_STALE = "DENY_POLICY_STALE"
    DENY_AUDIT_UNAVAILABLE = "DENY_AUDIT_UNAVAILABLE"
    DENY_CREDENTIAL_UNAVAILABLE = "DENY_CREDENTIAL_UNAVAILABLE"
    DENY_PERMIT_INVALID = "DENY_PERMIT_INVALID"
    DENY_PERMIT_EXPIRED = "DENY_PERMIT_EXPIRED"
    DENY_PERMIT_REPLAYED = "DENY_PERMIT_REPLAYED"
    DENY_INTERNAL_ERROR = "DENY_INTERNAL_ERROR"


class Explanation(NamedTuple):
    """One sentence for the person who was refused, and what can be done."""

    message: str
    remedy: str


_ASK_OWNER = "Ask the security team for a grant; quote the receipt id."
_RETRY_LATER = "Try again in a moment; if it stays, tell the people who run the gate."
_R = ReasonCode

EXPLANATIONS: dict[ReasonCode, Explanation] = {
    _R.ALLOW_POLICY_MATCH: Explanation("A grant allows this call.", "Nothing to do."),
    _R.DENY_NO_AUTHN: Explanation(
        "The request carries no token that this gate accepts.",
        "Send `Authorization: Bearer` with a token for this server.",
    ),
    _R.DENY_INVALID_TOKEN: Explanation(
        "The token is malformed, expired, meant for another server or signed by nobody this gate trusts.",
        "Get a new token for this server and try again.",
    ),
    _R.DENY_NO_PERMISSION: Explanation("A deny grant forbids this call.", _ASK_OWNER),
    _R.DENY_TOOL_NOT_FOUND: Explanation("This server has no such tool.", "List the tools and check the exact name."),
    _R.DENY_NO_MATCHING_RULE: Explanation("No grant allows you to call this tool.", _ASK_OWNER),
    _R.DENY_UNKNOWN_FIELDS: Explanation(
        "The arguments have a field that the tool does not declare.", "Send only the fields of the tool's input schema."
    ),
    _R.DENY_PAYLOAD_TOO_LARGE: Explanation(
        "The request is larger or deeper than this server accepts.", "Send less at once."
    ),
    _R.DENY_PATH_TRAVERSAL: Explanation(
        "A path argument leaves the workspace, or can be read so that it does.",
        "Use a plain path inside the workspace.",
    ),
    _R.DENY_RATE_LIMIT: Explanation("The rate of this grant is used up.", "Wait and try again."),
    _R.DENY_KILL_SWITCH: Explanation(
        "This has been switched off by the security team.",
        "Wait until the switch is lowered, or ask the incident responder.",
    ),
    _R.DENY_PASSTHROUGH_BLOCKED: Explanation(
        "Nobody chose which credential this server gets, and a client's own token is never passed on.",
        "Ask the platform team to choose a credential for this server.",
    ),
    _R.DENY_OAUTH_REDIRECT_INVALID: Explanation(
        "The redirect URI is not one that was approved for this client.",
        "Register the exact redirect URI and have it approved.",
    ),
    _R.DENY_OAUTH_CLIENT_UNAPPROVED: Explanation(
        "This OAuth client has not been approved.", "Ask the security team to approve the client."
    ),
    _R.REQUIRE_APPROVAL: Explanation(
        "The risk of this call is above what may happen without a person's approval.",
        "Ask an approver; once it is approved, send the same call again.",
    ),
    _R.TOKEN_EXCHANGED: Explanation("The upstream got an exchanged token of its own audience.", "Nothing to do."),
    _R.TOKEN_FROM_VAULT: Explanation("The upstream got its credential from the vault.", "Nothing to do."),
    _R.TOKEN_NONE: Explanation("The upstream needs no credential and got none.", "Nothing to do."),
    _R.TOKEN_PASSTHROUGH_BLOCKED: Explanation("A client's token was kept from the upstream.", "Nothing to do."),
    _R.INCIDENT_KILL_SWITCH_ACTIVE: Explanation("A kill switch is raised.", "Ask the incident responder."),
    _R.INCIDENT_SESSION_QUARANTINED: Explanation(
        "You or your session are quarantined.", "Ask the incident responder; quote the receipt id."
    ),
    _R.INCIDENT_TOKENS_REVOKED: Explanation("Your tokens have been revoked.", "Ask the security team."),
    _R.DENY_INVALID_ARGUMENTS: Explanation(
        "The arguments do not fit the tool's input schema.", "Correct the arguments as the schema says."
    ),
    _R.DENY_ARGUMENT_CONSTRAINT: Explanation(
        "No grant allows the call with these arguments.", "Stay within what the grant allows, or ask for a wider one."
    ),
    _R.DENY_EGRESS_BLOCKED: Explanation(
        "A URL argument names a host that this server may not reach.",
        "Use an allowed host, or ask for this one to be added.",
    ),
    _R.DENY_TOOL_UNREVIEWED: Explanation("Nobody has reviewed this tool yet.", "Ask the security team to review it."),
    _R.DENY_TOOL_CHANGED: Explanation(
        "The tool's definition has changed since it was reviewed.", "Ask the security team to review the change."
    ),
    _R.DENY_METHOD_NOT_ALLOWED: Explanation(
        "This gate does not pass this method.", "Use the methods of the protocol revision that this gate offers."
    ),
    _R.DENY_MALFORMED_REQUEST: Explanation(
        "The request is not well-formed, or can be read in two ways.",
        "Send one strict JSON-RPC 2.0 message with matching headers.",
    ),
    _R.DENY_POLICY_UNAVAILABLE: Explanation("The gate has no verified policy for this server.", _RETRY_LATER),
    _R.DENY_POLICY_STALE: Explanation(
        "The gate has been without news of the policy for too long for this risk.", _RETRY_LATER
    ),
    _R.DENY_AUDIT_UNAVAILABLE: Explanation(
        "The gate can't record calls right now, so it lets none pass.", _RETRY_LATER
    ),
    _R.DENY_CREDENTIAL_UNAVAILABLE: Explanation("The credential for this server can't be had right now.", _RETRY_LATER),
    _R.DENY_PERMIT_INVALID: Explanation("The approval does not fit this call.", "Ask for a new approval."),
    _R.DENY_PERMIT_EXPIRED: Explanation("The approval has expired.", "Ask for a new approval."),
    _R.DENY_PERMIT_REPLAYED: Explanation("The approval has been used already.", "Ask for a new approval."),
    _R.DENY_INTERNAL_ERROR: Explanation("The gate failed while handling this request, so it refused it.", _RETRY_LATER),
}

_MORE_EXACT = (ReasonCode.INCIDENT_SESSION_QUARANTINED, ReasonCode.INCIDENT_TOKENS_REVOKED)


def explanation(reasons: tuple[ReasonCode, ...]) -> Explanation:
    """Of a refusal: the main reason's, or that of the incident which stands behind it."""
    return EXPLANATIONS[next((code for code in reasons if code in _MORE_EXACT), reasons[0])]
