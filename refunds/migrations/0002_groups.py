"""The two groups of staff, so that a new site can give people their rights at once."""

from django.apps.registry import Apps
from django.db import migrations
from django.db.backends.base.schema import BaseDatabaseSchemaEditor

SEES = [("refundrequest", "view_refundrequest"), ("payoutattempt", "view_payoutattempt"),
        ("refundevent", "view_refundevent"), ("mail", "view_mail")]  # fmt: skip
WORKS = [("refundrequest", "work_refundrequest"), ("refundrequest", "decline_refundrequest")]
DECIDES = [("refundrequest", "approve_refundrequest"), ("refundrequest", "settle_doubts"),
           ("refundrequest", "pause_payouts")]  # fmt: skip
GROUPS = {"Refund agents": SEES + WORKS, "Refund approvers": SEES + WORKS + DECIDES}


def create_groups(apps: Apps, schema_editor: BaseDatabaseSchemaEditor) -> None:
    ContentType = apps.get_model("contenttypes", "ContentType")
    Permission = apps.get_model("auth", "Permission")
    Group = apps.get_model("auth", "Group")
    for name, permissions in GROUPS.items():
        group, _made = Group.objects.get_or_create(name=name)
        for model, codename in permissions:
            # Django itself makes permissions only after the last migration; these are the same rows, made earlier.
            content_type, _made = ContentType.objects.get_or_create(app_label="refunds", model=model)
            permission, _made = Permission.objects.get_or_create(
                codename=codename, content_type=content_type, defaults={"name": permission_name(apps, model, codename)}
            )
            group.permissions.add(permission)


def permission_name(apps: Apps, model: str, codename: str) -> str:
    options = apps.get_model("refunds", model)._meta
    return str(dict(options.permissions).get(codename, f"Can view {options.verbose_name}"))


class Migration(migrations.Migration):
    dependencies = [
        ("refunds", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]
    operations = [migrations.RunPython(create_groups, migrations.RunPython.noop)]
