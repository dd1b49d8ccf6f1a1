"""The item of a grant, as a JSON Schema."""

from controlplane.api.bodies import Described, choice, ident, obj, rate, text, texts, time
from controlplane.inventory.api_shapes import LEVELS, RISKS
from controlplane.policy.declarative.read_grants import EFFECTS


class GrantItem(Described):
    """Who (`principal` or `group`) × what (`server` and `tools`, or `trust` and `risk`), and the limits."""

    schema = obj(
        {
            "id": ident("left out, it is made of what the grant says", default=""),
            "principal": text("a subject", default=""),
            "issuer": text("where a subject is known from several", longest=512, default=""),
            "group": text(default=""),
            "server": ident(default=""),
            "tools": texts("names or globs"),
            "trust": choice(LEVELS, "every server of this level"),
            "risk": choice(RISKS, "every tool of this risk"),
            "effect": choice(EFFECTS, default="allow"),
            "max_risk": choice(RISKS, "calls above it need an approval"),
            "constraint": {"type": "object", "description": "a JSON Schema that the arguments have to satisfy"},
            "rate": rate(),
            "not_before": time(),
            "not_after": time(),
            "reason": text(longest=2000, default=""),
            "ticket": text(longest=200, default=""),
        },
        example={
            "id": "monthly-report",
            "principal": "ada",
            "server": "files",
            "tools": ["fs_read", "fs_list*"],
            "max_risk": "HIGH",
            "rate": "10/minute",
            "reason": "monthly report",
            "ticket": "OPS-12",
        },
    )
