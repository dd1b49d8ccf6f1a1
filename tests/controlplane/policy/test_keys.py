"""The publisher's private keys."""

import os
import stat
from pathlib import Path

import pytest

from controlplane.policy.publisher.keys import LISTED, KeyFiles, KeysProblemError, open_ring, read_ring
from enforcer.contract.keys import Role, SigningKey


@pytest.fixture
def files(tmp_path: Path) -> KeyFiles:
    """Nothing there yet."""
    return KeyFiles(tmp_path / "keys", tmp_path / "keys.json", tmp_path / "root.pub")


def test_the_first_start_makes_every_key_for_its_owner_alone(files: KeyFiles) -> None:
    os.umask(0)
    ring = open_ring(files, now=1.0)
    assert stat.S_IMODE(files.directory.stat().st_mode) == 0o700
    made = sorted(path.name for path in files.directory.iterdir())
    assert made == sorted([*Role, "org.hmac"])
    assert {stat.S_IMODE(path.stat().st_mode) for path in files.directory.iterdir()} == {0o600}
    assert len(ring.token_keys) == 1
    assert Role.ROOT not in ring.signing


def test_a_second_start_finds_the_same_keys(files: KeyFiles) -> None:
    first, second = open_ring(files, now=1.0), open_ring(files, now=2.0)
    assert first.envelope == second.envelope
    assert first.org_key == second.org_key


def test_the_root_key_may_leave(files: KeyFiles) -> None:
    first = open_ring(files, now=1.0)
    (files.directory / Role.ROOT).unlink()
    assert open_ring(files, now=2.0).envelope == first.envelope


def test_a_start_that_was_cut_off_goes_on_with_the_keys_it_had(files: KeyFiles) -> None:
    files.directory.mkdir()
    for role in (Role.ROOT, Role.POLICY):
        (files.directory / role).touch(mode=0o600)
        (files.directory / role).write_text(SigningKey.generate().to_text())
    kept = (files.directory / Role.POLICY).read_text()
    ring = open_ring(files, now=1.0)
    assert ring.signing[Role.POLICY].to_text() == kept


@pytest.mark.parametrize("role", LISTED)
def test_a_key_that_the_list_does_not_name_is_refused(files: KeyFiles, role: Role) -> None:
    open_ring(files, now=1.0)
    (files.directory / role).write_text(SigningKey.generate().to_text())
    with pytest.raises(KeysProblemError, match=f"{role}:1: {role}: is not in"):
        open_ring(files, now=2.0)


def test_a_missing_key_is_not_replaced_in_silence(files: KeyFiles) -> None:
    open_ring(files, now=1.0)
    (files.directory / Role.INCIDENT).unlink()
    with pytest.raises(KeysProblemError, match="incident: can't be read"):
        open_ring(files, now=2.0)


def test_a_lost_list_without_the_root_key_is_refused(files: KeyFiles) -> None:
    open_ring(files, now=1.0)
    files.key_list.unlink()
    (files.directory / Role.ROOT).unlink()
    with pytest.raises(KeysProblemError, match="bring back one of them"):
        open_ring(files, now=2.0)


def test_a_list_signed_by_a_stranger_is_refused(files: KeyFiles) -> None:
    open_ring(files, now=1.0)
    files.root_public.write_text(SigningKey.generate().public.text)
    with pytest.raises(KeysProblemError, match="must be signed by the root key"):
        open_ring(files, now=2.0)


def test_a_key_that_others_can_read_is_refused(files: KeyFiles) -> None:
    open_ring(files, now=1.0)
    (files.directory / Role.LEASE).chmod(0o640)
    with pytest.raises(KeysProblemError, match="can be read by others"):
        open_ring(files, now=2.0)


def test_a_list_that_vanishes_under_a_running_publisher_is_not_made_anew(files: KeyFiles) -> None:
    open_ring(files, now=0.0)
    files.key_list.unlink()
    with pytest.raises(KeysProblemError, match="can't be read"):
        read_ring(files)
    assert not files.key_list.exists()
