"""The fleet as the publisher last knew it, on its disk: so that in an emergency, without the database, an enforcer is
still believed only under its own signature, and one that says nothing is still missed.
"""

from dataclasses import dataclass
from pathlib import Path

import msgspec

from controlplane.common.files import write_whole
from controlplane.fleet.models import ACTIVE, Enforcer
from enforcer.contract.keys import PublicKey

NAME = "fleet.json"


class Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One enforcer. `lasts`: server → seconds for which a lease keeps it serving."""

    id: str
    public_key: str
    lasts: dict[str, int]


@dataclass(slots=True)
class Known:
    """An enforcer, as far as a heartbeat is judged by it."""

    id: str
    key: PublicKey
    lasts: dict[str, int]


def write_roll(keys_dir: Path, before: bytes) -> bytes:
    """What lies there now; written only where it is another one. Raises `OSError`."""
    rows = Enforcer.objects.filter(ACTIVE).order_by("id").prefetch_related("servers__trust_level")
    entries = [
        Entry(row.id, row.public_key, {s.id: s.trust_level.stale_all_s for s in row.servers.all()}) for row in rows
    ]
    made = msgspec.json.encode(entries)
    if made != before:
        write_whole(keys_dir / NAME, made.decode())
    return made


def read_roll(keys_dir: Path) -> list[Known] | None:
    """None where it can't be read: then nobody is known, and nobody is believed."""
    try:
        entries = msgspec.json.decode((keys_dir / NAME).read_bytes(), type=list[Entry])
        return [Known(one.id, PublicKey.from_text(one.public_key), one.lasts) for one in entries]
    except (OSError, ValueError):
        return None
