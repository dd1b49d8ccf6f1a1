"""What a policy says of credentials: values without a database, none of them a secret."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultBackendSpec:
    """Where secrets are kept. `address` is empty for `file` and `env`; `mount` is empty for `env`."""

    name: str
    kind: str
    address: str = ""
    mount: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VaultReferenceSpec:
    """Where one server's credential is kept, and the header that carries it."""

    server_id: str
    backend: str
    path: str
    field: str = ""
    header: str = "Authorization"
    prefix: str = "Bearer "
