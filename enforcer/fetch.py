"""How the enforcer connects to what `enforcer.contract.addresses` permits: a name is resolved once, and the checked
address is the one connected, so a second answer of the name server changes nothing."""

import asyncio
import socket

from aiohttp import ClientResponse
from aiohttp.abc import AbstractResolver, ResolveResult

from enforcer.contract.addresses import AddressRules


async def bounded_body(response: ClientResponse, most: int) -> bytes | None:
    """The whole body; none where it has more bytes than that."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        body += chunk
        if len(body) > most:
            return None
    return bytes(body)


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
