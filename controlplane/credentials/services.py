"""The only writer of vault backends and references: the rows alone, for `controlplane.policy.edits` and `apply`.

What could hold a secret is refused here too, so that no way of writing leads past the rules.
"""

from collections.abc import Iterable
from dataclasses import asdict

from controlplane.common.errors import Conflict, InvalidState
from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.credentials.rules import Fault, faults_of_backend, faults_of_reference
from controlplane.credentials.specs import VaultBackendSpec, VaultReferenceSpec


def write_vault_backend(backend: VaultBackendSpec) -> None:
    """The row; raises `InvalidState` for what the rules refuse, a kind that its references can't be read from too."""
    _refuse(faults_of_backend(backend))
    VaultBackend.objects.update_or_create(name=backend.name, defaults=asdict(backend))
    for row in VaultReference.objects.filter(backend_id=backend.name):
        _refuse(faults_of_reference(_spec(row), backend.kind))


def delete_vault_backend(name: str) -> None:
    """A backend that no server's credential is kept in; raises `Conflict` for any other."""
    users = VaultReference.objects.filter(backend_id=name).order_by("server_id").values_list("server_id", flat=True)
    if users:
        raise Conflict("backend_in_use", f"vault backend {name} holds the credential of {', '.join(users)}")
    VaultBackend.objects.filter(name=name).delete()


def write_vault_reference(reference: VaultReferenceSpec) -> None:
    """The row; raises `InvalidState` for an unknown backend and for what the rules refuse."""
    backend = VaultBackend.objects.filter(name=reference.backend).first()
    if backend is None:
        raise InvalidState("backend", f"there is no vault backend {reference.backend!r}; declare it first")
    _refuse(faults_of_reference(reference, backend.kind))
    values = {name: value for name, value in asdict(reference).items() if name not in ("server_id", "backend")}
    VaultReference.objects.update_or_create(
        server_id=reference.server_id, defaults={**values, "backend_id": backend.name}
    )


def delete_vault_reference(server_id: str) -> None:
    """The server's credential is kept nowhere any more."""
    VaultReference.objects.filter(server_id=server_id).delete()


def _spec(row: VaultReference) -> VaultReferenceSpec:
    return VaultReferenceSpec(
        server_id=row.server_id,
        backend=row.backend_id,
        path=row.path,
        field=row.field,
        header=row.header,
        prefix=row.prefix,
    )


def _refuse(faults: Iterable[Fault]) -> None:
    for fault in faults:
        raise InvalidState(fault.key, f"{fault.key} {fault.what}; {fault.right}")
