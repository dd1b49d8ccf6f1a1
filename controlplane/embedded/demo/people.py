"""The demo's own admin: made by `createadmin`, whose one-time link is used as a browser would use it."""

import re
import secrets
from dataclasses import dataclass

from mcp.shared._httpx_utils import create_mcp_http_client

from controlplane.embedded.demo.processes import FailedError

USERNAME = "admin"
_TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


@dataclass(frozen=True, slots=True)
class Login:
    """For the web pages of this demo."""

    username: str
    password: str


async def first_login(link: str) -> Login:
    """Open the link, set a password of our own; raises `FailedError` where the page does not do it."""
    password = "-".join(secrets.token_hex(2) for _ in range(4))
    async with create_mcp_http_client() as browser:
        page = await browser.get(link, follow_redirects=True)
        found = _TOKEN.search(page.text)
        if page.status_code != 200 or found is None:
            raise FailedError(f"the one-time link of createadmin shows no form: {page.status_code}")
        form = {"csrfmiddlewaretoken": found.group(1), "password1": password, "password2": password}
        done = await browser.post(page.url, data=form, headers={"Referer": str(page.url)})
    if done.status_code != 302:
        raise FailedError(f"the password was not taken: {done.status_code}")
    return Login(USERNAME, password)
