"""The outbox: written with what caused it, delivered until it is taken, and without power over money."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail as django_mail
from django.core.mail.backends.base import BaseEmailBackend
from django.db import IntegrityError, transaction
from django.utils import timezone

from refunds import mail, timing, workflow
from refunds.models import Mail, RefundEvent
from tests.factories import RefundRequestFactory

pytestmark = pytest.mark.django_db


class Refusing(BaseEmailBackend):
    """A mail server that says no."""

    def send_messages(self, messages: Any) -> int:
        raise smtplib.SMTPRecipientsRefused({"anna@example.com": (550, b"no")})


@pytest.fixture(autouse=True)
def _local(settings: Any) -> Iterator[None]:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    return


def written() -> Mail:
    refund_request = RefundRequestFactory.create()
    event = RefundEvent.objects.create(kind="submitted", actor="customer", refund_request=refund_request)
    return mail.write("received", refund_request=refund_request, event=event)


def test_a_mail_is_written_with_what_caused_it_or_not_at_all() -> None:
    with transaction.atomic():
        written()
        transaction.set_rollback(True)

    assert Mail.objects.count() == 0


def test_one_mail_of_a_kind_per_event() -> None:
    row = written()

    with pytest.raises(IntegrityError), transaction.atomic():
        mail.write("received", refund_request=row.refund_request, event=row.event)


def test_delivery_hands_over_text_and_html_with_a_fixed_message_id(settings: Any) -> None:
    row = written()

    assert mail.deliver(row.pk, owner="test") is True

    (message,) = django_mail.outbox
    assert message.to == ["anna@example.com"]
    assert message.extra_headers["Message-ID"] == row.message_id
    assert message.reply_to == [settings.STAFF_EMAIL]
    assert "{{" not in str(message.body)
    assert message.alternatives[0][1] == "text/html"  # type: ignore[attr-defined]  # EmailMultiAlternatives
    assert Mail.objects.values_list("state", "next_try_at").get() == (Mail.State.SENT, None)


def test_the_link_of_a_customer_is_given_to_nobody_else() -> None:
    """Not even where a customer's own words, such as a name, hold what stands for it."""
    row = written()
    Mail.objects.filter(pk=row.pk).update(recipient="staff@example.com", text=f"Name: {mail.STATUS_URL}")

    mail.deliver(row.pk, owner="test")

    (handed_over,) = django_mail.outbox
    assert handed_over.body == f"Name: {mail.STATUS_URL}"


def test_a_delivered_mail_is_not_delivered_again() -> None:
    row = written()
    mail.deliver(row.pk, owner="test")

    assert mail.deliver(row.pk, owner="test") is False
    assert len(django_mail.outbox) == 1


def test_a_mail_server_that_refuses_is_asked_again_and_changes_no_case(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.test_mail.Refusing"
    row = written()

    assert mail.deliver(row.pk, owner="test") is False

    waiting = Mail.objects.get()
    assert (waiting.state, waiting.tries, waiting.last_error) == ("pending", 1, "SMTPRecipientsRefused")
    assert waiting.next_try_at is not None
    assert waiting.next_try_at > timezone.now()
    assert RefundEvent.objects.count() == 1


def test_after_the_last_try_a_mail_is_given_up_and_can_be_sent_again(settings: Any) -> None:
    settings.EMAIL_BACKEND = "tests.test_mail.Refusing"
    row = written()
    for days in range(len(timing.MAIL_RETRIES) + 1):
        with time_machine.travel(timezone.now() + timedelta(days=2 * days)):
            mail.deliver(row.pk, owner="test")
    assert Mail.objects.get().state == Mail.State.FAILED

    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    mail.resend(row)
    mail.deliver(row.pk, owner="test")

    assert Mail.objects.get().state == Mail.State.SENT
    assert len(django_mail.outbox) == 1


def test_a_delivery_that_was_killed_is_repeated_under_the_same_message_id() -> None:
    row = written()
    claimed = mail._claim(row.pk, "killed")
    assert claimed is not None
    mail._send(claimed)

    assert mail.deliver(row.pk, owner="second") is False
    with time_machine.travel(timezone.now() + timing.MAIL_LEASE + timedelta(seconds=1)):
        mail.deliver(row.pk, owner="second")

    assert [message.extra_headers["Message-ID"] for message in django_mail.outbox] == [row.message_id] * 2
    assert Mail.objects.get().state == Mail.State.SENT


@pytest.mark.parametrize("hostile", ["\r\nBcc: eve@example.com", "\u2028Bcc: eve@example.com", "%0aBcc: x", "<b>&\"'"])
def test_what_customers_write_reaches_no_header(hostile: str) -> None:
    refund_request = RefundRequestFactory.create(customer_name=f"Anna{hostile}", note=hostile)
    workflow.withdraw(refund_request)
    event = RefundEvent.objects.get()
    row = mail.write("received", refund_request=refund_request, event=event)

    mail.deliver(row.pk, owner="test")

    raw = django_mail.outbox[0].message()
    assert raw.get_all("Bcc") is None
    assert raw.get_all("To") == ["anna@example.com"]
    assert "eve@example.com" not in raw["Subject"]
