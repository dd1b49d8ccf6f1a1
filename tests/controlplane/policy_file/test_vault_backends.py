import pytest

from controlplane.credentials.models import VaultBackend, VaultReference
from controlplane.credentials.services import write_vault_reference
from controlplane.credentials.specs import VaultReferenceSpec
from controlplane.policy import edits
from controlplane.policy.models import ChangedServer
from tests.controlplane.actors import ADA
from tests.controlplane.policy_file.exporting import apply, check_nothing_changes
from tests.controlplane.policy_file.samples import GOOD, problems_in, written

pytestmark = pytest.mark.django_db
BAO = "{name: bao, kind: openbao, address: 'https://bao.example:8200'}"
FILE = GOOD.replace("principals:", f"vault_backends:\n  - {BAO}\n  - {{name: host, kind: env}}\nprincipals:")


def lines(text: str, *, prune: bool = False) -> list[str]:
    applied = apply(written(text).value, prune=prune)
    assert not applied.problems, applied.problems
    return [change.line() for change in applied.changes]


def test_backends_are_declared_changed_and_pruned_and_no_server_is_published_for_it() -> None:
    assert lines(FILE)[:2] == ["+ vault_backend bao", "+ vault_backend host"]
    published = ChangedServer.objects.count()
    assert lines(FILE.replace("bao.example:8200'", "bao.example:8201', mount: kv")) == [
        "~ vault_backend bao: address https://bao.example:8200 -> https://bao.example:8201, mount secret -> kv"
    ]
    assert [line for line in lines(GOOD, prune=True) if "vault" in line] == [
        "- vault_backend host",
        "- vault_backend bao",
    ]
    assert ChangedServer.objects.count() == published
    assert not VaultBackend.objects.exists()


def test_a_backend_that_a_server_uses_is_not_pruned_and_the_export_still_changes_nothing() -> None:
    lines(FILE)
    write_vault_reference(VaultReferenceSpec(server_id="files", backend="bao", path="servers/files", field="token"))
    assert lines(GOOD, prune=True) == ["- vault_backend host"]
    assert [row.name for row in VaultBackend.objects.all()] == ["bao"]
    check_nothing_changes()
    assert lines("version: 1\n", prune=True)[-1] == "- group finance"
    assert VaultReference.objects.count() == 1


def test_a_backend_is_saved_and_removed_by_its_item() -> None:
    item = {"name": "host", "kind": "env"}
    assert [c.line() for c in edits.save(section="vault_backends", item=item, actor=ADA).changes] == [
        "+ vault_backend host"
    ]
    assert edits.remove(section="vault_backends", item={"name": "host"}, actor=ADA).changes
    assert not VaultBackend.objects.exists()


@pytest.mark.parametrize(
    ("backend", "says"),
    [
        ("{name: bao, kind: consul}", "vault_backends[0].kind: 'consul' is unknown; one of openbao, vault, file, env"),
        ("{name: Bao, kind: env}", "vault_backends[0].name: 'Bao' is no id"),
        ("{name: bao, kind: openbao}", "vault_backends[0].address: is missing"),
        ("{name: bao, kind: openbao, address: 'http://bao'}", "vault_backends[0].address: is plaintext beyond"),
        ("{name: bao, kind: openbao, address: 'https://bao', mount: /x}", "vault_backends[0].mount: is no mount of a"),
        (
            "{name: bao, kind: env, mount: x}",
            "vault_backends[0].mount: a backend of kind env has no mount; leave it ou",
        ),
        ("{name: bao, kind: env, token: x}", "vault_backends[0].token: unknown key"),
    ],
)
def test_a_wrong_backend_is_refused_with_its_line(backend: str, says: str) -> None:
    found = problems_in(FILE.replace(BAO, backend))
    assert [line for line in found if line.startswith("policy.yaml:3: ") and says in line], found


def test_a_password_in_an_address_is_refused_without_being_repeated() -> None:
    found = problems_in(FILE.replace("https://", "https://root:hunter2@"))
    assert len(found) == 1
    assert "vault_backends[0].address: holds a user or a password" in found[0]
    assert "hunter2" not in found[0]


@pytest.mark.parametrize("mode", ["{mode: vault, backend: bao, path: a, field: b}", "{mode: exchange, audience: x}"])
def test_a_server_can_not_be_signed_in_to_by_a_vault_yet_and_that_is_said_by_name(mode: str) -> None:
    found = problems_in(FILE.replace("{mode: none}", mode))
    assert len(found) == 1
    assert "is not served by this version; mode: none" in found[0]
