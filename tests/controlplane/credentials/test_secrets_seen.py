"""A guess, so both sides of it are held: what is pasted is found, and what people call things is not."""

import string
from random import Random

import pytest

from controlplane.credentials.secrets_seen import reads_like_secret

SECRETS = [
    "hvs.CAESIJlWcBtoU4wnXf9Z0dRkq1",
    "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
    "github_pat_11ABCDEFG0abcdefghijkl",
    "glpat-abcdefghijklmnopqrst",
    "xoxb-123456789012-abcdefghijkl",
    "AKIAIOSFODNN7EXAMPLE",
    "Bearer eyJhbGciOiJIUzI1NiJ9.e30.abc",
    "-----BEGIN PRIVATE KEY-----",
    "dbk_0123456789abcdef",
    "kv/data/8f14e45fceea467fa7d99d2c1f2b3c4d",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY2a9",
]
NAMES = [
    "", "secret", "servers/files/api_token", "kv/data/team-payments-production-2024-eu-west", "Bearer ", "Token token=",
    "tenant/8f14e45f-ceea-467f-a7d9-9d2c1f2b3c4d/token", "MyCompanyProdAPIKeyV2", "cloudflareR2AccessKeyId", "sk-learn",
    "databaseConnectionString01", "arn-aws-secretsmanager-eu-west-1-123456789012", "FILES_SERVER_TOKEN_2024",
    "PaymentsProduction2024EuWest", "AKIA", "eyJ",
]  # fmt: skip


@pytest.mark.parametrize("text", SECRETS)
def test_a_secret_is_seen_and_not_repeated(text: str) -> None:
    what = reads_like_secret(text)
    assert what
    assert text not in what


@pytest.mark.parametrize("text", NAMES)
def test_a_name_is_not_taken_for_a_secret(text: str) -> None:
    assert reads_like_secret(text) == ""


@pytest.mark.parametrize("alphabet", [string.ascii_letters + string.digits, "0123456789abcdef"])
def test_most_random_tokens_are_seen(alphabet: str) -> None:
    random = Random(alphabet)
    tokens = ["".join(random.choices(alphabet, k=40)) for _ in range(200)]
    assert sum(bool(reads_like_secret(token)) for token in tokens) > 180
