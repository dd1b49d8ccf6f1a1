"""The egress of a server is blocked: through the whole system, with a real server that has a network until then."""

import json
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib import request

import pytest

from tests.support import caller_home
from tests.support.needs import need_bubblewrap
from tests.support.processes import wait_for
from tests.support.system import Gate, System, running

TOOLS = {
    "fetch": {"url": {"type": "string", "format": "uri"}},
    "reach": {"port": {"type": "integer"}},
    "hold": {"port": {"type": "integer"}},
}


def policy(workspace: Path) -> dict[str, Any]:
    server = {
        "id": "home",
        "trust_level": "internal",
        "workspace": str(workspace),
        "sandbox": {"fs": "workspace_only", "net": "none"},
        "credential": {"mode": "none"},
    }
    return {
        "trust_levels": [{"name": "internal", "pins": "optional"}],
        "servers": [server],
        "principals": [{"subject": "ada"}],
        "grants": [{"principal": "ada", "server": "home", "tools": ["*"], "max_risk": "HIGH", "reason": "tests"}],
    }


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    need_bubblewrap()
    home = tmp_path_factory.mktemp("egress")
    workspace = home / "workspace"
    workspace.mkdir()
    shutil.copy(caller_home.__file__, workspace / "caller_home.py")
    with running(home) as made:
        made.apply(policy(workspace))
        command = [sys.executable, str(workspace / "caller_home.py")]
        made.open_gate(made.enroll("gate", "home", command=command))
        approve(made)
        yield made


def approve(system: System) -> None:
    """Once the gate has listed them."""
    wait_for(lambda: "hold" in system.manage("review", "home").out, "the tools to be reported", timeout_s=60)
    done = system.manage("review", "home", "--approve-all", "--wait", "20")
    assert done.code == 0, done


SECOND = """
from controlplane.common.actor import Actor, Right
from controlplane.incidents.lowering import end_egress_block_by_two
done = end_egress_block_by_two(server="home", reason="seen", actor=Actor("gina", frozenset(Right)))
assert not done.waits and done.change_id
"""


class Api:
    """A responder's token."""

    def __init__(self, system: System) -> None:
        assert system.up is not None
        self.url = next(
            line.split("ready: ", 1)[1].strip() for line in system.up.output.splitlines() if "ready: " in line
        )
        scopes = [arg for scope in ("view", "raise_kill", "lower_kill") for arg in ("--scope", scope)]
        done = system.manage("api_token", "responder", *scopes)
        assert done.code == 0, done
        self.token = done.out.split()[-1]

    def post(self, path: str) -> int:
        body = json.dumps({"server": "home", "reason": "it calls home"}).encode()
        headers = {"Authorization": f"Token {self.token}", "Content-Type": "application/json"}
        asked = request.Request(f"{self.url.rstrip('/')}/api/v1{path}", body, headers)
        with request.urlopen(asked, timeout=10) as answer:
            return int(answer.status)


class Listener:
    """Somebody in the network: `last` is when a byte last came."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.last, self.over = 0.0, threading.Event()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        while True:
            came, _ = self.socket.accept()
            with came:
                while came.recv(64):
                    self.last = time.monotonic()
            if self.last:
                self.over.set()


def text(answer: Any) -> str:
    return str(answer.result["content"][0]["text"])


def test_a_server_that_calls_home_is_cut_off_and_given_its_network_back(system: System) -> None:
    gate: Gate = system.gates["gate"]
    ada = system.token("ada")
    caller, listener, api = system.caller("gate", ada), Listener(), Api(system)
    assert text(caller.call("fetch", {"url": "https://example.com/"})) == "fetched https://example.com/"
    assert text(caller.call("reach", {"port": listener.port})) == "reached"
    answers: list[Any] = []
    held = threading.Thread(
        target=lambda: answers.append(system.caller("gate", ada).call("hold", {"port": listener.port}))
    )
    held.start()
    wait_for(lambda: listener.last > 0, "the connection that is held")

    assert api.post("/egress-blocks") == 201
    blocked = time.monotonic()
    assert listener.over.wait(5), "the connection is still open"
    held.join(10)
    assert listener.last < blocked + 1
    assert answers[0].body["error"]["data"]["reason"] == "upstream_unavailable"
    refused = caller.call("fetch", {"url": "https://example.com/"})
    assert refused.codes == ["DENY_EGRESS_BLOCKED"]
    assert "not reached" in text(caller.call("reach", {"port": listener.port}))

    assert api.post("/egress-blocks/end") == 202
    assert caller.call("fetch", {"url": "https://example.com/"}).codes == ["DENY_EGRESS_BLOCKED"]
    done = system.manage("shell", "-c", SECOND)
    assert done.code == 0, done
    wait_for(lambda: not caller.call("fetch", {"url": "https://example.com/"}).codes, "the block to end")
    assert text(caller.call("reach", {"port": listener.port})) == "reached"

    receipts = system.receipts("--enforcer", "gate")
    denied = [r for r in receipts if r.get("decision", {}).get("reason_codes") == ["DENY_EGRESS_BLOCKED"]]
    assert denied
    assert all(r["facts"]["arguments"]["names_url"] for r in denied)
    assert gate.program.process.poll() is None
