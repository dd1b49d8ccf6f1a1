"""docs/tutorial.md, step by step, as a new user would do it: the demo, a browser, an agent."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import WIDE, Watch
from tests.support.processes import Program, wait_for
from tests.support.system import ROOT

AGENT = "triage"
FIVE_MINUTES_S = 300


@dataclass(frozen=True, slots=True)
class Demo:
    """What `make demo` says when it stays up; `began` is when it was started."""

    web: str
    username: str
    password: str
    gate: str
    repository: str
    began: float


@pytest.fixture
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, past its story."""
    home, began = tmp_path_factory.mktemp("demo"), time.monotonic()
    program = Program(
        [sys.executable, "-m", "controlplane.embedded.demo", "--home", home / "demo"],
        log=home / "log",
        env={name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ},
        cwd=ROOT,
    )
    try:
        wait_for(lambda: "Ctrl-C ends" in program.output or program.process.poll() is not None, "the story's end", 200)
        login = re.search(r"web: (\S+)   sign in as (\S+), password (\S+)", program.output)
        gate = re.search(r"gate of git: (\S+)", program.output)
        assert login, program.output
        assert gate, program.output
        web, username, password = login.groups()
        yield Demo(web, username, password, gate.group(1), str(home / "demo" / "repository"), began)
    finally:
        program.stop(30)


def call(demo: Demo, token: str, tool: str) -> tuple[int, str]:
    """The agent's call: its exit code and what it printed."""
    arguments = f'{{"repo_path": "{demo.repository}"}}'
    argv = [sys.executable, "-m", "controlplane.embedded.demo.agent", demo.gate, tool, arguments]
    env = {"PATH": os.environ["PATH"], "MCP_TOKEN": token}
    ended = subprocess.run(argv, env=env, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    return ended.returncode, ended.stdout + ended.stderr


def pick(page: Page, field: str, word: str) -> None:
    """Choose in one of the boxes that look things up."""
    page.get_by_role("combobox", name=field, exact=True).click()
    page.locator(".select2-search__field").fill(word)
    page.locator(".select2-results__option", has_text=re.compile(rf"^{re.escape(word)}$")).click()


@pytest.mark.timeout(500)
def test_a_new_agent_gets_read_access_in_the_web_admin_and_its_call_passes(
    demo: Demo, browser: Browser, record_property: Callable[[str, object], None]
) -> None:
    watch = Watch(urlsplit(demo.web).netloc)
    context = browser.new_context(viewport=WIDE)
    watch.over(context)
    page = context.new_page()
    add_the_agent(demo, page)
    token = issue_a_token(page)
    code, said = call(demo, token, "git_status")
    assert (code, "DENY_NO_MATCHING_RULE" in said) == (1, True), said
    grant_read_access(page)
    code, said = call(demo, token, "git_status")
    assert code == 0, said
    assert "tools: git_show, git_status" in said
    record_property("seconds_from_make_demo_to_the_passed_call", round(time.monotonic() - demo.began))
    see_the_receipt(page)
    code, said = call(demo, token, "git_create_branch")
    assert (code, "DENY_NO_MATCHING_RULE" in said) == (1, True), said
    context.close()
    assert not watch.faults


def add_the_agent(demo: Demo, page: Page) -> None:
    page.goto(demo.web)
    page.get_by_label("Username").fill(demo.username)
    page.get_by_label("Password").fill(demo.password)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("link", name="Principals").click()
    page.get_by_role("link", name="Add principal").click()
    page.get_by_label("Subject").fill(AGENT)
    page.get_by_label("Actor type").select_option("agent")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text(f"+ principal {AGENT}")


def issue_a_token(page: Page) -> str:
    page.get_by_role("link", name="Issue a token").first.click()
    page.get_by_role("button", name="Issue the token").click()
    token = page.locator("#token").inner_text().strip()
    page.get_by_role("link", name="Done").click()
    return token


def grant_read_access(page: Page) -> None:
    page.get_by_role("link", name="Grant access").first.click()
    pick(page, "Server", "git")
    page.get_by_label("Tools").fill("git_status\ngit_show")
    page.get_by_label("Reason:", exact=True).fill("triage reads the repository")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.locator(".steps")).to_contain_text("published 1 of 1 server")
    expect(page.locator(".steps")).to_contain_text("applied 1 of 1")
    expect(page.locator(".words")).to_contain_text("git-gate")


def see_the_receipt(page: Page) -> None:
    page.get_by_role("link", name="Receipts", exact=True).click()
    row = page.locator("#result_list tbody tr", has_text=AGENT).filter(has_text="allow").first

    def shown() -> bool:
        page.reload()
        return row.count() > 0

    wait_for(shown, "the receipt of the agent's call")
