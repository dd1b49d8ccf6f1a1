from django.db import migrations

DEFAULTS = [
    {"name": "internal", "ceiling": "HIGH", "sandbox_net": "allowlist", "stale_high_s": 60, "stale_all_s": 900},
    {"name": "verified", "ceiling": "HIGH", "sandbox_net": "allowlist", "stale_high_s": 60, "stale_all_s": 900},
    {"name": "community", "ceiling": "MEDIUM", "sandbox_net": "block_all", "stale_high_s": 30, "stale_all_s": 300},
    {"name": "unknown", "ceiling": "LOW", "sandbox_net": "block_all", "stale_high_s": 30, "stale_all_s": 300},
]


def create(apps, _schema_editor):
    levels = apps.get_model("inventory", "TrustLevel")
    for row in DEFAULTS:
        levels.objects.create(pins="required", sandbox_fs="workspace_only", **row)


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial")]
    operations = [migrations.RunPython(create, migrations.RunPython.noop)]
