"""Addresses that a person writes for an enforcer: what its file would refuse is told before anything is made."""

from urllib.parse import urlsplit

from controlplane.config.environment import is_loopback


def url_problem(url: str, example: str) -> str:
    """What is wrong with the URL of a server or gate; empty where nothing is."""
    try:
        parts = urlsplit(url)
        whole = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        whole = False
    if not whole or parts.username or parts.query or parts.fragment:
        return f"is no URL; write {example} or https://…, nothing secret in it"
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        return "is plaintext beyond this machine; write https://…"
    return ""


def listen_problem(given: str, *, exposed: bool) -> str:
    """What is wrong with an address to listen on; beyond loopback it has to be `exposed` on purpose, with TLS."""
    host, colon, port = given.rpartition(":")
    if not colon or not host or not (port.isascii() and port.isdigit()) or not 1 <= int(port) <= 65535:
        return f"{given!r} is no address; write HOST:PORT"
    if not exposed and not is_loopback(host.strip("[]")):
        return (
            f"{given} would be plaintext beyond this machine; add --tls CERT KEY, or write 127.0.0.1:PORT and add "
            "tls_ends_in_front to the file"
        )
    return ""
