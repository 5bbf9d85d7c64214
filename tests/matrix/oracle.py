"""What must have become of a case, told from the store's ledger and rows; and everything that must not be.

The portal's rows are only ever compared with what is said here. Where the store cannot know (whether a process lived to
hear its answer), the witness of `disturb` is asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.conf import settings

from portal.sandbox.store import SandboxStore
from refunds.models import Mail, RefundEvent, RefundRequest
from refunds.states import Status

from .cases import GATEWAY
from .disturb import Sending
from .story import Story
from .world import Delivered

TURNED_AWAY = {301, 302, 308, 401, 403, 404, 429}
"""Answers to the refund call from before WooCommerce: nothing was made of it. So is 503 of maintenance mode."""
PERSONS = (Status.CHECK_NEEDED, Status.FAILED)
"""These wait for a person."""


@dataclass(frozen=True)
class Books:
    """What the store has of one case: its rows, its money, and how its calls were answered."""

    rows: tuple[dict[str, Any], ...]
    money: tuple[dict[str, Any], ...]
    api_refund: bool

    @property
    def proven(self) -> bool:
        """Exactly one row is the case's, and it says that the payment was made as asked."""
        return len(self.rows) == 1 and self.rows[0]["refunded_payment"] is self.api_refund


def books(store: SandboxStore, refund_request: RefundRequest) -> Books:
    reference = refund_request.reference
    return Books(
        tuple(row for row in store.refunds(refund_request.order_id) if _is_of(row["reason"], reference)),
        payments(tuple(store.money), refund_request),
        bool(refund_request.api_refund),
    )


def payments(money: tuple[dict[str, Any], ...], refund_request: RefundRequest) -> tuple[dict[str, Any], ...]:
    return tuple(
        line
        for line in money
        if line["order_id"] == refund_request.order_id and _is_of(line["reason"], refund_request.reference)
    )


def _is_of(reason: str, reference: str) -> bool:
    return (reason.split() or [""])[0].rpartition("-")[0] == reference


# --- What must be ----------------------------------------------------------------------------------------------------


def expected(story: Story, refund_request: RefundRequest) -> Status:
    """The one state in which the case must have come to rest."""
    of_case = books(story.world.store, refund_request)
    sendings = _sendings(story, refund_request)
    if story.declined:
        return Status.DECLINED
    if of_case.proven:
        return Status.REFUNDED
    if of_case.rows:
        return Status.CHECK_NEEDED
    after = _after(sendings[-1], story.world.store) if sendings else Status.REFUNDED
    if after != Status.REFUNDED:
        return after
    if _waits(story, refund_request):
        return Status.APPROVED
    return Status.REFUNDED if _carried(story.world.store, refund_request) else Status.FAILED


def _carried(store: SandboxStore, refund_request: RefundRequest) -> bool:
    """Whether the order is there and what remains of it is enough."""
    order = store.shop.books.order(refund_request.order_id)
    if order is None or refund_request.approved_amount is None:
        return False
    refunded = sum(Decimal(row["amount"]) for row in store.refunds(refund_request.order_id))
    return Decimal(order["total"]) - refunded >= refund_request.approved_amount


def _sendings(story: Story, refund_request: RefundRequest) -> list[Sending]:
    return [one for one in story.disturber.sendings if one.refund_request_id == refund_request.pk]


def _after(sending: Sending, store: SandboxStore) -> Status:
    """The store shows nothing of it. Paid again only what provably was not made and has not been in doubt since."""
    if _provably_nothing(sending, store):
        return Status.FAILED if sending.lapsed else Status.REFUNDED
    refused = _refused_by_the_gateway(sending, store) or _refused_by_the_store(sending, store)
    return Status.FAILED if sending.recorded and refused else Status.CHECK_NEEDED


def _provably_nothing(sending: Sending, store: SandboxStore) -> bool:
    """No call left, or the store turned it away at the door; and the process lived to write that down."""
    call = _call(sending, store)
    if not sending.recorded or call is None:
        return sending.recorded
    return call["status"] in TURNED_AWAY or "503-maintenance" in call["faults"]


def _refused_by_the_gateway(sending: Sending, store: SandboxStore) -> bool:
    call = _call(sending, store)
    return call is not None and call["status"] == 500 and bool(GATEWAY & set(call["faults"]))


def _refused_by_the_store(sending: Sending, store: SandboxStore) -> bool:
    """Its own no, undamaged: no money moved. A POST is never answered from a cache."""
    call = _call(sending, store)
    return call is not None and call["status"] in (400, 500) and {"cached", "cached-stubborn"} >= set(call["faults"])


def _call(sending: Sending, store: SandboxStore) -> dict[str, Any] | None:
    return store.shop.log.since(sending.call - 1)[0] if sending.call else None


def _waits(story: Story, refund_request: RefundRequest) -> bool:
    """Another case of the order is in doubt, or was refused by a gateway that may have paid: nothing may be sent."""
    for sending in story.disturber.sendings:
        other = next(one for one in story.requests if one.pk == sending.refund_request_id)
        if other.pk == refund_request.pk or books(story.world.store, other).proven:
            continue
        store = story.world.store
        if _after(sending, store) == Status.CHECK_NEEDED or _refused_by_the_gateway(sending, store):
            return True
    return False


# --- What must not be ------------------------------------------------------------------------------------------------


def wrong(story: Story) -> Iterator[str]:
    """Every promise that this story broke, in plain words."""
    yield from story.broken
    yield from story.world.broken_rules
    for refund_request in RefundRequest.objects.filter(pk__in=[one.pk for one in story.requests]):
        yield from _wrong_with_money(story, refund_request)
        yield from _forgotten(story, refund_request)
    yield from _wrong_with_mails(story)
    if story.case.road == "look-up":
        yield from _wrong_with_look_ups(story)


def _wrong_with_money(story: Story, refund_request: RefundRequest) -> Iterator[str]:
    of_case, status = books(story.world.store, refund_request), refund_request.status
    if len(of_case.money) > 1:
        yield f"PAID TWICE: {[line['reason'] for line in of_case.money]}"
    if any(not _provably_nothing(sending, story.world.store) for sending in _sendings(story, refund_request)[:-1]):
        yield "SENT AGAIN: an earlier call may have paid"
    for line in (*of_case.money, *of_case.rows):
        if Decimal(line["amount"]) != refund_request.approved_amount:
            yield f"WRONG AMOUNT: {line['amount']} instead of {refund_request.approved_amount}"
        if story.agreed is not None and Decimal(line["amount"]) != story.agreed:
            yield f"WRONG AMOUNT: {line['amount']}, and {story.agreed} was agreed on at last"
    if status == Status.REFUNDED and not of_case.proven:
        yield "refunded, and the store has no payout of it"
    must = expected(story, refund_request)
    if status != must:
        yield f"it is {status} and must be {must}"


def _forgotten(story: Story, refund_request: RefundRequest) -> Iterator[str]:
    if refund_request.status == Status.APPROVED and refund_request.next_action_at is None:
        yield "FORGOTTEN: approved, and nothing is due"
    if refund_request.status == Status.SENDING:
        yield "FORGOTTEN: it is being sent for ever"
    if refund_request.status in PERSONS and not _told(story, refund_request, "needs_staff"):
        yield "FORGOTTEN: it waits for a person, and nobody was told"
    if refund_request.status == Status.REFUNDED and not _told(story, refund_request, "refunded"):
        yield "FORGOTTEN: paid, and the customer was not told"


def _told(story: Story, refund_request: RefundRequest, kind: str) -> bool:
    ids = set(Mail.objects.filter(refund_request=refund_request, kind=kind).values_list("message_id", flat=True))
    return any(mail.message_id in ids for mail in story.world.delivered)


# --- Mails -----------------------------------------------------------------------------------------------------------

TWICE_IS_BETTER_THAN_NEVER = ("drops-after", "silent-after")


def _wrong_with_mails(story: Story) -> Iterator[str]:
    rows = {row.message_id: row for row in story.mails().select_related("refund_request", "look_up")}
    for row in rows.values():
        if row.state not in (Mail.State.SENT, Mail.State.CANCELLED):
            yield f"FORGOTTEN: the mail {row.kind} is {row.state}"
    for mail in story.world.delivered:
        yield from _untrue(mail, rows[mail.message_id])
    copies = len(story.world.delivered) - len({mail.message_id for mail in story.world.delivered})
    if copies and not _may_be_doubled(story):
        yield f"{copies} mails came twice"
    for refund_request in story.requests:
        events = RefundEvent.objects.filter(refund_request=refund_request, to_status=Status.REFUNDED).count()
        if (
            mails := sum(row.kind == "refunded" for row in rows.values() if row.refund_request == refund_request)
        ) != events:
            yield f"{mails} mails say refunded, and it happened {events} times"


def _untrue(mail: Delivered, row: Mail) -> Iterator[str]:
    refund_request = row.refund_request
    if row.kind == "needs_staff":
        receiver = settings.STAFF_EMAIL
    else:
        receiver = refund_request.email if refund_request else row.look_up.snapshot.order.email  # type: ignore[union-attr]
    if mail.to != receiver:
        yield f"the mail {row.kind} went to {mail.to}"
    if refund_request is None or row.kind != "refunded":
        return
    paid = payments(mail.money, refund_request)
    if refund_request.api_refund and [line["amount"] for line in paid] != [f"{refund_request.approved_amount:.2f}"]:
        yield f"UNTRUE: a mail said refunded when this had been paid: {paid}"
    if f"{refund_request.approved_amount:.2f}" not in mail.text:
        yield "UNTRUE: the mail that says refunded names another amount"


def _may_be_doubled(story: Story) -> bool:
    """Between hand-over and record nobody can know; there a mail comes twice under one Message-ID."""
    return story.case.fault in TWICE_IS_BETTER_THAN_NEVER or story.case.step in ("hand_over", "delivered", "claim_mail")


# --- Look-ups --------------------------------------------------------------------------------------------------------


def _wrong_with_look_ups(story: Story) -> Iterator[str]:
    """The store has the order under number and address, or not: it is proven with one mail, or nothing is said."""
    if not story.look_ups:
        yield "FORGOTTEN: there is no look-up"
    for look_up in story.look_ups:
        mails = Mail.objects.filter(look_up=look_up).count()
        matches = [
            order
            for order in story.world.store.shop.books.orders.values()
            if (order["number"], order["billing"]["email"]) == (look_up.order_number, look_up.email)
        ]
        if len(matches) == 1 and look_up.proven_at is None:
            yield "the order is theirs, and they could not prove it"
        if mails != (look_up.code_issue if matches else 0):
            yield f"{mails} mails with a code for {look_up.code_issue} codes; orders in the store: {len(matches)}"
        if not matches and look_up.proven_at is not None:
            yield "PROVEN without an order in the store"
