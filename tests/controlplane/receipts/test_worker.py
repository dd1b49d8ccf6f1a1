import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from django.db import connection

from controlplane.embedded import valkey
from controlplane.embedded.addresses import ADMIN, INGEST, Addresses, choose
from controlplane.receipts.models import Chain
from enforcer.contract.acl import broker_acl
from enforcer.contract.redis_names import receipts_queue
from enforcer.link.celery_out import CelerySender
from tests.controlplane.receipts import databases
from tests.controlplane.receipts.sending import Sender
from tests.controlplane.receipts.test_admission import message
from tests.support.processes import Program, wait_for

ROOT = Path(__file__).parents[3]
BIN = Path(sys.executable).parent
QUEUE = receipts_queue("gate")
POISON: list[Any] = [
    None,
    [],
    {},
    {"properties": 1},
    message([["envelope"], {}, {"callbacks": [{"task": "celery.ping"}]}], task="celery.ping"),
    message([["envelope"], {}, {"callbacks": [{"task": "celery.ping"}]}], eta="2030-01-01T00:00:00"),
    message([[{"not": "text"}], {}, {}]),
    message([["an envelope of nobody"], {}, {}], compression="gzip"),
    {**message([["envelope"], {}, {}]), "content-type": "application/x-python-serialize"},
]
BROKEN = [b"not json", b"\xff\xfe", b"[" * 200_000, b"", json.dumps("text").encode()]

pytestmark = [
    pytest.mark.system,
    pytest.mark.django_db(transaction=True),
]


def database_url() -> str:
    """Of the database that the test itself uses."""
    name = str(connection.settings_dict["NAME"])
    return f"sqlite:///{name}" if connection.vendor == "sqlite" else databases.url(name)


class Running:
    """A broker as `up` configures it, and a worker that reads from it with its own user."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.addresses: Addresses = choose(home, port=None, redis_port=None)
        self.url = self.addresses.receipts.url(INGEST)
        self.broker = Program(
            valkey.write_receipts_config(home, self.addresses.receipts), log=home / "valkey.log", env={}
        )
        self.admin = redis.Redis.from_url(self.addresses.receipts.url(ADMIN))
        env = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DRAWBRIDGE_DATA_DIR": str(home),
            "DATABASE_URL": database_url(),
            "RECEIPTS_BROKER_URL": self.url,
        }
        argv = [str(BIN / "celery"), "--quiet", "--app", "controlplane.receipts.worker", "worker", "--pool", "threads"]
        more = ["--concurrency", "1", "--without-gossip", "--without-mingle", "--without-heartbeat"]
        self.worker = Program([*argv, *more], log=home / "worker.log", env=env)

    def answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except redis.ConnectionError:
            return False

    def acl(self, *words: str) -> object:
        """As the administrator."""
        return self.admin.execute_command("ACL", *words)  # type: ignore[no-untyped-call]

    def gate(self) -> redis.Redis:
        """What an enforcer may do at the broker."""
        self.acl("SETUSER", "gate", "on", ">secret", *broker_acl("gate"))
        return redis.Redis(port=self.addresses.receipts.port, username="gate", password="secret")

    def stop(self) -> None:
        self.admin.close()
        self.worker.stop()
        self.broker.stop()


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    made = Running(tmp_path)
    try:
        wait_for(made.answers, "the broker")
        yield made
    finally:
        made.stop()


def stored(sender: Sender) -> bool:
    return Chain.objects.filter(chain_id=sender.chain_id, contiguous_to=sender.sequence).exists()


def test_poison_is_gone_and_the_batches_behind_it_are_stored(running: Running) -> None:
    sender = Sender("gate").enrol()  # after the worker's start: it follows the table
    with running.gate() as gate:
        for poison in [*BROKEN, *(json.dumps(message).encode() for message in POISON)] * 2:
            gate.lpush(QUEUE, poison)
        gate.lpush(QUEUE, json.dumps(message([[sender.batch(sender.receipts(3)).decode()], {}, {}])))
        wait_for(lambda: stored(sender), "the first batch")
        gate.lpush(QUEUE, json.dumps(message([[sender.batch(sender.receipts(2)).decode()], {}, {}])))
        wait_for(lambda: stored(sender), "the second batch")
    said = running.worker.output
    assert "restart" not in said
    assert running.worker.process.poll() is None
    assert "Traceback" not in said
    assert "a message that is not JSON was dropped" in said
    wait_for(lambda: not running.admin.keys("unacked*"), "the acknowledgement to the broker")
    assert not running.admin.llen(QUEUE)
    assert not running.acl("LOG")


def test_the_worker_goes_on_after_its_broker_was_away(running: Running) -> None:
    sender = Sender("gate").enrol()
    wait_for(lambda: f"consuming {QUEUE}" in running.worker.output, "the queue")
    running.broker.kill()
    wait_for(lambda: "onnect" in running.worker.output, "the worker notices")
    running.broker = Program(
        valkey.write_receipts_config(running.home, running.addresses.receipts),
        log=running.home / "valkey.log",
        env={},
    )
    wait_for(running.answers, "the broker")
    with running.gate() as gate:
        gate.lpush(QUEUE, json.dumps(message([[sender.batch(sender.receipts(1)).decode()], {}, {}])))
        wait_for(lambda: stored(sender), "the batch")


@pytest.mark.skipif("connection.vendor != 'postgresql'", reason="SQLite locks no single table")
def test_a_locked_table_does_not_hold_the_worker_and_what_comes_again_is_stored(running: Running) -> None:
    sender = Sender("gate").enrol()
    wait_for(lambda: f"consuming {QUEUE}" in running.worker.output, "the queue")
    batch = json.dumps(message([[sender.batch(sender.receipts(2)).decode()], {}, {}]))
    with running.gate() as gate:
        with databases.session() as other:
            other.execute("BEGIN; LOCK TABLE receipts_receipt, fleet_enforcer IN ACCESS EXCLUSIVE MODE")
            gate.lpush(QUEUE, batch)
            wait_for(lambda: "a batch was not stored now" in running.worker.output, "the end of its patience")
        gate.lpush(QUEUE, batch)
        wait_for(lambda: stored(sender), "the batch")
    assert "Traceback" not in running.worker.output


def test_what_the_enforcer_really_sends_is_stored_and_a_stopped_worker_leaves_nothing_unacknowledged(
    running: Running,
) -> None:
    sender = Sender("gate").enrol()
    running.gate().close()
    send = CelerySender(f"redis://gate@127.0.0.1:{running.addresses.receipts.port}/0", "secret", QUEUE)
    send(sender.batch(sender.receipts(1)))
    send.close()
    wait_for(lambda: stored(sender), "the batch")
    assert running.worker.stop() == 0
    assert not running.admin.keys("unacked*")
