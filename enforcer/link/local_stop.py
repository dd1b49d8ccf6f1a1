"""`enforcer kill`: a stop that lies in the data directory, needs nobody, and is only ever added to what is signed.

Whoever may write there may stop the enforcer, and nothing else: a file that can't be read stops it too. The command
writes `stopped.json`; the enforcer looks for it all the time, says in `stopped.seen.json` that nothing is in flight any
more, and leaves a receipt of each raising and lowering.
"""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import msgspec

from enforcer.contract import strict_json
from enforcer.contract.incident import KillSwitch
from enforcer.durable import remove, write
from enforcer.link.state import Applied

NAME, SEEN = "stopped.json", "stopped.seen.json"
LOOK_S = 0.05
LARGEST = 64 * 1024

log = logging.getLogger(__name__)
State = Literal["raised", "lowered"]


class Stop(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who stopped this enforcer, or let it go again. `id` stands in receipts beside those of kill switches."""

    id: str
    state: State
    by: str
    reason: str
    at: str


class Seen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the running enforcer has done about it. `recorded`: its receipt is durable."""

    id: str
    state: State
    recorded: bool = False


UNREADABLE = Stop(id="local-unreadable", state="raised", by="", reason=f"{NAME} can't be read", at="")


def read_stop(data_dir: Path) -> Stop | None:
    """What lies there; none where nothing does."""
    try:
        raw = _bounded(data_dir / NAME)
    except FileNotFoundError:
        return None
    except OSError:
        return UNREADABLE
    try:
        strict_json.parse_object(raw)
        return msgspec.json.decode(raw, type=Stop)
    except (strict_json.StrictJsonError, msgspec.DecodeError):
        return UNREADABLE


def read_seen(data_dir: Path) -> Seen | None:
    """None where there is none, or none that says anything."""
    try:
        return msgspec.json.decode(_bounded(data_dir / SEEN), type=Seen)
    except (OSError, msgspec.DecodeError):
        return None


def write_stop(data_dir: Path, stop: Stop) -> None:
    """Durable when it returns; raises `OSError`."""
    write(data_dir / NAME, msgspec.json.encode(stop))
    if os.geteuid() == 0:  # the enforcer, who has to read and remove it, may be somebody else
        owner = data_dir.stat()
        os.chown(data_dir / NAME, owner.st_uid, owner.st_gid)


def with_stop(policy: Applied, stop: Stop | None) -> Applied:
    """The policy, with everything killed while a stop lies there."""
    if stop is None or stop.state == "lowered":
        return policy
    switches = (*policy.incident.kill_switches, KillSwitch(id=stop.id, target="all"))
    return replace(policy, incident=msgspec.structs.replace(policy.incident, kill_switches=switches))


class Stopped:
    """A word of the host over the policy that is in force."""

    def __init__(self, stop: Stop | None) -> None:
        self.stop = stop
        self._shown: dict[str, tuple[Applied, Applied]] = {}

    @property
    def raised(self) -> bool:
        """Whether everything is stopped."""
        return self.stop is not None and self.stop.state == "raised"

    def over(self, server_id: str, policy: Applied | None) -> Applied | None:
        """The same object for the same policy, so that others can compare by identity."""
        if policy is None or not self.raised:
            return policy
        known = self._shown.get(server_id)
        if known is None or known[0] is not policy:
            known = self._shown[server_id] = (policy, with_stop(policy, self.stop))
        return known[1]

    def say(self, stop: Stop | None) -> bool:
        """Another word holds from now on; whether it is another."""
        if stop == self.stop:
            return False
        self.stop = stop
        self._shown.clear()
        return True


@dataclass(frozen=True, slots=True)
class StopHooks:
    """`on_change`: another word holds. `in_flight`: what was stopped, not yet ended. `record`: a receipt is kept."""

    on_change: Callable[[], None]
    in_flight: Callable[[], int]
    record: Callable[[Stop], Awaitable[bool]]


class LocalStop(Stopped):
    """What lies in the data directory."""

    def __init__(self, data_dir: Path, hooks: StopHooks) -> None:
        super().__init__(read_stop(data_dir))
        self._data_dir, self._hooks = data_dir, hooks
        self._mark: tuple[int, int, int] | None = None
        self._seen = read_seen(data_dir)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            self._look()
            if self.stop is not None:
                await self._follow(self.stop)
            await asyncio.sleep(LOOK_S)

    def _look(self) -> None:
        mark = _mark(self._data_dir / NAME)
        if mark == self._mark and mark is not None:
            return
        self._mark, found = mark, read_stop(self._data_dir)
        if self.say(found):
            log.warning("%s", "nothing stops this enforcer on its host" if found is None else _line(found))
            self._hooks.on_change()

    async def _follow(self, stop: Stop) -> None:
        """Say that it holds, keep its receipt; what can't be written is tried again at the next look."""
        done = self._seen if self._seen and (self._seen.id, self._seen.state) == (stop.id, stop.state) else None
        if done is None and (stop.state == "lowered" or not self._hooks.in_flight()):
            done = self._say(Seen(stop.id, stop.state))
        if done is not None and not done.recorded and await self._hooks.record(stop):
            done = self._say(Seen(stop.id, stop.state, recorded=True))
        if done is not None and done.recorded and stop.state == "lowered":
            self._forget()

    def _say(self, seen: Seen) -> Seen | None:
        try:
            write(self._data_dir / SEEN, msgspec.json.encode(seen))
        except OSError as problem:
            log.warning("%s can't be written: %s", SEEN, problem.strerror)
            return None
        self._seen = seen
        return seen

    def _forget(self) -> None:
        try:
            remove(self._data_dir / NAME)
            remove(self._data_dir / SEEN)
        except OSError as problem:
            log.warning("%s can't be removed: %s", NAME, problem.strerror)


def _line(stop: Stop) -> str:
    return f"{stop.state} on this host by {stop.by or 'somebody'}: {stop.reason}"


def _mark(path: Path) -> tuple[int, int, int] | None:
    """Changes with every new file; none where there is none, or none that can be looked at."""
    try:
        found = os.stat(path)  # noqa: PTH116 - every 50 ms
    except OSError:
        return None
    return (found.st_ino, found.st_mtime_ns, found.st_size)


def _bounded(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST)
