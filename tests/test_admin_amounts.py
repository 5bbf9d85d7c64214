"""How much goes back, of what, and what returns to stock: the page works it out, and what it showed is what is paid."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from portal.sandbox.store import SandboxStore
from refunds import payout
from refunds.models import Mail, RefundEvent, RefundRequest, Shop
from refunds.states import AttemptStatus, Status
from refunds.woocommerce.types import Order
from tests.desk import case_of, in_store, now_of, open_case, press, shirts, stock
from tests.factories import UserFactory, approver
from tests.test_admin_decisions import BOTH, nothing_happened
from tests.test_states import attempt

pytestmark = pytest.mark.django_db

WORDS = "As we said on the phone."


@pytest.fixture(autouse=True)
def _logged_in(client: Client) -> None:
    client.force_login(approver())


@pytest.fixture
def order(sandbox: SandboxStore) -> Order:
    """Two T-shirts at 23.80, a mug at 11.90 and a parcel at 5.95: 65.45 EUR."""
    return in_store(
        sandbox,
        total="65.45",
        line_items=[
            {
                "name": "T-Shirt",
                "product_id": 10,
                "quantity": 2,
                "total": "40.00",
                "taxes": [{"id": 1, "total": "7.60"}],
            },
            {"name": "Mug", "product_id": 20, "quantity": 1, "total": "10.00", "taxes": [{"id": 1, "total": "1.90"}]},
        ],
    )


@pytest.fixture
def case(order: Order) -> RefundRequest:
    both = {order.lines[0].id: 2, order.lines[1].id: 1}
    return case_of(order, chosen=both, lines=both, reason="changed_mind")


def booked(sandbox: SandboxStore, case: RefundRequest) -> tuple[str, list[tuple[str, int]], dict[int, int]]:
    """Pays, and reads the store's books: amount, (net, pieces) by line, and by what stock has grown."""
    payout.pay(case.pk)
    (row,) = sandbox.refunds(case.order_id)
    lines = [(line["total"], line["quantity"]) for line in row["line_items"]]
    return row["amount"], lines, {number: count - 1000 for number, count in sandbox.shop.books.stock.items()}


def decided(case: RefundRequest) -> tuple[str, bool | None, list[tuple[str, int, int | None, str]]]:
    now = now_of(case)
    lines = now.breakdown.lines if now.breakdown else ()
    return str(now.approved_amount), now.restock, [(x.name, x.quantity, x.restock, str(x.amount)) for x in lines]


# --- Amounts ---------------------------------------------------------------------------------------------------------


def test_all_that_is_left_is_approved(client: Client, case: RefundRequest) -> None:
    preview = press(client, case, "approve", button="preview", what="all")
    press(client, case, "approve", preview, words=WORDS)

    assert "Approve EUR\xa065.45</button>" in preview.html
    assert decided(case) == (
        "65.4500",
        True,
        [("T-Shirt", 2, None, "47.60"), ("Mug", 1, None, "11.90"), ("Parcel", 1, None, "5.95")],
    )


def test_fewer_items_are_approved(client: Client, order: Order, case: RefundRequest) -> None:
    preview = press(client, case, "approve", button="preview", **{shirts(order): "1"})
    press(client, case, "approve", preview, words=WORDS)

    assert decided(case) == ("35.7000", True, [("T-Shirt", 1, None, "23.80"), ("Mug", 1, None, "11.90")])


def test_a_lower_amount_is_spread_over_items_and_rates(client: Client, case: RefundRequest) -> None:
    preview = press(client, case, "approve", button="preview", amount="40")
    press(client, case, "approve", preview, words=WORDS)

    assert decided(case) == ("40.0000", True, [("T-Shirt", 2, None, "32.00"), ("Mug", 1, None, "8.00")])
    breakdown = now_of(case).breakdown
    assert breakdown is not None
    assert [[str(tax.total) for tax in line.taxes] for line in breakdown.lines] == [["5.11"], ["1.28"]]


def test_a_lower_amount_without_items_is_a_sum(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    preview = press(client, case, "approve", button="preview", amount="40", booking="lump")
    press(client, case, "approve", preview, words=WORDS)

    assert preview.context["plan_sentences"][:3] == [
        "EUR\xa040.00 goes back by Test Pay (card).",
        "The shop books the sum alone: all items stay as they are in the order.",
        "Nothing returns to stock.",
    ]
    assert decided(case) == ("40.0000", False, [])
    assert booked(sandbox, case) == ("40.00", [], {})
    assert now_of(case).status == Status.REFUNDED


def test_goodwill_is_spread_and_returns_no_goods(client: Client, sandbox: SandboxStore, case: RefundRequest) -> None:
    preview = press(client, case, "approve", button="preview", what="goodwill", amount="11,00")
    press(client, case, "approve", preview, words=WORDS)

    assert preview.context["plan_sentences"][:3] == [
        "EUR\xa011.00 goes back by Test Pay (card).",
        "It is goodwill: spread over the items and their tax rates, and none of them counts as returned.",
        "Nothing returns to stock.",
    ]
    assert decided(case) == (
        "11.0000",
        False,
        [("T-Shirt", 0, None, "8.00"), ("Mug", 0, None, "2.00"), ("Parcel", 0, None, "1.00")],
    )
    assert booked(sandbox, case) == ("11.00", [("-6.72", 0), ("-1.68", 0)], {})
    assert now_of(case).status == Status.REFUNDED


def test_goodwill_without_items_can_be_more_than_was_asked_for(client: Client, case: RefundRequest) -> None:
    preview = press(client, case, "approve", button="preview", what="goodwill", amount="65.45", booking="lump")
    press(client, case, "approve", preview, words=WORDS)

    assert decided(case) == ("65.4500", False, [])


@pytest.mark.parametrize(
    ("typed", "says", "status"),
    [
        ({"what": "goodwill", "amount": ""}, "Enter the amount.", 422),
        ({"what": "goodwill", "amount": "65.46"}, "This is more than there is to refund.", 409),
        ({"what": "goodwill", "amount": "65.46", "booking": "lump"}, "This is more than there is to refund.", 409),
        ({"what": "goodwill", "amount": "0"}, "The amount must be more than zero.", 409),
        ({"what": "all", "amount": "65.46"}, "This is more than there is to refund.", 409),
        ({"what": "nonsense"}, "Select a valid choice.", 422),
        ({"what": None}, "This field is required.", 422),
        ({"booking": "nonsense"}, "Select a valid choice.", 422),
    ],
)
def test_amounts_that_cannot_be_are_not_approved(
    client: Client, case: RefundRequest, typed: dict[str, str], says: str, status: int
) -> None:
    page = press(client, case, "approve", **{"words": WORDS, "shown": "65.46", **typed})

    assert (page.status, says in page.html) == (status, True)
    assert nothing_happened(case)


CHOICES: list[dict[str, Any]] = [
    {},
    {"what": "all"},
    {"amount": "40.00"},
    {"amount": "40.00", "booking": "lump"},
    {"what": "all", "amount": "60.00"},
    {"what": "goodwill", "amount": "9.99"},
    {"what": "goodwill", "amount": "9.99", "booking": "lump"},
    {"stock": "1"},
    {"stock": "0"},
    {"stock": "1", "amount": "12.34"},
]


@pytest.mark.parametrize("choice", CHOICES)
def test_the_second_person_finds_what_the_first_has_decided(
    client: Client, order: Order, case: RefundRequest, choice: dict[str, Any]
) -> None:
    """Whatever it was: pressed without a change, it is the same decision down to the last tax."""
    Shop.objects.update_or_create(pk=1, defaults={"second_approval_above": "5.00"})
    typed = {stock(order) if name == "stock" else name: value for name, value in choice.items()}
    client.force_login(UserFactory.create(permissions=BOTH))
    preview = press(client, case, "approve", button="preview", **typed)
    if preview.context["plan_proposes"]:
        press(client, case, "approve", preview, button="propose")
        client.force_login(UserFactory.create(permissions=BOTH))
        preview = open_case(client, case)
        preview = press(client, case, "approve", preview, button="preview", **typed)
    press(client, case, "approve", preview, words=WORDS)
    first = now_of(case)
    client.force_login(UserFactory.create(permissions=BOTH))

    page = press(client, case, "approve")

    assert first.needs_second
    assert "Approved: EUR" in page.html
    assert now_of(case).approved_breakdown == first.approved_breakdown
    assert now_of(case).restock == first.restock
    assert now_of(case).status == Status.APPROVED


def test_a_payout_that_failed_is_offered_again_as_it_was(client: Client, order: Order, case: RefundRequest) -> None:
    press(client, case, "approve", **{stock(order): "1"})
    attempt(case, status=AttemptStatus.NOT_SENT)
    RefundRequest.objects.update(status=Status.FAILED)

    fields = open_case(client, case).form("approve")

    assert (fields["what"], fields["amount"], fields["booking"]) == ("items", "", "spread")
    assert (fields[shirts(order)], fields[stock(order)], fields["shown"]) == ("2", "1", "59.50")


@pytest.mark.parametrize("status", [Status.NEEDS_INFO, Status.APPROVED, Status.CHECK_NEEDED])
def test_no_amount_is_chosen_where_nothing_can_be_decided(client: Client, case: RefundRequest, status: Status) -> None:
    page = open_case(client, case)
    press(client, case, "approve", page)
    attempt(case, status=AttemptStatus.UNKNOWN)
    RefundRequest.objects.update(status=status)

    later = open_case(client, case)
    refused = press(client, case, "approve", page, amount="1.00", shown="1.00", words=WORDS)

    assert not later.offers("approve")
    assert refused.status == 409
    assert (now_of(case).status, str(now_of(case).approved_amount)) == (status, "59.5000")


# --- Back to stock ---------------------------------------------------------------------------------------------------


def test_only_some_pieces_return_to_stock(
    client: Client, sandbox: SandboxStore, order: Order, case: RefundRequest
) -> None:
    mug = f"stock_{order.lines[1].id}"
    preview = press(client, case, "approve", button="preview", **{stock(order): "1", mug: "0"})
    press(client, case, "approve", preview)

    assert preview.context["plan_sentences"][1:3] == [
        "1 × T-Shirt: back into stock.",
        "1 × T-Shirt, 1 × Mug: paid, not into stock. The shop’s books then do not count them as returned.",
    ]
    assert decided(case) == ("59.5000", True, [("T-Shirt", 2, 1, "47.60"), ("Mug", 1, 0, "11.90")])
    assert booked(sandbox, case) == ("59.50", [("-40", -1), ("-10", 0)], {10: 1})
    assert now_of(case).status == Status.REFUNDED


@pytest.mark.parametrize(("choice", "added"), [("all", {10: 2, 20: 1}), ("0", {})])
def test_all_or_nothing_returns_to_stock(
    client: Client, sandbox: SandboxStore, order: Order, case: RefundRequest, choice: str, added: dict[int, int]
) -> None:
    press(client, case, "approve", **{stock(order): choice, f"stock_{order.lines[1].id}": choice})

    assert booked(sandbox, case) == ("59.50", [("-40", -2), ("-10", -1)], added)


def test_more_than_is_given_back_does_not_return_to_stock(client: Client, sandbox: SandboxStore) -> None:
    socks = [{"name": "Socks", "quantity": 4, "total": "40.00", "taxes": [{"id": 1, "total": "7.60"}]}]
    order = in_store(sandbox, line_items=socks)
    case = case_of(order)

    page = press(client, case, "approve", **{stock(order): "2"})

    assert page.status == 409
    assert "More pieces would return to stock than are given back." in page.html
    assert page.form("approve")[stock(order)] == "2"
    assert nothing_happened(case)


@pytest.mark.parametrize("pieces", ["3", "-1", "many", "9" * 30])
def test_pieces_that_are_not_there_do_not_return_to_stock(
    client: Client, order: Order, case: RefundRequest, pieces: str
) -> None:
    page = press(client, case, "approve", **{stock(order): pieces})

    assert page.status == 422
    assert nothing_happened(case)


def test_a_decided_case_shows_what_returns_to_stock(client: Client, order: Order, case: RefundRequest) -> None:
    page = press(client, case, "approve", **{stock(order): "1"})

    assert [(row.name, row.given and row.given.quantity, row.restocked) for row in page.context["rows"]] == [
        ("T-Shirt", 2, 1),
        ("Mug", 1, 1),
        ("Parcel", None, 0),
    ]
    assert '<th scope="col" class="number">To stock</th>' in page.html


# --- What is said before ---------------------------------------------------------------------------------------------


def test_the_page_shows_the_mails_of_an_approval_word_for_word(client: Client, order: Order) -> None:
    case = case_of(order, language="de")
    preview = press(client, case, "approve", button="preview", amount="10.00", words="Es war getragen.")

    press(client, case, "approve", preview)
    payout.pay(case.pk)

    shown = [(each.recipient, each.language, each.subject, each.text) for each in preview.context["plan_mails"]]
    assert [mail.kind for mail in Mail.objects.order_by("pk")] == ["approved", "refunded"]
    assert shown == [
        (mail.recipient, "German", mail.subject, mail.text.replace("{{ status_url }}", "[link to the request]"))
        for mail in Mail.objects.order_by("pk")
    ]
    assert "Es war getragen." in shown[0][3]
    assert "Anna Berg gets two mails in German: now, and when the shop has confirmed the refund." in preview.html


def test_where_the_shop_writes_about_refunds_itself_the_page_says_so(client: Client, case: RefundRequest) -> None:
    Shop.objects.update_or_create(pk=1, defaults={"mails_refunded": False})

    page = open_case(client, case)

    assert len(page.context["plan_mails"]) == 1
    assert "Anna Berg gets a mail in English now. About the refund itself the shop writes." in page.html


def test_a_preview_decides_nothing(client: Client, case: RefundRequest) -> None:
    before = RefundEvent.objects.count()

    for typed in CHOICES:
        press(client, case, "approve", button="preview", **{k: v for k, v in typed.items() if k != "stock"})

    assert nothing_happened(case)
    assert RefundEvent.objects.count() == before
