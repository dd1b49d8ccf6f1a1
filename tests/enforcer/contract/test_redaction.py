import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from enforcer.contract.redaction import MAX_TEXT, redacted, visible

CANARY = "canary7Secret"
PEM = f"-----BEGIN PRIVATE KEY-----\n{CANARY}\n{CANARY}==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize(
    "text",
    [
        f"sent Bearer {CANARY} there",
        f"BEARER  {CANARY}",
        f"dbk_{CANARY}",
        f"token dbk_abc.{CANARY}-x",
        f"Authorization: Bearer {CANARY}",
        f"Authorization: Basic {CANARY}",
        f"{{'Authorization': 'Token {CANARY}'}}",
        f"(b'authorization', b'Basic {CANARY}')",
        f'{{"proxy-authorization": "Negotiate {CANARY}"}}',
        f"Cookie: sessionid={CANARY}; theme=dark",
        f"Set-Cookie: sessionid={CANARY}",
        f"{{'X-Vault-Token': '{CANARY}'}}",
        f"redis://admin:{CANARY}@127.0.0.1:6379/0",
        f"redis://:{CANARY}@127.0.0.1:6379/0",
        f"postgresql://a:x/{CANARY}@db/name?sslmode=require",
        f"host=db user=a password={CANARY} dbname=x",
        f"host=db user=a password='{CANARY} with spaces' dbname=x",
        f"password = {CANARY}",
        f'{{"password": "{CANARY}"}}',
        f"{{'client_secret': '{CANARY}'}}",
        f"access_token={CANARY}&x=1",
        f"id_token=eyJhbGciOiJFZERTQSJ9.{CANARY}.{CANARY}",
        f"a token eyJhbGciOiJFZERTQSJ9.{CANARY}.{CANARY} that came",
        PEM,
        repr(PEM),
        PEM.removesuffix("-----END PRIVATE KEY-----"),
        f"GET /api/v1/enforcer/state?nonce={CANARY} HTTP/1.1",
        f"https://idp.example/cb?code={CANARY}&state=x",
        f"hvs.{CANARY}",
        f"ghp_{CANARY}",
        "x" * MAX_TEXT + f" password={CANARY}",
        f"{'x ' * (MAX_TEXT // 2 - 12)}redis://admin:{CANARY}{CANARY}@127.0.0.1",
    ],
    ids=lambda text: text[:30].replace(CANARY, "…"),
)
def test_no_secret_is_left(text: str) -> None:
    assert CANARY in text
    assert CANARY not in redacted(text)


@pytest.mark.parametrize(
    "text",
    [
        "receipt 6f1c… could not be written",
        "policy of files: 'lease: older than what was applied'",
        "consuming receipts.gate",
        "redis://enforcer-probe@127.0.0.1:6379/0 can't be reached",
        "token: expired",
        "DENY_INVALID_TOKEN is what the caller was told",
        "is this a token? yes",
        "key 0123456789abcdef ed25519:AAAA",
        "/srv/files/report.txt",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redacted(text) == text


def test_who_and_where_stay_beside_the_secret() -> None:
    assert redacted(f"redis://admin:{CANARY}@127.0.0.1:6379/0 refused") == (
        "redis://admin:[redacted]@127.0.0.1:6379/0 refused"
    )


def test_a_long_text_is_cut_and_says_so() -> None:
    cut = redacted("word " * 100_000)
    assert len(cut) < MAX_TEXT + 100
    assert cut.endswith("more characters)")


@pytest.mark.parametrize(
    "piece", ["a://a:", "bearer ", "-----BEGIN A-----", "password='", "?a=", "authorization:", "eyJaaaa.", "a_"]
)
def test_a_hostile_text_takes_no_time(piece: str) -> None:
    began = time.process_time()
    redacted(piece * 500_000)
    assert time.process_time() - began < 1


@given(st.text())
def test_whatever_it_is_the_result_prints_on_one_line(text: str) -> None:
    assert visible(text).isprintable()


@given(st.text())
def test_what_prints_is_not_touched(text: str) -> None:
    printable = "".join(c for c in text if c.isprintable())
    assert visible(printable) == printable


def test_what_a_terminal_obeys_is_shown_instead() -> None:
    assert visible("a\x1b[31mb\r\nc\u202ed\u200be\x9bf") == r"a\x1b[31mb\r\nc\u202ed\u200be\x9bf"
