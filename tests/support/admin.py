"""A gate with an admin address, and what it says there."""

import re
import urllib.request
from pathlib import Path

from tests.support.processes import wait_for
from tests.support.system import Gate


def give_admin_address(file: Path) -> Path:
    """Let the gate of this file listen for operators too, on a port of the system's choice."""
    text = re.sub(r"^admin_listen.*\n", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(text.replace("\nlisten = ", '\nadmin_listen = "127.0.0.1:0"\nlisten = ', 1))
    return file


def admin_url(gate: Gate) -> str:
    """Where it is, which the log tells."""

    def told() -> str | None:
        found = re.search(r"metrics and readiness are on (http://[0-9.:]+)", gate.program.output)
        return found.group(1) if found else None

    return wait_for(told, "the admin address")


def metric(gate: Gate, series: str) -> float:
    """The value of a series, given with its labels as it is written."""
    found = re.search(rf"^{re.escape(series)} (\S+)$", _text(gate), re.MULTILINE)
    assert found is not None, f"{series} is not exposed"
    return float(found.group(1))


def total(gate: Gate, name: str, label: str) -> float:
    """Over all workers, of the series of this name with this label."""
    found = re.findall(rf"^{name}\{{(?:.*,)?{re.escape(label)}(?:,.*)?\}} (\S+)$", _text(gate), re.MULTILINE)
    assert found, f"{name} with {label} is not exposed"
    return sum(map(float, found))


def _text(gate: Gate) -> str:
    with urllib.request.urlopen(f"{admin_url(gate)}/metrics", timeout=20) as answer:
        return str(answer.read().decode())
