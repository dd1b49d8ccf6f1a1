from ipaddress import ip_network

import pytest

from enforcer.contract.addresses import AddressRules, rules_for, url_problem
from enforcer.fetch import GuardedResolver

PUBLIC = AddressRules()
LOOPBACK = ip_network("127.0.0.0/8")
OFFICE = ip_network("10.1.0.0/16")


@pytest.mark.parametrize("address", ["93.184.215.14", "2606:4700:4700::1111", "::ffff:93.184.215.14"])
def test_public_addresses_are_reached(address: str) -> None:
    assert PUBLIC.permits(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.1.2.3", "192.168.0.1", "172.16.0.1", "169.254.169.254", "100.64.0.1", "0.0.0.0", "224.0.0.1",
        "240.0.0.1", "255.255.255.255", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1", "ff02::1",
        "::ffff:127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "2001:0:53aa:64c:0:fbff:f5f5:1",
        "localhost", "",
    ],
)  # fmt: skip
def test_every_other_address_is_refused(address: str) -> None:
    assert not PUBLIC.permits(address)


def test_a_listed_network_is_reached_in_whatever_form_it_is_written() -> None:
    rules = AddressRules((OFFICE,))
    assert rules.permits("10.1.2.3")
    assert rules.permits("::ffff:10.1.2.3")
    assert not rules.permits("10.2.2.3")


def test_plain_http_reaches_listed_loopback_alone() -> None:
    rules = rules_for("http://x/mcp", [OFFICE, LOOPBACK])
    assert rules.permits("127.0.0.1")
    assert not rules.permits("10.1.2.3")
    assert not rules.permits("93.184.215.14")
    assert not rules_for("http://x/mcp", []).permits("127.0.0.1")


@pytest.mark.parametrize(
    ("url", "fine"),
    [
        ("https://api.example.com/mcp", True),
        ("http://127.0.0.1:9000/mcp", True),
        ("http://[::1]:9000/mcp", False),
        ("https://127.0.0.1/mcp", True),
        ("https://10.9.9.9/mcp", False),
        ("http://93.184.215.14/mcp", False),
        ("ftp://api.example.com/", False),
        ("https://user:secret@api.example.com/", False),
        ("https://api.example.com/#x", False),
        ("https://", False),
        ("https://api.example.com:99999/", False),
        ("https://[::1/", False),
    ],
)
def test_urls_of_the_file_are_judged_before_anything_is_resolved(url: str, fine: bool) -> None:
    assert (url_problem(url, rules_for(url, [LOOPBACK])) is None) == fine


async def test_a_name_that_leads_to_a_forbidden_address_does_not_resolve() -> None:
    with pytest.raises(OSError, match="fetch_allow"):
        await GuardedResolver(PUBLIC).resolve("localhost", 80)


async def test_a_name_that_leads_to_a_listed_address_does() -> None:
    found = await GuardedResolver(AddressRules((LOOPBACK,))).resolve("localhost", 80)
    assert {entry["host"] for entry in found} == {"127.0.0.1"}


async def test_short_forms_of_loopback_are_judged_by_what_they_resolve_to() -> None:
    with pytest.raises(OSError, match="fetch_allow"):
        await GuardedResolver(PUBLIC).resolve("0x7f.1", 80)
