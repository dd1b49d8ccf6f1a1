"""`enforcer doctor` beside a running gate, and where something is missing."""

import sys
from pathlib import Path

import pytest

from tests.support.system import Done, System

BEHIND = 'server = "ledger"\nurl = "http://127.0.0.1:'


def found(done: Done) -> dict[str, str]:
    """The worst word of each thing."""
    words: dict[str, str] = {}
    for line in done.out.splitlines():
        word, what = line[:6].strip(), line[6:22].strip()
        words[what] = max(words.get(what, ""), word, key=["", "ok", "note", "LACKS"].index)
    return words


def test_a_gate_that_serves_lacks_nothing(system: System) -> None:
    done = system.enforcer("doctor", str(system.gates["gate"].file))
    assert done.code == 0, done
    words = found(done)
    names = ("data_dir", "secrets", "policy", "policy redis", "receipts redis", "control plane", "upstream")
    assert {name: words[name] for name in names} == dict.fromkeys(names, "ok")
    assert "version" in done.out


def test_without_a_file_it_speaks_of_the_host(system: System) -> None:
    done = system.enforcer("doctor")
    assert done.code == 0
    assert set(found(done)) == {"python", "sandbox"}
    assert sys.version.split()[0] in done.out


@pytest.mark.parametrize(
    ("old", "new", "what", "word"),
    [
        ("@127.0.0.1:", "@127.0.0.2:", "policy redis", "LACKS"),
        ("redis.pass", "absent.pass", "secrets", "LACKS"),
        (
            'server = "ledger"\nurl = "http://127.0.0.1:',
            'server = "ledger"\nurl = "http://127.0.0.9:',
            "upstream",
            "note",
        ),
    ],
)
def test_what_is_missing_is_named(system: System, tmp_path: Path, old: str, new: str, what: str, word: str) -> None:
    file = tmp_path / "gate.toml"
    text = system.gates["gate"].file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    done = system.enforcer("doctor", str(file))
    assert found(done)[what] == word, done
    assert done.code == (1 if word == "LACKS" else 0)


def test_a_directory_that_is_not_there_or_open_to_others_is_named(system: System, tmp_path: Path) -> None:
    text, data = system.gates["gate"].file.read_text(), system.gates["gate"].data
    for here, said in ((tmp_path / "absent", "is not there; enrol on this host"), (tmp_path / "open", "chmod 700")):
        (tmp_path / "open").mkdir(mode=0o755, exist_ok=True)
        file = tmp_path / "gate.toml"
        file.write_text(text.replace(str(data), str(here)))
        done = system.enforcer("doctor", str(file))
        assert (done.code, said in done.out) == (1, True), done
