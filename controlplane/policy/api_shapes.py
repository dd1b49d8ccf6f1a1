"""What the API says and takes of proposals, changes, documents and the policy file."""

from typing import Any

from rest_framework import serializers

from controlplane.api.bodies import Described, choice, flag, obj, text
from controlplane.api.views import Row
from controlplane.fleet.publication import Publication, Word
from controlplane.policy.declarative.items import VERSION
from controlplane.policy.history.access import Between
from controlplane.policy.models import Change, SignedDocument
from enforcer.contract import strict_json
from enforcer.contract.strict_json import JsonObject
from enforcer.policy.effective import Pair

LONGEST_NOTE = 2000
PAIRS = 1000
VERDICTS = ("callable", "approval", "refused")
COMPONENTS = {
    "trust_levels": "TrustLevelItem",
    "identity_providers": "IdentityProviderItem",
    "vault_backends": "VaultBackendItem",
    "groups": "GroupItem",
    "principals": "PrincipalItem",
    "servers": "ServerItem",
    "tools": "ToolItem",
    "grants": "GrantItem",
    "risk_patterns": "RiskPatternItem",
}
PROPOSED = [section for section in COMPONENTS if section != "vault_backends"]


class KillSwitchItem(Described):
    """A switch that is to be up; applying a file never lowers one."""

    schema = obj({"target": text(longest=512), "reason": text(longest=2000)}, required=["target", "reason"])


def _section(component: str) -> JsonObject:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{component}"}}


class PolicyDocument(Described):
    """A policy file (CONTRACTS section 5)."""

    schema = obj(
        {
            "version": {"const": VERSION},
            **{section: _section(component) for section, component in COMPONENTS.items()},
            "kill_switches": {"type": "array", "items": KillSwitchItem.schema},
        },
        required=["version"],
        example={"version": VERSION, "groups": [{"name": "finance"}]},
    )


class ProposeBody(Described):
    """An edit of one object, as it would be made: `item` as it stands in a policy file."""

    schema = obj(
        {
            "section": choice(PROPOSED),
            "item": {"type": "object"},
            "removal": flag("remove the object that the item names"),
            "reason": text(longest=LONGEST_NOTE, default=""),
        },
        required=["section", "item"],
        example={"section": "groups", "item": {"name": "finance"}, "reason": "for the new team"},
    )


class NoteBody(Described):
    """A word to whoever proposed it."""

    schema = obj({"note": text(longest=LONGEST_NOTE, default="")}, example={"note": "until March only"})


class ChangeRow(Row[Change]):
    """One edit, of the policy or of what is switched off."""

    class Meta:
        model = Change
        fields: tuple[str, ...] = ("id", "kind", "actor", "reason", "created_at")


class WordRow(serializers.Serializer[Word]):
    """One enforcer, in its own signed words."""

    enforcer_id = serializers.CharField()
    applied = serializers.BooleanField()
    says = serializers.CharField()


class PublicationRow(serializers.Serializer[Publication]):
    """saved → published → applied. Where `known` is false nobody could be asked."""

    servers = serializers.IntegerField(help_text="whose documents change")
    published = serializers.IntegerField(help_text="of these")
    applied = serializers.IntegerField(help_text="enforcers that confirmed every part")
    settled = serializers.BooleanField(help_text="nothing more will happen by itself")
    known = serializers.BooleanField()
    problems = serializers.ListField(child=serializers.CharField(), source="errors", help_text="of publishing it")
    enforcers = WordRow(many=True, source="words")


class ChangeDetailRow(ChangeRow):
    """And what became of it."""

    publication = PublicationRow()

    class Meta(ChangeRow.Meta):
        fields = (*ChangeRow.Meta.fields, "publication")


class Envelope(serializers.JSONField):
    """The text of a signed document as JSON."""

    def to_representation(self, value: Any) -> Any:
        """Parsed as strictly as everywhere."""
        return strict_json.parse(str(value).encode())


class AccessPair(serializers.Serializer[Pair]):
    """One principal and one tool, and how it was and is."""

    principal = serializers.CharField(source="subject")
    issuer = serializers.CharField()
    tool = serializers.CharField()
    before = serializers.ChoiceField(choices=VERDICTS)
    after = serializers.ChoiceField(choices=VERDICTS)


class AccessBetween(serializers.Serializer[Any]):
    """Between two snapshots of a server, as of now and without kill switches. `more` pairs are left out."""

    server = serializers.CharField()
    old_number = serializers.IntegerField(allow_null=True)
    new_number = serializers.IntegerField()
    wider = AccessPair(many=True)
    narrower = AccessPair(many=True)
    more = serializers.IntegerField()
    problem = serializers.CharField(allow_blank=True, help_text="why it is not the whole of it")


def access_between_of(old: SignedDocument | None, new: SignedDocument, found: Between) -> dict[str, Any]:
    """The first `PAIRS` each way."""
    wider, narrower = found.difference.wider, found.difference.narrower
    return {
        "server": new.server_id,
        "old_number": old.number if old else None,
        "new_number": new.number,
        "wider": wider[:PAIRS],
        "narrower": narrower[:PAIRS],
        "more": max(len(wider) - PAIRS, 0) + max(len(narrower) - PAIRS, 0),
        "problem": found.problem,
    }


class DocumentRow(Row[SignedDocument]):
    """A version of a server's snapshot (`policy`) or incident state (`incident`)."""

    class Meta:
        model = SignedDocument
        fields: tuple[str, ...] = (
            "id",
            "kind",
            "server",
            "number",
            "generation",
            "payload_hash",
            "published_at",
            "renew_at",
        )


class DocumentDetailRow(DocumentRow):
    """And the envelope, exactly as it was published."""

    envelope = Envelope()

    class Meta(DocumentRow.Meta):
        fields = (*DocumentRow.Meta.fields, "envelope")
