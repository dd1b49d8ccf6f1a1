import django.core.validators
import django.db.models.deletion
import simple_history.models
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        ("inventory", "0003_history"),
    ]

    operations = [
        migrations.CreateModel(
            name="HistoricalVaultBackend",
            fields=[
                (
                    "name",
                    models.CharField(
                        db_index=True,
                        max_length=63,
                        validators=[django.core.validators.RegexValidator("\\A[a-z0-9][a-z0-9_-]{0,62}\\Z")],
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("openbao", "Openbao"), ("vault", "Vault"), ("file", "File"), ("env", "Env")],
                        max_length=16,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=512)),
                ("mount", models.CharField(blank=True, max_length=512)),
                ("history_user_id", models.CharField(blank=True, default="", max_length=255)),
                ("history_change_reason", models.TextField(blank=True, default="")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
            ],
            options={
                "verbose_name": "historical vault backend",
                "verbose_name_plural": "historical vault backends",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="VaultBackend",
            fields=[
                (
                    "name",
                    models.CharField(
                        max_length=63,
                        primary_key=True,
                        serialize=False,
                        validators=[django.core.validators.RegexValidator("\\A[a-z0-9][a-z0-9_-]{0,62}\\Z")],
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("openbao", "Openbao"), ("vault", "Vault"), ("file", "File"), ("env", "Env")],
                        max_length=16,
                    ),
                ),
                ("address", models.CharField(blank=True, max_length=512)),
                ("mount", models.CharField(blank=True, max_length=512)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("name__regex", "\\A[a-z0-9][a-z0-9_-]{0,62}\\Z")), name="backend_name"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("kind__in", ("openbao", "vault")),
                                models.Q(
                                    ("address__startswith", "https://"),
                                    ("address__startswith", "http://"),
                                    _connector="OR",
                                ),
                                models.Q(("mount", ""), _negated=True),
                            ),
                            models.Q(("address", ""), ("kind", "file"), ("mount__startswith", "/")),
                            models.Q(("address", ""), ("kind", "env"), ("mount", "")),
                            _connector="OR",
                        ),
                        name="backend_place",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="HistoricalVaultReference",
            fields=[
                ("id", models.BigIntegerField(auto_created=True, blank=True, db_index=True, verbose_name="ID")),
                ("path", models.CharField(max_length=512)),
                ("field", models.CharField(blank=True, max_length=255)),
                ("header", models.CharField(default="Authorization", max_length=64)),
                ("prefix", models.CharField(blank=True, default="Bearer ", max_length=32)),
                ("history_user_id", models.CharField(blank=True, default="", max_length=255)),
                ("history_change_reason", models.TextField(blank=True, default="")),
                ("history_id", models.AutoField(primary_key=True, serialize=False)),
                ("history_date", models.DateTimeField(db_index=True)),
                (
                    "history_type",
                    models.CharField(choices=[("+", "Created"), ("~", "Changed"), ("-", "Deleted")], max_length=1),
                ),
                (
                    "server",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="inventory.server",
                    ),
                ),
                (
                    "backend",
                    models.ForeignKey(
                        blank=True,
                        db_constraint=False,
                        null=True,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        related_name="+",
                        to="credentials.vaultbackend",
                    ),
                ),
            ],
            options={
                "verbose_name": "historical vault reference",
                "verbose_name_plural": "historical vault references",
                "ordering": ("-history_date", "-history_id"),
                "get_latest_by": ("history_date", "history_id"),
            },
            bases=(simple_history.models.HistoricalChanges, models.Model),
        ),
        migrations.CreateModel(
            name="VaultReference",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("path", models.CharField(max_length=512)),
                ("field", models.CharField(blank=True, max_length=255)),
                ("header", models.CharField(default="Authorization", max_length=64)),
                ("prefix", models.CharField(blank=True, default="Bearer ", max_length=32)),
                (
                    "backend",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="references",
                        to="credentials.vaultbackend",
                    ),
                ),
                (
                    "server",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="vault_reference",
                        to="inventory.server",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("path", ""), _negated=True), models.Q(("header", ""), _negated=True)
                        ),
                        name="reference_whole",
                    )
                ],
            },
        ),
    ]
