from urllib.parse import urlsplit

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from enforcer.policy.urls import Allowed, Refused, check_url

EGRESS = ("api.example.com", "*.wild.org", "127.0.0.1", "[::1]", "xn--bcher-kva.example", "API2.example.com.")
PIECES = [
    *(
        "http:",
        "https:",
        "HTTPS:",
        "/",
        "//",
        "\\",
        "@",
        "?",
        "#",
        ":",
        "80",
        "api.example.com",
        "evil.com",
        ".",
        "%2e",
    ),
    *(
        " ",
        "\t",
        "\n",
        "[",
        "]",
        "::1",
        "0x7f.1",
        "wild.org",
        "a",
        "％",
        "ａ",
        "。",
        "%00",
        "\0",
        ";",
        "user",
        "..",
        "/..",
    ),
]


@pytest.mark.parametrize(
    ("sent", "host", "url"),
    [
        ("https://api.example.com", "api.example.com", "https://api.example.com/"),
        ("HTTPS://API.Example.COM:443/a/../b/./c?x=/../#y", "api.example.com", "https://api.example.com/b/c?x=/../#y"),
        ("http://api.example.com:8080/", "api.example.com", "http://api.example.com:8080/"),
        ("https://user:pw@api.example.com/x", "api.example.com", "https://api.example.com/x"),
        ("https://api.example.com./", "api.example.com", "https://api.example.com/"),
        ("https://api2.example.com", "api2.example.com", "https://api2.example.com/"),
        ("https://a.b.wild.org/", "a.b.wild.org", "https://a.b.wild.org/"),
        ("http://127.0.0.1/", "127.0.0.1", "http://127.0.0.1/"),
        ("http://[0:0::1]:80/", "::1", "http://[::1]/"),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", "https://xn--bcher-kva.example/"),
        ("https://api.exa\nmple.com", "api.example.com", "https://api.example.com/"),
        ("https://api.example.com/v1/%2e%2e/a\\..\\b", "api.example.com", "https://api.example.com/b"),
        ("https://api.example.com#@evil.com", "api.example.com", "https://api.example.com/#@evil.com"),
    ],
)
def test_a_url_of_a_listed_host_is_allowed(sent, host, url):
    assert check_url(sent, EGRESS) == Allowed(host, url)


@pytest.mark.parametrize(
    "sent",
    [
        *(
            "",
            "https://",
            "api.example.com",
            "//api.example.com/",
            "ftp://api.example.com",
            "file:///etc",
            "javascript:1",
        ),
        *(
            "https://evil.com",
            "https://wild.org",
            "https://.wild.org",
            "https://evilwild.org",
            "https://api.example.com.evil.com",
        ),
        *(
            "https://api.example.com@evil.com",
            "https://api.example.com:80@evil.com",
            "https://evil.com\\@api.example.com/",
        ),
        *(
            "https://api.example.com\\@evil.com/",
            "https://a@b@api.example.com",
            "http:api.example.com",
            "http:/api.example.com",
        ),
        *(
            "https:///api.example.com",
            "http:\\\\api.example.com",
            "https://api.ex%61mple.com",
            "https://api.example.com%00.evil.com",
        ),
        *(
            "https://ａpi.example.com",
            "https://api。example.com",
            "https://bücher.example",
            "https://api.example.com..",
        ),
        *(
            "http://2130706433",
            "http://0x7f.1",
            "http://0177.0.0.1",
            "http://127.1",
            "http://0x7f000001/",
            "http://127.0.0.1.5",
        ),
        *("http://[::1", "http://[::1%25eth0]/", "http://[::ffff:127.0.0.1]/", "http://[127.0.0.1]/", "http://[]/"),
        *(
            "https://api.example.com:99999",
            "https://api.example.com:8a",
            "https://api.exa mple.com",
            "https://" + "a" * 20000,
        ),
    ],
)
def test_a_url_elsewhere_or_read_in_two_ways_is_refused(sent):
    assert isinstance(check_url(sent, EGRESS), Refused)


def test_without_an_egress_list_no_url_is_allowed():
    assert isinstance(check_url("https://api.example.com", ()), Refused)


def test_a_refusal_never_holds_the_url():
    verdict = check_url("https://secret-host.example/?token=abc", EGRESS)
    assert isinstance(verdict, Refused)
    assert "secret-host" not in verdict.detail


def test_a_wildcard_never_fits_an_address():
    assert isinstance(check_url("http://10.0.0.1/", ("*.0.0.1",)), Refused)


@settings(deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=8).map("".join))
def test_an_allowed_url_has_a_listed_host_for_python_too_and_stays_allowed_as_resolved(sent):
    verdict = check_url("https://" + sent, EGRESS)
    if isinstance(verdict, Allowed):
        assert verdict.host in ("api.example.com", "127.0.0.1", "::1") or verdict.host.endswith(".wild.org")
        assert (urlsplit("https://" + sent).hostname or "").rstrip(".") == verdict.host
        assert check_url(verdict.url, EGRESS) == verdict


@settings(deadline=None)
@given(st.text(max_size=60))
def test_no_text_at_all_raises(sent):
    assert isinstance(check_url(sent, EGRESS), (Allowed, Refused))
    assert isinstance(check_url(f"http://{sent}/", EGRESS), (Allowed, Refused))
