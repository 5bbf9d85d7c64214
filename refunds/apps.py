from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig
from django.utils.translation import gettext_lazy as _

from . import checks  # noqa: F401 - importing registers the system checks


class RefundsConfig(AppConfig):
    name = "refunds"
    verbose_name = _("Refunds")


class RefundsAdminConfig(AdminConfig):
    default_site = "refunds.admin.site.RefundsAdminSite"
