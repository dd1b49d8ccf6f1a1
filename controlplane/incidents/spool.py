"""What was switched in an emergency, kept beside the keys until the database has it: a file an act, in their order."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec

from controlplane.common.files import secret_directory, write_whole
from enforcer.contract import strict_json

DIRECTORY = "emergency"


class Act(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`id` stands in receipts of the time. `documents`: the signed incident state of each server that it made."""

    id: str
    lowers: bool
    target: str
    reason: str
    by: str
    at: str
    documents: dict[str, str] = {}


def keep(keys_dir: Path, act: Act, name: str = "") -> str:
    """Durable when it returns; its file's name, for keeping it again with more. Raises `OSError`."""
    directory = keys_dir / DIRECTORY
    secret_directory(directory)
    name = name or f"{time.time_ns():020d}-{act.id}.json"
    write_whole(directory / name, msgspec.json.encode(act).decode())
    if os.geteuid() == 0:  # the publisher, who has to read it, may be somebody else
        owner = keys_dir.stat()
        for path in (directory, directory / name):
            os.chown(path, owner.st_uid, owner.st_gid)
    return name


def kept(keys_dir: Path) -> Iterator[tuple[Path, Act | None]]:
    """The oldest first; None for a file that can't be read, of which nobody knows what it said."""
    directory = keys_dir / DIRECTORY
    if not directory.is_dir():
        return
    for path in sorted(directory.glob("[0-9]*.json")):
        yield path, _read(path)


def _read(path: Path) -> Act | None:
    try:
        raw = path.read_bytes()
        strict_json.parse_object(raw)
        return msgspec.json.decode(raw, type=Act)
    except (OSError, strict_json.StrictJsonError, msgspec.DecodeError):
        return None
