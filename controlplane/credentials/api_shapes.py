"""The item of a vault backend, as a JSON Schema."""

from controlplane.api.bodies import Described, choice, ident, obj, text
from controlplane.credentials.models import BackendKind
from controlplane.policy.declarative.read_credentials import LONGEST


class VaultBackendItem(Described):
    """Where secrets are kept; no secret is ever in it."""

    schema = obj(
        {
            "name": ident(),
            "kind": choice(BackendKind.values),
            "address": text("of a vault: https://HOST:PORT", longest=LONGEST, default=""),
            "mount": text("of a vault; a directory for `file`", longest=LONGEST, default=""),
        },
        required=["name", "kind"],
        example={"name": "bao", "kind": "openbao", "address": "https://bao.example:8200", "mount": "secret"},
    )
