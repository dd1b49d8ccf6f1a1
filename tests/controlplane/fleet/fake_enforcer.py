"""What an enforcer does on Redis, and nothing else: reads what is published, reports it under its own key."""

import base64
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from enforcer.contract import redis_names
from enforcer.contract.documents import SCHEMA, signed
from enforcer.contract.envelope import PayloadType
from enforcer.contract.fleet import Heartbeat, ServerState, payload_hash
from enforcer.contract.keys import SigningKey
from enforcer.contract.strict_json import parse_object
from enforcer.contract.times import to_text
from tests.controlplane.valkeys import Valkey


class FakeEnforcer:
    """Signs in with what `enroll` left in its directory; `in_flight` and `epochs_ahead` hold back its confirmation."""

    def __init__(self, enforcer_id: str, server_ids: list[str], directory: Path, valkey: Valkey) -> None:
        self.id, self.server_ids, self.in_flight = enforcer_id, server_ids, 0
        self.key = SigningKey.from_text((directory / "enforcer.key").read_text())
        self._client: redis.Redis = valkey.sign_in(
            f"enforcer-{enforcer_id}", (directory / "redis.pass").read_text().strip()
        )
        self.epochs_ahead = 0
        self.problem = ""
        self._counter = 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self.beat()
        self._thread.start()
        return self

    def __exit__(self, _kind: type[BaseException] | None, _e: BaseException | None, _t: TracebackType | None) -> None:
        self._stopping.set()
        self._thread.join()
        self._client.close()

    def beat(self) -> None:
        """One heartbeat of what stands in Redis now."""
        self._counter += 1
        heartbeat = Heartbeat(
            schema=SCHEMA,
            generation=1,
            issued_at=to_text(time.time()),
            enforcer_id=self.id,
            boot_nonce="boot",
            counter=self._counter,
            servers={id_: self._state(id_) for id_ in self.server_ids},
            journal_depth=0,
        )
        self._client.set(redis_names.heartbeat(self.id), signed(heartbeat, PayloadType.HEARTBEAT, self.key), ex=10)
        self._client.publish(redis_names.applied(self.id), b"")

    def _run(self) -> None:
        while not self._stopping.wait(0.01):
            self.beat()

    def _state(self, server_id: str) -> ServerState:
        return ServerState(
            snapshot_version=self._number(redis_names.snapshot(server_id), "version"),
            incident_epoch=self._number(redis_names.incident(server_id), "epoch") + self.epochs_ahead,
            in_flight_matching=self.in_flight,
            lease_age_s=0.5,
            problems=(self.problem,) if self.problem else (),
            snapshot_hash=payload_hash(self._payload(redis_names.snapshot(server_id))),
            incident_hash=payload_hash(self._payload(redis_names.incident(server_id))),
        )

    def _payload(self, key: str) -> bytes:
        raw = self._client.get(key)
        if not isinstance(raw, bytes):
            return b"{}"
        payload = parse_object(raw)["payload"]
        assert isinstance(payload, str)
        return base64.b64decode(payload)

    def _number(self, key: str, field: str) -> int:
        number = parse_object(self._payload(key)).get(field, 0)
        assert isinstance(number, int)
        return number
