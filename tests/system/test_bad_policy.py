"""A policy file that is wrong is one line that names file, line, key and what would be right; nothing is applied."""

from pathlib import Path

import pytest

from tests.support.system import System

GOOD = """\
version: 1
servers:
  - id: files
    trust_level: internal
    credential: {mode: none}
    workspace: /srv/files
tools:
  - server: files
    name: fs_read
    risk: LOW
    path_arguments: [/path]
    input_schema:
      type: object
      properties: {path: {type: string}}
principals:
  - {subject: bad-policy}
grants:
  - {principal: bad-policy, server: files, tools: [fs_read]}
"""


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        ("version: 1", "version: one", "1: version: "),
        ("    risk: LOW", "    risk: [LOW]", "10: tools[0].risk: "),
        ("    risk: LOW", "    rissk: LOW", "10: tools[0].rissk: unknown key; "),
        ("trust_level: internal", "trust_level: total", "4: servers[0].trust_level: "),
        ("  - server: files\n    name", "  - server: moon\n    name", "8: tools[0].server: "),
        ("type: object\n      prop", "type: objekt\n      prop", "13: tools[0].input_schema"),
        ("{path: {type: string}}", "{path: {$ref: 'https://x.example/s'}}", "14: tools[0].input_schema"),
        ("credential: {mode: none}", "credential: {mode: exchange}", "5: servers[0].credential"),
        ("- {subject: bad-policy}", "- {subject: bad-policy, subject: x}", "16: principals[0]"),
        ("tools: [fs_read]}", "tools: [fs_read], not_after: 2020-01-01T00:00:00Z}", "18: grants[0].not_after: "),
        ("- {principal: bad-policy, server", "- {principal: nobody-here, server", "18: grants[0].principal: "),
        ("    workspace: /srv/files\n", "", "10: tools[0].path_arguments"),
        ("version: 1", "version: 1\nservers: &a []\nx: *a", "2: "),
    ],
)
def test_it_is_refused_with_line_key_and_remedy(
    system: System, tmp_path: Path, right: str, wrong: str, said: str
) -> None:
    assert GOOD.count(right) == 1, right
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD.replace(right, wrong))
    done = system.manage("apply", str(file))
    assert (done.code, done.out) == (2, "")
    lines = done.err.strip().splitlines()
    assert lines[0].startswith(f"{file}:{said}"), lines
    assert all("; " in line for line in lines)


def test_nothing_of_a_wrong_file_is_applied_and_the_right_one_is_new_afterwards(system: System, tmp_path: Path) -> None:
    file = tmp_path / "policy.yaml"
    file.write_text(GOOD.replace("risk: LOW", "risk: low"))
    assert system.manage("apply", str(file)).code == 2
    file.write_text(GOOD)
    dry = system.manage("apply", str(file), "--dry-run")
    assert dry.code == 1
    assert "+ server files" in dry.out
