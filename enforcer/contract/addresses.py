"""Which addresses may be connected (CONTRACTS section 5, Fetches). Pure.

Public ones, and the networks that an operator allows; plain http to loopback alone.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from urllib.parse import urlsplit

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
