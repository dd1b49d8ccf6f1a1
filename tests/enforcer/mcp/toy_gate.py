"""The protocol pieces put together without policy, journal or receipts: enough for a real client."""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import replace
from typing import Any

from enforcer.contract.strict_json import JsonObject
from enforcer.mcp import answers
from enforcer.mcp.admission import Admitted, HttpRequest, Refusal, admit_message, admit_transport
from enforcer.mcp.answers import Answer
from enforcer.mcp.cursors import Cursors
from enforcer.mcp.faults import Fault
from enforcer.mcp.ids import new_request_id
from enforcer.mcp.lists import page_result, read_page
from enforcer.mcp.methods import Treatment
from enforcer.mcp.outbound import outbound, upstream_headers
from enforcer.mcp.param_headers import HeaderParam, header_params
from enforcer.mcp.results import call_result, discover_result, initialize_result
from enforcer.mcp.sessions import Session, Sessions
from enforcer.mcp.upstream.base import Upstream, UpstreamFailure, UpstreamRequest

ADA = ("drawbridge", "ada")


class ToyGate:
    """ASGI. Everybody is ada; all tools but `hidden` are visible. `seen` are the requests as they came."""

    def __init__(self, upstream: Upstream, *, hidden: str = "") -> None:
        self.seen: list[HttpRequest] = []
        self.answered: list[Answer] = []
        self.sessions = Sessions(on_end=lambda session: upstream.release(session.owner))
        self._upstream, self._hidden, self._cursors = upstream, hidden, Cursors()
        self._declared: dict[str, tuple[HeaderParam, ...]] = {}

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[MutableMapping[str, Any]]],
        send: Callable[[MutableMapping[str, Any]], Awaitable[None]],
    ) -> None:
        """One HTTP request."""
        body, more = b"", True
        while more:
            part = await receive()
            body, more = body + part.get("body", b""), part.get("more_body", False)
        request = HttpRequest(scope["method"], scope["path"], scope["query_string"], tuple(scope["headers"]), body)
        self.seen.append(request)
        answer = await self._answer(request)
        self.answered.append(answer)
        headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers]
        headers.append((b"content-type", b"application/json"))
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.encoded()})

    async def _answer(self, request: HttpRequest) -> Answer:
        refusal = admit_transport(request, allowed_hosts={"gate"}, allowed_origins=set())
        if refusal is not None:
            return answers.malformed(refusal, "r1")
        message = admit_message(
            request, sessions=self.sessions, principal=ADA, server_id="time", max_bytes=100_000, now=0.0
        )
        if isinstance(message, Refusal):
            return answers.malformed(message, "r1")
        if message.treatment is Treatment.LOCAL:
            return answers.empty_result(message)
        if message.treatment is Treatment.LISTEN:
            return Answer(405)  # no streams here
        if message.treatment in (Treatment.DROP, Treatment.CANCEL):
            return answers.accepted()
        if message.treatment is Treatment.END:
            assert message.session is not None
            self.sessions.end(message.session)
            return answers.ended()
        try:
            return await self._forward(message)
        except UpstreamFailure as failure:
            return answers.failed(message, failure.kind, "r1")

    async def _forward(self, message: Admitted) -> Answer:
        if message.treatment is Treatment.OPEN:
            return await self._open(message)
        cursor = None
        if isinstance(given := message.params.get("cursor"), str):
            cursor = self._cursors.unwrap(given, ADA, "time", message.method)
            if cursor is None:
                return answers.malformed(message.refuse(Fault.PARAMS, "Not a cursor of yours."), "r1")
        reply, _ = await self._exchange(message, message.session, cursor)
        if reply is None:
            return answers.accepted()
        if "error" in reply:
            error = reply["error"]
            assert isinstance(error, dict)
            return answers.upstream_error(message, error.get("code"), "r1")
        made = self._reduced(message, reply)
        return answers.failed(message, "invalid", "r1") if made is None else answers.result(message, made)

    def _reduced(self, message: Admitted, reply: JsonObject) -> JsonObject | None:
        if message.treatment is Treatment.DISCOVER:
            return discover_result(reply["result"])
        if message.treatment is Treatment.CALL:
            return call_result(reply["result"], message.era)
        page = read_page(reply["result"])
        if page is None:
            return None
        wrapped = None
        if page.next_cursor is not None:
            wrapped = self._cursors.wrap(page.next_cursor, ADA, "time", message.method)
        for tool in page.tools:
            schema = tool.get("inputSchema")
            self._declared[str(tool["name"])] = (header_params(schema) if isinstance(schema, dict) else None) or ()
        names = {str(tool["name"]) for tool in page.tools} - {self._hidden}
        return page_result(page, message.era, visible=names, genuine=lambda _: True, wrapped_cursor=wrapped)

    async def _open(self, message: Admitted) -> Answer:
        session = self.sessions.open(ADA, "time", 0.0)
        reply, upstream_session_id = await self._exchange(message, session, None)
        made = initialize_result((reply or {}).get("result"))
        if made is None:
            self.sessions.end(session)
            return answers.failed(message, "invalid", "r1")
        self.sessions.established(
            session, protocol_version=made.protocol_version, upstream_session_id=upstream_session_id
        )
        return answers.opened(message, made.result, session.id)

    async def _exchange(
        self, message: Admitted, session: Session | None, cursor: str | None
    ) -> tuple[JsonObject | None, str | None]:
        upstream_id = new_request_id() if message.kind == "request" else None
        outgoing = outbound(message, upstream_id=upstream_id, cursor=cursor)
        request = UpstreamRequest(
            outgoing,
            session.owner if session else "ada",
            message.protocol_version,
            20.0,
            1_000_000,
            upstream_headers(message.era, outgoing, self._declared.get(str(message.params.get("name")), ())),
        )
        if session is not None:
            request = replace(request, session_id=session.upstream_session_id)
        async with self._upstream.exchange(request) as exchange:
            messages = [message async for message in exchange]
            return messages[-1] if messages else None, exchange.session_id
