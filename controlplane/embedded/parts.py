"""The parts of the embedded control plane, in the order in which they start."""

import asyncio
import os
import sys
from pathlib import Path

import redis.asyncio
import redis.exceptions

from controlplane.embedded import valkey
from controlplane.embedded.addresses import ADMIN, INGEST, LOOPBACK, Addresses
from controlplane.embedded.supervisor import Check, Part, die_with_parent
from enforcer.contract import redis_names

ROOT = Path(__file__).parents[2]
MANAGE = [sys.executable, str(ROOT / "manage.py")]
BIN = Path(sys.executable).parent
NOTIFY = ("NOTIFY_EMAIL", "NOTIFY_WEBHOOK", "NOTIFY_SECRET_FILE", "EMAIL_URL", "EMAIL_FROM", "EMAIL_PASSWORD_FILE")
KEPT = (
    *("PATH", "LANG", "LC_ALL", "HOME", "TMPDIR", "ALLOWED_HOSTS", "FETCH_ALLOW", "DRAWBRIDGE_KEYS_DIR", "LOG_FORMAT"),
    *("DATABASE_URL", "DATABASE_URL_FILE", "KILL_LOWER_SECOND_PERSON", *NOTIFY),
)


def base_env(data: Path) -> dict[str, str]:
    """What every part gets; everything else of the caller's environment stays outside."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    ours = {"DRAWBRIDGE_DATA_DIR": str(data), "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"}
    return {"LOG_FORMAT": "line", **kept, **ours}  # their lines go out under their names, beside ours


def waves(data: Path, addresses: Addresses) -> list[list[Part]]:
    """Both Valkeys, then the publisher, the web, the ingest worker and the watcher."""
    env = base_env(data)
    full = {
        **env,
        "REDIS_URL": addresses.policy.url(ADMIN),
        "RECEIPTS_BROKER_URL": addresses.receipts.url(ADMIN),
        "PUBLIC_URL": addresses.web_url,
    }
    watching = {**env, "REDIS_URL": full["REDIS_URL"], "PUBLIC_URL": full["PUBLIC_URL"]}
    ingest = {**env, "RECEIPTS_BROKER_URL": addresses.receipts.url(INGEST)}
    worker = ["--quiet", "--app", "controlplane.receipts.worker", "worker", "--pool", "threads", "--concurrency", "1"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING"]
    web = ["controlplane.config.wsgi", "--config", "python:controlplane.embedded.gunicorn_conf"]
    policy, receipts = addresses.policy, addresses.receipts
    valkeys = [
        Part("valkey-policy", valkey.write_policy_config(data, policy), env, _listens(policy.port)),
        Part("valkey-receipts", valkey.write_receipts_config(data, receipts), env, _listens(receipts.port)),
    ]
    ours = [
        Part("publisher", [*MANAGE, "publisher"], full, _published(addresses.policy.url(ADMIN))),
        Part(
            "web", [str(BIN / "gunicorn"), *web, "--bind", f"{LOOPBACK}:{addresses.web_port}"], full, _serves(addresses)
        ),
        Part("worker", [str(BIN / "celery"), *worker, *quiet], ingest, _at_once),
        Part("watch", [*MANAGE, "watch"], watching, _at_once),
    ]
    return [valkeys, ours]


async def migrate(data: Path) -> int:
    """Bring the database up to date in a process of its own; returns its exit code."""
    process = await asyncio.create_subprocess_exec(
        *[*MANAGE, "migrate", "--verbosity", "0"],
        env=base_env(data),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        preexec_fn=die_with_parent,
    )
    return await process.wait()


async def _at_once() -> bool:
    return True


def _listens(port: int) -> Check:
    async def check() -> bool:
        try:
            _, writer = await asyncio.open_connection(LOOPBACK, port)
        except OSError:
            return False
        writer.close()
        await writer.wait_closed()
        return True

    return check


def _published(url: str) -> Check:
    async def check() -> bool:
        client = redis.asyncio.Redis.from_url(url, socket_timeout=1, socket_connect_timeout=1)
        try:
            return bool(await client.exists(redis_names.KEYS))
        except redis.exceptions.RedisError:
            return False
        finally:
            await client.aclose()

    return check


def _serves(addresses: Addresses) -> Check:
    async def check() -> bool:
        try:
            reader, writer = await asyncio.open_connection(LOOPBACK, addresses.web_port)
        except OSError:
            return False
        try:
            writer.write(f"GET /healthz HTTP/1.0\r\nHost: {LOOPBACK}:{addresses.web_port}\r\n\r\n".encode())
            first = await asyncio.wait_for(reader.readline(), 5)
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()
        return b" 200 " in first

    return check
