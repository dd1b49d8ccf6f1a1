import subprocess
import sys
from pathlib import Path

from controlplane.embedded.demo import installing


def install(lock: Path) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, installing.__file__, str(lock)]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=100)


def test_what_is_installed_already_is_done_at_once(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("")
    assert install(lock).returncode == 0


def test_a_failure_keeps_pips_exit_code_and_its_last_words(tmp_path: Path) -> None:
    lock = tmp_path / "a.lock"
    lock.write_text("pip==0.0.0+nowhere --hash=sha256:" + "0" * 64 + "\n")
    ended = install(lock)
    assert ended.returncode != 0
    assert "pip" in ended.stderr
    assert "Traceback" not in ended.stderr
