"""Files of cases, lines and the ledger: what is in them, that no cell is a formula, and who may have them."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from refunds.export import harmless, stream
from refunds.models import RefundEvent, RefundLine, RefundRequest
from refunds.states import Status
from tests.desk import Page
from tests.factories import RefundRequestFactory, UserFactory, approver
from tests.test_admin_queue import a_case
from tests.test_figures import paid

pytestmark = pytest.mark.django_db

EXPORT = "/staff/export/"


def read(parts: Iterable[str]) -> list[dict[str, str]]:
    text = "".join(parts).removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def day(of_march: int) -> datetime:
    return datetime(2026, 3, of_march, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _in_utc(settings: Any) -> None:
    settings.TIME_ZONE = "UTC"


# --- What is in the files --------------------------------------------------------------------------------------------


def test_a_case_is_a_row() -> None:
    case = paid(day(1), day(3), "20.50", customer_name="Anna Berg", order_number="1001", email="anna@example.com")
    case.paid_attempt.store_refund_id = 77  # type: ignore[union-attr]  # it has one
    case.paid_attempt.save()  # type: ignore[union-attr]  # as above

    (row,) = read(stream("cases"))

    assert row == {
        "reference": case.reference, "state": "refunded", "asked_at": "2026-03-01T12:00:00+00:00",
        "closed_at": "2026-03-03T12:00:00+00:00", "order_number": "1001", "order_id": str(case.order_id),
        "customer": "Anna Berg", "email": "anna@example.com", "language": "en", "reason": "damaged", "currency": "EUR",
        "asked": "23.80", "approved": "20.50", "through_gateway": "True", "restock": "True", "first_answer_at": "",
        "decided_at": "2026-03-01T13:00:00+00:00", "decided_by": case.decided_by.username, "second_by": "",  # type: ignore[union-attr]  # decided
        "decline_reason": "", "assigned_to": "", "due_at": "", "store_refund_id": "77",
    }  # fmt: skip


def test_lines_and_the_ledger_name_their_case() -> None:
    case = RefundRequestFactory.create()
    RefundEvent.objects.create(
        refund_request=case, kind="approved", actor="staff", by=approver(), at=day(2), from_status="submitted",
        to_status="approved", data={"amount": "23.80"}, address="192.0.2.1",
    )  # fmt: skip
    RefundEvent.objects.create(kind="payouts_paused", actor="worker", at=day(3))

    (line,), (approved, paused) = read(stream("lines")), read(stream("ledger"))

    assert line == {
        "reference": case.reference, "order_line_id": "11", "kind": "product", "name": "T-Shirt", "quantity": "1",
        "currency": "EUR", "amount": "23.80",
    }  # fmt: skip
    assert (approved["reference"], approved["event"], approved["from"], approved["to"]) == (
        case.reference, "approved", "submitted", "approved",
    )  # fmt: skip
    assert (approved["address"], json.loads(approved["data"])) == ("192.0.2.1", {"amount": "23.80"})
    assert (paused["reference"], paused["event"], paused["data"]) == ("", "payouts_paused", "{}")


def test_days_narrow_it_down_and_both_ends_count() -> None:
    cases = [a_case() for _unused in range(3)]
    for nth, case in enumerate(cases):
        RefundRequest.objects.filter(pk=case.pk).update(created_at=day(4 + nth))

    found = [row["reference"] for row in read(stream("cases", since=date(2026, 3, 4), until=date(2026, 3, 5)))]

    assert found == [case.reference for case in cases[:2]]
    assert len(read(stream("lines", since=date(2026, 3, 6)))) == 1


def test_amounts_have_the_decimals_of_their_order() -> None:
    paid(day(1), day(2), "700", currency="JPY", decimals=0)

    (row,) = read(stream("cases"))

    assert (row["approved"], row["currency"]) == ("700", "JPY")


# --- No formulas -----------------------------------------------------------------------------------------------------

FORMULAS = (
    '=HYPERLINK("http://evil.example","x")', "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "\r=1+1", "\n=1+1", " =1+1",
    "\uff1d1+1", "\uff0b1", "\uff0d1", "\uff20SUM(A1)", "\0=1",
)  # fmt: skip
PLAIN = ("Anna", "a=b", "1+1", "'=1", "", "(=)", "anna@example.com", "3-2")


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", PLAIN)
def test_plain_text_stays_as_it_is(text: str) -> None:
    assert harmless(text) == text


@pytest.mark.parametrize("text", [text for text in FORMULAS if "\0" not in text])
def test_no_cell_of_any_file_begins_a_formula(text: str) -> None:
    case = RefundRequestFactory.create(customer_name=text, order_number=text[:64], email="a@example.com")
    RefundRequest.objects.update(email=text)
    RefundLine.objects.update(name=f'{text}"\n,=1')
    RefundEvent.objects.create(refund_request=case, kind=text[:40], actor="staff", data={"=1": text})

    cells = [cell for table in ("cases", "lines", "ledger") for row in read(stream(table)) for cell in row.values()]

    assert [cell for cell in cells if cell.lstrip()[:1] in set("=+-@\uff1d\uff0b\uff0d\uff20") and cell] == []
    assert f"'{text}" in cells


# --- What it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("table", ["cases", "lines", "ledger"])
def test_a_file_is_one_query(table: str) -> None:
    for _unused in range(3):
        RefundEvent.objects.create(refund_request=a_case(), kind="x", actor="staff")

    with CaptureQueriesContext(connection) as queries:
        rows = read(stream(table))

    assert (len(queries), len(rows)) == (1, 3)


def test_memory_does_not_grow_with_the_rows() -> None:
    def most(rows: int) -> int:
        RefundEvent.objects.bulk_create(
            RefundEvent(kind="x" * 40, actor="staff", at=timezone.now(), data={"words": "y" * 200})
            for _unused in range(rows)
        )
        tracemalloc.start()
        for _part in stream("ledger"):
            pass
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return peak

    few, many = most(4_000), most(16_000)

    assert many < few * 1.5


# --- Who may have them -----------------------------------------------------------------------------------------------


def test_the_file_is_taken_from_the_page_and_that_is_in_the_ledger(client: Client) -> None:
    by = UserFactory.create(permissions=["export_refundrequest"])
    client.force_login(by)
    case = a_case(Status.DECLINED)

    form = Page(client.get(EXPORT)).form("export")
    answer = client.post(EXPORT, form | {"table": "cases", "since": "2020-01-01"})

    assert isinstance(answer, StreamingHttpResponse)
    assert answer["Content-Disposition"] == 'attachment; filename="refund-cases.csv"'
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert b"".join(answer.streaming_content).startswith("\ufeff".encode())  # type: ignore[arg-type]  # not asynchronous
    assert case.reference in "".join(stream("cases"))
    event = RefundEvent.objects.get(kind="exported")
    assert (event.by, event.data) == (by, {"table": "cases", "since": "2020-01-01", "until": None})


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ({"table": "users"}, "users is not one of the available choices."),
        ({"since": "2026-03-02", "until": "2026-03-01"}, "This is before the first day."),
        ({"since": "yesterday"}, "Enter a valid date."),
    ],
)
def test_a_wrong_form_gives_no_file(client: Client, typed: dict[str, str], says: str) -> None:
    client.force_login(UserFactory.create(permissions=["export_refundrequest"]))

    page = Page(client.post(EXPORT, {"table": "cases", **typed}))

    assert (page.status, says in page.html, page.blocked) == (422, True, [])
    assert not RefundEvent.objects.filter(kind="exported").exists()


def test_without_the_permission_there_is_no_file(client: Client) -> None:
    client.force_login(approver())

    assert (client.get(EXPORT).status_code, client.post(EXPORT, {"table": "cases"}).status_code) == (403, 403)
    assert not RefundEvent.objects.exists()
