"""`make demo ARGS=--exit`: the story holds, says what it must, and leaves nothing behind."""

import re
import subprocess
import sys
from pathlib import Path

from tests.support.system import ROOT


def processes_of(home: Path) -> list[str]:
    found = []
    for line in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = line.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(home) in words:
            found.append(words)
    return found


def test_the_story_holds_and_leaves_no_process(tmp_path: Path) -> None:
    home = tmp_path / "demo"
    told = subprocess.run(
        [sys.executable, "-m", "controlplane.embedded.demo", "--exit", "--home", str(home)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    for code in (
        "DENY_NO_AUTHN",
        "DENY_NO_MATCHING_RULE",
        "DENY_UNKNOWN_FIELDS",
        "DENY_PATH_TRAVERSAL",
        "DENY_KILL_SWITCH",
    ):
        assert code in told.stdout
    assert re.search(r"confirmed in \d+\.\d ms$", told.stdout, re.MULTILINE)
    assert re.search(r"[1-9]\d* receipts, chain verified$", told.stdout, re.MULTILINE)
    assert processes_of(home) == []
