"""Erasure leaves nothing of the person and everything of the money."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
import time_machine
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.management import call_command
from django.utils import timezone

from refunds import audit, privacy, verification, workflow
from refunds.models import LookUp, Mail, Photo, RefundEvent, RefundRequest
from tests.factories import LookUpFactory, agent
from tests.test_workflow import decline, refused, submit

pytestmark = pytest.mark.django_db

PERSON = ("anna@example.com", "Anna", "Berg", "A hole.", "The shirt was worn.", "My dog", "203.0.113.9")


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


def test_a_case_that_is_open_or_watched_is_not_erased() -> None:
    refund_request = submit(LookUpFactory.create())

    refused("open", lambda: privacy.erase(refund_request), refund_request)


def test_what_is_held_can_be_taken_along() -> None:
    held = json.dumps(privacy.held(declined_case()))

    assert [word for word in ("anna@example.com", "A hole.", "The shirt was worn.", "My dog") if word not in held] == []


def test_what_is_past_its_time_is_purged(capsys: pytest.CaptureFixture[str]) -> None:
    declined_case()
    verification.start(number="7", email="eve@example.com", address="192.0.2.1")

    with time_machine.travel(timezone.now() + timedelta(days=6)):
        call_command("purge_personal_data")
    assert LookUp.objects.count() == 2
    with time_machine.travel(timezone.now() + timedelta(days=181)):
        call_command("purge_personal_data", dry_run=True)
        assert LookUp.objects.count() == 2
        call_command("purge_personal_data")

    assert LookUp.objects.count() == 1
    assert [word for word in PERSON if word in everything_stored()] == []
    assert "     1  closed cases" in capsys.readouterr().out
