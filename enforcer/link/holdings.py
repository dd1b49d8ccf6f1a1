"""The policy that this process holds: an offer is verified, compared, made durable, then applied. One at a time.

What can't be written is not applied, and its server stops serving until it can: older policy must not stay in force
because the disk is full. A lease alone is written every few seconds: an older one on disk makes a start more careful.
"""

import asyncio
import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from enforcer import durable
from enforcer.contract import times
from enforcer.contract.documents import Document
from enforcer.contract.keys import PublicKey, Role
from enforcer.link import clocks, store
from enforcer.link.clocks import Clocks, Instant
from enforcer.link.notes import Notes
from enforcer.link.state import Applied, Envelopes, Shared, Trusted, applied
from enforcer.link.trusted import Load, update
from enforcer.link.verify import Held

WRITE_LEASE_EVERY_S = 5.0
Source = Literal["redis", "direct"]


class Holdings:
    """All servers of this enforcer. `on_change` is called when another snapshot or incident state came into force."""

    def __init__(
        self,
        server_ids: Iterable[str],
        roots: Mapping[str, PublicKey],
        path: Path,
        *,
        load: Load,
        notes: Notes,
        time: Clocks,
        on_change: Callable[[str, Applied | None], None],
        on_incident: Callable[[str, float, float], None] = lambda _server_id, _apply_s, _age_s: None,
    ) -> None:
        self._path, self._roots, self._load = path, roots, load
        self._notes, self._time, self._on_change, self._on_incident = notes, time, on_change, on_incident
        self.on_state: Callable[[], None] = lambda: None  # anything that `shared` tells may be another
        self._states = {s: Trusted(s, roots, nonce=_nonce()) for s in server_ids}
        self._applied: dict[str, Applied] = {}
        self._news: dict[tuple[str, Source], float] = {}
        self._unwritten = False
        self._lock = asyncio.Lock()
        self._disk = threading.Lock()

    def restore(self) -> None:
        """Start from the disk. A damaged file is moved aside and counts as none."""
        found = store.read(self._path, self._states, self._roots, self._load)
        if isinstance(found, store.Damage):
            self._notes.problem(None, f"{store.NAME} is damaged and counts as none: {found.reason}")
            self._set_aside()
        elif found is not None:
            self._time.greatest_wall = found.greatest_wall
            for known in found.servers.values():
                self._put(known)
        self._watch_wall_clock()

    def current(self, server_id: str) -> Applied | None:
        """Policy in force; none until a verified pair is there."""
        return self._applied.get(server_id)

    def hashes(self, server_id: str) -> tuple[str, str]:
        """Payload hashes of the snapshot and the incident state in force; empty without."""
        pair = self._states[server_id].applied
        return (pair.snapshot.digest, pair.incident.digest) if pair else ("", "")

    def lease_age(self, server_id: str) -> float | None:
        """Seconds; none where no lease counts, as when the wall clock ran backwards."""
        found = self._applied.get(server_id)
        if found is None or self.nonce(server_id) or self._time.behind_s():
            return None
        return clocks.since(found.issued_at, found.arrived, self._time.now())

    def shared(self, server_id: str) -> Shared:
        """All that a worker needs to hold the same."""
        state = self._states[server_id]
        return Shared(
            keys=state.keys.envelope if state.keys else None,
            pair=state.applied if server_id in self._applied else None,
            counts=self.lease_age(server_id) is not None,
            news={source: at for (which, source), at in self._news.items() if which == server_id},
            problems=self._notes.shown(server_id),
        )

    def nonce(self, server_id: str) -> str | None:
        """What a lease must echo, while one must."""
        return self._states[server_id].nonce

    def quiet_s(self, server_id: str, source: Source) -> float | None:
        """Seconds since `source` last brought a new lease; none if it never did."""
        at = self._news.get((server_id, source))
        return None if at is None else self._time.now().boot - at

    def lacks_snapshot(self, server_id: str) -> bool:
        """Whether the newest lease names a snapshot that isn't in force."""
        known = self._states[server_id]
        named = known.lease.document.snapshot_hash if known.lease else None
        return known.applied is None or known.applied.snapshot.digest != named

    def keys(self, role: Role) -> Mapping[str, PublicKey]:
        """Keys of a role by the newest key list of any server; empty without one."""
        lists = [s.keys.document for s in self._states.values() if s.keys]
        return max(lists, key=lambda k: k.order).of(role) if lists else {}

    def generation(self) -> int:
        """The newest that the root signed; 0 without a key list."""
        return max((s.keys.document.generation for s in self._states.values() if s.keys), default=0)

    async def offer(self, server_id: str, envelopes: Envelopes, source: Source) -> None:
        """Take of what was fetched what can be trusted."""
        came = self._time.now().boot
        async with self._lock:
            now, old = self._time.now(), self._states[server_id]
            envelopes = _unknown(old, envelopes)
            if envelopes.snapshot is None:
                new, rejections = update(old, envelopes, now=now, load=self._load)
            else:  # a large one takes a while to index
                new, rejections = await asyncio.to_thread(update, old, envelopes, now=now, load=self._load)
            for rejection in rejections:
                self._notes.rejected(server_id, rejection)
            self._judge_times(old, new, now)
            if new is not old and await self._remember(old, new):
                self._take(old, new, now, source)
                self._tell_of_incident(old, new, came)
            self._watch_wall_clock()
            self.on_state()

    async def keep_leases(self) -> None:
        """Write leases now and then, until cancelled."""
        while True:
            await asyncio.sleep(WRITE_LEASE_EVERY_S)
            async with self._lock:
                if self._unwritten:
                    await self._write(self._states)

    async def _remember(self, old: Trusted, new: Trusted) -> bool:
        """Whether `new` may be applied: its documents are durable."""
        stopped = new.applied is not None and new.server_id not in self._applied
        if same_documents(new, old) and not stopped:
            self._unwritten = True
            return True
        if await self._write({**self._states, new.server_id: new}):
            return True
        self._drop(new.server_id)
        return False

    async def _write(self, states: Mapping[str, Trusted]) -> bool:
        raw = store.encode(states.values(), self._time.greatest_wall)
        try:
            await asyncio.to_thread(self._write_alone, raw)
        except OSError as problem:
            self._notes.problem(None, f"{store.NAME} can't be written: {problem.strerror}")
            return False
        self._unwritten = False
        return True

    def _set_aside(self) -> None:
        try:
            store.set_aside(self._path)
        except OSError as problem:
            self._notes.problem(None, f"{store.NAME} can't be moved aside: {problem.strerror}")

    def _write_alone(self, raw: bytes) -> None:
        with self._disk:  # a cancelled await leaves its thread writing
            durable.write(self._path, raw)

    def _take(self, old: Trusted, new: Trusted, now: Instant, source: Source) -> None:
        self._put(new)
        if new.lease is not old.lease:
            self._news[new.server_id, source] = now.boot
        found = self._applied.get(new.server_id)
        if found is not None and not same_documents(new, old):
            self._on_change(new.server_id, found)

    def _tell_of_incident(self, old: Trusted, new: Trusted, came: float) -> None:
        took = incident_took(old, new, came, self._time.now())
        if took is not None:
            self._on_incident(new.server_id, *took)

    def _put(self, new: Trusted) -> None:
        self._states[new.server_id] = new
        if new.applied is None:
            self._drop(new.server_id)
        else:
            self._applied[new.server_id] = applied(new.applied)

    def _drop(self, server_id: str) -> None:
        """Nothing is in force any more: what is in flight has lost its ground too."""
        if self._applied.pop(server_id, None) is not None:
            self._on_change(server_id, None)

    def _judge_times(self, old: Trusted, new: Trusted, now: Instant) -> None:
        if new.lease is None or new.lease is old.lease:
            return
        issued_at = times.from_text(new.lease.document.issued_at)
        if old.nonce is not None and new.nonce is None:
            self._time.prove(now, issued_at)
        if issued_at > now.wall + clocks.AHEAD_S:
            self._notes.problem(new.server_id, "lease: issued more than 60 s ahead of this wall clock")

    def _watch_wall_clock(self) -> None:
        """A clock that ran backwards proves nothing until a lease echoes a nonce (or the clock is right again)."""
        behind = self._time.behind_s() > 0
        if behind:
            self._notes.problem(None, "the wall clock is more than 60 s behind a time that it has shown before")
        else:
            self._time.remember(self._time.now())
        for known in self._states.values():
            if known.applied is not None and behind == (known.nonce is None):
                self._states[known.server_id] = replace(known, nonce=_nonce() if behind else None)


def _unknown(known: Trusted, offered: Envelopes) -> Envelopes:
    """What is byte for byte in force is not verified again each second."""
    incident, snapshot = (known.applied.incident, known.applied.snapshot) if known.applied else (None, None)
    return Envelopes(
        keys=_unless(known.keys, offered.keys),
        lease=_unless(known.lease, offered.lease),
        incident=_unless(incident, offered.incident),
        snapshot=_unless(snapshot, offered.snapshot),
    )


def _unless(held: Held[Document] | None, raw: bytes | None) -> bytes | None:
    return None if held is not None and held.envelope == raw else raw


def incident_took(old: Trusted, new: Trusted, came: float, now: Instant) -> tuple[float, float] | None:
    """How fast another incident state took effect: seconds since it came, and since it was signed.

    The first of a process replaced none: nothing then.
    """
    if old.applied is None or new.applied is None or old.applied.incident.digest == new.applied.incident.digest:
        return None
    return now.boot - came, max(0.0, now.wall - times.from_text(new.applied.incident.document.issued_at))


def same_documents(one: Trusted, other: Trusted) -> bool:
    """Whether nothing that a decision is made by differs."""
    return _documents(one) == _documents(other)


def _documents(known: Trusted) -> tuple[str, ...]:
    """What has to be durable before it counts."""
    pair = known.applied
    keys = known.keys.digest if known.keys and known.remembered else ""
    return (keys, pair.snapshot.digest, pair.incident.digest) if pair else (keys,)


def _nonce() -> str:
    return secrets.token_hex(16)
