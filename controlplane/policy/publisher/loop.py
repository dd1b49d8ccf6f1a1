"""The publisher's loop: changes as they come, incidents first; each second leases, renewals, the look at Redis."""

import logging
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

import redis
from django.db import Error as DatabaseError
from django.db import OperationalError, connection
from django.utils import timezone

from controlplane.fleet import heartbeats
from controlplane.fleet.roll import write_roll
from controlplane.incidents.planning import raise_planned
from controlplane.incidents.services import expire_kills
from controlplane.policy.models import Kind, Published, SignedDocument
from controlplane.policy.publisher import documents, leases
from controlplane.policy.publisher.acks import Acks
from controlplane.policy.publisher.answers import answer_waiting, forget_old
from controlplane.policy.publisher.bell import Bell
from controlplane.policy.publisher.emergency import adopt
from controlplane.policy.publisher.entries import document_entry, document_key, keys_entry, lease_entry
from controlplane.policy.publisher.keys import KeyFiles, KeysProblemError, open_ring, read_ring
from controlplane.policy.publisher.mirror import Entry, Mirror, digest
from controlplane.receipts import partitions
from controlplane.receipts.patience import patience

log = logging.getLogger(__name__)
TICK_S = 1.0
ACK_S = 0.5
SEEN_S = 5.0
PARTITIONS_S = 3600.0
REDIS_AGAIN_S = 0.5
EXPIRE_WITHIN_S = 0.2


class Publisher:
    """One process runs one. Two beside each other agree, since the database orders what they do."""

    def __init__(self, files: KeyFiles, redis_url: str) -> None:
        """Raises `KeysProblemError`."""
        self._files, self._ring = files, open_ring(files, now=time.time())
        self._mirror = Mirror(redis_url)
        self._bell = Bell(redis_url)
        self._acks = Acks(self._ring)
        self._digests: dict[int, str] = {}
        self._roll = b""
        self._redis_again_at = 0.0
        self._trouble: dict[str, str] = {}
        self._timers = [
            _Timer(TICK_S, self._reopen_keys),
            _Timer(TICK_S, self.tick),
            _Timer(ACK_S, lambda: self._show(self._acks.entries())),
            _Timer(SEEN_S, lambda: self._on_redis(lambda: heartbeats.remember(self._mirror.client))),
            _Timer(SEEN_S, forget_old),
            _Timer(SEEN_S, self._keep_roll),
            _Timer(PARTITIONS_S, partitions.maintain),
            _Timer(TICK_S, _by_the_clock),
        ]

    def run(self, stopping: threading.Event) -> None:
        """Until told to stop. A database that fails ends the round: no read, no lease."""
        while not stopping.is_set():
            try:
                adopt(self._ring, self._files.directory)
                self.publish_changes()
                answer_waiting(self._ring)
                for timer in self._timers:
                    timer.run_if_due()
                self._note("database", "")
            except DatabaseError as problem:
                self._note("database", type(problem).__name__)
                connection.close()
            self._bell.wait(min(timer.due_in_s() for timer in self._timers))
        self._bell.close()
        connection.close()

    def _reopen_keys(self) -> None:
        """A list that the root signed since counts at once; one that can't be used changes nothing."""
        try:
            ring = read_ring(self._files)
            self._note("the keys", "")
        except KeysProblemError as problem:
            self._note("the keys", str(problem))
            return
        if (ring.envelope, ring.key_ids) != (self._ring.envelope, self._ring.key_ids):
            log.warning("the key list is now version %d of generation %d", ring.key_list.version, ring.generation)
            self._ring, self._acks = ring, Acks(ring)

    def _keep_roll(self) -> None:
        try:
            self._roll = write_roll(self._files.directory, self._roll)
            self._note("the roll of the fleet", "")
        except OSError as problem:
            self._note("the roll of the fleet", f"can't be written: {problem.strerror}")

    def publish_changes(self) -> None:
        """Everything that waits; before each policy change all incidents, in one transaction."""
        while True:
            incidents = set(documents.waiting(Kind.INCIDENT).values_list("server_id", flat=True))
            policy = documents.waiting(Kind.POLICY).values_list("server_id", flat=True).first()
            if incidents:
                self._publish(incidents, Kind.INCIDENT)
            elif policy is not None:
                self._publish([policy], Kind.POLICY)
            else:
                return

    def tick(self) -> None:
        """Leases first; then what is due; then what Redis should hold and doesn't."""
        self._lease(None)
        for server_id, kind in documents.due(self._ring.generation, timezone.now()):
            self._publish([server_id], kind)
        self._on_redis(self._reconcile)

    def _publish(self, server_ids: Iterable[str], kind: Kind) -> None:
        """A new snapshot counts only once a lease names it; an incident state runs ahead of its lease."""
        outcomes = documents.publish(server_ids, kind, self._ring)
        made = [outcome.document for outcome in outcomes if outcome.document]
        self._show(document_entry(document, self._ring) for document in made)
        for outcome in outcomes:
            self._note(f"{kind} of {outcome.server_id}", f"not compiled, {outcome.problem}" if outcome.problem else "")
        for document in made:
            log.info("%s published", document)
        self._lease([document.server_id for document in made])

    def _lease(self, server_ids: list[str] | None) -> None:
        rows = leases.renew(self._ring, time.time(), server_ids=server_ids)
        self._show(lease_entry(row, self._ring) for row in rows)

    def _reconcile(self) -> None:
        """Snapshots and incident states by digest; leases were all written a moment ago."""
        keys = keys_entry(self._ring)
        wanted = {keys.key: digest(keys.envelope)}
        standing: dict[str, int] = {}
        for server_id, snapshot, incident in Published.objects.values_list("server_id", "snapshot_id", "incident_id"):
            for kind, id_ in ((Kind.INCIDENT, incident), (Kind.POLICY, snapshot)):
                if id_ is not None:
                    standing[document_key(kind, server_id)] = id_
        self._learn_digests(standing.values())
        wanted |= {key: self._digests[id_] for key, id_ in standing.items()}
        for key, missing in self._mirror.differing(wanted).items():
            level = logging.INFO if missing else logging.WARNING
            log.log(level, "%s in Redis is %s; writing it", key, "missing" if missing else "not what was published")
            if key == keys.key:
                self._put(keys)
            else:
                self._put(document_entry(SignedDocument.objects.get(id=standing[key]), self._ring))

    def _learn_digests(self, ids: Iterable[int]) -> None:
        current = set(ids)
        self._digests = {id_: known for id_, known in self._digests.items() if id_ in current}
        missing = current - self._digests.keys()
        for id_, envelope in SignedDocument.objects.filter(id__in=missing).values_list("id", "envelope").iterator():
            self._digests[id_] = digest(envelope)

    def _show(self, entries: Iterable[Entry]) -> None:
        listed = list(entries)

        def write() -> None:
            for entry in listed:
                self._put(entry)

        if listed:
            self._on_redis(write)

    def _put(self, entry: Entry) -> None:
        kept = "" if self._mirror.put(entry) else "holds a newer one; was the database restored?"
        self._note(entry.key, kept)

    def _on_redis(self, work: Callable[[], None]) -> None:
        """While Redis is away the database work goes on; the next second repairs."""
        if time.monotonic() < self._redis_again_at:
            return
        try:
            work()
            self._note("Redis", "")
        except redis.RedisError as problem:
            self._redis_again_at = time.monotonic() + REDIS_AGAIN_S
            self._note("Redis", type(problem).__name__)

    def _note(self, what: str, trouble: str) -> None:
        """Tell of trouble when it begins and when it ends, not every second."""
        if trouble != self._trouble.get(what, ""):
            log.warning("%s: %r", what, trouble or "well again")
        if trouble:
            self._trouble[what] = trouble
        else:
            self._trouble.pop(what, None)


def _by_the_clock() -> None:
    """Another second will do: an edit that takes long must not hold up leases and kills."""
    with suppress(OperationalError), patience(lock_s=EXPIRE_WITHIN_S):
        raise_planned()
        expire_kills()


class _Timer:
    """Runs something every so many seconds; late rounds are not made up for."""

    def __init__(self, every_s: float, work: Callable[[], object]) -> None:
        self._every_s, self._work, self._next_at = every_s, work, 0.0

    def due_in_s(self) -> float:
        """From now on; 0 where it is due."""
        return max(0.0, self._next_at - time.monotonic())

    def run_if_due(self) -> None:
        if (now := time.monotonic()) >= self._next_at:
            late = now - self._next_at
            self._next_at = now + self._every_s - (late if late < self._every_s else 0.0)
            self._work()
