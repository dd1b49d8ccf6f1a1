"""What an enforcer's users in the two Redis instances may do (Redis ACL rules, without name, password and `on`).

Tried against the commands that the clients really send; everything else is refused.
"""

from collections.abc import Iterable

from enforcer.contract import redis_names
from enforcer.contract.targets import ID

_NOTHING = ["resetkeys", "resetchannels", "-@all", "clearselectors"]
_CONNECTION = [
    "+auth",
    "+hello",
    "+ping",
    "+select",
    "+quit",
    "+reset",
    "+client|setinfo",
    "+client|setname",
    "+client|id",
]


def broker_acl(enforcer_id: str) -> list[str]:
    """The receipts instance: push onto its own queue, nothing else; not even read it. Raises `ValueError`."""
    return [*_NOTHING, *_CONNECTION, "+lpush", "%W~" + redis_names.receipts_queue(_checked(enforcer_id))]


def policy_acl(enforcer_id: str, server_ids: Iterable[str]) -> list[str]:
    """The policy instance: read what is for it and its servers, write its heartbeat, count calls of shared rates.

    No scripts: one that never ends would hold up a kill. Raises `ValueError`.
    """
    servers = [_checked(server_id) for server_id in server_ids]
    reads = [redis_names.KEYS, redis_names.ack(_checked(enforcer_id))]
    for name in (redis_names.snapshot, redis_names.incident, redis_names.lease):
        reads += [name(server_id) for server_id in servers]
    return [
        *_NOTHING,
        *_CONNECTION,
        *("+get", "+mget", "+strlen", "+set", "+subscribe", "+unsubscribe"),
        *("+incr", "+pexpire", "+pttl", "+multi", "+exec"),
        *("%R~" + key for key in reads),
        "~" + redis_names.heartbeat(enforcer_id),
        *("~" + redis_names.rate(server_id, "*") for server_id in servers),
        *("&" + redis_names.changed(server_id) for server_id in servers),
        f"(+publish &{redis_names.applied(enforcer_id)})",  # a selector: it may not publish what it subscribes to
    ]


def _checked(name: str) -> str:
    """A name with a glob character would open other keys."""
    if not ID.fullmatch(name):
        raise ValueError(f"{name!r} is no id")
    return name
