from django.db import migrations, models


class Migration(migrations.Migration):
    """One index for what happened when, and for turning its pages: two receipts of one millisecond have an order."""

    dependencies = [("receipts", "0001_initial")]

    operations = [
        migrations.RemoveIndex(model_name="receipt", name="receipts_re_event_t_eb5ddb_idx"),
        migrations.AddIndex(
            model_name="receipt",
            index=models.Index(fields=["event_time", "receipt_id"], name="receipts_re_event_t_aa4fea_idx"),
        ),
    ]
