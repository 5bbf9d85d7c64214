"""Mails as staff see them: the list, a preview that can do no harm, and once more."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from refunds.admin.mails import KINDS, TONES
from refunds.models import Mail, StoreHealth
from tests.desk import Page
from tests.factories import RefundRequestFactory, UserFactory, agent
from tests.test_admin_queue import HOSTILE

pytestmark = pytest.mark.django_db

MAILS = "/staff/refunds/mail/"


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(agent())


def a_mail(**fields: Any) -> Mail:
    nth = Mail.objects.count()
    return Mail.objects.create(
        **{
            "kind": "received", "recipient": "anna@example.com", "language": "en", "subject": f"Subject {nth}",
            "text": "Your code is {{ code }}.", "html": "<p>Your code is {{ code }}.</p>",
            "message_id": f"<{nth}@example.com>", **fields,
        }
    )  # fmt: skip


def test_the_list_shows_state_and_newest_first(client: Client) -> None:
    case = RefundRequestFactory.create()
    a_mail(state="failed", refund_request=case)
    a_mail(state="sent")

    response = client.get(MAILS)

    html = response.content.decode()
    assert [mail.subject for mail in response.context["cl"].result_list] == ["Subject 1", "Subject 0"]
    assert '<span class="badge badge--problem">Given up</span>' in html
    assert f'<a class="reference" href="/staff/refunds/refundrequest/{case.pk}/change/">{case.reference}</a>' in html


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?state__exact=failed", 1),
        ("?q=anna@example.com", 2),
        ("?q=anna", 0),
        ("?q=%00", 2),
        ("?q=ANNA@example.com", 2),
    ],
)
def test_the_list_is_filtered_and_searched(client: Client, query: str, found: int) -> None:
    a_mail(state="failed")
    a_mail(state="sent")

    assert len(client.get(MAILS + query).context["cl"].result_list) == found


@pytest.mark.parametrize("rows", [1, 50])
def test_the_list_costs_the_same_for_any_number_of_rows(client: Client, rows: int) -> None:
    case = RefundRequestFactory.create()
    for _unused in range(rows):
        a_mail(refund_request=case)
    StoreHealth.current()
    client.get(MAILS)  # writes down once a minute that somebody is there

    with CaptureQueriesContext(connection) as queries:
        assert len(client.get(MAILS).context["cl"].result_list) == rows

    # session, user, two for permissions, two for what is wrong, what was given up, count and page of the list
    assert len(queries) == 9


def test_mails_that_were_given_up_stand_on_top(client: Client) -> None:
    lost = [a_mail(state="failed", last_error="No such user"), a_mail(state="failed")]
    a_mail(state="sent")

    plain, searched = client.get(MAILS), client.get(f"{MAILS}?q=anna@example.com")

    assert [row["mail"] for row in plain.context["given_up"]] == lost
    assert "No such user" in plain.content.decode()
    assert searched.context["given_up"] == []


def test_a_mail_is_shown_as_text_and_source(client: Client) -> None:
    mail = a_mail()

    page = Page(client.get(f"{MAILS}{mail.pk}/change/"))

    assert "Your code is {{ code }}." in page.html
    assert "&lt;p&gt;Your code is {{ code }}.&lt;/p&gt;" in page.html
    assert page.blocked == []


def test_a_rendered_mail_is_sealed_off(client: Client) -> None:
    mail = a_mail(html='<p style="color: red">Hello<script>alert(1)</script></p>')

    answer = client.get(f"{MAILS}{mail.pk}/rendered/")

    policy = {part.strip() for part in answer["Content-Security-Policy"].split(";")}
    assert policy == {
        "sandbox",
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "form-action 'none'",
        "object-src 'none'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    }
    assert answer["X-Frame-Options"] == "DENY"
    assert answer.content.decode() == mail.html


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_ever_escaped_in_mails(client: Client, words: str) -> None:
    mail = a_mail(subject=words, text=words, html=words, last_error=words, state="failed")

    pages = [Page(client.get(MAILS)), Page(client.get(f"{MAILS}{mail.pk}/change/"))]

    assert [page.blocked for page in pages] == [[], []]


@pytest.mark.parametrize("state", ["sent", "failed"])
def test_a_mail_goes_out_once_more(client: Client, state: str) -> None:
    mail = a_mail(state=state, tries=7, last_error="SMTPException")

    page = Page(client.post(f"{MAILS}{mail.pk}/resend/", follow=True))

    mail.refresh_from_db()
    assert "The mail goes out once more, to anna@example.com." in page.html
    assert (mail.state, mail.tries, mail.next_try_at is None) == ("pending", 0, False)


@pytest.mark.parametrize("state", ["pending", "sending"])
def test_a_mail_on_its_way_is_not_sent_twice(client: Client, state: str) -> None:
    mail = a_mail(state=state, owner="somebody")

    page = Page(client.post(f"{MAILS}{mail.pk}/resend/", follow=True))

    mail.refresh_from_db()
    assert "This mail is on its way already, or is not sent any more." in page.html
    assert not page.offers("resend")
    assert (mail.state, mail.owner) == (state, "somebody")


def test_who_may_only_read_mails_sends_none(client: Client) -> None:
    mail = a_mail(state="sent")
    reader = UserFactory.create()
    reader.user_permissions.add(Permission.objects.get(codename="view_mail"))
    client.force_login(reader)

    page = Page(client.get(f"{MAILS}{mail.pk}/change/"))
    answer = client.post(f"{MAILS}{mail.pk}/resend/")

    mail.refresh_from_db()
    assert (page.status, page.offers("resend"), answer.status_code) == (200, False, 403)
    assert mail.state == "sent"


@pytest.mark.parametrize("door", ["", "1/change/", "1/rendered/"])
def test_mails_are_not_for_everybody(client: Client, door: str) -> None:
    a_mail(pk=1)
    client.force_login(UserFactory.create(permissions=["view_refundrequest"]))

    assert client.get(MAILS + door).status_code == 403


def test_a_mail_that_is_not_there_is_404(client: Client) -> None:
    for door in ("999/change/", "abc/change/", f"{'9' * 30}/change/", "999/rendered/"):
        assert client.get(MAILS + door).status_code == 404


def test_a_cancelled_mail_stays_unsent(client: Client) -> None:
    mail = a_mail(state="cancelled")

    client.post(f"{MAILS}{mail.pk}/resend/")

    mail.refresh_from_db()
    assert mail.state == "cancelled"


def test_every_state_has_its_tone() -> None:
    assert set(TONES) == set(Mail.State)


def test_every_kind_has_its_name() -> None:
    templates = {path.name.split(".")[0] for path in (settings.BASE_DIR / "templates" / "mail").glob("*.subject.txt")}

    assert templates - set(KINDS) == set()
