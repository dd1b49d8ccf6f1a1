from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from enforcer.contract.acl import broker_acl, policy_acl
from tests.enforcer.link.broker import QUEUE, Broker


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path)
    made.start()
    yield made
    made.stop()


def test_the_brokers_user_can_push_on_its_own_queue_and_do_nothing_else(broker: Broker) -> None:
    mine = broker.user("enforcer-probe", broker_acl("probe"))
    mine.lpush(QUEUE, "x")
    for words in (
        ["LPUSH", "receipts.other", "x"],
        ["LPUSH", "_kombu.binding.receipts.probe", "x"],
        ["LRANGE", QUEUE, "0", "-1"],
        ["RPOP", QUEUE],
        ["DEL", QUEUE],
        ["KEYS", "*"],
        ["SADD", "_kombu.binding.receipts.probe", "x"],
        ["PUBLISH", "x", "y"],
        ["CONFIG", "GET", "*"],
        ["ACL", "WHOAMI"],
        ["FLUSHALL"],
        ["EVAL", "return 1", "0"],
        ["CLIENT", "LIST"],
    ):
        assert refuses(mine, words), words
    assert broker.waiting() == 1
    mine.close()


READABLE = ["keys", "snapshot:files", "incident:files", "lease:files", "ack:probe", "snapshot:git", "lease:git"]
WRITABLE = "drawbridge:heartbeat:probe"


def test_the_policy_user_reads_its_servers_and_writes_its_heartbeat(broker: Broker) -> None:
    mine = broker.user("enforcer-probe", policy_acl("probe", ["files", "git"]))
    for name in READABLE:
        assert mine.get(f"drawbridge:{name}") is None
        assert mine.strlen(f"drawbridge:{name}") == 0
    assert mine.mget([f"drawbridge:{name}" for name in READABLE])
    mine.set(WRITABLE, "x", ex=10)
    assert mine.get(WRITABLE) == b"x"
    mine.publish("drawbridge:applied:probe", "")
    hints = mine.pubsub()
    hints.subscribe("drawbridge:changed:files", "drawbridge:changed:git")
    hints.ping()
    hints.close()
    mine.close()


def test_the_policy_user_can_do_nothing_else(broker: Broker) -> None:
    mine = broker.user("enforcer-probe", policy_acl("probe", ["files"]))
    reads = ["snapshot:other", "incident:git", "lease:other", "ack:other", "heartbeat:other"]
    writes = ["keys", "snapshot:files", "incident:files", "lease:files", "ack:probe", "heartbeat:other", "new"]
    refused = [["GET", f"drawbridge:{name}"] for name in reads]
    refused += [["SET", f"drawbridge:{name}", "x"] for name in writes]
    refused += [
        ["SUBSCRIBE", "drawbridge:changed:other"],
        ["PSUBSCRIBE", "*"],
        ["PUBLISH", "drawbridge:changed:files", ""],
    ]
    refused += [["DEL", WRITABLE], ["KEYS", "*"], ["SCAN", "0"], ["EVAL", "return 1", "0"], ["CONFIG", "GET", "*"]]
    for words in refused:
        assert refuses(mine, words), words
    mine.close()


def refuses(client: redis.Redis, words: list[str]) -> bool:
    try:
        client.execute_command(*words)  # type: ignore[no-untyped-call]
    except redis.exceptions.NoPermissionError:
        return True
    return False


@pytest.mark.parametrize("name", ["", "a*", "*", "a?", "a[b]", "A", "a b", "receipts.x"])
def test_a_name_that_could_open_other_keys_gets_no_rules(name: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        broker_acl(name)
    with pytest.raises(ValueError, match="no id"):
        policy_acl("probe", ["files", name])
    with pytest.raises(ValueError, match="no id"):
        policy_acl(name, [])
