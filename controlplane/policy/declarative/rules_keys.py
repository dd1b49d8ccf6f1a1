"""What a JWKS in a policy file may hold (RFC 7517): public keys of accepted algorithms, each with a name."""

from jwt import PyJWK
from jwt.exceptions import PyJWTError

from controlplane.policy.declarative.problems import Path
from controlplane.policy.declarative.reader import Reader
from enforcer.contract.strict_json import JsonObject, JsonValue

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
PRIVATE = ("d", "p", "q", "dp", "dq", "qi", "oth", "k")
RIGHT = "a public key as the issuer publishes it"
ANY_OF_KIND = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}


def check_jwks(reader: Reader, jwks: JsonObject) -> None:
    """Refuse private, symmetric, unreadable and ambiguous keys."""
    keys = jwks.get("keys")
    if not isinstance(keys, list):
        reader.wrong("jwks", "has no list of keys", "jwks: {keys: […]}")
        return
    seen: set[JsonValue] = set()
    for number, key in enumerate(keys):
        path: Path = ("jwks", "keys", number)
        if not isinstance(key, dict):
            reader.wrong(path, "is no key", RIGHT)
            continue
        problem = _problem(key)
        kid = key.get("kid")
        if problem:
            reader.wrong(path, problem, RIGHT)
        elif (kid is None and len(keys) > 1) or not isinstance(kid, str | None):
            reader.wrong(path, "has no kid to tell it from the others", "a kid of its own for each key")
        elif kid in seen:
            reader.wrong((*path, "kid"), f"{kid!r} is there twice", "a kid of its own for each key")
        else:
            seen.add(kid)


def _problem(key: JsonObject) -> str:
    kind = key.get("kty")
    if kind == "oct":
        return "a symmetric key: whoever checks with it could sign with it"
    if kind not in ANY_OF_KIND or not isinstance(kind, str):
        return f"kty {kind!r} is not accepted"
    if any(name in key for name in PRIVATE):
        return "a private key: take it back, it was written into a file"
    algorithm = key.get("alg")
    if algorithm is not None and algorithm not in ALGORITHMS:
        return f"alg {algorithm!r} is not accepted"
    return _unreadable(key, kind)


def _unreadable(key: JsonObject, kind: str) -> str:
    algorithm = key.get("alg") or (_curve_algorithm(key) if kind == "EC" else ANY_OF_KIND[kind])
    try:
        made = PyJWK(key, algorithm=str(algorithm))
    except (PyJWTError, ValueError, TypeError, KeyError):
        return "can't be read as a key"
    size = getattr(made.key, "key_size", None)
    return f"an RSA key of {size} bits; at least 2048" if kind == "RSA" and size is not None and size < 2048 else ""


def _curve_algorithm(key: JsonObject) -> str:
    return {"P-384": "ES384", "P-521": "ES512"}.get(str(key.get("crv")), "ES256")
