"""A policy file that is right, and ways to read a text without a database."""

from datetime import UTC, datetime

from controlplane.inventory.specs import default_trust_level
from controlplane.policy.declarative.draft import Draft
from controlplane.policy.declarative.file import read_policy
from controlplane.policy.declarative.policy import Policy
from controlplane.policy.declarative.problems import Problem, report
from controlplane.policy.declarative.yaml_lines import Written, read_yaml
from enforcer.contract.levels import TrustLevel

NOW = datetime(2026, 11, 1, tzinfo=UTC)
GOOD = """\
version: 1
principals:
  - {subject: alice, groups: [finance]}
servers:
  - {id: files, trust_level: internal, credential: {mode: none}, workspace: /srv/files, egress: [api.example]}
tools:
  - server: files
    name: fs_read
    risk: LOW
    input_schema: {type: object, properties: {path: {type: string}, url: {type: string}}}
    path_arguments: [/path]
    url_arguments: [/url]
grants:
  - {principal: alice, server: files, tools: [fs_read]}
"""


def bare() -> Policy:
    """What the rows hold before anything was applied."""
    return Policy(trust_levels={name: default_trust_level(name) for name in TrustLevel})


def written(text: str) -> Written:
    """The text as values and lines."""
    made = read_yaml(text.encode())
    assert isinstance(made, Written), made
    return made


def draft_of(text: str, current: Policy | None = None) -> Draft:
    """What the text says."""
    return read_policy(written(text).value, current or bare(), held=set(), now=NOW)


def problems_in(text: str) -> list[str]:
    """The lines an operator would see."""
    made = read_yaml(text.encode())
    if isinstance(made, Problem):
        return report([made], file="policy.yaml", lines={})
    return report(draft_of(text).problems, file="policy.yaml", lines=made.lines)


def warnings_in(text: str) -> list[str]:
    """The warnings an operator would see."""
    draft = draft_of(text)
    assert not draft.problems, draft.problems
    return report(draft.warnings, file="policy.yaml", lines=written(text).lines)
