"""The same signed documents straight from the control plane: where Redis gives no news, or memory must be proven fresh.

`GET {control_plane}/api/v1/enforcer/state?server=ID[&nonce=N]` with a token by the enforcer's own key (CONTRACTS
section 3). No redirects, 3 s, a bounded answer.
"""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Sequence

import aiohttp

from enforcer.contract import strict_json
from enforcer.contract.keys import SigningKey
from enforcer.contract.strict_json import JsonObject
from enforcer.fetch import bounded_body
from enforcer.identity.tokens import sign_token
from enforcer.link.holdings import Holdings
from enforcer.link.notes import Notes
from enforcer.link.state import Envelopes
from enforcer.link.verify import MAX_BYTES, Kind

AUDIENCE = "drawbridge-control-plane"
PATH = "/api/v1/enforcer/state"
QUIET_S = 3.0
TIMEOUT_S = 3.0
PAUSE_S = 1.0
MAX_PAUSE_S = 5.0
LOOK_S = 0.2
TOKEN_LIFE_S = 60
MAX_ANSWER = sum(MAX_BYTES.values()) + 64 * 1024


class RefusedError(Exception):
    """The control plane answered, but not with documents."""


class Direct:
    """Asks for one server at a time."""

    def __init__(
        self,
        url: str,
        key: SigningKey,
        enforcer_id: str,
        server_ids: Sequence[str],
        holdings: Holdings,
        notes: Notes,
    ) -> None:
        self._url, self._key, self._enforcer_id = url.rstrip("/") + PATH, key, enforcer_id
        self._servers, self._holdings, self._notes = tuple(server_ids), holdings, notes
        self._started = time.monotonic()

    async def run(self) -> None:
        """Watch until cancelled."""
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), trust_env=False) as session:
            failures = 0
            while True:
                needy = [s for s in self._servers if self._needs(s)]
                if not needy:
                    failures = 0
                    await asyncio.sleep(LOOK_S)
                    continue
                good = [await self._ask(session, server_id) for server_id in needy]
                failures = 0 if all(good) else failures + 1
                pause = min(MAX_PAUSE_S, PAUSE_S * 2 ** min(failures, 10))
                await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311

    def _needs(self, server_id: str) -> bool:
        """Past 3 s without a new lease from Redis, or where a lease must echo a nonce."""
        if self._holdings.nonce(server_id) is not None:
            return True
        quiet = self._holdings.quiet_s(server_id, "redis")
        return (time.monotonic() - self._started if quiet is None else quiet) > QUIET_S

    async def _ask(self, session: aiohttp.ClientSession, server_id: str) -> bool:
        query = {"server": server_id}
        nonce = self._holdings.nonce(server_id)
        if nonce is not None:
            query["nonce"] = nonce
        try:
            answer = await self._get(session, query)
            await self._holdings.offer(server_id, _envelopes(answer), "direct")
        except (aiohttp.ClientError, OSError, RefusedError, strict_json.StrictJsonError) as problem:
            self._notes.problem(server_id, f"control plane: {type(problem).__name__}: {problem}")
            return False
        return True

    async def _get(self, session: aiohttp.ClientSession, query: dict[str, str]) -> JsonObject:
        headers = {"Authorization": f"Bearer {self._token()}", "Accept": "application/json"}
        async with session.get(self._url, params=query, headers=headers, allow_redirects=False) as response:
            if response.status != 200:
                raise RefusedError(f"answers {response.status}")
            body = await bounded_body(response, MAX_ANSWER)
        if body is None:
            raise RefusedError(f"answers more than {MAX_ANSWER} bytes")
        return strict_json.parse_object(body)

    def _token(self) -> str:
        now = int(time.time())
        return sign_token(
            {
                "iss": self._enforcer_id,
                "sub": self._enforcer_id,
                "aud": AUDIENCE,
                "iat": now,
                "exp": now + TOKEN_LIFE_S,
                "jti": secrets.token_hex(16),
            },
            self._key,
        )


def _envelopes(answer: JsonObject) -> Envelopes:
    found = {kind: answer.get(kind) for kind in Kind}
    return Envelopes(**{kind: json.dumps(value).encode() for kind, value in found.items() if isinstance(value, dict)})
