"""An upstream behind a URL: Streamable HTTP of both eras, on aiohttp (MCP_WIRE sections 2 and 3).

One session and one TLS context for the life of the upstream. No redirect, cookie, proxy of the environment,
decompression or retry; every header written here or by the caller.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import urlsplit

import aiohttp

from enforcer.contract.addresses import rules_for, url_problem
from enforcer.contract.strict_json import JsonObject
from enforcer.errors import ConfigurationError
from enforcer.fetch import GuardedResolver
from enforcer.mcp.upstream.base import UpstreamFailure, UpstreamRequest
from enforcer.mcp.upstream.http_exchange import HttpExchange
from enforcer.mcp.upstream.shape import encode

_CONNECT_S = 3.0
# Shorter than servers keep an idle connection (uvicorn: 5 s): a call must not meet a connection that is just closing.
_KEEPALIVE_S = 4.0
_CONNECTIONS = 256
_MAX_HEADER_BYTES = 16_384
_NEVER_FROM_CALLER = frozenset({"host", "content-length", "content-type", "transfer-encoding", "connection", "cookie"})


class HttpUpstream:
    """One MCP server behind one fixed URL. Use it in one event loop."""

    def __init__(self, url: str, *, fetch_allow: Sequence[IPv4Network | IPv6Network] = ()) -> None:
        self._rules = rules_for(url, fetch_allow)
        problem = url_problem(url, self._rules)
        if problem:
            raise ConfigurationError(f"upstream url {problem}")
        self._url = url
        self._tls = ssl.create_default_context() if urlsplit(url).scheme == "https" else None
        self._session: aiohttp.ClientSession | None = None
        self._closed = False

    @asynccontextmanager
    async def exchange(self, request: UpstreamRequest) -> AsyncIterator[HttpExchange]:
        """As `Upstream.exchange`; leaving early closes the connection, which is the cancel of the modern era."""
        headers = _headers(request)
        loop = asyncio.get_running_loop()
        deadline = None if request.timeout_s is None else loop.time() + request.timeout_s
        response = await self._ask("POST", encode(request.message), headers, deadline)
        exchange = HttpExchange(response, request, deadline)
        try:
            yield exchange
            await exchange.drain()
        finally:
            response.close()

    @asynccontextmanager
    async def session_stream(self, request: UpstreamRequest) -> AsyncIterator[AsyncIterator[JsonObject]]:
        """The GET stream of the handshake era; of `request` only session and bounds count, its message is not sent.

        It has no deadline: some servers send the head of the answer with their first event alone.
        """
        headers = {**_headers(request), "Accept": "text/event-stream"}
        del headers["Content-Type"]
        response = await self._ask("GET", None, headers, None)
        try:
            yield HttpExchange(response, request, None).heard()
        finally:
            response.close()

    async def _ask(
        self, method: str, body: bytes | None, headers: dict[str, str], deadline: float | None
    ) -> aiohttp.ClientResponse:
        with _failures():
            async with asyncio.timeout_at(deadline):
                client = self._client()
                return await client.request(method, self._url, data=body, headers=headers, allow_redirects=False)

    def _client(self) -> aiohttp.ClientSession:
        if self._closed:
            raise UpstreamFailure("unavailable", "the gate is shutting down", sent=False)
        if self._session is None:
            self._session = self._new_session()
        return self._session

    def _new_session(self) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            resolver=GuardedResolver(self._rules),
            use_dns_cache=False,
            ssl=self._tls or True,
            limit=_CONNECTIONS,
            keepalive_timeout=_KEEPALIVE_S,
        )
        return aiohttp.ClientSession(
            connector=connector,
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_S),
            trust_env=False,
            auto_decompress=False,
            skip_auto_headers=("User-Agent",),
            max_line_size=_MAX_HEADER_BYTES,
            max_field_size=_MAX_HEADER_BYTES,
        )

    def release(self, owner: str) -> None:
        """Nothing is kept per owner: sessions of the upstream end by its own idle rule."""

    async def close(self) -> None:
        """Close every connection."""
        self._closed = True
        if self._session is not None:
            await self._session.close()


def _headers(request: UpstreamRequest) -> dict[str, str]:
    """All headers of one request, made from nothing; a value that could break the framing is not sent at all."""
    headers = {
        "Content-Type": "application/json",
        "Accept": "application/json, text/event-stream",
        "Accept-Encoding": "identity",
        "MCP-Protocol-Version": request.protocol_version,
    }
    if request.session_id is not None:
        headers["Mcp-Session-Id"] = request.session_id
    taken = {name.lower() for name in headers} | _NEVER_FROM_CALLER
    for name, value in request.headers:
        # The name alone goes into the log: a value may be a credential.
        if name.lower() in taken or not (value.isascii() and (value.isprintable() or value == "")):
            raise UpstreamFailure("invalid", f"header {name!r} is doubled, reserved or can't be written", sent=False)
        taken.add(name.lower())
        headers[name] = value
    return headers


@contextmanager
def _failures() -> Iterator[None]:
    """What can go wrong until the head of the answer is there."""
    try:
        yield
    except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.InvalidURL) as error:
        raise UpstreamFailure("unavailable", f"can't connect: {type(error).__name__}", sent=False) from error
    except TimeoutError:
        raise UpstreamFailure("timeout", "no answer in time") from None
    except aiohttp.ClientResponseError as error:
        raise UpstreamFailure("invalid", f"not HTTP: {type(error).__name__}") from error
    except aiohttp.ClientError as error:
        raise UpstreamFailure("unavailable", f"connection broken: {type(error).__name__}") from error
