"""Cases from before there were clocks get the one of the law, so that none of them is forgotten."""

from datetime import timedelta

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.models import F

CLOSED = ("refunded", "declined", "withdrawn")


def start(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    cases = apps.get_model("refunds", "RefundRequest").objects.filter(legal_due_at=None)
    cases.update(legal_due_at=F("created_at") + timedelta(days=14))
    apps.get_model("refunds", "RefundRequest").objects.exclude(status__in=CLOSED).update(due_at=F("legal_due_at"))


class Migration(migrations.Migration):
    dependencies = [("refunds", "0013_clocks")]
    operations = [migrations.RunPython(start, migrations.RunPython.noop)]
