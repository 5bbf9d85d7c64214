from django.http import HttpRequest, HttpResponse
from django.urls import path

app_name = "refunds"


def _soon(request: HttpRequest, token: str = "") -> HttpResponse:
    return HttpResponse("soon")


urlpatterns = [
    path("p/<str:token>/", _soon, name="proof"),
    path("s/<str:token>/", _soon, name="status"),
]
