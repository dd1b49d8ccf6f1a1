from pathlib import Path

import pytest

from enforcer.sandbox.plan import Refusal
from enforcer.sandbox.program import Program, find_program


def executable(path: Path, text: str = "\x7fELF") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


def search(tmp_path: Path, *command: str, path: str = "") -> Program:
    program = find_program(command, path=path, cwd=tmp_path / "work", home=tmp_path / "home")
    assert not isinstance(program, Refusal), program
    return program


def test_a_program_of_the_system_needs_nothing_more(tmp_path: Path) -> None:
    assert search(tmp_path, "true", path="/usr/bin").roots == []


def test_a_single_binary_in_home_shows_itself_alone(tmp_path: Path) -> None:
    binary = executable(tmp_path / "home" / "bin" / "server")
    (tmp_path / "home" / "lib").mkdir()
    assert search(tmp_path, str(binary)).roots == [binary]


def test_a_user_installation_never_shows_dot_local_whole(tmp_path: Path) -> None:
    binary = executable(tmp_path / "home" / ".local" / "bin" / "server")
    (tmp_path / "home" / ".local" / "lib").mkdir()
    assert search(tmp_path, str(binary)).roots == [binary]


def test_a_script_of_a_virtual_environment_shows_it_and_the_interpreter_it_was_made_from(tmp_path: Path) -> None:
    base = executable(tmp_path / "home" / "pythons" / "3.11" / "bin" / "python3")
    (base.parent.parent / "lib").mkdir()
    venv = tmp_path / "home" / "venv"
    script = executable(venv / "bin" / "server", f"#!{venv}/bin/python\n")
    (venv / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    (venv / "bin" / "python").symlink_to("python3")
    (venv / "bin" / "python3").symlink_to(base)
    program = search(tmp_path, str(script))
    assert set(program.roots) == {venv, base.parent.parent}
    assert program.argv == (str(script),)
    assert program.bin_dirs[0] == str(venv / "bin")


def test_a_link_into_a_virtual_environment_is_followed_and_the_environment_kept(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    executable(tmp_path / "base" / "bin" / "python3")
    venv.joinpath("bin").mkdir(parents=True)
    (venv / "pyvenv.cfg").write_text(f"home = {tmp_path}/base/bin\n")
    (venv / "bin" / "python3").symlink_to(tmp_path / "base" / "bin" / "python3")
    (tmp_path / "python").symlink_to(venv / "bin" / "python3")
    assert search(tmp_path, str(tmp_path / "python")).argv == (str(venv / "bin" / "python3"),)


def test_the_long_first_line_that_pip_writes_is_understood(tmp_path: Path) -> None:
    python = executable(tmp_path / "a b" / "python3")
    script = executable(tmp_path / "server", f"#!/bin/sh\n'''exec' \"{python}\" \"$0\" \"$@\"\n' '''\n")
    assert set(search(tmp_path, str(script)).roots) == {script, python}


def test_a_node_package_shows_its_node_modules_and_the_node_on_path(tmp_path: Path) -> None:
    node = executable(tmp_path / "node20" / "bin" / "node")
    (node.parent.parent / "lib").mkdir()
    modules = tmp_path / "app" / "node_modules"
    executable(modules / "server" / "index.js", "#!/usr/bin/env node\n")
    (modules / ".bin").mkdir()
    (modules / ".bin" / "server").symlink_to("../server/index.js")
    program = search(tmp_path, str(modules / ".bin" / "server"), path=str(node.parent))
    assert set(program.roots) == {modules, node.parent.parent}
    assert str(node.parent) in program.bin_dirs


def test_a_script_argument_shows_its_project_or_itself(tmp_path: Path) -> None:
    python = executable(tmp_path / "python3")
    alone = tmp_path / "scripts" / "server.py"
    project = tmp_path / "project" / "src" / "server.py"
    for script in (alone, project):
        script.parent.mkdir(parents=True)
        script.touch()
    (tmp_path / "project" / "pyproject.toml").touch()
    assert set(search(tmp_path, str(python), "-u", str(alone)).roots) == {python, alone}
    assert set(search(tmp_path, str(python), str(project)).roots) == {python, tmp_path / "project"}


def test_a_file_argument_of_a_program_that_is_no_interpreter_is_not_shown(tmp_path: Path) -> None:
    binary = executable(tmp_path / "server")
    (tmp_path / "private").touch()
    assert search(tmp_path, str(binary), str(tmp_path / "private")).roots == [binary]


@pytest.mark.parametrize("link", ["self", "loop"])
def test_links_that_lead_nowhere_are_refused(tmp_path: Path, link: str) -> None:
    (tmp_path / "self").symlink_to("self")
    (tmp_path / "loop").symlink_to("pool")
    (tmp_path / "pool").symlink_to("loop")
    program = find_program((str(tmp_path / link),), path="", cwd=tmp_path, home=tmp_path / "home")
    assert isinstance(program, Refusal)
