"""Real Chromium on a real control plane. A page that breaks the policy, logs an error or asks another host fails."""

import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Locator,
    Page,
    Request,
    Response,
    StorageState,
    expect,
)

from tests.support.needs import need_program
from tests.support.system import ROOT, System

WIDE = {"width": 1400, "height": 900}
PASSWORD = "correct-horse-battery-staple"
HARMLESS = ("[DOM] Password forms should have",)
REPORTS = (
    "document.addEventListener('securitypolicyviolation',"
    " e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI));"
)
expect.set_options(timeout=15_000)  # busy machines are slow, not wrong


@pytest.fixture(scope="session")
def browser_type_launch_args(browser_type_launch_args: dict[str, Any]) -> dict[str, Any]:
    """Debian's Chromium; as root it has to go without its own sandbox."""
    need_program("chromium")
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    return {**browser_type_launch_args, "executable_path": "/usr/bin/chromium", "args": quiet}


@dataclass  # no slots: playwright notes its wrappers on the object whose methods listen
class Watch:
    """What the pages of a context did that no page may do; `expected` are statuses that a test provokes."""

    host: str
    faults: list[str] = field(default_factory=list)
    expected: set[int] = field(default_factory=set)

    def over(self, context: BrowserContext) -> None:
        """Listen to everything in it."""
        context.add_init_script(REPORTS)
        context.on("console", self._said)
        context.on("weberror", lambda error: self.faults.append(f"error: {error.error}"))
        context.on("request", self._asked)
        context.on("response", self._answered)

    def _said(self, message: ConsoleMessage) -> None:
        expected = any(f"status of {code}" in message.text for code in self.expected)
        if message.type in ("error", "warning") and not expected and not message.text.startswith(HARMLESS):
            self.faults.append(f"console {message.type}: {message.text}")

    def _asked(self, request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme not in ("data", "blob", "about") and parts.netloc != self.host:
            self.faults.append(f"a request to another host: {request.url}")

    def _answered(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.expected:
            self.faults.append(f"{response.status}: {response.url}")


@pytest.fixture(scope="session")
def web(system: System) -> str:
    """Where the control plane serves its pages."""
    return (system.data / "web.url").read_text().strip()


def sign_in_by_link(page: Page, link: str) -> None:
    """What whoever got the one-time link does."""
    page.goto(link)
    page.locator("input[name=password1]").fill(PASSWORD)
    page.locator("input[name=password2]").fill(PASSWORD)
    page.locator("input[name=password2]").press("Enter")
    expect(page.locator("nav.side")).to_be_visible()


@pytest.fixture(scope="session")
def state_of(system: System, browser: Browser) -> Callable[..., StorageState]:
    """Cookies of a user with these roles (all that a first admin has, where none is named), made once each."""
    made: dict[tuple[str, ...], StorageState] = {}

    def state(*roles: str) -> StorageState:
        if roles not in made:
            name = "-".join(("user", *roles)).replace(" ", "-")
            words = [word for role in roles for word in ("--role", role)]
            done = system.manage("createadmin", name, *words)
            assert done.code == 0, done
            context = browser.new_context()
            sign_in_by_link(context.new_page(), done.out.splitlines()[-1])
            made[roles] = context.storage_state()
            context.close()
        return made[roles]

    return state


@dataclass(slots=True)
class Visitor:
    """Opens watched pages; `visit(path)` is one of the first context."""

    web: str
    open: Callable[..., Page]
    watch: Watch

    def visit(self, path: str) -> Page:
        """A new page of the first admin."""
        page = self.open()
        page.goto(self.web + path)
        return page


@pytest.fixture
def visitor(web: str, browser: Browser, state_of: Callable[..., StorageState]) -> Iterator[Visitor]:
    """At the end of the test nothing of `Watch` may have happened."""
    watch = Watch(urlsplit(web).netloc)
    with ExitStack() as contexts:

        def open_page(*roles: str, **options: Any) -> Page:
            context = browser.new_context(**{"viewport": WIDE, "storage_state": state_of(*roles), **options})
            contexts.callback(context.close)
            watch.over(context)
            return context.new_page()

        yield Visitor(web, open_page, watch)
    assert not watch.faults


DOCUMENTED = dict(
    re.findall(r"^\| ([^|]+?) \| (\d+) \|", (ROOT / "docs/how-to/jobs.md").read_text(), flags=re.MULTILINE)
)


class Hands:
    """Clicks, counted; what is typed is not a click, nor is a page that is open already."""

    def __init__(self) -> None:
        self.clicks = 0

    def click(self, place: Locator) -> None:
        place.click()
        self.clicks += 1


Job = Callable[[str], AbstractContextManager[Hands]]


@pytest.fixture
def job(record_property: Callable[[str, object], None]) -> Job:
    """The block is the job: afterwards its clicks are those of the document, and its seconds are recorded."""

    @contextmanager
    def doing(name: str) -> Iterator[Hands]:
        hands, began = Hands(), time.monotonic()
        yield hands
        record_property(name, f"{hands.clicks} clicks, {time.monotonic() - began:.1f} s")
        assert {name: str(hands.clicks)} == {name: DOCUMENTED.get(name)}

    return doing
