from django.urls import path

from .views import ask, brand, entry, status

app_name = "refunds"
urlpatterns = [
    path("", entry.start, name="start"),
    path("code/<str:public_id>/", entry.code, name="code"),
    path("code/<str:public_id>/again/", entry.code_again, name="code_again"),
    path("p/<str:token>/", entry.proof, name="proof"),
    path("request/", ask.choose, name="request"),
    path("request/photo/<str:public_id>/", ask.photo, name="request_photo"),
    path("request/review/", ask.review, name="review"),
    path("s/<str:token>/", status.status, name="status"),
    path("s/<str:token>/message/", status.write, name="message"),
    path("s/<str:token>/photo/<str:public_id>/", status.photo, name="photo"),
    path("s/<str:token>/data/", status.data, name="data"),
    path("s/<str:token>/erase/", status.erase, name="erase"),
    path("s/<str:token>/withdraw/", status.withdraw, name="withdraw"),
    path("brand.css", brand.stylesheet, name="brand"),
    path("logo", brand.logo, name="logo"),
]
