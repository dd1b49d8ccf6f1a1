"""Each row: a part of the good file, what it is changed to, and the line the operator reads."""

import pytest

from enforcer.contract.levels import Risk
from tests.controlplane.policy_file.samples import GOOD, draft_of, problems_in, warnings_in

SERVER = "credential: {mode: none}"
TOOL = "    risk: LOW\n"
GRANT = "tools: [fs_read]}"
END = "grants:\n"
AGAIN = "tools: [fs_read]}\n  - {principal: alice, server: files, tools: [fs_read], ticket: A}"
DENIED = "tools: [fs_read]}\n  - {group: finance, server: files, tools: ['*'], effect: deny}"
NOWHERE = "  - {group: finance, trust: unknown}"
KEY = "{kty: OKP, crv: Ed25519, kid: a, x: 11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"


def provider(rest: str) -> str:
    return f"identity_providers:\n  - {{issuer: 'https://idp', audience: drawbridge, {rest}}}\n{END}"


def test_the_good_file_has_neither_problems_nor_warnings_of_weight() -> None:
    assert problems_in(GOOD) == []
    assert [line for line in warnings_in(GOOD) if "egress" not in line] == []


RISKY = "risk_patterns:\n  - "


@pytest.mark.parametrize(
    ("old", "new", "line", "says"),
    [
        ("version: 1", "version: 2", 1, "version: is not known; version: 1"),
        ("version: 1", "version: true", 1, "version: is not known"),
        ("version: 1\n", "", 1, "version: is missing"),
        (END, "servrs: []\n" + END, 13, "servrs: unknown key; did you mean servers?"),
        (TOOL, TOOL + "    rsk: LOW\n", 10, "tools[0].rsk: unknown key; did you mean risk?"),
        (TOOL, "    risk: low\n", 9, "tools[0].risk: 'low' is unknown; one of LOW, MEDIUM, HIGH, CRITICAL"),
        (TOOL, "    risk: 3\n", 9, "tools[0].risk: is a whole number; text; put it in quotes"),
        ("name: fs_read", 'name: "fs\\u202eread"', 8, "tools[0].name: has characters that can't be seen"),
        ("name: fs_read", "name: ''", 8, "tools[0].name: is empty"),
        ("    name: fs_read\n", "", 7, "tools[0].name: is missing"),
        ("principals:\n", "principals: {}\n# ", 2, "principals: is a mapping; a list"),
        ("  - {subject: alice, groups: [finance]}", "  - alice", 3, "principals[0]: is text; a mapping of keys"),
        ("subject: alice,", "subject: alice, issuer: 'https://x',", 3, "principals[0].issuer: 'https://x' is no known"),
        ("trust_level: internal", "trust_level: internl", 5, "servers[0].trust_level: 'internl' is unknown; one of in"),
        ("id: files", "id: Files", 5, "servers[0].id: 'Files' is no id; small letters"),
        (SERVER, "credential: {mode: vault, backend: bao}", 5, "servers[0].credential.mode: credential mode vault is"),
        (SERVER, "credential: {mode: exchange}", 5, "credential mode exchange is not served by this version; mode: no"),
        (SERVER, "credential: {mode: passthrough}", 5, "servers[0].credential.mode: 'passthrough' is unknown"),
        (SERVER, SERVER + ", discovery: {mode: vault}", 5, "servers[0].discovery: discovery is not served"),
        (SERVER, SERVER + ", allow: {sampling: true}", 5, "servers[0].allow.sampling: sampling is not served"),
        (SERVER, SERVER + ", limits: {rate: 5/fortnight}", 5, "servers[0].limits.rate: '5/fortnight' is no rate; 1 to"),
        (SERVER, SERVER + ", limits: {timeout_s: 0}", 5, "servers[0].limits.timeout_s: 0 is out of range"),
        (SERVER, SERVER + ", limits: {timeout_s: true}", 5, "servers[0].limits.timeout_s: is true or false; a whole n"),
        (SERVER, SERVER + ", sandbox: {fs: all}", 5, "servers[0].sandbox.fs: 'all' is unknown; one of workspace_only"),
        ("workspace: /srv/files", "workspace: files", 5, "servers[0].workspace: 'files' can't be a workspace"),
        ("workspace: /srv/files", "workspace: /", 5, "servers[0].workspace: '/' can't be a workspace"),
        ("workspace: /srv/files", "workspace: /srv/../etc", 5, "servers[0].workspace: '/srv/../etc' can't be"),
        ("workspace: /srv/files, ", "", 11, "tools[0].path_arguments[0]: there is no workspace to check it against"),
        (", egress: [api.example]", "", 12, "tools[0].url_arguments[0]: there is no egress to check it against"),
        ("api.example", "https://api.example", 5, "servers[0].egress[0]: 'https://api.example' is no host"),
        ("[/path]", "[/paht]", 11, "tools[0].path_arguments[0]: the schema has no /paht"),
        ("[/path]", "[path]", 11, "tools[0].path_arguments[0]: 'path': a pointer starts with /"),
        ("server: files\n", "server: fils\n", 7, "tools[0].server: server 'fils' is not declared"),
        ("{type: string}, url", "{type: strin}, url", 10, "tools[0].input_schema.properties.path"),
        ("{type: string}, url", "{$ref: 'https://x/y'}, url", 10, "tools[0].input_schema.properties.path"),
        ("{type: string}, url", "{pattern: '(?=a)'}, url", 10, "tools[0].input_schema.properties.path.pattern"),
        (END, END + "  - {principal: bob, server: files, tools: [fs_read]}\n", 14, "grants[0].principal: principal 'b"),
        (END, END + "  - {group: sales, server: files, tools: [fs_read]}\n", 14, "grants[0].group: group 'sales' is n"),
        (END, END + "  - {principal: alice, server: fils, tools: [x]}\n", 14, "grants[0].server: server 'fils' is not"),
        (END, END + "  - {server: files, tools: [x]}\n", 14, "grants[0]: names nobody; either principal: or group:"),
        (END, END + "  - {principal: alice, group: finance, server: files, tools: [x]}\n", 14, "grants[0]: names both"),
        (END, END + "  - {principal: alice}\n", 14, "grants[0]: says nothing of what is granted"),
        (GRANT, "tools: []}", 14, "grants[0].tools: names no tool"),
        (GRANT, "risk: LOW}", 14, "grants[0].risk: a selector stands instead of server and tools"),
        ("server: files, tools", "tools", 14, "grants[0].tools: a tool is always of one server"),
        (GRANT, "tools: [1]}", 14, "grants[0].tools[0]: is a whole number; text"),
        (GRANT, "tools: ['']}", 14, "grants[0].tools[0]: '' is empty"),
        (GRANT, "tools: [fs_read], resources: ['a']}", 14, "grants[0].resources: resources is not served"),
        (GRANT, "tools: [fs_read], prompts: ['a']}", 14, "grants[0].prompts: prompts is not served"),
        (GRANT, "tools: [fs_read], rate: '10'}", 14, "grants[0].rate: '10' is no rate"),
        (GRANT, "tools: [fs_read], effect: deny, rate: 1/day}", 14, "grants[0].rate: a deny has no rate"),
        (GRANT, "tools: [fs_read], effect: deny, max_risk: LOW}", 14, "grants[0].max_risk: a deny has no max_risk"),
        (GRANT, "tools: [fs_read], not_after: 2026-10-31}", 14, "grants[0].not_after: the window has ended"),
        (GRANT, "tools: [fs_read], not_after: soon}", 14, "grants[0].not_after: 'soon' is no time"),
        (GRANT, "tools: [fs_read], not_after: 2027-02-30}", 14, "grants[0].not_after: '2027-02-30' is no time"),
        (GRANT, "tools: [fs_read], not_before: 2028-01-01, not_after: 2027-01-01}", 14, "not_after: ends before it be"),
        (GRANT, "tools: [fs_read], constraint: {properties: {pth: {}}}}", 14, "grants[0].constraint: tool files/fs_re"),
        (GRANT, "tools: [fs_read], constraint: {pattern: '(?=a)'}}", 14, "grants[0].constraint.pattern"),
        (GRANT, "tools: [fs_read], constraint: {type: 3}}", 14, "grants[0].constraint.type"),
        (GRANT, "tools: [fs_read], constraint: []}", 14, "grants[0].constraint: is a list; a mapping"),
        (GRANT, "tools: [fs_read], id: server}", 14, "grants[0].id: 'server' is what the server's own rate is called"),
        (GRANT, AGAIN, 15, "grants[1]: the same as grants[0]"),
        (END, "kill_switches:\n  - {target: 'tool:fs_read', reason: x}\n" + END, 14, "kill_switches[0].target: 'tool:"),
        (END, "kill_switches:\n  - {target: 'server:files'}\n" + END, 14, "kill_switches[0].reason: is missing"),
        (END, RISKY + "{pattern: x}\n" + END, 14, "risk_patterns[0].risk: is missing"),
        (END, RISKY + "{pattern: x, risk: LOW}\n" + END, 14, "risk_patterns[0].risk: 'LOW' is unknown; one o"),
        (END, RISKY + "{pattern: '(?=a)', risk: HIGH}\n" + END, 14, "risk_patterns[0].pattern: is no expressi"),
        (END, RISKY + "{pattern: 'a*', risk: HIGH}\n" + END, 14, "risk_patterns[0].pattern: matches everythi"),
        (END, RISKY + "{pattern: a, risk: HIGH, where: x}\n" + END, 14, "risk_patterns[0].where: 'x' is unkno"),
        (END, "trust_levels:\n  - {name: internal, stale_s: {high: 9, all: 3}}\n" + END, 14, "trust_levels[0].stale_s"),
        (END, provider("algorithms: [HS256], jwks: {keys: []}"), 14, "identity_providers[0].algorithms[0]: 'HS256' is"),
        (END, provider("algorithms: [none], jwks: {keys: []}"), 14, "identity_providers[0].algorithms[0]: 'none' is n"),
        (END, provider("algorithms: [EdDSA]"), 14, "identity_providers[0].jwks: is missing"),
        (END, provider("algorithms: [EdDSA], jwks_uri: 'https://idp'"), 14, "identity_providers[0].jwks_uri: jwks_uri"),
        (END, provider("algorithms: [EdDSA], jwks: {keys: [{kty: oct, k: AA}]}"), 14, "jwks.keys[0]: a symmetric key"),
        (END, provider(f"algorithms: [EdDSA], jwks: {{keys: [{KEY}, d: AA}}]}}"), 14, "jwks.keys[0]: a private key"),
        (END, provider(f"algorithms: [EdDSA], jwks: {{keys: [{KEY}}}, {KEY}}}]}}"), 14, "jwks.keys[1].kid: 'a' is the"),
        (END, provider("algorithms: [EdDSA], jwks: {keys: [{kty: OKP, x: AA}]}"), 14, "jwks.keys[0]: can't be read as"),
        (END, provider("algorithms: [EdDSA], jwks: {keys: 3}"), 14, "identity_providers[0].jwks: has no list of keys"),
    ],
)  # fmt: skip
def test_a_wrong_file_is_refused_with_line_key_and_what_would_be_right(
    old: str, new: str, line: int, says: str
) -> None:
    assert old in GOOD
    found = problems_in(GOOD.replace(old, new, 1))
    matching = [text for text in found if text.startswith(f"policy.yaml:{line}: ") and says in text]
    assert matching, found
    assert all(text.count("\n") == 0 and "; " in text for text in found)


def test_all_problems_are_told_at_once_in_the_order_of_lines_up_to_a_limit() -> None:
    many = GOOD + "".join(f"  - {{principal: p{n}, server: files, tools: [fs_read]}}\n" for n in range(30))
    found = problems_in(many)
    assert len(found) == 21
    assert [int(text.split(":")[1]) for text in found[:20]] == list(range(15, 35))
    assert "and 10 more" in found[-1]


def test_a_principal_of_two_issuers_must_be_told_apart() -> None:
    two = GOOD.replace("principals:\n", "principals:\n  - {subject: alice, issuer: 'https://idp'}\n")
    two = two.replace(END, provider(f"algorithms: [EdDSA], jwks: {{keys: [{KEY}}}]}}"))
    two = two.replace("{subject: alice, groups", "{subject: alice, issuer: drawbridge, groups")
    assert any("'alice' is declared for 2 issuers; say which with issuer:" in text for text in problems_in(two))
    assert problems_in(two.replace("{principal: alice,", "{principal: alice, issuer: drawbridge,")) == []


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (SERVER + ", ", "", "servers[0].credential: is not chosen, so every call ends at DENY_PASSTHROUGH_BLOCKED"),
        (GRANT, "tools: [fs_read, 'fs_x*']}", "'fs_x*' matches no tool today"),
        (TOOL, "    risk: HIGH\n", "tool files/fs_read is HIGH, above the max_risk MEDIUM"),
        (TOOL, "    risk: CRITICAL\n", "above the"),
        (GRANT, DENIED, "shadowed by the deny"),
        (END, "kill_switches: [{target: 'tool:files/fs_*', reason: x}]\n" + END, "tool files/fs_read is killed"),
        ("  - {principal: alice, server: files, tools: [fs_read]}", NOWHERE, "trust:unknown matches no tool"),
    ],
)  # fmt: skip
def test_what_does_less_than_it_seems_to_is_said(old: str, new: str, says: str) -> None:
    assert any(says in line for line in warnings_in(GOOD.replace(old, new, 1))), warnings_in(GOOD.replace(old, new, 1))


def test_a_provider_is_the_default_issuer_once_there_is_one() -> None:
    with_provider = GOOD.replace(END, provider(f"algorithms: [EdDSA], jwks: {{keys: [{KEY}}}]}}"))
    assert [key.issuer for key in draft_of(GOOD).said.principals] == ["drawbridge"]
    assert [key.issuer for key in draft_of(with_provider).said.principals] == ["https://idp"]


def test_a_tool_without_a_risk_is_classified() -> None:
    (tool,) = draft_of(GOOD.replace("    risk: LOW\n", "").replace("fs_read", "drop_database")).said.tools.values()
    assert tool.risk.rank >= Risk.HIGH.rank
