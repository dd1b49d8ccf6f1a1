"""The documents say what is true: conformance rows, receipt fields, links and the files that they name."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from enforcer.journal.opening import interrupted
from tests.enforcer.pipeline.workbench import Workbench

ROOT = Path(__file__).resolve().parent.parent
PAGES = [ROOT / "README.md", ROOT / "SECURITY.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [
    "INV-01", "AUTH-01", "AUTH-02", "TLS-01", "DISC-01", "DISC-02", "DISC-03", "AUTHZ-01",
    "AUTHZ-02", "AUTHZ-03", "CRED-01", "CRED-02", "CRED-03", "CRED-04", "OAUTH-01", "OAUTH-02",
    "VAL-01", "VAL-02", "VAL-03", "VAL-04", "SAND-01", "SAND-02", "NET-01", "RCPT-01",
    "RCPT-02", "RCPT-03", "INC-01", "INC-02", "INC-03",
]  # fmt: skip
OPEN_MAPS = ("request.args_redacted", "facts.rates", "facts.constraints")  # their keys are the caller's or the policy's


def rows() -> dict[str, tuple[str, str]]:
    """State and test column of docs/conformance.md, by ID."""
    found = re.findall(r"^\| ([A-Z]+-\d\d) \|[^|]*\| ([^|]*) \| ?([^|]*)\|$", text("docs/conformance.md"), re.MULTILINE)
    return {id_: (state, test) for id_, state, test in found}


def text(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def conformance_tests() -> set[str]:
    files = (ROOT / "tests" / "conformance").glob("test_*.py")
    return {name for file in files for name in re.findall(r"def (test_\w+)", file.read_text(encoding="utf-8"))}


def fields(value: Mapping[str, Any], above: str = "") -> Iterator[str]:
    for key, item in value.items():
        yield above + key
        if isinstance(item, dict) and above + key not in OPEN_MAPS:
            yield from fields(item, f"{above}{key}.")


def test_every_conformance_id_has_one_row() -> None:
    assert sorted(rows()) == sorted(IDS)


@pytest.mark.parametrize("id_", IDS)
def test_a_row_that_is_met_names_its_conformance_test_and_no_other_does(id_: str) -> None:
    state, test = rows()[id_]
    named = re.findall(r"`(test_\w+)`", test)
    assert re.match(r"met$|in part: |not yet: ", state), state
    assert bool(named) == (state == "met")
    assert set(named) <= conformance_tests()
    assert all(name.startswith(f"test_{id_.replace('-', '_')}_") for name in named)


def test_every_conformance_test_stands_in_a_row() -> None:
    named = {name for _, test in rows().values() for name in re.findall(r"`(test_\w+)`", test)}
    assert named == conformance_tests()


async def test_every_field_of_real_receipts_is_in_the_reference(tmp_path: Path) -> None:
    bench = Workbench(tmp_path)
    await bench.call()
    bench.link.policy = None
    await bench.call()
    receipts = bench.receipts()
    receipts.append(interrupted("r-1", receipts[0], 0.0))
    assert {receipt["receipt_type"] for receipt in receipts} >= {
        "csp.tool_safety.action.v1",
        "csp.tool_safety.refusal.v1",
    }
    reference = text("docs/reference/receipt.md")
    missing = {name for receipt in receipts for name in fields(receipt) if f"| `{name}` |" not in reference}
    assert not missing


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_and_named_test_file_exists(page: Path) -> None:
    content = page.read_text(encoding="utf-8")
    links = [link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", content) if "://" not in link]
    missing = [link for link in links if link and not (page.parent / link).exists()]
    tests = re.findall(r"`(tests/[\w/.-]+\.py)`", content)
    assert not missing + [name for name in tests if not (ROOT / name).exists()]
