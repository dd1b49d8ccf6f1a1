"""valkey.conf of the two instances: TLS alone, the default user off, nothing evicted (RELIABILITY C10).

The policy instance keeps an append-only file, so that enforcers find the last documents before the publisher is back.
The receipts instance keeps nothing: enforcers send again what was not acknowledged. Enforcers' users are made by the
publisher at each start.
"""

import hashlib
from collections.abc import Sequence

from controlplane.embedded.valkey import BROKER_MAX_MEMORY, INGEST_RULES, LARGEST_MESSAGE
from deploy.names import CA, POLICY, PORTS, RECEIPTS, TLS
from enforcer.contract import redis_names

ALL = ("~*", "&*", "+@all")

CONNECTION = "-@all +hello +auth +ping +echo +select +quit +reset +client|setinfo +client|setname +client|id"

# What web and commands do: hint at changes, hear what enforcers apply, read heartbeats. Nothing is written.
READER_RULES = (
    f"%R~{redis_names.PREFIX}*",
    f"resetchannels &{redis_names.PREFIX}* &{redis_names.applied('*')}",
    CONNECTION,
    "+get +mget +strlen +exists +type +ttl +pttl",
    "+publish +subscribe +unsubscribe +psubscribe +punsubscribe",
    "+info +time",
)

# And there: how many batches wait. Whoever could push could have the worker run a task (RELIABILITY C3).
COUNTER_RULES = ("%R~receipts.*", "resetchannels", CONNECTION, "+llen")


def policy_config(*, admin_password: str, reader_password: str) -> str:
    """For the publisher (`admin`), and for web and commands (`web`)."""
    users = [_user("admin", admin_password, ALL), _user("web", reader_password, READER_RULES)]
    return _text([*_common(POLICY), "appendonly yes", "appendfsync everysec", *users])


def receipts_config(*, admin_password: str, ingest_password: str, counter_password: str) -> str:
    """For the publisher (`admin`), for the ingest worker (`ingest`), and for web and commands (`web`)."""
    sizes = [f"maxmemory {BROKER_MAX_MEMORY}", f"proto-max-bulk-len {LARGEST_MESSAGE}"]
    users = [
        _user("admin", admin_password, ALL),
        _user("ingest", ingest_password, INGEST_RULES),
        _user("web", counter_password, COUNTER_RULES),
    ]
    return _text([*_common(RECEIPTS), "appendonly no", *sizes, *users])


def _common(host: str) -> list[str]:
    return [
        "port 0",
        f"tls-port {PORTS[host]}",
        f"tls-cert-file {TLS}/server.crt",
        f"tls-key-file {TLS}/server.key",
        f"tls-ca-cert-file {CA}",
        "tls-auth-clients no",
        "bind * -::*",
        "protected-mode no",  # it is for instances without passwords
        "dir /data",
        'save ""',
        "maxmemory-policy noeviction",
        "timeout 0",
        "tcp-keepalive 30",
        "loglevel warning",
        "user default off resetpass",
    ]


def _user(name: str, password: str, rules: Sequence[str]) -> str:
    """The file holds hashes alone."""
    return f"user {name} on #{hashlib.sha256(password.encode()).hexdigest()} {' '.join(rules)}"


def _text(lines: Sequence[str]) -> str:
    return "\n".join([*lines, ""])
