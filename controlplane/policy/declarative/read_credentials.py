"""The section `vault_backends`: where secrets are kept. No secret is ever in the file."""

from controlplane.credentials.models import REMOTE, BackendKind
from controlplane.credentials.rules import DEFAULT_MOUNT, faults_of_backend
from controlplane.credentials.specs import VaultBackendSpec
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.reader import Reader

LONGEST = 512


def read_vault_backend(reader: Reader, draft: Draft) -> None:
    """A vault over HTTPS, files on the enforcer's host, or its environment."""
    kind = reader.choice("kind", BackendKind.values)
    remote = kind in REMOTE
    backend = VaultBackendSpec(
        name=reader.ident("name"),
        kind=kind,
        address=reader.text("address", default=None if remote else "", longest=LONGEST),
        mount=reader.text("mount", default=DEFAULT_MOUNT if remote else "", longest=LONGEST),
    )
    if not reader.flawed:
        for fault in faults_of_backend(backend):
            reader.wrong(*fault)
    draft.add("vault_backends", backend.name, backend, reader)
