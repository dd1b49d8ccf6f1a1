"""Which addresses the enforcer connects to (CONTRACTS section 5, Fetches).

Public ones, and the networks that the operator's file allows; plain http to loopback alone. A name is resolved once and
the checked address is the one connected, so a second answer of the name server changes nothing.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

from aiohttp import ClientResponse
from aiohttp.abc import AbstractResolver, ResolveResult

Address = IPv4Address | IPv6Address
_NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class AddressRules:
    """`allow`: networks besides the public ones; `loopback_only` for plain http."""

    allow: tuple[IPv4Network | IPv6Network, ...] = ()
    loopback_only: bool = False

    def permits(self, text: str) -> bool:
        """True if this address may be connected; False for anything that is no address."""
        try:
            address = _effective(ipaddress.ip_address(text.partition("%")[0]))
        except ValueError:
            return False
        if self.loopback_only and not address.is_loopback:
            return False
        return any(address in network for network in self.allow) or _is_public(address)


def _effective(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for, where it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in _NAT64:
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _is_public(address: Address) -> bool:
    teredo = isinstance(address, IPv6Address) and address.teredo is not None
    return address.is_global and not address.is_multicast and not address.is_reserved and not teredo


async def bounded_body(response: ClientResponse, most: int) -> bytes | None:
    """The whole body; none where it has more bytes than that."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


def url_problem(url: str, rules: AddressRules) -> str | None:
    """What is wrong with a URL of the operator's file, before anything is resolved; None if nothing is."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "is not a URL"
    if parts.scheme not in ("http", "https") or not host or port == 0:
        return "is not an http or https URL"
    if parts.username is not None or parts.password is not None or parts.fragment:
        return "must hold neither a user nor a fragment"
    if _is_literal(host) and not rules.permits(host):
        return "names an address that is neither public nor in fetch_allow (plain http: loopback only)"
    return None


def rules_for(url: str, allow: Sequence[IPv4Network | IPv6Network]) -> AddressRules:
    """The rules for `url`: plain http reaches loopback only."""
    return AddressRules(tuple(allow), loopback_only=not url.lower().startswith("https:"))


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class GuardedResolver(AbstractResolver):
    """Resolves for aiohttp and drops every address that the rules don't permit; with none left it raises `OSError`."""

    def __init__(self, rules: AddressRules) -> None:
        self._rules = rules

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The permitted addresses of `host`."""
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM)
        permitted = [entry for entry in found if self._rules.permits(str(entry[4][0]))]
        if not permitted:
            raise OSError(None, f"{host!r} has no address that is public or in fetch_allow")
        return [_result(host, entry[0], entry[2], str(entry[4][0]), port) for entry in permitted]

    async def close(self) -> None:
        """Nothing is held."""


def _result(host: str, family: int, proto: int, address: str, port: int) -> ResolveResult:
    flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
    return ResolveResult(hostname=host, host=address, port=port, family=family, proto=proto, flags=flags)
