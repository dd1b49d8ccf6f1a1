"""The first start on another host: the enforcer makes its own key and passwords, and registers with its one-time code.

Everything is durable before the code is used, so that a crash in between only means to ask again: the control plane
answers the same key once more. The code's hash is kept last and says that it was used.
"""

import asyncio
import base64
import hashlib
import json
import secrets
from pathlib import Path

import aiohttp
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from enforcer.config import Config
from enforcer.contract import strict_json
from enforcer.contract.canonical import canonical
from enforcer.contract.keys import SigningKey
from enforcer.contract.sealed import open_answer
from enforcer.contract.strict_json import JsonObject
from enforcer.durable import remove, write
from enforcer.errors import UnreachableError
from enforcer.fetch import bounded_body
from enforcer.secrets_on_disk import HMAC, KEY, read_secret

PATH = "/api/v1/enforcer/enrol"
USED = "enrolment.used"
STAGED = "enrolment.new"
TIMEOUT_S = 15.0
MAX_ANSWER = 1_000_000


def enrol_if_invited(config: Config) -> None:
    """Nothing where the file holds no code, or one that was used here. Raises `ConfigurationError` where the code is
    refused, `UnreachableError` where nobody answers."""
    code = config.file.enrolment_code
    if not code or _used(config.data_dir) == _sha256(code):
        return
    try:
        config.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        config.data_dir.chmod(0o700)
        staged = _staged(config.data_dir, code)
        private = X25519PrivateKey.generate()
        answer = asyncio.run(_register(config, _request(config, code, staged, private)))
        _keep(config, staged, _opened(config, answer, private), code)
    except OSError as problem:
        raise config.problem("data_dir", f"can't be written, {problem.strerror}; name a directory that can") from None


def _staged(data_dir: Path, code: str) -> dict[str, str]:
    """Key and passwords of this code, the same ones until it is used."""
    path = data_dir / STAGED
    found = _parsed(path.read_bytes()) if path.exists() else None  # one that can't be read was of no use yet
    if found is not None and found.get("code_sha256") == _sha256(code):
        return {name: str(value) for name, value in found.items()}
    made = {
        "code_sha256": _sha256(code),
        "key": SigningKey.generate().to_text(),
        "policy_redis": secrets.token_urlsafe(32),
        "receipts_redis": secrets.token_urlsafe(32),
    }
    write(path, json.dumps(made).encode())
    return made


def _request(config: Config, code: str, staged: dict[str, str], private: X25519PrivateKey) -> JsonObject:
    key = SigningKey.from_text(staged["key"])
    said: JsonObject = {
        "code": code,
        "enforcer_id": config.enforcer_id,
        "public_key": key.public.text,
        "redis_password_sha256": _sha256(staged["policy_redis"]),
        "broker_password_sha256": _sha256(staged["receipts_redis"]),
        "reply_key": base64.b64encode(private.public_key().public_bytes_raw()).decode(),
    }
    return {**said, "proof": base64.b64encode(key.sign(canonical(said))).decode()}


async def _register(config: Config, said: JsonObject) -> JsonObject:
    url = config.file.control_plane.url.rstrip("/") + PATH
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout, trust_env=False) as session,
            session.post(url, json=said, allow_redirects=False) as response,
        ):
            status, body = response.status, await bounded_body(response, MAX_ANSWER)
    except (aiohttp.ClientError, TimeoutError, OSError) as problem:
        raise UnreachableError(f"the control plane doesn't answer at {url}: {type(problem).__name__}") from None
    answer = _parsed(body or b"")
    if status in (400, 409, 422):
        detail = answer.get("detail") if answer else None
        raise config.problem("enrolment_code", f"is refused: {detail or status}")
    if status != 200 or answer is None:
        raise UnreachableError(f"the control plane answers {status} at {url}; is it up, and its publisher?")
    return answer


def _opened(config: Config, answer: JsonObject, private: X25519PrivateKey) -> JsonObject:
    try:
        keys = strict_json.parse_object(
            open_answer(str(answer["sealed"]), private=private, request_id=str(answer["request_id"]))
        )
    except (KeyError, ValueError):
        raise UnreachableError("the control plane's answer can't be read; is another program at its address?") from None
    missing = [id_ for id_ in config.server_ids if id_ not in keys]
    if missing:
        raise config.problem("upstream", f"{missing[0]!r} is not a server of this enforcer; write those of enroll")
    return keys


def _keep(config: Config, staged: dict[str, str], keys: JsonObject, code: str) -> None:
    file, data_dir = config.file, config.data_dir
    write(data_dir / file.policy_redis.password_file, f"{staged['policy_redis']}\n".encode())
    write(data_dir / file.receipts_redis.password_file, f"{staged['receipts_redis']}\n".encode())
    write(data_dir / HMAC, json.dumps(keys).encode())
    write(data_dir / KEY, f"{staged['key']}\n".encode())
    write(data_dir / USED, f"{_sha256(code)}\n".encode())
    remove(data_dir / STAGED)


def _used(data_dir: Path) -> str:
    path = data_dir / USED
    return read_secret(path) if path.exists() else ""


def _parsed(body: bytes) -> JsonObject | None:
    try:
        return strict_json.parse_object(body)
    except strict_json.StrictJsonError:
        return None


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
