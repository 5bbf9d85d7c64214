from django.conf import settings
from django.contrib import admin
from django.urls import include, path

from portal import health

handler400, handler403 = "portal.errors.bad_request", "portal.errors.permission_denied"
handler404, handler500 = "portal.errors.page_not_found", "portal.errors.server_error"

urlpatterns = [
    path("healthz", health.healthy),
    path("readyz", health.ready),
    path("metrics", health.figures),
    path("i18n/", include("django.conf.urls.i18n")),
    path("", include("refunds.urls")),
    path("staff/", admin.site.urls),
]
if settings.SANDBOX:
    urlpatterns += [
        path("_sandbox/", include("portal.sandbox.urls")),
        path("styleguide/", include("portal.sandbox.styleguide")),
    ]
