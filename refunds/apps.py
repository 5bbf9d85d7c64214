from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from . import checks  # noqa: F401 - importing registers the system checks


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("Refunds")


class RefundsAdminConfig(AdminConfig):
    default_site = "refunds.admin.site.RefundsAdminSite"

    def ready(self) -> None:
        super().ready()
        # By name: what it replaces is there only after every app has registered its own pages.
        import_string("refunds.admin.users.register")()
