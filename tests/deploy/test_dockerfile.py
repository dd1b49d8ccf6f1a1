"""What can be said of the Dockerfile without building it: its stages, what they copy and install, who runs in them."""

import re

import pytest

from tests.support.compose_file import services
from tests.support.compose_image import FILE, ROOT, Image, ignored, instructions, stages

IMAGES = ["controlplane", "enforcer", "enforcer-sample"]
COPIES = [one for target in [*IMAGES, "project"] for one in Image(target).copies]


def commands() -> list[str]:
    return [one.rest for one in instructions() if one.word == "RUN"]


def test_the_images_that_are_promised_can_be_built_and_are_what_compose_builds() -> None:
    assert set(IMAGES) <= stages().keys()
    assert {one.target for one in services().values() if one.target} <= set(IMAGES)


def test_a_stage_starts_from_another_or_from_the_one_pinned_base() -> None:
    bases = {stage.base for stage in stages().values()} - stages().keys()
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.11\.\d+-slim-bookworm", bases.pop())


def test_a_stage_builds_on_earlier_ones_alone() -> None:
    seen: set[str] = set()
    for stage in stages().values():
        assert stage.base in seen or ":" in stage.base
        for one in stage.instructions:
            assert set(re.findall(r"--from=(\S+)", one.rest)) <= seen, one.rest
        seen.add(stage.name)


@pytest.mark.parametrize("source", sorted({path for copy in COPIES if not copy.stage for path in copy.sources}))
def test_what_is_copied_is_there_and_in_the_build_context(source: str) -> None:
    path = ROOT / source
    assert path.exists()
    assert path.is_dir() == source.endswith("/")
    assert not ignored(source.rstrip("/"))


def test_the_build_context_holds_no_more_than_what_is_copied() -> None:
    top = {path.name for path in ROOT.iterdir() if not ignored(path.name)}
    copied = {copy.split("/")[0] for one in instructions() if one.word == "COPY" for copy in one.rest.split()[:-1]}
    assert top == {name for name in copied if not name.startswith("--from") and name}


@pytest.mark.parametrize("path", [".git", "var", "tests", ".venv", "controlplane/embedded/demo/story.py", "docs"])
def test_data_tests_and_history_stay_outside(path: str) -> None:
    assert ignored(path)


@pytest.mark.parametrize("target", IMAGES)
def test_an_image_runs_as_an_unprivileged_number_and_says_how_it_is(target: str) -> None:
    image = Image(target)
    assert image.user == "999:999"
    assert image.health
    assert image.command


@pytest.mark.parametrize("target", IMAGES)
def test_after_the_unprivileged_user_was_set_only_files_are_added(target: str) -> None:
    words = [one.word for one in Image(target).instructions]
    assert not {"RUN", "ADD"} & set(words[words.index("USER") :])


def test_packages_come_from_hash_locked_wheels_or_from_this_repository() -> None:
    installs = [command for command in commands() if re.search(r"\bpip\b.* (install|wheel) ", command)]
    assert len(installs) == 7
    for command in installs:
        assert "--no-deps" in command
        if "--no-index" not in command:
            assert "--require-hashes" in command
            assert "--only-binary :all:" in command
            (lock,) = re.findall(r"--requirement /(requirements/\S+\.lock)", command)
            assert (ROOT / lock).exists()


def test_no_final_stage_holds_pip_or_a_compiler() -> None:
    for target in IMAGES:
        runs = " ".join(one.rest for one in Image(target).instructions if one.word == "RUN")
        assert "rm -rf /usr/local/bin/pip*" in runs
        assert not re.search(r"\b(gcc|g\+\+|make|build-essential|libpq-dev|python3-dev|git|curl)\b", runs)
    assert all("--without-pip" in command for command in commands() if "-m venv" in command)


def test_nothing_secret_and_no_address_stands_in_it() -> None:
    text = FILE.read_text()
    assert not re.findall(r"https?://(?!localhost)", text)
    assert not re.findall(r"index-url|find-links|trusted-host", text)
    settings = [one.rest for one in instructions() if one.word in ("ENV", "ARG")]
    assert not [line for line in settings if re.search(r"PASS|SECRET|TOKEN|KEY", line, re.IGNORECASE)]


def test_the_enforcers_image_has_no_control_plane() -> None:
    copied = {
        source for stage in ("enforcer-sample", "project") for copy in Image(stage).copies for source in copy.sources
    }
    assert "enforcer/" in copied
    assert not [source for source in copied if "controlplane" in source]


@pytest.mark.parametrize("target", IMAGES)
def test_where_a_volume_is_written_the_image_has_a_directory_of_the_user(target: str) -> None:
    written = {
        mount.target
        for service in services().values()
        if service.target == target
        for mount in service.mounts
        if not mount.read_only
    }
    assert written <= Image(target).directories.keys()
