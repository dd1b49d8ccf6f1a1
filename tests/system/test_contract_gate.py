"""A file written by hand as in CONTRACTS section 3, before two servers, with callers of an identity provider."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from tests.support.caller import Caller
from tests.support.ledger import INPUT_SCHEMAS
from tests.support.processes import free_port, wait_for
from tests.support.system import System, running

ISSUER = "https://idp.example"
KEYS: dict[str, Any] = {
    "RS256": rsa.generate_private_key(65537, 2048),
    "ES256": ec.generate_private_key(ec.SECP256R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate(),
}
AS_JWK: dict[str, Any] = {"RS256": RSAAlgorithm, "ES256": ECAlgorithm, "EdDSA": OKPAlgorithm}


def policy() -> dict[str, Any]:
    jwks = [{**json.loads(AS_JWK[alg].to_jwk(key.public_key())), "kid": alg, "alg": alg} for alg, key in KEYS.items()]
    servers = ("files", "books")
    return {
        "identity_providers": [
            {"issuer": ISSUER, "audience": "drawbridge", "algorithms": list(KEYS), "jwks": {"keys": jwks}}
        ],
        "servers": [{"id": s, "trust_level": "internal", "credential": {"mode": "none"}} for s in servers],
        "tools": [
            {"server": s, "name": "note", "risk": "LOW", "input_schema": INPUT_SCHEMAS["note"], "path_arguments": []}
            for s in servers
        ],
        "principals": [{"subject": "alice"}],
        "grants": [{"principal": "alice", "server": "files", "tools": ["note"]}],
    }


def by_hand(printed: str, home: Path, port: int, urls: list[str]) -> str:
    """The sample of the contract with what only enrolment can know."""
    control_plane, policy_redis, receipts_redis, *_ = re.findall(r'^url = "(.*)"', printed, re.MULTILINE)
    root_keys = re.findall(r"^root_keys = .*$", printed, re.MULTILINE)[0]
    return f"""\
enforcer_id = "probe"            # an id
listen = "127.0.0.1:{port}"
admin_listen = "127.0.0.1:0"
public_url = "http://127.0.0.1:{port}"   # never taken from a request
allowed_hosts = ["gate.example"]
allowed_origins = []
data_dir = "{home}"
denials = "result"
tls = {{cert = "", key = ""}}
tls_ends_in_front = false
fetch_allow = []
[control_plane]
url = "{control_plane}"
{root_keys}
[policy_redis]
url = "{policy_redis}"
password_file = "redis.pass"     # relative to data_dir
[receipts_redis]
url = "{receipts_redis}"
password_file = "broker.pass"
[[upstream]]                     # one or more
server = "files"
url = "{urls[0]}"
[[upstream]]
server = "books"
url = "{urls[1]}"
"""


@pytest.fixture(scope="module")
def gated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """`probe` before `files` and `books`."""
    with running(tmp_path_factory.mktemp("contract")) as system:
        system.apply(policy())
        urls = [system.start_upstream("ledger", "--ledger", str(system.home / name)) for name in ("files", "books")]
        printed = _enrolled(system)
        file = system.home / "probe.toml"
        file.write_text(by_hand(printed, system.home / "probe", free_port(), urls))
        system.open_gate(file)
        yield system


def _enrolled(system: System) -> str:
    done = system.manage(
        "enroll", "probe", "--server", "files", "--server", "books", "--data-dir", str(system.home / "probe")
    )
    assert done.code == 0, done
    return done.out


def token(algorithm: str, **claims: Any) -> str:
    now = int(time.time())
    whole = {"iss": ISSUER, "aud": "drawbridge", "sub": "alice", "iat": now, "exp": now + 600, **claims}
    return jwt.encode(whole, KEYS[algorithm], algorithm, headers={"kid": algorithm})


def at(system: System, route: str, bearer: str) -> Caller:
    return Caller(system.gates["probe"].url.removesuffix("/mcp") + route, bearer)


@pytest.mark.parametrize("algorithm", list(KEYS))
def test_a_token_of_the_identity_provider_opens_the_gate(gated: System, algorithm: str) -> None:
    answer = at(gated, "/mcp/files", token(algorithm)).call("note", {"nonce": algorithm})
    assert answer.result["structuredContent"] == {"result": algorithm}


@pytest.mark.parametrize("claims", [{"aud": "other"}, {"exp": 1}, {"iss": "https://other.example"}])
def test_a_token_that_is_not_meant_for_the_gate_is_401(gated: System, claims: dict[str, Any]) -> None:
    answer = at(gated, "/mcp/files", token("RS256", **claims)).call("note", {"nonce": "x"})
    assert (answer.status, answer.error["code"]) == (401, -32001)
    assert answer.codes == ["DENY_INVALID_TOKEN", "DENY_NO_AUTHN"]
    assert 'resource_metadata="http' in answer.headers["www-authenticate"]


def test_each_server_has_its_own_route_and_grants(gated: System) -> None:
    assert at(gated, "/mcp/files", token("EdDSA")).tools() == ["note"]
    assert at(gated, "/mcp/books", token("EdDSA")).tools() == []
    assert at(gated, "/mcp", token("EdDSA")).post(b"{}").status == 404


def test_a_denial_can_be_a_result_that_the_model_reads(gated: System) -> None:
    answer = at(gated, "/mcp/books", token("EdDSA")).call("note", {"nonce": "x"})
    assert (answer.status, answer.result["isError"]) == (200, True)
    assert "DENY_NO_MATCHING_RULE" in answer.result["content"][0]["text"]


def test_a_control_plane_that_comes_back_on_its_data_directory_finds_its_enforcers(gated: System) -> None:
    assert gated.up is not None
    before = gated.up.line("ready: ")
    gated.up.stop()
    assert gated.manage("issue_token", "alice").code == 3
    gated.up.log.unlink()
    gated.start()
    assert gated.up.line("ready: ") == before
    killed = wait_for(lambda: _killed(gated), "a kill that the old enforcer confirms")
    assert re.fullmatch(r"probe  \d+\.\d ms\nconverged 1 of 1 in \d+\.\d ms\n", killed)
    assert gated.manage("kill", "lower", "tool:files/note", "--reason", "test").code == 0


def _killed(system: System) -> str:
    done = system.manage("kill", "raise", "tool:files/note", "--reason", "test")
    return done.out if done.code == 0 else ""
