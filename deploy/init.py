"""`python -m deploy.init`: every secret of an installation, made on the first start, where its only reader finds it.
`--rotate NAME` makes one of them anew.

The volume `init` holds the authority's key and the passwords, and no other service mounts it. All other files are
written from it again at each start, so that a start which was cut off goes on where it was.
"""

import argparse
import json
import secrets
import sys
from collections.abc import Collection
from datetime import datetime
from pathlib import Path

from controlplane.common.files import PUBLIC, write_whole
from deploy import valkey
from deploy.certificates import Pair, issue, make_authority, read_pair, still_good, utc_now
from deploy.names import APP, CA, DATABASE, ENFORCER, OWNER, POLICY, PORTS, POSTGRES, RECEIPTS, SERVERS, SUPERUSER, WEB

VOLUMES = Path("/volumes")
LOCALHOST = "localhost"  # how this machine's browsers and clients call web and enforcer
PASSWORDS = (
    *(SUPERUSER, OWNER, APP),
    *("policy-admin", "policy-web", "receipts-admin", "receipts-ingest", "receipts-web"),
    *("django", "metrics", "notify"),
)

HBA = """\
# Nobody without a password, nobody from another container without TLS.
local   all all     scram-sha-256
hostssl all all all scram-sha-256
"""


class LostError(Exception):
    """One line for the operator."""


def first_start(volumes: Path, now: datetime, *, rotate: Collection[str] = ()) -> None:
    """Write what is missing or due for renewal; raises `LostError` rather than lock an installation out of its data."""
    own = volumes / "init"
    if not (own / "passwords.json").exists() and (volumes / POSTGRES / "superuser.pass").exists():
        raise LostError(f"{own}/passwords.json:1: -: is gone, but not the rest; restore the volume from its backup")
    passwords = _passwords(own / "passwords.json", rotate)
    authority = _authority(own, now)
    write_whole(volumes / "trust" / "ca.pem", authority.certificate_pem, mode=PUBLIC)
    for host in SERVERS:
        _server(volumes / f"{host}-tls", host, authority, now)
    for name, text in _texts(passwords).items():
        write_whole(volumes / name, text + "\n")


def _texts(passwords: dict[str, str]) -> dict[str, str]:
    """Volume and file, and what stands in it; each service has a volume with exactly what it needs."""
    app = _database(APP, passwords)
    return {
        f"{POSTGRES}/superuser.pass": passwords[SUPERUSER],
        f"{POSTGRES}/pg_hba.conf": HBA,
        f"{POLICY}/valkey.conf": valkey.policy_config(
            admin_password=passwords["policy-admin"], reader_password=passwords["policy-web"]
        ),
        f"{RECEIPTS}/valkey.conf": valkey.receipts_config(
            admin_password=passwords["receipts-admin"],
            ingest_password=passwords["receipts-ingest"],
            counter_password=passwords["receipts-web"],
        ),
        "migrate/superuser.url": _database(SUPERUSER, passwords, database="postgres"),
        "migrate/owner.url": _database(OWNER, passwords),
        "migrate/app.url": app,
        "publisher/database.url": app,
        "publisher/redis.url": _redis(POLICY, "admin", passwords["policy-admin"]),
        "publisher/broker.url": _redis(RECEIPTS, "admin", passwords["receipts-admin"]),
        "web/database.url": app,
        "web/redis.url": _redis(POLICY, "web", passwords["policy-web"]),
        "web/broker.url": _redis(RECEIPTS, "web", passwords["receipts-web"]),
        "web/django.key": passwords["django"],
        "web/metrics.token": passwords["metrics"],
        "watch/database.url": app,
        "watch/redis.url": _redis(POLICY, "web", passwords["policy-web"]),
        "watch/notify.secret": passwords["notify"],
        "worker/database.url": app,
        "worker/broker.url": _redis(RECEIPTS, "ingest", passwords["receipts-ingest"]),
    }


def _passwords(path: Path, rotate: Collection[str]) -> dict[str, str]:
    """Those that are there stay, but for the rotated; a version that needs one more makes it."""
    there: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    kept = {name: value for name, value in there.items() if name not in rotate}
    whole = {name: kept.get(name) or secrets.token_urlsafe(48) for name in PASSWORDS}
    if whole != there:
        write_whole(path, json.dumps(whole, indent=1) + "\n")
    return whole


def _authority(own: Path, now: datetime) -> Pair:
    certificate, key = own / "ca.pem", own / "ca.key"
    if certificate.exists():  # written last
        return read_pair(certificate.read_text(), key.read_text())
    made = make_authority([*SERVERS, LOCALHOST], now)
    write_whole(key, made.key_pem)
    write_whole(certificate, made.certificate_pem)
    return made


def _server(directory: Path, host: str, authority: Pair, now: datetime) -> None:
    certificate, key = directory / "server.crt", directory / "server.key"
    try:
        if still_good(read_pair(certificate.read_text(), key.read_text()), authority, now):
            return
    except (FileNotFoundError, ValueError):  # none yet, or the one that a cut-off start left beside another's key
        pass
    names = [host, LOCALHOST] if host in (WEB, ENFORCER) else [host]
    made = issue(authority, names, now)
    write_whole(key, made.key_pem)
    write_whole(certificate, made.certificate_pem, mode=PUBLIC)


def _database(user: str, passwords: dict[str, str], *, database: str = DATABASE) -> str:
    trust = f"sslmode=verify-full&sslrootcert={CA}"
    return f"postgresql://{user}:{passwords[user]}@{POSTGRES}:{PORTS[POSTGRES]}/{database}?{trust}"


def _redis(host: str, user: str, password: str) -> str:
    return f"rediss://{user}:{password}@{host}:{PORTS[host]}/0"


def main() -> int:
    """Exit 0, or 2 with one line."""
    parser = argparse.ArgumentParser(prog="python -m deploy.init")
    changeable = [
        name for name in PASSWORDS if name != SUPERUSER
    ]  # PostgreSQL learns that one at its first start alone
    parser.add_argument("--rotate", action="append", default=[], choices=changeable, help="may stand several times")
    try:
        first_start(VOLUMES, utc_now(), rotate=parser.parse_args().rotate)
    except LostError as problem:
        sys.stderr.write(f"{problem}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
