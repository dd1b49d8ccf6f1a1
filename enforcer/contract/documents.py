"""Reading and writing the payloads of documents: strict in what is read, one function for all kinds.

Unknown fields are refused: an older enforcer never half-understands a newer policy.
"""

from typing import TypeVar

import msgspec

from enforcer.contract import strict_json
from enforcer.contract.envelope import PayloadType, seal
from enforcer.contract.keys import SigningKey

SCHEMA = 1


class Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What every payload has. Versions compare as (generation, version)."""

    schema: int
    generation: int
    issued_at: str


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A piece of a document."""


class DocumentError(ValueError):
    """The payload is not such a document, or of a schema this version doesn't know."""


D = TypeVar("D", bound=Document)


def read(payload: bytes, kind: type[D]) -> D:
    """Parse a verified payload; raises `DocumentError` naming the field."""
    try:
        strict_json.parse_object(payload)
        made = msgspec.json.decode(payload, type=kind)
    except (strict_json.StrictJsonError, msgspec.DecodeError) as problem:
        raise DocumentError(str(problem)) from None
    if made.schema != SCHEMA:
        raise DocumentError(f"schema {made.schema} is not known here; {SCHEMA} is")
    return made


def write(document: Document) -> bytes:
    """Payload bytes; defaults are left out, fields keep their order."""
    return msgspec.json.encode(document)


def signed(document: Document, payload_type: PayloadType, *keys: SigningKey) -> bytes:
    """The envelope around a document."""
    return seal(payload_type, write(document), keys)
