"""A gate of real stages over a link, a journal and a server that do what a test says."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import msgspec

from enforcer.config import Config
from enforcer.contract.incident import Incident
from enforcer.contract.snapshot import Limits, Snapshot
from enforcer.contract.strict_json import JsonObject
from enforcer.link.state import Applied
from enforcer.mcp.admitted import Admitted
from enforcer.mcp.methods import Treatment
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.sessions import Sessions
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.metrics import Metrics
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.inflight import Flights
from enforcer.pipeline.transaction import Transaction
from enforcer.policy.call import Caller
from enforcer.policy.index import Index, build_index
from tests.vectors.make import a_snapshot

NOW = 1_795_500_000.0  # before the snapshot of the vectors expires
SCHEMA: JsonObject = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
Answers = Callable[[UpstreamRequest], AsyncIterator[JsonObject]]


@dataclass
class FakeLink:
    """`current` and `lease_age` as set."""

    applied: Applied | None
    age: float | None = 0.5

    def current(self, _server_id: str) -> Applied | None:
        return self.applied

    def lease_age(self, _server_id: str) -> float | None:
        return self.age if self.applied else None

    def beat(self) -> None:
        """Nobody listens."""


@dataclass
class FakeJournal:
    """Keeps what it is given, in order; `check` may raise."""

    check: Callable[[JsonObject], None] = lambda _receipt: None
    intents: list[JsonObject] = field(default_factory=list)
    receipts: list[JsonObject] = field(default_factory=list)

    async def intend(self, draft: JsonObject) -> None:
        self.check(draft)
        self.intents.append(draft)

    async def record(self, receipt: JsonObject) -> None:
        self.check(receipt)
        self.receipts.append(receipt)


@dataclass
class FakeServer:
    """A server and its transport in one: plays `answers` and remembers what came."""

    answers: Answers
    seen: list[UpstreamRequest] = field(default_factory=list)
    fs_policy: str = "none"
    net_policy: str = "none"

    async def upstream(self, _snapshot: Snapshot) -> "FakeServer":
        return self

    def release(self, _owner: str) -> None:
        """Nothing was kept."""

    @asynccontextmanager
    async def exchange(self, request: UpstreamRequest) -> AsyncIterator["FakeExchange"]:
        self.seen.append(request)
        yield FakeExchange(self.answers(request))


@dataclass
class FakeExchange:
    messages: AsyncIterator[JsonObject]
    session_id: str | None = None
    status: int = 200

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self.messages


async def a_tool_list(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    """The tool of the vectors, to whatever was asked."""
    tool: JsonObject = {"name": "fs_read", "description": "Reads.", "inputSchema": SCHEMA}
    yield {"jsonrpc": "2.0", "id": request.message["id"], "result": {"tools": [tool]}}


def applied(**limits: object) -> Applied:
    """The vectors' snapshot in force, nothing killed."""
    snapshot = a_snapshot()
    server = msgspec.structs.replace(snapshot.server, limits=msgspec.structs.replace(Limits(), **limits))
    server = msgspec.structs.replace(server, workspace="/nowhere/files")
    index = build_index(msgspec.structs.replace(snapshot, server=server))
    assert isinstance(index, Index), index
    incident = Incident(schema=1, generation=1, issued_at=snapshot.issued_at, server_id="files", epoch=1)
    return Applied(index, incident, cast("Any", None), NOW, cast("Any", None))


@dataclass
class Bench:
    """The gate and its fakes."""

    answers: Answers = a_tool_list
    limits: dict[str, object] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.link, self.journal = FakeLink(applied(**self.limits)), FakeJournal()
        self.server = FakeServer(self.answers)
        file = cast("Any", type("File", (), {"denials": "error", "public_url": "http://gate"}))
        self.gate = Gate(
            config=cast("Config", type("Config", (), {"enforcer_id": "probe", "file": file, "redact": ()})),
            link=cast("Any", self.link),
            journal=cast("Any", self.journal),
            servers={"files": cast("Any", self.server)},
            sessions=Sessions(on_end=lambda _session: None),
            hmac_keys={},
            allowed_hosts=("gate",),
            allowed_origins=(),
            metrics=Metrics(),
            flights=Flights(),
            wall=lambda: NOW,
        )

    def call(self, arguments: JsonObject | None = None) -> Transaction:
        """alice calls fs_read: admitted, not decided yet."""
        params: JsonObject = {"name": "fs_read", "arguments": arguments or {"path": "a"}}
        tx = Transaction("probe", "files", HttpRequest("POST", "/mcp", b"", (), b"{}"), "r1", "0" * 32, NOW)
        tx.caller, tx.policy = Caller("alice", "drawbridge"), self.link.applied
        tx.admitted = Admitted("modern", "2026-07-28", "request", Treatment.CALL, "tools/call", 1, params)
        return tx
