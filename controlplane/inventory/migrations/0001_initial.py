import django.core.validators
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="TrustLevel",
            fields=[
                (
                    "name",
                    models.CharField(
                        choices=[
                            ("internal", "internal"),
                            ("verified", "verified"),
                            ("community", "community"),
                            ("unknown", "unknown"),
                        ],
                        max_length=16,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "ceiling",
                    models.CharField(
                        choices=[("LOW", "LOW"), ("MEDIUM", "MEDIUM"), ("HIGH", "HIGH"), ("CRITICAL", "CRITICAL")],
                        max_length=16,
                    ),
                ),
                (
                    "pins",
                    models.CharField(
                        choices=[("required", "Required"), ("optional", "Optional")], default="required", max_length=16
                    ),
                ),
                (
                    "sandbox_fs",
                    models.CharField(
                        choices=[("workspace_only", "Workspace Only"), ("read_only", "Read Only"), ("none", "None")],
                        default="workspace_only",
                        max_length=16,
                    ),
                ),
                (
                    "sandbox_net",
                    models.CharField(
                        choices=[("allowlist", "Allowlist"), ("block_all", "Block All"), ("none", "None")],
                        default="block_all",
                        max_length=16,
                    ),
                ),
                ("stale_high_s", models.PositiveIntegerField()),
                ("stale_all_s", models.PositiveIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name__in", ["internal", "verified", "community", "unknown"])),
                        name="trust_name",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ceiling__in", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])), name="trust_ceiling"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("pins__in", ["required", "optional"])), name="trust_pins"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sandbox_fs__in", ["workspace_only", "read_only", "none"])), name="trust_fs"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("sandbox_net__in", ["allowlist", "block_all", "none"])), name="trust_net"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("stale_all_s__gte", models.F("stale_high_s")), ("stale_high_s__gte", 1)),
                        name="trust_stale",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Server",
            fields=[
                (
                    "id",
                    models.CharField(
                        max_length=63,
                        primary_key=True,
                        serialize=False,
                        validators=[django.core.validators.RegexValidator("\\A[a-z0-9][a-z0-9_-]{0,62}\\Z")],
                    ),
                ),
                ("title", models.CharField(blank=True, max_length=200)),
                (
                    "credential_mode",
                    models.CharField(
                        choices=[("unset", "Unset"), ("none", "None"), ("vault", "Vault"), ("exchange", "Exchange")],
                        default="unset",
                        max_length=16,
                    ),
                ),
                ("workspace", models.CharField(blank=True, max_length=4096)),
                ("egress", models.JSONField(blank=True, default=list)),
                (
                    "sandbox_fs",
                    models.CharField(
                        blank=True,
                        choices=[("workspace_only", "Workspace Only"), ("read_only", "Read Only"), ("none", "None")],
                        max_length=16,
                    ),
                ),
                (
                    "sandbox_net",
                    models.CharField(
                        blank=True,
                        choices=[("allowlist", "Allowlist"), ("block_all", "Block All"), ("none", "None")],
                        max_length=16,
                    ),
                ),
                ("allow_sampling", models.BooleanField(default=False)),
                ("allow_elicitation", models.BooleanField(default=False)),
                ("allow_roots", models.BooleanField(default=False)),
                ("allow_tasks", models.BooleanField(default=False)),
                ("allow_completion", models.BooleanField(default=False)),
                ("max_request_bytes", models.PositiveIntegerField(default=1000000)),
                ("max_response_bytes", models.PositiveIntegerField(default=10000000)),
                ("timeout_s", models.PositiveIntegerField(default=60)),
                ("rate", models.CharField(blank=True, max_length=32)),
                ("retired", models.BooleanField(default=False)),
                (
                    "trust_level",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT, related_name="servers", to="inventory.trustlevel"
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Tool",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=256)),
                (
                    "risk",
                    models.CharField(
                        choices=[("LOW", "LOW"), ("MEDIUM", "MEDIUM"), ("HIGH", "HIGH"), ("CRITICAL", "CRITICAL")],
                        max_length=16,
                    ),
                ),
                ("input_schema", models.JSONField()),
                ("path_arguments", models.JSONField(blank=True, null=True)),
                ("url_arguments", models.JSONField(blank=True, null=True)),
                ("declared", models.BooleanField(default=False)),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("reviewed", "Reviewed"),
                            ("unreviewed", "Unreviewed"),
                            ("changed", "Changed"),
                            ("quarantined", "Quarantined"),
                        ],
                        default="unreviewed",
                        max_length=16,
                    ),
                ),
                ("pin", models.CharField(blank=True, max_length=71)),
                (
                    "server",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="tools", to="inventory.server"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("server", "name"), name="tool_once_a_server"),
                    models.CheckConstraint(
                        condition=models.Q(("risk__in", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])), name="tool_risk"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("state__in", ["reviewed", "unreviewed", "changed", "quarantined"])),
                        name="tool_state",
                    ),
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="tool_named"),
                ],
            },
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=models.CheckConstraint(
                condition=models.Q(("id__regex", "\\A[a-z0-9][a-z0-9_-]{0,62}\\Z")), name="server_id"
            ),
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=models.CheckConstraint(
                condition=models.Q(("credential_mode__in", ["unset", "none", "vault", "exchange"])), name="server_mode"
            ),
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=models.CheckConstraint(
                condition=models.Q(("sandbox_fs__in", ["", "workspace_only", "read_only", "none"])), name="server_fs"
            ),
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=models.CheckConstraint(
                condition=models.Q(("sandbox_net__in", ["", "allowlist", "block_all", "none"])), name="server_net"
            ),
        ),
        migrations.AddConstraint(
            model_name="server",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("max_request_bytes__gte", 1), ("max_response_bytes__gte", 1), ("timeout_s__gte", 1)
                ),
                name="server_limits",
            ),
        ),
    ]
