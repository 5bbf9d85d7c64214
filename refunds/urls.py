from django.urls import path

from . import views

app_name = "refunds"
urlpatterns = [
    path("", views.start, name="start"),
    path("code/<str:public_id>/", views.code, name="code"),
    path("code/<str:public_id>/again/", views.code_again, name="code_again"),
    path("p/<str:token>/", views.proof, name="proof"),
    path("request/", views.choose, name="request"),
    path("request/review/", views.review, name="review"),
    path("s/<str:token>/", views.status, name="status"),
    path("s/<str:token>/withdraw/", views.withdraw, name="withdraw"),
]
