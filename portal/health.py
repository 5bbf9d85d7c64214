"""What monitoring asks: is this process up, is anything wrong, and the figures. Nothing personal in any of them."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError, connection
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from refunds import health, metrics


@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 if this process can serve people, for load balancers; 503 without its database."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except DatabaseError:
        return HttpResponse("The database does not answer.\n", status=503, content_type="text/plain")
    return HttpResponse("ok\n", content_type="text/plain")


@never_cache
@require_safe
def healthy(request: HttpRequest) -> HttpResponse:
    """200 if nothing needs a person, 503 with what does, for monitoring."""
    try:
        problems = health.problems()
    except DatabaseError:
        problems = None
    if problems is None:
        return JsonResponse({"status": "alarm", "problems": ["The database does not answer."]}, status=503)
    return JsonResponse(
        {"status": "alarm" if problems else "ok", "problems": [problem.message for problem in problems]},
        status=503 if problems else 200,
    )


@never_cache
@require_safe
def figures(request: HttpRequest) -> HttpResponse:
    """Figures for Prometheus, to whoever has METRICS_TOKEN; without one set they do not exist."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not settings.METRICS_TOKEN or not constant_time_compare(given, settings.METRICS_TOKEN):
        raise Http404
    return HttpResponse(generate_latest(metrics.registry()), content_type=CONTENT_TYPE_LATEST)
