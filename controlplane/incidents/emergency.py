"""`manage.py kill --emergency`: the switch while the database is away.

The newest signed incident state of each server is read from Redis, verified, and signed anew under the next epoch with
one switch more. The act lies beside the keys before anything is published, so that the publisher takes it into the
database when that is back. A switch that the database knows can't be lowered so.
"""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import msgspec
import redis

from controlplane.common.errors import InvalidState, StackUnreachable
from controlplane.incidents import spool
from controlplane.incidents.compile import concerns, stopped
from controlplane.incidents.spool import Act
from controlplane.policy.models import Kind
from controlplane.policy.publisher.documents import LARGEST
from controlplane.policy.publisher.mirror import Mirror
from enforcer.contract import redis_names
from enforcer.contract.documents import DocumentError, read, write
from enforcer.contract.envelope import EnvelopeError, PayloadType, seal, unseal
from enforcer.contract.fleet import payload_hash
from enforcer.contract.incident import Incident, KillSwitch
from enforcer.contract.keys import SigningKey
from enforcer.contract.targets import Target, parse_target
from enforcer.contract.times import to_text

ROUNDS = 5
MARK = "emergency-"
KEPT = "it is raised when the publisher is back; now `enforcer kill` on each host needs nobody"


@dataclass(frozen=True, slots=True)
class Done:
    """`wanted`: server → (epoch, payload hash) that its enforcers have to report. `refused`: server → why not."""

    id: str
    wanted: Mapping[str, tuple[int, str]]
    refused: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Means:
    """What the host has: the key of incident states, the directory of the keys, the policy instance.

    `guarded`: servers that some enforcer is known to stand in front of, whether Redis still has a state of them or not.
    """

    key: SigningKey
    keys_dir: Path
    redis_url: str
    guarded: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _State:
    raw: bytes
    incident: Incident


def raise_in_emergency(*, target: str, reason: str, by: str, means: Means) -> Done:
    """Raises `InvalidState` for what is no target, `OSError` where it can't be kept, `StackUnreachable` without Redis:
    then it is kept all the same, and raised when the publisher is back."""
    act = _act(target, reason, by, lowers=False)
    name = spool.keep(means.keys_dir, act)
    return _on_redis(means, lambda mirror: _switch(mirror, act, name, means), KEPT)


def lower_in_emergency(*, target: str, reason: str, by: str, means: Means) -> Done:
    """Of what was raised in this emergency alone; raises as the other, and keeps nothing it couldn't do."""
    act = _act(target, reason, by, lowers=True)
    return _on_redis(means, lambda mirror: _switch(mirror, act, "", means), "nothing is lowered")


def _act(target: str, reason: str, by: str, *, lowers: bool) -> Act:
    parsed = parse_target(target)
    if not isinstance(parsed, Target):
        raise InvalidState("TARGET", parsed)
    return Act(f"{MARK}{secrets.token_hex(4)}", lowers, target, reason, by, to_text(time.time()))


def _on_redis(means: Means, work: Callable[[Mirror], Done], so: str) -> Done:
    mirror = Mirror(means.redis_url)
    try:
        return work(mirror)
    except redis.RedisError as problem:
        raise StackUnreachable(f"Redis can't be reached ({type(problem).__name__}): {so}") from None
    finally:
        mirror.client.close()


def _switch(mirror: Mirror, act: Act, name: str, means: Means) -> Done:
    """In rounds: whoever else published in between is read again."""
    pending = {id_ for id_ in means.guarded | _servers(mirror.client) if concerns(act.target, id_)}
    if not pending and not act.lowers:
        raise StackUnreachable(f"Redis has no incident state of anything that {act.target} concerns: {KEPT}")
    wanted: dict[str, tuple[int, str]] = {}
    refused: dict[str, str] = {}
    for number in range(ROUNDS):
        found = {id_: _read(mirror.client, id_, means.key) for id_ in sorted(pending)}
        refused |= {id_: state for id_, state in found.items() if isinstance(state, str)}
        pending -= refused.keys()
        states = {id_: state for id_, state in found.items() if isinstance(state, _State)}
        if act.lowers and number == 0:
            _refuse_others(states, act.target)
        if not states:
            break
        made = {id_: _next(state.incident, act) for id_, state in states.items()}
        signed = {id_: seal(PayloadType.INCIDENT, write(one), [means.key]).decode() for id_, one in made.items()}
        act = msgspec.structs.replace(act, documents={**act.documents, **signed})
        name = spool.keep(means.keys_dir, act, name)
        for id_, envelope in signed.items():
            channel = redis_names.changed(id_)
            if mirror.replace(redis_names.incident(id_), states[id_].raw, envelope, channel=channel, hint="incident"):
                wanted[id_] = (made[id_].epoch, payload_hash(write(made[id_])))
        pending -= wanted.keys()
    return Done(act.id, wanted, {**refused, **dict.fromkeys(pending, "somebody else publishes all the time")})


def _servers(client: redis.Redis) -> set[str]:
    prefix = redis_names.incident("")
    return {key.decode().removeprefix(prefix) for key in client.scan_iter(match=f"{prefix}*", count=1000)}


def _read(client: redis.Redis, server_id: str, key: SigningKey) -> _State | str:
    """The newest state as signed with our own key. From anything else no other switch could be carried over."""
    raw = cast("bytes | None", client.get(redis_names.incident(server_id)))
    if raw is None:
        return "Redis has no incident state of it"
    try:
        incident = read(unseal(raw, PayloadType.INCIDENT, {key.public.keyid: key.public}), Incident)
    except (EnvelopeError, DocumentError):
        return "its incident state in Redis is not ours"
    return _State(raw, incident) if incident.server_id == server_id else "its incident state is another server's"


def _next(state: Incident, act: Act) -> Incident:
    """One switch more, or those of this target fewer; too large a state stops everything, as the publisher does."""
    if act.lowers:
        switches = tuple(one for one in state.kill_switches if one.target != act.target)
    else:
        switches = (*state.kill_switches, KillSwitch(id=act.id, target=act.target))
    made = msgspec.structs.replace(state, epoch=state.epoch + 1, issued_at=to_text(time.time()), kill_switches=switches)
    return made if len(write(made)) < LARGEST[Kind.INCIDENT] // 2 else stopped(made)


def _refuse_others(states: Mapping[str, _State], target: str) -> None:
    known = [one.id for state in states.values() for one in state.incident.kill_switches if one.target == target]
    if not known:
        raise InvalidState("TARGET", f"{target} is raised on no server that Redis knows")
    if other := [id_ for id_ in known if not id_.startswith(MARK)]:
        sentence = f"{target} was raised before the emergency ({other[0]}); lower it when the database is back"
        raise InvalidState("TARGET", sentence)
