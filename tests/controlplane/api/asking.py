"""Asking the API as a program does: a token with these rights, JSON in and out."""

import json
from dataclasses import dataclass, field
from typing import Any

from django.test import Client

from controlplane.accounts.services import create_api_token
from controlplane.common.actor import Actor, Right

ROOT = "/api/v1"


@dataclass(slots=True)
class Asker:
    """`headers` go with every request; `name` is the token's, so the actor is `token:<name>`."""

    headers: dict[str, str]
    client: Client = field(default_factory=lambda: Client(raise_request_exception=True))

    def get(self, path: str, **headers: str) -> Any:
        return self.send("GET", path, **headers)

    def post(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("POST", path, body, **headers)

    def put(self, path: str, body: Any = None, **headers: str) -> Any:
        return self.send("PUT", path, body, **headers)

    def delete(self, path: str, **headers: str) -> Any:
        return self.send("DELETE", path, **headers)

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """Headers are written with `_` for `-`."""
        raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = headers.pop("Content_Type", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.client.generic(method, ROOT + path, raw, content_type=kind, headers={**self.headers, **named})


def token_with(*rights: Right, name: str = "ci") -> str:
    """Of all rights where none is named; each name's token is made by somebody else."""
    scopes = [right.value for right in rights or Right]
    maker = Actor(f"maker of {name}", frozenset(Right))
    return create_api_token(name=name, scopes=scopes, days=1, actor=maker)[1]


def asker(*rights: Right, name: str = "ci") -> Asker:
    """Somebody with a token of these rights, of all where none is named."""
    return Asker({"Authorization": f"Token {token_with(*rights, name=name)}"})


def nobody() -> Asker:
    """Without a token."""
    return Asker({})


def problem(answer: Any) -> dict[str, Any]:
    """The body of a refusal, which is in the one form."""
    assert answer.headers["Content-Type"] == "application/problem+json", answer.content
    assert answer.headers["Cache-Control"] == "no-store"
    said: dict[str, Any] = json.loads(answer.content)
    assert said["status"] == answer.status_code
    return said


def done(answer: Any, status: int = 200) -> Any:
    """The body of an answer with this status."""
    assert answer.status_code == status, (answer.status_code, answer.content)
    assert answer.headers["Cache-Control"] == "no-store"
    return json.loads(answer.content)
