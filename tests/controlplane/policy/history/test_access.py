"""Between two published snapshots: who can newly call what, over the API and on the page of a document."""

from typing import Any

import pytest
from django.utils import timezone

from controlplane.common.actor import Right
from controlplane.policy.declarative import access as limits
from controlplane.policy.declarative.apply import apply_policy
from controlplane.policy.history import access
from controlplane.policy.models import Kind, SignedDocument
from controlplane.policy.publisher import documents
from tests.controlplane.actors import ADA
from tests.controlplane.api.asking import asker
from tests.controlplane.browsing import VIEWER, signed_in, text
from tests.controlplane.factories import trust_level
from tests.controlplane.policy_file.test_access_report import GRANT, POLICY
from tests.controlplane.running import ring

pytestmark = pytest.mark.django_db(transaction=True)  # as the publisher's own
NEWLY = "newly allows 2 principals × 2 tools on files: alice, bob × fs_read, fs_write, some only with an approval"


@pytest.fixture
def versions(data_dir: object) -> list[SignedDocument]:
    """Without the grant, with it, without it again."""
    trust_level("internal")
    keys = ring()
    for more in ({}, {"grants": [GRANT]}, {}):
        value = {**POLICY, **more}
        assert not apply_policy(value=value, source="x", actor=ADA, now=timezone.now(), prune=True).problems
        assert documents.publish(["files"], Kind.POLICY, keys)[0].document is not None
    return list(SignedDocument.objects.filter(kind=Kind.POLICY).order_by("number"))


def between(document: SignedDocument, since: str = "") -> dict[str, Any]:
    answer = asker(Right.VIEW, name=f"ci {document.number} {since}").get(f"/documents/{document.pk}/access{since}")
    assert answer.status_code == 200, answer.content
    found: dict[str, Any] = answer.json()
    return found


def test_each_version_says_what_it_newly_allows_and_no_longer(versions: list[SignedDocument]) -> None:
    first, granted, revoked = versions
    found = between(granted)
    pairs = {(pair["principal"], pair["tool"]): (pair["before"], pair["after"]) for pair in found["wider"]}
    assert pairs == {
        (who, tool): ("refused", after)
        for who in ("alice", "bob")
        for tool, after in (("fs_read", "callable"), ("fs_write", "approval"))
    }
    assert (found["narrower"], found["old_number"], found["problem"]) == ([], first.number, "")
    taken = between(revoked)
    assert (taken["wider"], len(taken["narrower"])) == ([], 4)
    over_both = between(revoked, f"?since={first.pk}")
    assert (over_both["wider"], over_both["narrower"], over_both["old_number"]) == ([], [], first.number)


@pytest.mark.parametrize("since", ["0", "x", "-1", "9" * 40])
def test_an_older_version_that_is_none_is_not_found(versions: list[SignedDocument], since: str) -> None:
    who = asker(Right.VIEW)
    assert who.get(f"/documents/{versions[1].pk}/access?since={since}").status_code == 404
    newer = versions[2].pk
    assert who.get(f"/documents/{versions[1].pk}/access?since={newer}").status_code == 404


def test_what_is_too_large_to_be_worked_out_says_so(
    versions: list[SignedDocument], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert limits.GRANTS == access.GRANTS
    monkeypatch.setattr(access, "GRANTS", 0)
    found = between(versions[1])
    assert (found["wider"], found["narrower"]) == ([], [])
    assert "version 2 is too large" in found["problem"]


def test_the_page_of_a_document_says_it_in_one_line(versions: list[SignedDocument]) -> None:
    client = signed_in(VIEWER)
    page = text(client.get(f"/admin/policy/signeddocument/{versions[1].pk}/change/"))
    assert NEWLY in page
    assert "no longer allows 2 principals × 2 tools" in text(
        client.get(f"/admin/policy/signeddocument/{versions[2].pk}/change/")
    )
