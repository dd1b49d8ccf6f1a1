"""Vault backends in the web admin: where secrets are kept, never a secret."""

from typing import Any

import pytest

from controlplane.common.errors import Conflict
from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.receipts.models import Receipt
from tests.controlplane.browsing import OWNER, VIEWER, errors, send, signed_in, text
from tests.controlplane.factories import ServerFactory

pytestmark = pytest.mark.django_db
PLATFORM = "platform"
BACKENDS = "/admin/credentials/vaultbackend/"
SECRET = "hvs.CAESIJ8d7f6a5s4d3f2a1s0d9f8a7"


def backend(name: str = "bao", **values: Any) -> VaultBackend:
    found = {"kind": "openbao", "address": "https://bao.example:8200", "mount": "secret"}
    return VaultBackend.objects.create(name=name, **found | values)


def test_a_backend_is_added_and_its_mount_is_the_usual_one_unless_said() -> None:
    filled = {"name": "bao", "kind": "openbao", "address": "https://bao.example:8200"}
    page = send(signed_in(PLATFORM), f"{BACKENDS}add/", {**filled, "why": "a vault"})
    row = VaultBackend.objects.get()
    assert (row.kind, row.address, row.mount) == ("openbao", "https://bao.example:8200", "secret")
    assert "+ vault_backend bao" in text(page)
    assert row.history.get().history_change_reason == "a vault"


def test_an_unchanged_backend_saves_as_it_is() -> None:
    row = backend(kind="file", address="", mount="/run/secrets")
    assert "Nothing changed." in text(send(signed_in(PLATFORM), f"{BACKENDS}{row.pk}/change/", {}))


@pytest.mark.parametrize(
    ("changes", "field", "said"),
    [
        ({"address": "ftp://bao.example"}, "address", "is no address of a vault"),
        ({"address": "http://bao.example"}, "address", "plaintext"),
        ({"kind": "env"}, "address", "has no address"),
        ({"name": "No!"}, "name", "is no id"),
    ],
)
def test_what_is_wrong_stands_at_its_field(changes: dict[str, str], field: str, said: str) -> None:
    filled = {"name": "bao", "kind": "openbao", "address": "https://bao.example"}
    page = send(signed_in(PLATFORM), f"{BACKENDS}add/", filled | changes)
    assert said in errors(page)[field][0]
    assert not VaultBackend.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [{"mount": SECRET}, {"address": f"https://root:{SECRET}@bao.example"}, {"address": f"https://x/?t={SECRET}"}],
)
def test_a_secret_that_was_typed_is_refused_and_comes_back_on_no_page(changes: dict[str, str]) -> None:
    filled = {"name": "bao", "kind": "openbao", "address": "https://bao.example"}
    page = send(signed_in(PLATFORM), f"{BACKENDS}add/", filled | changes)
    assert errors(page)
    assert SECRET not in page.content.decode()
    assert not VaultBackend.objects.exists()
    assert not Receipt.objects.exists()


def test_a_backend_shows_what_it_keeps_and_for_whom() -> None:
    row = backend()
    VaultReference.objects.create(server=ServerFactory(id="files"), backend=row, path="servers/files", field="token")
    viewer = signed_in(VIEWER)
    assert "bao openbao https://bao.example:8200 secret 1" in text(viewer.get(BACKENDS)).lower().replace(
        "openbao", "openbao"
    )
    assert "files servers/files token Authorization" in text(viewer.get(f"{BACKENDS}bao/change/"))
    assert "files bao servers/files token Authorization Bearer" in text(
        viewer.get("/admin/credentials/vaultreference/")
    )


def test_a_backend_that_keeps_a_credential_is_not_removed() -> None:
    row = backend()
    VaultReference.objects.create(server=ServerFactory(id="files"), backend=row, path="servers/files", field="token")
    platform = signed_in(PLATFORM)
    assert "bao keeps the credential of files" in text(platform.get(f"{BACKENDS}bao/delete/"))
    platform.post(f"{BACKENDS}bao/delete/", {"post": "yes"})
    assert VaultBackend.objects.exists()


def test_a_backend_that_nothing_names_is_removed() -> None:
    backend()
    platform = signed_in(PLATFORM)
    assert "- vault_backend bao" in text(platform.get(f"{BACKENDS}bao/delete/"))
    platform.post(f"{BACKENDS}bao/delete/", {"post": "yes", "why": "gone"})
    assert not VaultBackend.objects.exists()


def test_what_became_impossible_since_it_was_asked_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    backend()

    def too_late(**_: Any) -> None:
        raise Conflict("backend_in_use", "somebody else was quicker")

    platform = signed_in(PLATFORM)
    monkeypatch.setattr("controlplane.policy.admin_base.edits.remove", lambda **given: _planned(given, too_late))
    page = platform.post(f"{BACKENDS}bao/delete/", {"post": "yes"}, follow=True)
    assert "Not saved: somebody else was quicker" in text(page)


def _planned(given: dict[str, Any], act: Any) -> Any:
    from controlplane.policy.declarative.outcome import Applied

    return Applied() if given.get("dry_run") else act(**given)


@pytest.mark.parametrize("role", [OWNER, VIEWER])
def test_only_whoever_edits_credentials_edits_backends(role: str) -> None:
    backend()
    client = signed_in(role)
    assert client.post(f"{BACKENDS}add/", {"name": "x", "kind": "env"}).status_code == 403
    assert client.post(f"{BACKENDS}bao/change/", {"kind": "env"}).status_code == 403
    assert client.post(f"{BACKENDS}bao/delete/", {"post": "yes"}).status_code == 403
    assert client.post("/admin/credentials/vaultreference/add/", {}).status_code == 403
