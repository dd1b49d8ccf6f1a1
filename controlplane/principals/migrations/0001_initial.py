from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Group",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=255, unique=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("name", ""), _negated=True), name="group_named")
                ],
            },
        ),
        migrations.CreateModel(
            name="IdentityProvider",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("issuer", models.CharField(max_length=512, unique=True)),
                ("audience", models.CharField(max_length=512)),
                ("algorithms", models.JSONField()),
                ("jwks", models.JSONField()),
                ("claim_subject", models.CharField(default="sub", max_length=255)),
                ("claim_actor_type", models.CharField(default="actor_type", max_length=255)),
                ("claim_client_id", models.CharField(default="client_id", max_length=255)),
                ("claim_org_id", models.CharField(default="org_id", max_length=255)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("issuer__in", ["", "drawbridge"]), _negated=True), name="idp_not_own"
                    ),
                    models.CheckConstraint(condition=models.Q(("audience", ""), _negated=True), name="idp_audience"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Principal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("subject", models.CharField(max_length=255)),
                ("issuer", models.CharField(default="drawbridge", max_length=512)),
                (
                    "actor_type",
                    models.CharField(
                        choices=[("user", "User"), ("agent", "Agent"), ("system", "System")],
                        default="user",
                        max_length=16,
                    ),
                ),
                ("groups", models.ManyToManyField(blank=True, related_name="members", to="principals.group")),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("issuer", "subject"), name="principal_once_an_issuer"),
                    models.CheckConstraint(
                        condition=models.Q(("actor_type__in", ["user", "agent", "system"])), name="principal_actor_type"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("subject", ""), _negated=True), models.Q(("issuer", ""), _negated=True)
                        ),
                        name="principal_named",
                    ),
                ],
            },
        ),
    ]
