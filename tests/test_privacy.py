"""Erasure leaves nothing of the person and everything of the money."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.apps import apps
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session
from django.core import mail as django_mail
from django.core.files.base import ContentFile
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command
from django.utils import timezone

from refunds import audit, mail, photos, privacy, workflow
from refunds.models import LookUp, Mail, Photo, RefundEvent, RefundRequest, Shop
from refunds.woocommerce.types import LineKind, OrderLine
from tests.factories import SHIRT, LookUpFactory, RefundRequestFactory, agent, approver, order
from tests.test_pages_status import approved, paid
from tests.test_photos import picture, upload
from tests.test_workflow import decline, refused, submit

pytestmark = pytest.mark.django_db

PERSON = ("anna@example.com", "Anna", "Berg", "A hole.", "The shirt was worn.", "My dog", "203.0.113.9")
LOCMEM = "django.core.mail.backends.locmem.EmailBackend"


@pytest.fixture(autouse=True)
def _at_once(settings: Any) -> None:
    settings.APPROVAL_HOLD = 0
    Shop.objects.create(pk=1)


def agent_who_declines() -> User:
    return approver()


def paid_case() -> RefundRequest:
    return paid(approved(approver()))


def photo_files(folder: Path) -> int:
    return len([path for path in folder.rglob("*") if path.is_file()])


def declined_case() -> RefundRequest:
    refund_request = submit(LookUpFactory.create(network="203.0.113.9"))
    message = workflow.write_back(refund_request, text="My dog ate it.")
    Photo.objects.create(
        refund_request=refund_request, message=message, file=ContentFile(b"jpeg", "dog.jpg"), width=1, height=1
    )
    decline(refund_request, agent())
    Mail.objects.update(state=Mail.State.SENT, next_try_at=None)
    return refund_request


def everything_stored() -> str:
    models = apps.get_app_config("refunds").get_models()
    return json.dumps([list(model.objects.values()) for model in models], default=str)  # type: ignore[attr-defined]  # every model has objects


def test_erasure_leaves_nothing_of_the_person_and_everything_of_the_money() -> None:
    refund_request = declined_case()
    events = RefundEvent.objects.count()
    file = Photo.objects.get().file

    privacy.erase(refund_request)

    stored = everything_stored()
    assert [word for word in PERSON if word in stored] == []
    assert not file.storage.exists(file.name)
    kept = RefundRequest.objects.get()
    assert (str(kept.requested_amount), kept.order_number, kept.status) == ("23.8000", "1001", "declined")
    assert RefundEvent.objects.count() == events + 1
    assert list(audit.violations()) == []


def test_code_of_the_look_up_is_the_persons_too(settings: Any) -> None:
    settings.EMAIL_BACKEND = LOCMEM
    refund_request = declined_case()
    mail.write("code", look_up=refund_request.look_up)
    Mail.objects.update(state=Mail.State.SENT, next_try_at=None)

    privacy.erase(refund_request)

    assert [word for word in PERSON if word in everything_stored()] == []


def test_photo_that_was_sent_while_the_request_was_made_is_erased(photo_folder: Path) -> None:
    refund_request = declined_case()
    photo = photos.add(upload(picture()), look_up=refund_request.look_up)
    Photo.objects.filter(pk=photo.pk).update(refund_request=None)

    privacy.erase(refund_request)

    assert not Photo.objects.exists()
    assert not photo.file.storage.exists(photo.file.name)


def test_an_open_case_is_not_erased() -> None:
    refund_request = submit(LookUpFactory.create())

    refused("open", lambda: privacy.erase(refund_request), refund_request)


def test_a_case_that_was_opened_again_meanwhile_is_not_erased() -> None:
    refund_request = declined_case()
    seen = RefundRequest.objects.get()
    workflow.reopen(refund_request, by=agent_who_declines(), version=refund_request.version)

    refused("open", lambda: privacy.erase(seen), seen)


def test_a_case_whose_payment_is_watched_is_not_erased() -> None:
    refund_request = paid_case()

    refused("watched", lambda: privacy.erase(refund_request), refund_request)
    assert refund_request.attempts.get().next_look_at is not None


# --- Mails that still wait -------------------------------------------------------------------------------------------


def test_mails_that_wait_for_who_was_erased_never_go_out(settings: Any) -> None:
    settings.EMAIL_BACKEND = LOCMEM
    refund_request = declined_case()
    workflow.write(refund_request, by=agent(), text="My dog says hello.")
    workflow.write_back(refund_request, text="Hello.")

    privacy.erase(refund_request)
    delivered = [mail.deliver(pk, owner="test") for pk in Mail.objects.values_list("pk", flat=True)]

    assert delivered.count(True) == 1
    assert [(sent.to, sent.subject) for sent in django_mail.outbox] == [
        (["after-sales@shop.example"], f"[{refund_request.reference}] The customer has written")
    ]
    assert list(Mail.objects.filter(kind="message").values_list("state", "recipient", "text", "next_try_at")) == [
        (Mail.State.CANCELLED, "", "", None)
    ]
    assert RefundEvent.objects.get(kind="erased").data == {"mails_dropped": ["message"]}
    assert [word for word in PERSON if word in everything_stored()] == []


class ErasedMeanwhile(BaseEmailBackend):
    """A mail server that refuses a mail, whose receiver was erased while it was being handed over."""

    def send_messages(self, email_messages: Any) -> int:
        privacy.erase(RefundRequest.objects.get())
        raise ConnectionRefusedError


def test_a_mail_that_was_under_way_is_not_tried_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.test_privacy.ErasedMeanwhile"
    refund_request = declined_case()
    workflow.write(refund_request, by=agent(), text="My dog says hello.")
    letter = Mail.objects.get(kind="message")

    assert mail.deliver(letter.pk, owner="test") is False

    letter.refresh_from_db()
    assert (letter.state, letter.next_try_at, letter.text) == (Mail.State.CANCELLED, None, "")


def test_a_mail_without_its_receiver_is_not_sent_again() -> None:
    refund_request = declined_case()
    privacy.erase(refund_request)
    letter = Mail.objects.get(kind="declined")

    refused("state", lambda: workflow.resend(letter, by=agent()), refund_request)


def test_nobody_writes_to_or_as_somebody_who_was_erased() -> None:
    refund_request = declined_case()
    seen = RefundRequest.objects.get()
    privacy.erase(refund_request)
    for instance in (refund_request, seen):
        refused("erased", lambda instance=instance: workflow.write_back(instance, text="Hello."), instance)
        refused("erased", lambda instance=instance: workflow.write(instance, by=agent(), text="Hello."), instance)
        refused(
            "erased",
            lambda instance=instance: workflow.reopen(instance, by=agent_who_declines(), version=instance.version),
            instance,
        )


# --- Taking it along -------------------------------------------------------------------------------------------------


def test_what_is_held_can_be_taken_along() -> None:
    refund_request = declined_case()
    mail.write("code", look_up=refund_request.look_up)

    held = json.dumps(privacy.held(refund_request))

    words = ("anna@example.com", "Anna Berg", "A hole.", "The shirt was worn.", "My dog", "203.0.113.9", "Your code")
    assert [word for word in words if word not in held] == []


@pytest.mark.parametrize(
    ("currency", "decimals", "unit", "amounts"),
    [
        ("EUR", 2, "0.01", ("40.00", "7.90", "32.10")),
        ("JPY", 0, "1", ("4000", "790", "3210")),
        ("KWD", 3, "0.001", ("4.000", "0.790", "3.210")),
    ],
)
def test_amounts_have_the_decimals_of_their_currency(
    currency: str, decimals: int, unit: str, amounts: tuple[str, str, str]
) -> None:
    whole, part, rest = (Decimal(amount) for amount in amounts)
    lines = (
        OrderLine(id=11, kind=LineKind.PRODUCT, name="T-Shirt", quantity=1, total=rest),
        OrderLine(id=12, kind=LineKind.SHIPPING, name="Parcel", quantity=1, total=part),
    )
    store_order = order(currency=currency, decimals=decimals, total=whole, lines=lines)
    made = RefundRequestFactory.create(order=store_order, chosen={11: 1, 12: 1}, lines={11: 1, 12: 1})
    RefundRequest.objects.update(approved_amount=rest)

    held = privacy.held(RefundRequest.objects.get(pk=made.pk))

    assert (held["amount_asked"], held["amount_approved"]) == (amounts[0], amounts[2])
    assert [line["amount"] for line in held["lines"]] == [amounts[2], amounts[1]]
    assert Decimal(held["amount_asked"]) % Decimal(unit) == 0


def test_what_is_not_decided_has_no_amount() -> None:
    assert privacy.held(submit(LookUpFactory.create()))["amount_approved"] is None


# --- Retention -------------------------------------------------------------------------------------------------------


def purged(**options: Any) -> list[str]:
    out = io.StringIO()
    call_command("purge_personal_data", stdout=out, **options)
    return [line.split()[0] for line in out.getvalue().splitlines()]


def site_with_everything() -> None:
    """A declined case, a look-up without one that has a photo and a mail, and a session with what was typed."""
    declined_case()
    look_up = LookUpFactory.create(email="eve@example.com")
    photos.add(upload(picture()), look_up=look_up)
    mail.write("code", look_up=look_up)
    session = SessionStore()
    session["draft"] = {"note": "My dog ate it."}
    session.save()


def test_counting_changes_nothing_and_counts_what_purging_does(photo_folder: Path) -> None:
    site_with_everything()
    with time_machine.travel(timezone.now() + timedelta(days=181)):
        before = everything_stored()

        counted = purged(dry_run=True)

        assert everything_stored() == before
        assert (Session.objects.count(), photo_files(photo_folder)) == (1, 2)
        assert purged() == counted == ["1", "1", "1"]
        assert purged(dry_run=True) == purged() == ["0", "0", "0"]
    assert (LookUp.objects.count(), Session.objects.count(), photo_files(photo_folder)) == (1, 0, 0)
    assert [word for word in (*PERSON, "eve@") if word in everything_stored()] == []
    assert list(audit.violations()) == []


@pytest.mark.parametrize(
    ("days", "expected"), [(0, ["0", "0"]), (1.9, ["0", "0"]), (2.1, ["1", "0"]), (2.9, ["1", "0"]), (3.1, ["1", "1"])]
)
def test_the_shop_says_how_long_data_is_kept(days: float, expected: list[str]) -> None:
    site_with_everything()
    Shop.objects.update(keep_look_ups_days=2, keep_closed_days=3)

    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert purged(dry_run=True)[:2] == expected
        assert purged()[:2] == expected

    assert LookUp.objects.filter(refund_request=None).count() == 1 - int(expected[0])
    assert RefundRequest.objects.filter(email="").count() == int(expected[1])


def test_open_and_watched_cases_are_neither_counted_nor_purged() -> None:
    paid_case()
    submit(LookUpFactory.create(snapshot__order=order(id=5002, lines=(replace(SHIRT, id=21),))), chosen={21: 1})
    Shop.objects.update(keep_closed_days=0)

    with time_machine.travel(timezone.now() + timedelta(days=1)):
        counted, done = purged(dry_run=True), purged()

    assert (counted[1], done[1]) == ("0", "0")
    assert not RefundRequest.objects.exclude(erased_at=None).exists()


def test_a_case_without_an_address_is_purged_once() -> None:
    """Orders that were made at a counter can have none."""
    refund_request = declined_case()
    RefundRequest.objects.update(email="")

    with time_machine.travel(timezone.now() + timedelta(days=181)):
        assert (purged()[1], purged()[1]) == ("1", "0")

    refund_request.refresh_from_db()
    assert (refund_request.note, refund_request.customer_name) == ("", "")
