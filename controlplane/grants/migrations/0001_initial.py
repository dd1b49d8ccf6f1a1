import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0001_initial"),
        ("principals", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Grant",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("key", models.CharField(max_length=64, unique=True)),
                (
                    "effect",
                    models.CharField(choices=[("allow", "Allow"), ("deny", "Deny")], default="allow", max_length=8),
                ),
                ("tools", models.JSONField(blank=True, default=list)),
                ("resources", models.JSONField(blank=True, default=list)),
                ("prompts", models.JSONField(blank=True, default=list)),
                (
                    "trust",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("internal", "internal"),
                            ("verified", "verified"),
                            ("community", "community"),
                            ("unknown", "unknown"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "risk",
                    models.CharField(
                        blank=True,
                        choices=[("LOW", "LOW"), ("MEDIUM", "MEDIUM"), ("HIGH", "HIGH"), ("CRITICAL", "CRITICAL")],
                        max_length=16,
                    ),
                ),
                (
                    "max_risk",
                    models.CharField(
                        choices=[("LOW", "LOW"), ("MEDIUM", "MEDIUM"), ("HIGH", "HIGH"), ("CRITICAL", "CRITICAL")],
                        default="MEDIUM",
                        max_length=16,
                    ),
                ),
                ("constraint", models.JSONField(blank=True, null=True)),
                ("rate", models.CharField(blank=True, max_length=32)),
                ("not_before", models.DateTimeField(blank=True, null=True)),
                ("not_after", models.DateTimeField(blank=True, null=True)),
                ("reason", models.TextField(blank=True)),
                ("ticket", models.CharField(blank=True, max_length=200)),
                (
                    "group",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="principals.group",
                    ),
                ),
                (
                    "principal",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="principals.principal",
                    ),
                ),
                (
                    "server",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="grants",
                        to="inventory.server",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("effect__in", ["allow", "deny"])), name="grant_effect"),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("group__isnull", True), ("principal__isnull", False)),
                            models.Q(("group__isnull", False), ("principal__isnull", True)),
                            _connector="OR",
                        ),
                        name="grant_who",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("risk", ""), ("server__isnull", False), ("trust", "")),
                            models.Q(
                                ("server__isnull", True),
                                ("tools", []),
                                models.Q(("risk", ""), ("trust", ""), _negated=True),
                            ),
                            _connector="OR",
                        ),
                        name="grant_what",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("trust__in", ["", "internal", "verified", "community", "unknown"])),
                        name="grant_trust",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("risk__in", ["", "LOW", "MEDIUM", "HIGH", "CRITICAL"])), name="grant_risk"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("max_risk__in", ["LOW", "MEDIUM", "HIGH", "CRITICAL"])),
                        name="grant_max_risk",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("not_before__isnull", True),
                            ("not_after__isnull", True),
                            ("not_after__gt", models.F("not_before")),
                            _connector="OR",
                        ),
                        name="grant_window",
                    ),
                ],
            },
        ),
    ]
