import pytest
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from controlplane.common.errors import Conflict, InvalidState
from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.credentials.services import (
    delete_vault_backend,
    delete_vault_reference,
    write_vault_backend,
    write_vault_reference,
)
from controlplane.credentials.specs import VaultBackendSpec, VaultReferenceSpec
from tests.controlplane.factories import ServerFactory

pytestmark = pytest.mark.django_db
TOKEN = "wJalrXUtnFEMIK7MDENGbPxRfiCY2a9"
BAO = VaultBackendSpec(name="bao", kind="openbao", address="https://bao.example:8200", mount="secret")


def backend(**values: str) -> VaultBackendSpec:
    return VaultBackendSpec(
        **{"name": "bao", "kind": "vault", "address": "https://bao.example", "mount": "kv"} | values
    )


def reference(**values: str) -> VaultReferenceSpec:
    return VaultReferenceSpec(
        **{"server_id": "files", "backend": "bao", "path": "servers/files", "field": "token"} | values
    )


@pytest.fixture
def bao() -> None:
    ServerFactory(id="files")
    write_vault_backend(BAO)


def test_a_backend_and_a_reference_are_written_changed_and_deleted_and_history_keeps_both(bao: None) -> None:
    write_vault_reference(reference())
    write_vault_reference(reference(path="servers/files/v2", header="X-Api-Key", prefix=""))
    row = VaultReference.objects.get()
    assert (row.server_id, row.backend_id, row.path, row.header, row.prefix) == (
        "files", "bao", "servers/files/v2", "X-Api-Key", "",
    )  # fmt: skip
    delete_vault_reference("files")
    delete_vault_backend("bao")
    assert not VaultBackend.objects.exists()
    assert VaultReference.history.count() == 3
    assert VaultBackend.history.count() == 2


def test_a_backend_that_holds_a_servers_credential_stays(bao: None) -> None:
    write_vault_reference(reference())
    with pytest.raises(Conflict, match="files"):
        delete_vault_backend("bao")
    with pytest.raises(ProtectedError):
        VaultBackend.objects.all().delete()


def test_a_reference_to_no_backend_is_refused(bao: None) -> None:
    with pytest.raises(InvalidState, match="declare it first"):
        write_vault_reference(reference(backend="other"))


def test_a_backend_can_not_become_of_a_kind_that_its_references_do_not_fit(bao: None) -> None:
    write_vault_reference(reference())
    with pytest.raises(InvalidState, match="environment variable"), transaction.atomic():
        write_vault_backend(VaultBackendSpec(name="bao", kind="env"))


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"address": "http://bao.example"}, "address"),
        ({"address": "http://localhost.example"}, "address"),
        ({"address": f"https://root:{TOKEN}@bao.example"}, "address"),
        ({"address": f"https://{TOKEN}@bao.example"}, "address"),
        ({"address": f"https://bao.example/?token={TOKEN}"}, "address"),
        ({"address": "https://bao.example?"}, "address"),
        ({"address": "https://bao.example/#a"}, "address"),
        ({"address": "https://bao.example/../x"}, "address"),
        ({"address": "https://bao.example:0"}, "address"),
        ({"address": "https://bao.example:99999"}, "address"),
        ({"address": "https://"}, "address"),
        ({"address": "https:///bao"}, "address"),
        ({"address": "ftp://bao.example"}, "address"),
        ({"address": "bao.example:8200"}, "address"),
        ({"address": "https://bao example"}, "address"),
        ({"address": "https://bao.example\\@evil"}, "address"),
        ({"address": ""}, "address"),
        ({"mount": ""}, "mount"),
        ({"mount": "/secret"}, "mount"),
        ({"mount": "a/../b"}, "mount"),
        ({"mount": "a//b"}, "mount"),
        ({"mount": TOKEN}, "mount"),
        ({"kind": "file"}, "address"),
        ({"kind": "file", "address": "", "mount": "run/secrets"}, "mount"),
        ({"kind": "file", "address": "", "mount": "/"}, "mount"),
        ({"kind": "file", "address": "", "mount": "/run/../etc"}, "mount"),
        ({"kind": "env", "address": ""}, "mount"),
    ],
)
def test_a_backend_that_is_no_safe_place_is_refused_and_not_quoted(values: dict[str, str], key: str) -> None:
    with pytest.raises(InvalidState) as refused:
        write_vault_backend(backend(**values))
    assert refused.value.code == key
    assert TOKEN not in refused.value.message
    assert not VaultBackend.objects.exists()


@pytest.mark.parametrize(
    "values",
    [
        {"address": "http://127.0.0.1:8200"},
        {"address": "http://[::1]:8200"},
        {"address": "http://localhost:8200/"},
        {"address": "https://[2001:db8::1]:8200"},
        {"address": "https://bao.example/vault"},
        {"mount": "kv/team-a"},
        {"kind": "file", "address": "", "mount": "/run/secrets"},
        {"kind": "env", "address": "", "mount": ""},
    ],
)
def test_a_safe_place_is_taken(values: dict[str, str]) -> None:
    write_vault_backend(backend(**values))
    assert VaultBackend.objects.count() == 1


@pytest.mark.parametrize(
    ("values", "key"),
    [
        ({"path": ""}, "path"),
        ({"path": "/servers/files"}, "path"),
        ({"path": "servers/../root"}, "path"),
        ({"path": "servers//files"}, "path"),
        ({"path": "servers/files?version=1"}, "path"),
        ({"path": "servers/%2e%2e/root"}, "path"),
        ({"path": f"servers/{TOKEN}"}, "path"),
        ({"path": "hvs.CAESIJlWcBtoU4wnXf9Z0dRkq1"}, "path"),
        ({"field": ""}, "field"),
        ({"field": TOKEN}, "field"),
        ({"prefix": f"Bearer {TOKEN[:24]}"}, "prefix"),
        ({"prefix": "Bearer " + "a" * 40}, "prefix"),
        ({"prefix": "Bearer\r\nX: y"}, "prefix"),
        ({"prefix": "Bearer  "}, "prefix"),
        ({"header": "Content-Length"}, "header"),
        ({"header": "host"}, "header"),
        ({"header": "Mcp-Session-Id"}, "header"),
        ({"header": "X: y"}, "header"),
        ({"header": "X\n"}, "header"),
        ({"header": ""}, "header"),
    ],
)
def test_a_reference_that_is_no_place_or_a_secret_itself_is_refused_and_not_quoted(
    bao: None, values: dict[str, str], key: str
) -> None:
    with pytest.raises(InvalidState) as refused:
        write_vault_reference(reference(**values))
    assert refused.value.code == key
    assert TOKEN[:24] not in refused.value.message
    assert not VaultReference.objects.exists()


def test_the_environment_and_files_have_references_of_their_own_form() -> None:
    ServerFactory(id="files")
    write_vault_backend(VaultBackendSpec(name="host", kind="env"))
    write_vault_reference(reference(backend="host", path="FILES_TOKEN", field=""))
    for wrong in ({"path": "files/token", "field": ""}, {"path": "FILES_TOKEN", "field": "token"}):
        with pytest.raises(InvalidState):
            write_vault_reference(reference(backend="host", **wrong))
    write_vault_backend(VaultBackendSpec(name="disk", kind="file", mount="/run/secrets"))
    write_vault_reference(reference(backend="disk", path="files.token", field=""))
    assert VaultReference.objects.get().backend_id == "disk"


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Bao", "kind": "env"},
        {"name": "b", "kind": "env", "address": "https://x"},
        {"name": "b", "kind": "vault", "address": "ftp://x", "mount": "m"},
        {"name": "b", "kind": "vault", "address": "https://x", "mount": ""},
        {"name": "b", "kind": "file", "mount": "relative"},
        {"name": "b", "kind": "other"},
    ],
)
def test_the_database_refuses_what_no_service_would_write(values: dict[str, str]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        VaultBackend.objects.create(**values)


def test_a_server_has_one_credential(bao: None) -> None:
    values = {"server_id": "files", "backend_id": "bao", "path": "a", "field": "b"}
    VaultReference.objects.create(**values)
    with pytest.raises(IntegrityError), transaction.atomic():
        VaultReference.objects.create(**values)
