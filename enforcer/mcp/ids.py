"""Ids of our own making: what a client chose never reaches an upstream, and the other way round."""

import secrets


def new_request_id() -> str:
    """For one message to an upstream; unique in the fleet."""
    return "d-" + secrets.token_hex(12)


def new_session_id() -> str:
    """192 random bits in visible ASCII (MCP_WIRE section 2.5 asks for 128)."""
    return secrets.token_urlsafe(24)
