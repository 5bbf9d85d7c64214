from django.contrib.admin import AdminSite
from django.utils.translation import gettext_lazy as _


class RefundsAdminSite(AdminSite):
    """The staff's desk."""

    site_header = site_title = _("Refunds")
    index_title = _("Desk")
