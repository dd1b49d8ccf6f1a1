"""A gate in this process: real decision and journal, a scripted upstream. For what no real server can be made to do."""

import asyncio
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Mapping, MutableMapping, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any, cast

import msgspec

from enforcer.config import load
from enforcer.contract.fleet import Lease
from enforcer.contract.incident import Incident
from enforcer.contract.keys import SigningKey
from enforcer.contract.levels import Risk
from enforcer.contract.strict_json import JsonObject
from enforcer.identity.tokens import issue_claims, sign_token
from enforcer.journal.journal import Journal
from enforcer.link.clocks import read_clocks
from enforcer.link.link import Link
from enforcer.link.state import Applied
from enforcer.mcp.answers import Answer
from enforcer.mcp.requests import HttpRequest
from enforcer.mcp.sessions import Sessions
from enforcer.mcp.upstream.base import UpstreamRequest
from enforcer.metrics import Metrics
from enforcer.pipeline.client import Client, Receive
from enforcer.pipeline.decide import refused_now
from enforcer.pipeline.gate import Gate
from enforcer.pipeline.inflight import Flights
from enforcer.pipeline.run import handle
from enforcer.pipeline.server import GatedServer
from enforcer.policy.index import Index, build_index
from tests.enforcer.test_config import GOOD
from tests.vectors.make import a_snapshot, documents, key

MODERN = "2026-07-28"
Script = Callable[[UpstreamRequest], AsyncIterator[JsonObject]]


def an_index(**tool: Any) -> Index:
    """The golden snapshot, in force now, with ada instead of alice and `fs_read` LOW, the tool changed so."""
    golden = a_snapshot()
    changed = msgspec.structs.replace(
        golden,
        expires_at="2099-01-01T00:00:00.000Z",
        tools=(msgspec.structs.replace(golden.tools[0], **{"risk": Risk.LOW, "path_arguments": (), **tool}),),
        grants=(golden.grants[0],),
        principals=(msgspec.structs.replace(golden.principals[0], subject="ada", grants=("g1",)),),
    )
    made = build_index(changed)
    assert isinstance(made, Index), made
    return made


def applied(**incident: Any) -> Applied:
    """Policy in force, its incident state changed so."""
    golden, lease = documents()["incident"][1], documents()["lease"][1]
    assert isinstance(golden, Incident)
    assert isinstance(lease, Lease)
    state = msgspec.structs.replace(golden, **{"kill_switches": (), **incident})
    return Applied(an_index(), state, lease, time.time(), read_clocks())


class FakeLink:
    """What the gate asks of the link."""

    def __init__(self) -> None:
        self.policy: Applied | None = applied()
        self.age: float | None = 0.5
        self.quiet: dict[str, float] = {"redis": 0.5}
        self.beats = 0

    def current(self, _server_id: str) -> Applied | None:
        return self.policy

    def lease_age(self, _server_id: str) -> float | None:
        return self.age

    def quiet_s(self, _server_id: str, source: str) -> float | None:
        return self.quiet.get(source)

    def problems(self, _server_id: str) -> tuple[str, ...]:
        return ()

    def beat(self) -> None:
        self.beats += 1


class ScriptedServer:
    """A server whose way of answering is the test's; `sent` is everything that reached it."""

    fs_policy, net_policy, warning = "workspace_only", "block_all", None

    def __init__(self, script: Script) -> None:
        self.script, self.sent = script, list[UpstreamRequest]()

    async def upstream(self, _snapshot: object) -> "ScriptedServer":
        return self

    def release(self, _owner: str) -> None:
        pass

    @asynccontextmanager
    async def exchange(self, request: UpstreamRequest) -> AsyncIterator["ScriptedExchange"]:
        self.sent.append(request)
        yield ScriptedExchange(self.script(request))

    def calls(self) -> list[JsonObject]:
        return [r.message for r in self.sent if r.message.get("method") == "tools/call"]


class ScriptedExchange:
    status, session_id = 200, "upstream-session"

    def __init__(self, messages: AsyncIterator[JsonObject]) -> None:
        self._messages = messages

    def __aiter__(self) -> AsyncIterator[JsonObject]:
        return self._messages


async def honest(request: UpstreamRequest) -> AsyncIterator[JsonObject]:
    """Lists the one tool and answers every call."""
    tool = {"name": "fs_read", "inputSchema": a_snapshot().tools[0].input_schema}
    results: dict[object, JsonObject] = {
        "tools/list": {"tools": [cast("JsonObject", tool)], "resultType": "complete"},
        "tools/call": {"content": [{"type": "text", "text": "done"}], "resultType": "complete"},
    }
    yield {"jsonrpc": "2.0", "id": request.message["id"], "result": results[request.message["method"]]}


class Workbench:
    """One gate for the server `files`."""

    def __init__(self, home: Path, script: Script = honest) -> None:
        (home / "probe.toml").write_text(GOOD)
        self.home, self.link, self.server = home, FakeLink(), ScriptedServer(script)
        self.journal = Journal.open(home, enforcer_id="probe")
        self.gate = Gate(
            config=load(home / "probe.toml"),
            link=cast("Link", self.link),
            journal=self.journal,
            servers={"files": cast("GatedServer", self.server)},
            sessions=Sessions(on_end=lambda _: None),
            hmac_keys={"files": ("k1", b"k" * 32)},
            allowed_hosts=frozenset({"gate"}),
            allowed_origins=frozenset(),
            metrics=Metrics(),
            flights=Flights(),
        )

    async def call(
        self,
        *,
        tool: str = "fs_read",
        arguments: JsonObject | None = None,
        headers: Mapping[str, str | Sequence[str]] | None = None,
        meta: JsonObject | None = None,
        receive: Receive | None = None,
    ) -> Answer:
        """ada calls fs_read; a list gives a header several lines."""
        whole = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {},
            **(meta or {}),
        }
        params = {"name": tool, "arguments": arguments or {"path": "a"}, "_meta": whole}
        body = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": params}).encode()
        usual: dict[str, str | Sequence[str]] = {
            "mcp-protocol-version": MODERN,
            "mcp-method": "tools/call",
            "mcp-name": tool,
            "host": "gate",
            "content-type": "application/json",
            "accept": "application/json, text/event-stream",
            "authorization": f"Bearer {token()}",
        }
        client = Client(receive or _stays, _ignored)
        return await handle(self.gate, "files", request("POST", {**usual, **(headers or {})}, body), client)

    def change(self, policy: Applied | None) -> None:
        """Another policy is in force, and the gate hears of it as from its link."""
        self.link.policy = policy
        self.gate.flights.stop_refused("files", lambda call, facts: refused_now(self.gate, call, facts))
        self.gate.streams.wake("files")

    def receipts(self) -> list[dict[str, Any]]:
        """What the journal holds, in order."""
        self.journal.close()
        with closing(sqlite3.connect(self.home / "journal.sqlite3")) as database:
            rows = database.execute("SELECT line FROM receipt ORDER BY sequence").fetchall()
        return [json.loads(line) for (line,) in rows]


def request(method: str, headers: Mapping[str, str | Sequence[str]], body: bytes = b"") -> HttpRequest:
    """With these headers alone."""
    raw = tuple(
        (name.encode(), line.encode())
        for name, value in headers.items()
        for line in ([value] if isinstance(value, str) else value)
    )
    return HttpRequest(method, "/mcp", b"", raw, body)


def token(ttl_s: float = 60) -> str:
    """Of ada, for `files`, by the control plane's token key of the golden snapshot."""
    signer: SigningKey = key("token")
    claims = issue_claims(subject="ada", server_id="files", token_id="t-1", now=time.time(), ttl_s=ttl_s)
    return sign_token(claims, signer)


async def _stays() -> MutableMapping[str, Any]:
    """A client that waits for its answer."""
    await asyncio.Event().wait()
    raise AssertionError


async def _ignored(_message: MutableMapping[str, Any]) -> None:
    """What a stream would send."""


def codes(answer: Answer) -> list[str]:
    """Reason codes of a refusal."""
    body = cast("dict[str, Any]", answer.body)
    return list(body["error"]["data"]["reason_codes"]) if "error" in body else []
