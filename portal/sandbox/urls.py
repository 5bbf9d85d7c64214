from django.urls import path

from . import views

app_name = "sandbox"
urlpatterns = [
    path("about.json", views.about, name="about"),
    path("mailbox/", views.mail_list, name="mailbox"),
    path("mailbox.json", views.mail_json, name="mailbox_json"),
    path("mailbox/<slug:name>/", views.mail_detail, name="mail"),
    path("mailbox/<slug:name>/html/", views.mail_html, name="mail_html"),
]
