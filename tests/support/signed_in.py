"""A browser without a window: signs in by a one-time link, keeps its cookies, sends the forms that a page holds."""

import re
import urllib.parse
import urllib.request
from http.cookiejar import CookieJar

PASSWORD = "correct-horse-battery-staple"
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')


class SignedIn:
    """Somebody's session at the control plane."""

    def __init__(self, web: str, link: str) -> None:
        self.web, self._jar = web, CookieJar()
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(self._jar))
        form, page = self._open(link)
        self._send(form, page, {"password1": PASSWORD, "password2": PASSWORD})

    def get(self, path: str) -> str:
        """The page."""
        return self._open(self.web + path)[1]

    def post(self, path: str, fields: dict[str, str]) -> str:
        """Open the form, fill it in, send it; the page that it leads to."""
        url, page = self._open(self.web + path)
        return self._send(url, page, fields)

    def send(self, path: str, page: str, fields: dict[str, str]) -> str:
        """Send a form that is open already."""
        return self._send(self.web + path, page, fields)

    def _open(self, url: str) -> tuple[str, str]:
        with self._opener.open(url, timeout=60) as answer:
            return answer.geturl(), answer.read().decode()

    def _send(self, url: str, page: str, fields: dict[str, str]) -> str:
        token = TOKEN.search(page)
        assert token, page[:500]
        body = urllib.parse.urlencode({"csrfmiddlewaretoken": token[1], **fields}).encode()
        request = urllib.request.Request(url, body, {"Referer": url})
        with self._opener.open(request, timeout=60) as answer:
            text: str = answer.read().decode()
            return text
