"""Which key verifies a token: exactly one, of the algorithm's own kind, or none.

The key decides together with the header, so that a public RSA key is never taken as an HMAC secret (RFC 8725
section 3.1): symmetric algorithms are not in the table.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import Algorithm, get_default_algorithms

from enforcer.contract.keys import PublicKey
from enforcer.contract.snapshot import IdentityProvider
from enforcer.contract.strict_json import JsonObject
from enforcer.identity.jws import Jws

MIN_RSA_BITS = 2048
MAX_KEYS = 100


@dataclass(frozen=True, slots=True)
class KeyProblem:
    """Why there is no key for it."""

    detail: str


@dataclass(frozen=True, slots=True)
class ProviderKey:
    """A provider's public key, bound to one algorithm."""

    algorithm: Algorithm
    key: object

    def verifies(self, signature: bytes, message: bytes) -> bool:
        """Whether this key made the signature."""
        return self.algorithm.verify(message, self.key, signature)


_KINDS: Mapping[str, tuple[str, str | None]] = {  # algorithm → kty and crv of its keys (RFC 7518, RFC 8037)
    "RS256": ("RSA", None),
    "RS384": ("RSA", None),
    "RS512": ("RSA", None),
    "PS256": ("RSA", None),
    "PS384": ("RSA", None),
    "PS512": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "ES512": ("EC", "P-521"),
    "EdDSA": ("OKP", "Ed25519"),
}
ALGORITHMS = tuple(_KINDS)
_ALGORITHMS = {name: made for name, made in get_default_algorithms().items() if name in _KINDS}


def control_plane_key(read: Jws, token_keys: tuple[str, ...]) -> PublicKey | KeyProblem:
    """The control plane's key that the header names."""
    if read.algorithm != "EdDSA":
        return KeyProblem("its algorithm is not the control plane's")
    found = [key for text in token_keys if (key := PublicKey.from_text(text)).keyid == read.kid]
    return found[0] if len(found) == 1 else KeyProblem("no key of the control plane is the one it names")


def provider_key(read: Jws, provider: IdentityProvider) -> ProviderKey | KeyProblem:
    """The one key of the provider that the header can mean."""
    if read.algorithm not in provider.algorithms or read.algorithm not in _ALGORITHMS:
        return KeyProblem("its algorithm is not accepted from its issuer")
    listed = provider.jwks.get("keys")
    keys = [key for key in listed if isinstance(key, dict)] if isinstance(listed, list) else []
    if len(keys) > MAX_KEYS:
        return KeyProblem(f"its issuer has more than {MAX_KEYS} keys")
    found = [key for key in keys if key.get("kid") == read.kid] if read.kid is not None else _fitting(keys, read)
    if len(found) != 1 or not _fits(found[0], read.algorithm):
        return KeyProblem("its issuer has no key, or more than one, that it can mean")
    return _load(found[0], read.algorithm)


def _fitting(keys: list[JsonObject], read: Jws) -> list[JsonObject]:
    return [key for key in keys if _fits(key, read.algorithm)]


def _fits(key: JsonObject, algorithm: str) -> bool:
    kty, crv = _KINDS[algorithm]
    operations = key.get("key_ops", ["verify"])
    return (
        key.get("kty") == kty
        and (crv is None or key.get("crv") == crv)
        and key.get("use", "sig") == "sig"
        and key.get("alg", algorithm) == algorithm
        and isinstance(operations, list)
        and "verify" in operations
        and "d" not in key
    )


def _load(key: JsonObject, algorithm: str) -> ProviderKey | KeyProblem:
    try:
        loaded = jwt.PyJWK(key, algorithm).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        return KeyProblem("the key of its issuer can't be read")
    if isinstance(loaded, RSAPublicKey) and loaded.key_size < MIN_RSA_BITS:
        return KeyProblem(f"the key of its issuer is shorter than {MIN_RSA_BITS} bits")
    return ProviderKey(_ALGORITHMS[algorithm], loaded)
