import io
from pathlib import Path
from types import SimpleNamespace

import pytest
from django.core.management import call_command

from controlplane.inventory.models import Server, Tool
from controlplane.policy.management.commands import apply as command
from tests.controlplane.policy_file.samples import GOOD

pytestmark = pytest.mark.django_db


class Waited:
    """Stands for the publisher and the fleet."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.published = True
        self.complete = True

    def wait_published(self, change_id: int, timeout_s: float) -> bool:
        self.asked.append(change_id)
        return self.published

    def wait_applied(self, change_id: int, timeout_s: float) -> SimpleNamespace:
        return SimpleNamespace(complete=self.complete)


@pytest.fixture
def waited(monkeypatch: pytest.MonkeyPatch) -> Waited:
    made = Waited()
    monkeypatch.setattr(command, "wait_published", made.wait_published)
    monkeypatch.setattr(command, "wait_applied", made.wait_applied)
    return made


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    out, err = io.StringIO(), io.StringIO()
    try:
        call_command("apply", *arguments, stdout=out, stderr=err)
    except SystemExit as ended:
        return int(ended.code or 0), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "policy.yaml"
    path.write_text(GOOD)
    return path


def test_apply_prints_the_difference_and_waits_for_the_publisher(file: Path, waited: Waited) -> None:
    code, out, err = run(str(file))
    assert code == 0
    assert out.splitlines()[:3] == ["+ group finance", "+ principal alice", "+ server files"]
    assert f"warning: {file}:5: servers[0].egress" in err
    assert len(waited.asked) == 1
    assert run(str(file))[:2] == (0, "no changes\n")
    assert waited.asked == [waited.asked[0]] * 2


def test_a_wrong_file_ends_with_2_one_line_and_nothing_applied(file: Path, waited: Waited) -> None:
    file.write_text(GOOD.replace("risk: LOW", "risk: SOME"))
    code, out, err = run(str(file))
    assert (code, out) == (2, "")
    assert err == f"{file}:9: tools[0].risk: 'SOME' is unknown; one of LOW, MEDIUM, HIGH, CRITICAL\n"
    assert not Server.objects.exists()


def test_a_file_that_is_not_yaml_ends_with_2_and_its_line(file: Path, waited: Waited) -> None:
    file.write_text("version: 1\nservers: [")
    code, out, err = run(str(file))
    assert (code, out) == (2, "")
    assert err.startswith(f"{file}:2: file: not YAML")


def test_a_file_that_is_not_there_ends_with_2(tmp_path: Path, waited: Waited) -> None:
    code, out, err = run(str(tmp_path / "none.yaml"))
    assert (code, out) == (2, "")
    assert err.endswith("none.yaml:1: file: No such file or directory; a policy file that can be read, or -\n")


def test_a_dry_run_ends_with_1_where_there_is_a_difference_and_0_where_not(file: Path, waited: Waited) -> None:
    assert run(str(file), "--dry-run")[0] == 1
    assert not Server.objects.exists()
    run(str(file))
    assert run(str(file), "--dry-run")[:2] == (0, "no changes\n")


def test_standard_input_is_named_by_a_dash(monkeypatch: pytest.MonkeyPatch, waited: Waited) -> None:
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(GOOD.encode())))
    assert run("-")[0] == 0
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(b"version: 2")))
    assert run("-")[::2] == (2, "-:1: version: is not known; version: 1\n")


@pytest.mark.parametrize(("text", "is_what"), [("", "empty"), ("- 1\n", "a list"), ("policy\n", "text")])
def test_a_file_that_is_no_mapping_is_refused_in_one_line(tmp_path: Path, text: str, is_what: str) -> None:
    wrong = tmp_path / "policy.yaml"
    wrong.write_text(text)
    assert run(str(wrong)) == (2, "", f"{wrong}:1: file: is {is_what}; a mapping of keys and values\n")


def test_what_stays_is_counted_and_prune_removes_it(file: Path, waited: Waited) -> None:
    run(str(file))
    file.write_text("version: 1\n")
    assert (
        "left as they are, not in this file: 1 groups, 1 principals, 1 servers, 1 tools, 1 grants" in run(str(file))[2]
    )
    assert Tool.objects.exists()
    assert run(str(file), "--prune")[0] == 0
    assert not Tool.objects.exists()


def test_a_publisher_that_does_not_answer_ends_with_3(file: Path, waited: Waited) -> None:
    waited.published = False
    code, _, err = run(str(file))
    assert code == 3
    assert "saved, but not published" in err
    assert run(str(file))[:2] == (3, "no changes\n")


def test_wait_ends_with_1_where_an_enforcer_does_not_confirm(file: Path, waited: Waited) -> None:
    waited.complete = False
    assert run(str(file), "--wait", "0.1")[0] == 1
