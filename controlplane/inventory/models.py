"""Trust levels, servers, tools. A retired server keeps its row, so that its version numbers never start again."""

from django.core.validators import RegexValidator
from django.db import models

from controlplane.common.history import History
from enforcer.contract import levels
from enforcer.contract.targets import ID
from enforcer.policy import risk_patterns

RISKS = [(risk.value, risk.value) for risk in levels.Risk]
RISK_NAMES = [risk.value for risk in levels.Risk]
LEVEL_NAMES = [level.value for level in levels.TrustLevel]
TRUST_LEVELS = [(level.value, level.value) for level in levels.TrustLevel]


class Pins(models.TextChoices):
    """Whether a tool must be seen as it was reviewed."""

    REQUIRED = "required"
    OPTIONAL = "optional"


class FsPolicy(models.TextChoices):
    """What a sandboxed server may see of the disk."""

    WORKSPACE_ONLY = "workspace_only"
    READ_ONLY = "read_only"
    NONE = "none"


class NetPolicy(models.TextChoices):
    """What a sandboxed server may reach."""

    ALLOWLIST = "allowlist"
    BLOCK_ALL = "block_all"
    NONE = "none"


class CredentialMode(models.TextChoices):
    """How the server is signed in to; unset means that nobody chose, and nothing is sent."""

    UNSET = "unset"
    NONE = "none"
    VAULT = "vault"
    EXCHANGE = "exchange"


class TrustLevel(models.Model):
    """A level and what it allows. The four rows exist from the start; only their values are tuned."""

    name = models.CharField(primary_key=True, max_length=16, choices=TRUST_LEVELS)
    ceiling = models.CharField(max_length=16, choices=RISKS)
    pins = models.CharField(max_length=16, choices=Pins, default=Pins.REQUIRED)
    sandbox_fs = models.CharField(max_length=16, choices=FsPolicy, default=FsPolicy.WORKSPACE_ONLY)
    sandbox_net = models.CharField(max_length=16, choices=NetPolicy, default=NetPolicy.BLOCK_ALL)
    stale_high_s = models.PositiveIntegerField()
    stale_all_s = models.PositiveIntegerField()
    history = History()

    class Meta:
        constraints = [
            models.CheckConstraint(name="trust_name", condition=models.Q(name__in=LEVEL_NAMES)),
            models.CheckConstraint(name="trust_ceiling", condition=models.Q(ceiling__in=RISK_NAMES)),
            models.CheckConstraint(name="trust_pins", condition=models.Q(pins__in=Pins.values)),
            models.CheckConstraint(name="trust_fs", condition=models.Q(sandbox_fs__in=FsPolicy.values)),
            models.CheckConstraint(name="trust_net", condition=models.Q(sandbox_net__in=NetPolicy.values)),
            models.CheckConstraint(
                name="trust_stale", condition=models.Q(stale_high_s__gte=1, stale_all_s__gte=models.F("stale_high_s"))
            ),
        ]

    def __str__(self) -> str:
        return self.name


class Server(models.Model):
    """An MCP server. Empty text means: none (`workspace`, `rate`) or as the trust level says (`sandbox_*`)."""

    id = models.CharField(primary_key=True, max_length=63, validators=[RegexValidator(rf"\A{ID.pattern}\Z")])
    title = models.CharField(max_length=200, blank=True)
    trust_level = models.ForeignKey(TrustLevel, on_delete=models.PROTECT, related_name="servers")
    credential_mode = models.CharField(max_length=16, choices=CredentialMode, default=CredentialMode.UNSET)
    workspace = models.CharField(max_length=4096, blank=True)
    egress = models.JSONField(default=list, blank=True)
    sandbox_fs = models.CharField(max_length=16, choices=FsPolicy, blank=True)
    sandbox_net = models.CharField(max_length=16, choices=NetPolicy, blank=True)
    allow_sampling = models.BooleanField(default=False)
    allow_elicitation = models.BooleanField(default=False)
    allow_roots = models.BooleanField(default=False)
    allow_tasks = models.BooleanField(default=False)
    allow_completion = models.BooleanField(default=False)
    max_request_bytes = models.PositiveIntegerField(default=1_000_000)
    max_response_bytes = models.PositiveIntegerField(default=10_000_000)
    timeout_s = models.PositiveIntegerField(default=60)
    rate = models.CharField(max_length=32, blank=True)
    retired = models.BooleanField(default=False)
    history = History()

    class Meta:
        constraints = [
            models.CheckConstraint(name="server_id", condition=models.Q(id__regex=rf"\A{ID.pattern}\Z")),
            models.CheckConstraint(name="server_mode", condition=models.Q(credential_mode__in=CredentialMode.values)),
            models.CheckConstraint(name="server_fs", condition=models.Q(sandbox_fs__in=["", *FsPolicy.values])),
            models.CheckConstraint(name="server_net", condition=models.Q(sandbox_net__in=["", *NetPolicy.values])),
            models.CheckConstraint(
                name="server_limits",
                condition=models.Q(max_request_bytes__gte=1, max_response_bytes__gte=1, timeout_s__gte=1),
            ),
        ]

    def __str__(self) -> str:
        return self.id


class RiskPattern(models.Model):
    """What the security team looks for beside the default patterns: it raises risks and never lowers one."""

    pattern = models.CharField(max_length=risk_patterns.LONGEST)
    where = models.CharField(max_length=16, choices=[(place, place) for place in risk_patterns.PLACES])
    risk = models.CharField(max_length=16, choices=[(risk.value, risk.value) for risk in risk_patterns.RISKS])
    history = History()

    class Meta:
        constraints = [
            models.UniqueConstraint(name="pattern_once_a_place", fields=["where", "pattern"]),
            models.CheckConstraint(name="pattern_where", condition=models.Q(where__in=risk_patterns.PLACES)),
            models.CheckConstraint(
                name="pattern_risk", condition=models.Q(risk__in=[risk.value for risk in risk_patterns.RISKS])
            ),
        ]

    def __str__(self) -> str:
        return f"{self.where}: {self.pattern}"


class ToolState(models.TextChoices):
    """Only a reviewed tool can be called."""

    REVIEWED = "reviewed"
    UNREVIEWED = "unreviewed"
    CHANGED = "changed"
    QUARANTINED = "quarantined"


class Tool(models.Model):
    """A tool of one server, declared in a policy file or discovered. Pointers: null is found by name, [] is none.

    `pin`, `seen`: hashes of the approved definition and of the newest that an enforcer saw live, empty until there is
    one. `twice`: the server lists the name more than once. `vanished_at`: since when it doesn't list it any more.
    """

    server = models.ForeignKey(Server, on_delete=models.CASCADE, related_name="tools")
    name = models.CharField(max_length=256)
    risk = models.CharField(max_length=16, choices=RISKS)
    input_schema = models.JSONField()
    path_arguments = models.JSONField(null=True, blank=True)
    url_arguments = models.JSONField(null=True, blank=True)
    declared = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=ToolState, default=ToolState.UNREVIEWED)
    pin = models.CharField(max_length=71, blank=True)
    seen = models.CharField(max_length=71, blank=True)
    seen_at = models.DateTimeField(null=True, blank=True)
    twice = models.BooleanField(default=False)
    vanished_at = models.DateTimeField(null=True, blank=True)
    history = History(excluded_fields=["seen", "seen_at", "twice", "vanished_at"])
    # what a page fetched for many tools: definitions by hash, and the patterns that risks are proposed by
    bodies: dict[str, str] | None = None
    patterns: tuple[risk_patterns.RiskPattern, ...] | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(name="tool_once_a_server", fields=["server", "name"]),
            models.CheckConstraint(name="tool_risk", condition=models.Q(risk__in=RISK_NAMES)),
            models.CheckConstraint(name="tool_state", condition=models.Q(state__in=ToolState.values)),
            models.CheckConstraint(name="tool_named", condition=~models.Q(name="")),
        ]

    def __str__(self) -> str:
        return f"{self.server_id}/{self.name}"


NEVER_APPROVED = models.Q(state=ToolState.UNREVIEWED, declared=False, pin="")


class Definition(models.Model):
    """What a server once said of a tool; a row never changes. `body` is canonical JSON, empty where it was too long.

    Text and not JSON in the database: PostgreSQL's would write numbers in another way, and take no NUL.
    """

    tool = models.ForeignKey(Tool, on_delete=models.CASCADE, related_name="definitions")
    hash = models.CharField(max_length=71)
    body = models.TextField(blank=True)
    size = models.PositiveIntegerField()
    enforcer_id = models.CharField(max_length=63)
    first_seen_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(name="definition_once_a_tool", fields=["tool", "hash"])]

    def __str__(self) -> str:
        return f"{self.tool} {self.hash}"


class Sighting(models.Model):
    """A receipt that tells of a definition, waiting to be taken in; gone once it was. `problem`: it could not be."""

    receipt_id = models.CharField(max_length=64, unique=True)
    problem = models.CharField(max_length=255, blank=True)

    def __str__(self) -> str:
        return self.receipt_id
