"""The case page: everything that is needed to decide, whether the store answers or not."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import orders, privacy, workflow
from refunds.models import Mail, Message, OrderSnapshot, RefundRequest
from refunds.states import AttemptStatus, Status
from refunds.woocommerce.types import Order
from tests.desk import case_of, case_url, in_store, now_of, open_case, parcel, press, shirts, somebody_returns, stock
from tests.factories import approver
from tests.test_admin_queue import HOSTILE, an_attempt
from tests.test_payout import somebody_refunds

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(approver())


@pytest.fixture
def order(sandbox: SandboxStore) -> Order:
    return in_store(sandbox)


@pytest.fixture
def case(order: Order) -> RefundRequest:
    return case_of(order)


def store_is_gone(settings: Any) -> None:
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    orders._connect.cache_clear()


# --- The order, then and now -----------------------------------------------------------------------------------------


def test_opening_reads_the_order_anew(client: Client, case: RefundRequest) -> None:
    page = open_case(client, case)

    assert page.status == 200
    assert now_of(case).order_now != case.order_now
    assert now_of(case).order_asked == case.order_asked
    assert now_of(case).version == case.version
    assert "changed since the customer asked" not in page.html


def test_what_has_changed_since_the_customer_asked_is_marked(
    client: Client, sandbox: SandboxStore, case: RefundRequest
) -> None:
    somebody_refunds(sandbox, case.order_id, "5.00")

    page = open_case(client, case)

    facts = {fact.label: (fact.then, fact.now) for fact in page.context["facts"] if fact.changed}
    assert facts == {"Refunded": ("EUR\xa00.00", "EUR\xa05.00")}
    assert "changed since the customer asked" in page.html
    assert '<strong>EUR\xa05.00</strong> <span class="mark">changed</span>' in page.html


def test_money_is_shown_paid_refunded_remaining_and_asked(
    client: Client, sandbox: SandboxStore, case: RefundRequest
) -> None:
    somebody_refunds(sandbox, case.order_id, "5.00")

    figures = {name: figure for name, figure, _emphasis in open_case(client, case).context["figures"]}

    assert figures == {
        "Paid": "EUR\xa053.55",
        "Refunded": "EUR\xa05.00",
        "Remaining": "EUR\xa048.55",
        "Asked": "EUR\xa023.80",
    }


def test_a_store_that_is_down_is_said_and_blocks_approval_not_reading(
    client: Client, settings: Any, case: RefundRequest
) -> None:
    read_at = timezone.now() - timedelta(hours=3)
    OrderSnapshot.objects.update(read_at=read_at)
    store_is_gone(settings)

    page = open_case(client, case)

    assert page.status == 200
    assert "The shop does not answer." in page.html
    assert "as it was read 3 h ago" in page.html
    assert re.search("read <time [^>]*>3 h</time> ago", page.html)
    assert "T-Shirt" in page.html
    assert "It came with a hole in it." in page.html
    assert '<button type="submit" form="approve" accesskey="a" class="button button--primary" disabled>' in page.html
    assert now_of(case).order_now == case.order_now


def test_a_closed_case_is_shown_as_it_was_last_read(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    workflow.decline(case, by=approver(), version=case.version, decline_reason="used", words="No.")
    calls = len(sandbox.calls)

    page = open_case(client, case)

    assert page.status == 200
    assert "When last read" in page.html
    assert len(sandbox.calls) == calls


def test_what_was_erased_does_not_come_back(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    workflow.decline(case, by=approver(), version=case.version, decline_reason="used", words="No.")
    other = case_of(in_store(sandbox, number="1002"))
    workflow.decline(other, by=approver(), version=other.version, decline_reason="used", words="No.")
    Mail.objects.update(state=Mail.State.SENT)
    for each in (case, other):
        privacy.erase(each)

    page = open_case(client, case)

    assert page.status == 200
    assert page.context["others"] == []
    assert "anna@example.com" not in page.html
    assert all("anna" not in str(snapshot.data) for snapshot in OrderSnapshot.objects.all())
    assert not page.offers("write")


# --- What would be sent ----------------------------------------------------------------------------------------------


def test_the_page_says_what_an_approval_will_do(client: Client, settings: Any, order: Order) -> None:
    settings.APPROVAL_HOLD = 30
    case = case_of(order, reason="changed_mind")

    page = open_case(client, case)

    assert page.context["plan_sentences"] == [
        "EUR\xa023.80 goes back by Test Pay (card).",
        "1 × T-Shirt: back into stock.",
        "You can take it back for 30 s.",
        "Anna Berg gets two mails in English: now, and when the shop has confirmed the refund.",
    ]
    assert "Approve EUR\xa023.80</button>" in page.html


def test_lines_show_net_tax_by_rate_and_amount(client: Client, case: RefundRequest) -> None:
    shirt, parcel_row = open_case(client, case).context["rows"]

    assert (shirt.ordered, shirt.left, shirt.asked, shirt.paid) == (2, 2, 1, "EUR\xa047.60")
    assert (shirt.given.quantity, shirt.given.net, shirt.given.amount) == (1, "EUR\xa020.00", "EUR\xa023.80")
    assert [tax for _label, tax in shirt.given.taxes] == ["EUR\xa03.80"]
    assert (parcel_row.asked, parcel_row.given) == (0, None)


def test_only_what_was_asked_for_is_chosen(client: Client, order: Order, case: RefundRequest) -> None:
    fields = open_case(client, case).form("approve")

    assert fields[shirts(order)] == "1"
    assert parcel(order) not in fields
    assert fields["shown"] == "23.80"


@pytest.mark.parametrize(
    ("reason", "restock"),
    [("damaged", "0"), ("faulty", "0"), ("not_arrived", "0"), ("changed_mind", "all"), ("wrong_item", "all")],
)
def test_goods_that_nobody_can_sell_again_do_not_return_to_stock_at_first(
    client: Client, order: Order, reason: str, restock: str
) -> None:
    case = case_of(order, reason=reason)

    fields = open_case(client, case).form("approve")

    assert fields[stock(order)] == restock


@pytest.mark.parametrize(
    ("method", "payout"), [("testpay", "gateway"), ("cod", "hand"), ("bacs", "hand"), ("cheque", "hand")]
)
def test_what_the_gateway_cannot_pay_is_paid_by_hand_at_first(
    client: Client, sandbox: SandboxStore, method: str, payout: str
) -> None:
    case = case_of(in_store(sandbox, payment_method=method))

    fields = open_case(client, case).form("approve")

    assert fields["payout"] == payout


def test_lines_that_are_no_longer_left_are_not_chosen(client: Client, sandbox: SandboxStore, order: Order) -> None:
    both = {order.lines[0].id: 2}
    case = case_of(order, chosen=both, lines=both)
    somebody_returns(sandbox, order, 1)

    page = open_case(client, case)

    assert page.form("approve")[shirts(order)] == "1"
    assert page.context["rows"][0].asks_too_much
    assert "not left" in page.html
    assert "1 refunded" in page.html


def test_nothing_left_is_said_instead_of_an_amount(client: Client, sandbox: SandboxStore, order: Order) -> None:
    case = case_of(order)
    somebody_returns(sandbox, order, 2)

    page = open_case(client, case)

    assert page.context["plan_problem"] == "Choose at least one line."
    assert (
        '<button type="submit" form="approve" accesskey="a" class="button button--primary" disabled>Approve</button>'
        in page.html
    )


def test_preview_works_out_other_figures_and_does_nothing(client: Client, order: Order, case: RefundRequest) -> None:
    page = press(client, case, "approve", button="preview", **{shirts(order): "2", "amount": "40.00"})

    assert page.status == 200
    assert page.context["plan_sentences"][0] == "EUR\xa040.00 goes back by Test Pay (card)."
    assert page.form("approve")["shown"] == "40.00"
    assert page.form("approve")[shirts(order)] == "2"
    assert now_of(case).version == case.version
    assert not case.events.exists()


def test_preview_asks_the_store_nothing(
    client: Client, sandbox: SandboxStore, order: Order, case: RefundRequest
) -> None:
    page = open_case(client, case)
    calls = len(sandbox.calls)

    press(client, case, "approve", page, button="preview", **{shirts(order): "2"})

    assert len(sandbox.calls) == calls


def test_preview_says_what_is_wrong_with_an_amount(client: Client, case: RefundRequest) -> None:
    page = press(client, case, "approve", button="preview", amount="99.00")

    assert page.context["plan_problem"] == "This is more than there is to refund."
    assert page.form("approve")["amount"] == "99.00"


# --- What is around it -----------------------------------------------------------------------------------------------


def test_other_requests_of_the_customer_are_shown(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    other = case_of(in_store(sandbox, number="1002"))
    case_of(in_store(sandbox, number="1003", billing={"email": "bert@example.com"}))

    page = open_case(client, case)

    assert [shown["case"] for shown in page.context["others"]] == [other]


def test_a_case_in_doubt_of_the_same_order_is_linked_and_blocks(
    client: Client, order: Order, case: RefundRequest
) -> None:
    line = {order.lines[1].id: 1}
    doubtful = case_of(order, chosen=line, lines=line)
    an_attempt(doubtful, status=AttemptStatus.UNKNOWN)
    RefundRequest.objects.filter(pk=doubtful.pk).update(status=Status.CHECK_NEEDED, **decided(doubtful))

    page = open_case(client, case)

    assert "Another refund of the same order is in doubt." in page.html
    assert f'<a class="reference" href="{case_url(doubtful)}">{doubtful.reference}</a>' in page.html
    assert 'class="button button--primary" disabled>Approve' in page.html


def test_a_refusal_that_nobody_confirmed_blocks_its_siblings_too(
    client: Client, order: Order, case: RefundRequest
) -> None:
    line = {order.lines[1].id: 1}
    doubtful = case_of(order, chosen=line, lines=line)
    an_attempt(doubtful, verdict="gateway_refused")
    RefundRequest.objects.filter(pk=doubtful.pk).update(status=Status.FAILED)

    page = open_case(client, case)

    assert page.context["sibling"] == doubtful
    assert page.context["unseen"] == (
        f"EUR\xa05.95 may have been paid by {doubtful.reference} and do not show in the shop."
    )


def test_money_that_the_shop_does_not_show_is_said(client: Client, order: Order, case: RefundRequest) -> None:
    line = {order.lines[1].id: 1}
    paid = case_of(order, chosen=line, lines=line)
    an_attempt(paid, status="succeeded")

    page = open_case(client, case)

    assert page.context["sibling"] is None
    assert f"EUR\xa05.95 were paid by {paid.reference} and do not show in the shop." in page.html


def test_money_that_the_shop_shows_is_not_said_again(
    client: Client, sandbox: SandboxStore, case: RefundRequest
) -> None:
    other = case_of(in_store(sandbox, number="1002"))
    an_attempt(other, status="succeeded")

    page = open_case(client, case)

    assert page.context["unseen"] == ""
    assert "do not show in the shop" not in page.html


def test_ledger_notes_and_mails_are_shown(client: Client, case: RefundRequest) -> None:
    by = approver()
    Message.objects.create(refund_request=case, by=by, internal=True, text="She called twice.")
    workflow.decline(case, by=by, version=case.version, decline_reason="used", words="It was worn.", address="10.0.0.7")

    page = open_case(client, case)

    (entry,) = page.context["timeline"]
    assert (entry.what, entry.who, entry.address) == ("Declined", by.username, "10.0.0.7")
    assert (entry.details, entry.status_label) == (("Used or damaged by the customer",), "Declined")
    assert "She called twice." in page.html
    assert "It was worn." in page.html
    mail = Mail.objects.get()
    assert f'<a href="/staff/refunds/mail/{mail.pk}/change/">{mail.subject}</a>' in page.html


def test_words_to_the_customer_are_not_among_the_notes(client: Client, case: RefundRequest) -> None:
    Message.objects.create(refund_request=case, internal=False, text="Dear Anna")

    page = open_case(client, case)

    assert page.context["notes"] == []


def test_the_next_case_is_the_one_that_needs_a_person_most(
    client: Client, sandbox: SandboxStore, case: RefundRequest
) -> None:
    older = case_of(in_store(sandbox, number="1002"), created_at=timezone.now() - timedelta(days=3))
    case_of(in_store(sandbox, number="1003"))

    page = open_case(client, case)

    assert page.context["next_case"] == older


def test_what_an_unpaid_attempt_still_holds_is_said(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    an_attempt(case, no_payout_by=approver())
    RefundRequest.objects.filter(pk=case.pk).update(status=Status.FAILED)
    refund_id = somebody_refunds(sandbox, case.order_id, "23.80", f"{case.reference}-1 Arrived damaged")

    page = open_case(client, case)

    assert f"WooCommerce still has refund #{refund_id} over EUR\xa023.80 from {case.reference}-1" in page.html
    assert "Delete it in WooCommerce first" in page.html


def decided(case: RefundRequest) -> dict[str, Any]:
    """What a case has after its approval."""
    return {
        "approved_amount": case.requested_amount,
        "approved_breakdown": {
            "amount": "23.80", "clamped": "0.00", "decimals": 2, "currency": "EUR", "lines": [],
        },
        "order_decided": case.order_now, "api_refund": True, "restock": True, "decided_by": approver(),
        "decided_at": timezone.now(), "next_action_at": timezone.now(),
    }  # fmt: skip


@pytest.mark.parametrize("status", Status)
def test_every_state_has_a_page(client: Client, case: RefundRequest, status: Status) -> None:
    paid_attempt = an_attempt(case, status="succeeded")
    RefundRequest.objects.filter(pk=case.pk).update(status=status, paid_attempt=paid_attempt, **decided(case))

    page = open_case(client, case)

    assert page.status == 200
    assert str(status.label) in page.html
    assert page.blocked == []


def test_a_case_that_is_not_there_is_404(client: Client) -> None:
    for object_id in ("0", "999999", "abc", "9" * 30, "1/2"):
        assert client.get(f"/staff/refunds/refundrequest/{object_id}/change/").status_code == 404


# --- What it costs ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [1, 50])
def test_the_page_costs_the_same_however_much_has_happened(
    client: Client, sandbox: SandboxStore, case: RefundRequest, more: int
) -> None:
    by = approver()
    for n in range(more):
        workflow.decline(case, by=by, version=case.version, decline_reason="used", words="No.", note=f"Note {n}")
        workflow.reopen(case, by=by, version=case.version)
    open_case(client, case)

    with CaptureQueriesContext(connection) as queries:
        assert open_case(client, case).status == 200

    assert len(queries) == 27


# --- Hostile words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_words_are_only_ever_escaped_on_the_page(client: Client, sandbox: SandboxStore, words: str) -> None:
    line = {"name": words, "sku": words, "quantity": 1, "total": "20.00"}
    order = in_store(
        sandbox,
        total="25.00",
        line_items=[line],
        billing={"email": "anna@example.com", "first_name": words},
        payment_method_title=words,
    )
    case = case_of(order, note=words, customer_name=words)
    case_of(in_store(sandbox, number="1002"), customer_name=words)
    Message.objects.create(refund_request=case, internal=True, text=words)
    an_attempt(case, message=words, code=words, rule=words)

    page = open_case(client, case)

    assert page.status == 200
    assert page.blocked == []


def test_hostile_words_are_escaped_by_name(client: Client, order: Order) -> None:
    case = case_of(order, note="<b>bold</b>", customer_name="<i>Anna</i>")

    page = open_case(client, case)

    assert "&lt;b&gt;bold&lt;/b&gt;" in page.html
    assert "<b>bold" not in page.html
    assert "<i>Anna" not in page.html
