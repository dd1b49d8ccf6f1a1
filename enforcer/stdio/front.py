"""Lines in, lines out: requests side by side, everything else in its order."""

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from enforcer.contract.strict_json import JsonValue
from enforcer.mcp.param_headers import HeaderParam, header_params
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.run import handle
from enforcer.stdio.client import LineClient, Write
from enforcer.stdio.requests import Line, Session, read_line, request_of, stream_request

log = logging.getLogger(__name__)
AT_ONCE = 64  # requests; the next line is read when one of them has ended
GRACE_S = 10.0
SESSION = "mcp-session-id"


class Front:
    """One client at one server of the gate. `token` is asked anew for each message."""

    def __init__(self, gate: Gate, server_id: str, token: Callable[[], str | None], write: Write) -> None:
        self._gate, self._server_id, self._token, self._write = gate, server_id, token, write
        self._public_url = gate.config.file.public_url
        self._session: Session | None = None
        self._waiting: dict[tuple[str, JsonValue], LineClient] = {}  # by type and id: 1 and "1" are two
        self._room = asyncio.Semaphore(AT_ONCE)

    async def serve(self, lines: "asyncio.Queue[bytes | None]") -> None:
        """Until the client closes its end; what runs then is ended as if it had left."""
        async with asyncio.TaskGroup() as tasks:
            while (raw := await lines.get()) is not None:
                line = read_line(raw)
                if not line.is_request:
                    await self._notification(line, tasks)
                elif line.message.get("method") == "initialize" and line.era == "legacy":
                    await self._one(line, LineClient(self._write))  # what follows needs the session
                else:
                    await self._room.acquire()
                    tasks.create_task(self._request(line))
            await self._last_ones()
        if self._session is not None:
            await self._bodiless("DELETE", LineClient(self._write))

    async def _last_ones(self) -> None:
        """Whoever wrote requests and closed its end still reads the answers; streams have none."""
        for client in tuple(self._waiting.values()):
            if client.streams:
                client.leave()
        with suppress(TimeoutError):
            async with asyncio.timeout(GRACE_S):
                for _ in range(AT_ONCE):
                    await self._room.acquire()
        for client in tuple(self._waiting.values()):
            client.leave()

    async def _request(self, line: Line) -> None:
        client, key = LineClient(self._write), (type(line.message.get("id")).__name__, line.message.get("id"))
        hashable = isinstance(key[1], str | int)
        if hashable:
            self._waiting[key] = client
        try:
            await self._one(line, client)
        finally:
            if hashable and self._waiting.get(key) is client:
                del self._waiting[key]
            self._room.release()

    async def _notification(self, line: Line, tasks: asyncio.TaskGroup) -> None:
        method, params = line.message.get("method"), line.message.get("params")
        wanted = params.get("requestId") if isinstance(params, dict) else None
        await self._one(line, LineClient(self._write, answered=False))
        if method == "notifications/cancelled" and self._session is None and isinstance(wanted, str | int):
            client = self._waiting.get((type(wanted).__name__, wanted))  # over HTTP it would close the connection
            if client is not None:
                client.leave()
        if method == "notifications/initialized" and self._session is not None:
            client = self._waiting["stream", None] = LineClient(self._write)
            tasks.create_task(self._bodiless("GET", client))

    async def _one(self, line: Line, client: LineClient) -> None:
        request = request_of(
            line,
            token=self._token(),
            public_url=self._public_url,
            session=self._session,
            declared=self._declared(line.tool),
        )
        answer = await handle(self._gate, self._server_id, request, client)
        session_id = next((value for name, value in answer.headers if name.lower() == SESSION), None)
        result = answer.body.get("result") if answer.body else None
        if session_id is not None and isinstance(result, dict):
            self._session = Session(session_id, str(result.get("protocolVersion")))
        await client.answer(answer)

    async def _bodiless(self, method: str, client: LineClient) -> None:
        """A refused stream is no answer to anything that the client asked."""
        assert self._session is not None
        request = stream_request(self._session, method=method, token=self._token(), public_url=self._public_url)
        answer = await handle(self._gate, self._server_id, request, client)
        if answer.status >= 400 or (answer.body and "error" in answer.body):
            log.warning("%s of the session: %s", method, answer.status)

    def _declared(self, tool: str) -> tuple[HeaderParam, ...]:
        policy = self._gate.link.current(self._server_id)
        known = policy.index.tools.get(tool) if policy is not None else None
        found = header_params(known.policy.input_schema) if known is not None else None
        return tuple(found or ())
