"""The one screen that `make run` shows: where to go, what to try, who can log in."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from . import demo
from .store.catalogue import TO_TRY


def screen(seconds: float) -> str:
    return "\n".join(["", f"The portal is running ({seconds:.1f} s).", *_places(), *_people(), *_orders(), *_end(), ""])


def _places() -> list[str]:
    places = [("Customers", settings.SITE_URL + "/"), ("Staff", settings.SITE_URL + reverse("admin:index"))]
    if settings.EMAIL_URL == "mailbox":
        places.append(("Mails", settings.SITE_URL + reverse("sandbox:mailbox")))
    if settings.EMBEDDED_STORE:
        places.append(("Money paid back", settings.WOOCOMMERCE_URL + "/_sandbox/money"))
    else:
        places.append(("Store", settings.WOOCOMMERCE_URL))
    return ["", *(f"  {name:17}{address}" for name, address in places)]


def _people() -> list[str]:
    lines = [f"  {person.username:17}{person.may}" for person in demo.PEOPLE]
    return ["", f"Staff log-ins, the password is {demo.PASSWORD} for all of them", *lines]


def _orders() -> list[str]:
    if not settings.EMBEDDED_STORE:
        return []
    return ["", "Orders to try", *(f"  {number:7}{email:30}{what}" for number, email, what in TO_TRY)]


def _end() -> list[str]:
    return ["", f"Logs are in {settings.STATE_DIR / 'log'}. Ctrl-C stops everything."]
