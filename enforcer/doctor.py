"""`enforcer doctor`: what this host offers and lacks, and with a file whether its enforcer could serve here.

It changes nothing, and asks only what the enforcer itself would ask: its own files, both Redis, the control plane.
"""

import asyncio
import os
import shutil
import ssl
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal
from urllib.parse import urlsplit

import aiohttp
from redis.asyncio import Redis
from redis.exceptions import RedisError

from enforcer.config import Config
from enforcer.config_file import Redis as RedisTable
from enforcer.config_file import Upstream
from enforcer.errors import ConfigurationError
from enforcer.link import clocks, store
from enforcer.link.local_stop import read_stop
from enforcer.link.redis_in import connector
from enforcer.policy.index import build_index
from enforcer.sandbox.probe import probe
from enforcer.secrets_on_disk import HMAC, KEY, hmac_keys, read_secret, signing_key

PYTHON = (3, 11)
LOW_DISK = 1024**3
TIMEOUT_S = 3.0
Word = Literal["ok", "note", "LACKS"]


@dataclass(frozen=True, slots=True)
class Finding:
    """`LACKS`: the enforcer could not serve so. `note`: it could, with less than there might be."""

    word: Word
    what: str
    detail: str


def doctor(config: Config | None) -> int:
    """Prints a line a finding; 1 where anything lacks."""
    found = [*host(), *(of_file(config) if config else ())]
    for one in found:
        sys.stdout.write(f"{one.word:<6}{one.what:<16}{one.detail}\n")
    return 1 if any(one.word == "LACKS" for one in found) else 0


def host() -> Iterator[Finding]:
    """Whatever file it would run."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("ok" if sys.version_info >= PYTHON else "LACKS", "python", f"{version}; 3.11 or newer is needed")
    sandbox = probe()
    if sandbox.works:
        yield Finding("ok", "sandbox", f"{sandbox.bwrap}: servers by command see their workspace and no network")
    else:
        yield Finding("note", "sandbox", f"{sandbox.reason}; servers by command that need one are not launched")


def of_file(config: Config) -> Iterator[Finding]:
    """Its directory, its memory, who it talks to, what stands behind it."""
    yield from _directory(config)
    yield from _memory(config)
    yield from asyncio.run(_reached(config))
    for upstream in config.file.upstream:
        yield _behind(upstream)


def _directory(config: Config) -> Iterator[Finding]:
    path = config.data_dir
    if not path.is_dir():
        if config.file.enrolment_code:
            yield Finding("note", "data_dir", f"{path} is not there yet; the first start registers and makes it")
        else:
            yield Finding("LACKS", "data_dir", f"{path} is not there; enrol on this host")
        return
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        yield Finding("LACKS", "data_dir", f"{path} can be entered by others; chmod 700 {path}")
    elif not os.access(path, os.W_OK | os.X_OK):
        yield Finding("LACKS", "data_dir", f"{path} can't be written by this user")
    else:
        free = shutil.disk_usage(path).free
        word: Word = "ok" if free >= LOW_DISK else "note"
        yield Finding(word, "data_dir", f"{path}, {free / 1024**3:.1f} GiB free; a full disk refuses every call")
    yield _secrets(config)
    if (stop := read_stop(path)) is not None and stop.state == "raised":
        yield Finding("LACKS", "stopped", f"on this host by {stop.by or 'somebody'}: {stop.reason}; kill --lower")


def _secrets(config: Config) -> Finding:
    file = config.file
    try:
        signing_key(config.data_dir)
        known = hmac_keys(config.data_dir)
        for table in (file.policy_redis, file.receipts_redis):
            read_secret(config.data_dir / table.password_file)
    except ConfigurationError as problem:
        return Finding("LACKS", "secrets", str(problem))
    missing = [id_ for id_ in config.server_ids if id_ not in known]
    if missing:
        return Finding("LACKS", "secrets", f"{HMAC} has no key of {missing[0]}; enrol again with --rotate")
    return Finding("ok", "secrets", f"{KEY}, both passwords and {HMAC}, readable by this user alone")


def _memory(config: Config) -> Iterator[Finding]:
    """What a start without anybody else would serve by."""
    roots = {key.keyid: key for key in config.root_keys}
    found = store.read(config.data_dir / store.NAME, config.server_ids, roots, build_index)
    if isinstance(found, store.Damage):
        yield Finding("LACKS", "policy", f"{store.NAME} is damaged and counts as none: {found.reason}")
        return
    now = clocks.read_clocks()
    for server_id in config.server_ids:
        known = found.servers.get(server_id) if found else None
        if known is None or known.applied is None:
            yield Finding("note", "policy", f"of {server_id}: none on disk yet; it is fetched at the start")
            continue
        pair = known.applied
        versions = f"version {pair.snapshot.document.version}, incident epoch {pair.incident.document.epoch}"
        behind = found is not None and found.greatest_wall - now.wall > clocks.BEHIND_S
        if behind:
            yield Finding("LACKS", "clock", "is more than 60 s behind a time that it has shown before; set it")
        yield Finding("ok", "policy", f"of {server_id}: {versions}")


async def _reached(config: Config) -> list[Finding]:
    found = await asyncio.gather(
        _redis(config, "policy redis", config.file.policy_redis),
        _redis(config, "receipts redis", config.file.receipts_redis),
        _control_plane(config),
    )
    return list(found)


async def _redis(config: Config, what: str, table: RedisTable) -> Finding:
    """Signed in as the enforcer is."""
    where = table.url.rpartition("@")[2]
    try:
        client: Redis = connector(table.url, config.data_dir / table.password_file)()
        async with client:
            await client.execute_command("PING")  # type: ignore[no-untyped-call]
    except (RedisError, OSError) as problem:
        return Finding("LACKS", what, f"{where}: {type(problem).__name__}; receipts and news wait until it answers")
    return Finding("ok", what, f"{where}, signed in")


async def _control_plane(config: Config) -> Finding:
    url = config.file.control_plane.url.rstrip("/")
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.get(f"{url}/healthz", allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        return Finding("note", "control plane", f"{url}: {type(problem).__name__}; needed where Redis is silent")
    return Finding("ok" if status == 200 else "note", "control plane", f"{url} answers {status}")


def _behind(upstream: Upstream) -> Finding:
    what = "upstream"
    if upstream.embedded:
        return Finding("ok", what, f"{upstream.server}: the program that opens this file")
    if upstream.command:
        program = shutil.which(upstream.command[0])
        if program is None:
            return Finding("LACKS", what, f"{upstream.server}: {upstream.command[0]!r} is not on PATH")
        return Finding("ok", what, f"{upstream.server}: {program}")
    return asyncio.run(_url(upstream))


async def _url(upstream: Upstream) -> Finding:
    """A connection alone: what a server answers to is its own affair."""
    parts = urlsplit(upstream.url)
    tls = ssl.create_default_context() if parts.scheme == "https" else None
    port = parts.port or (443 if tls else 80)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            _, writer = await asyncio.open_connection(parts.hostname, port, ssl=tls)
            writer.close()
    except (OSError, TimeoutError) as problem:
        detail = f"{upstream.server}: {upstream.url}: {type(problem).__name__}; calls fail until it answers"
        return Finding("note", "upstream", detail)
    return Finding("ok", "upstream", f"{upstream.server}: {upstream.url}")
