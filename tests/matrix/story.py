"""One case from its beginning to its rest: how things stood, what is spoiled, then every job that is due, in turn."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import requests
from django.conf import settings
from django.contrib.auth.models import User
from django.db.models import QuerySet
from django.utils import timezone

from refunds import money, orders, tasks, timing, verification, workflow
from refunds.models import DeclineReason, LookUp, Mail, PayoutAttempt, RefundRequest, StoreHealth
from refunds.woocommerce.types import Order

from ..factories import RefundRequestFactory, approver
from . import agenda
from .cases import Case, Disturbance, Placed
from .disturb import Disturber
from .steps import Killed
from .world import World

JOBS: dict[str, Callable[[int], None]] = {
    "pay": tasks.pay, "look": tasks.look, "look_up": tasks.look_up, "deliver": tasks.deliver,
}  # fmt: skip
ASKED_ENOUGH = 3
MOST_TURNS = 120
"""A case that still has something due after so many turns never comes to rest."""
DAYS_OF_LOOKS = timedelta(hours=26)
"""So long every look has its turn; the daily ones after that are skipped but for the last."""
MONTH = timedelta(days=30, hours=2)
REST = timedelta(days=33)
HOURS = timedelta(hours=3)
A_DAY = timedelta(hours=23)


class Story:
    """`requests` are the cases of one order, `look_ups` those for it. `broken` are sentences about what must not be."""

    def __init__(self, world: World, disturber: Disturber, case: Case, number: int) -> None:
        self.world, self.disturber, self.case = world, disturber, case
        self.number = str(700_000_000 + number)
        self.email = f"customer{number}@example.com"
        self.address = f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"
        self.order_id = 0
        self.requests: list[RefundRequest] = []
        self.look_ups: list[LookUp] = []
        self.broken: list[str] = []
        self.declined = False
        self._under_way: Callable[[], Any] | None = None

    # --- Running jobs ------------------------------------------------------------------------------------------------

    def run(self, job: str, pk: int) -> None:
        """One job as a worker runs it. A job has no business raising anything."""
        self._alive(f"the job {job}", lambda: JOBS[job](pk))

    def person(self, what: str, act: Callable[[], Any]) -> None:
        """What a person does on a page. The process may die under them."""
        self._alive(what, act)

    def _alive(self, what: str, act: Callable[[], Any]) -> None:
        before, self._under_way = self._under_way, lambda: self._alive(what, act)
        try:
            act()
        except Killed:
            pass
        except Exception as error:  # noqa: BLE001 - whatever it is, it is a finding
            self.broken.append(f"{what} ended in {type(error).__name__}: {error}")
        self._under_way = before

    def what_is_due(self) -> None:
        """Every job that is due now, once."""
        self._do(self._agenda())

    def _do(self, entries: list[agenda.Entry]) -> set[str]:
        """Runs what is due of these. Returns which jobs those were."""
        now = timezone.now()
        due = [entry for entry in entries if entry.at <= now]
        for entry in due:
            self.run(entry.job, entry.pk)
        if due and self.case.kind == "late twins":
            self.everything()
        return {entry.job for entry in due}

    def _agenda(self) -> list[agenda.Entry]:
        if self.case.road == "look-up":
            return agenda.of_look_ups(self.number)
        return agenda.of_requests([refund_request.pk for refund_request in self.requests])

    def everything(self) -> None:
        """Every job that this story has ever had, due or not."""
        for refund_request in self.requests:
            self.run("pay", refund_request.pk)
        for job, rows in (("look", self.attempts()), ("look_up", self.started()), ("deliver", self.mails())):
            for pk in rows.values_list("pk", flat=True):
                self.run(job, pk)

    def settle(self, *, within: timedelta | None = None) -> None:
        """Until nothing is due any more: the clock goes from one due time to the next.

        Disturbed cases are followed for some hours, which settles all that can be settled; the others for a month.
        """
        since = timezone.now()
        if within is None:
            within = {"": REST, "overtaken": DAYS_OF_LOOKS}.get(self.case.kind, HOURS)
        asked = 0
        for _turn in range(MOST_TURNS):
            entries = self._agenda()
            if ran := self._do(entries):
                asked = asked + 1 if ran == {"pay"} else 0
                continue
            at = self._next(entries, waits=asked > ASKED_ENOUGH)
            if self.case.kind == "late effect" and (at is None or self.disturber.entered.get("record_look", 0) > 1):
                self.world.open_gate()
            if at is None or at > since + timing.scaled(within):
                return
            if at > since + timing.scaled(DAYS_OF_LOOKS):
                at = max(at, since + timing.scaled(MONTH))
            self.world.move_to(at)
        self.broken.append("it never comes to rest")

    def _next(self, entries: list[agenda.Entry], *, waits: bool) -> datetime | None:
        """A sibling that waits asks again every few seconds: once that is seen, something else has to happen first."""
        others = [entry for entry in entries if entry.job != "pay"]
        entries = others if waits and self.case.origin == "sibling" else entries
        return min((entry.at for entry in entries), default=None)

    def forgotten(self) -> Iterator[str]:
        """What is still to come and would not be found by the sweep when its time has come."""
        for entry in self._agenda():
            if not agenda.found_by_the_sweep(entry):
                yield f"FORGOTTEN: the sweep does not find the {entry.job} that is due at {entry.at}"

    def attempts(self) -> QuerySet[PayoutAttempt]:
        return PayoutAttempt.objects.filter(refund_request__in=[one.pk for one in self.requests]).order_by("pk")

    def mails(self) -> QuerySet[Mail]:
        if self.case.road == "look-up":
            return Mail.objects.filter(look_up__order_number=self.number).order_by("pk")
        return Mail.objects.filter(refund_request__in=[one.pk for one in self.requests]).order_by("pk")

    def started(self) -> QuerySet[LookUp]:
        return LookUp.objects.filter(order_number=self.number).order_by("pk")

    # --- The others, for `disturb` -----------------------------------------------------------------------------------

    def twin(self) -> None:
        """The job that is being done, done by somebody else at this moment; and a sibling's, where there is one."""
        if self._under_way is not None:
            self._under_way()
        for sibling in self.requests[1:]:
            self.run("pay", sibling.pk)

    def an_hour(self) -> None:
        self.settle(within=timedelta(hours=1))

    # --- From beginning to end ---------------------------------------------------------------------------------------

    def tell(self) -> None:
        self.world.begin()
        self.disturber.begin()
        self.disturber.watch(None, None)
        ORIGINS[self.case.road, self.case.origin](self)
        self.disturber.others, self.disturber.order_id = self, self.order_id
        self.disturber.entered.clear()
        self.disturber.watch(self.case.placed, self.case.disturbance)
        if self.case.road == "look-up":
            self._look_up()
        else:
            self.settle()
        self.world.disarm()
        self.world.open_gate()
        self.settle()
        self._resume()
        if self.case.road == "look-up":
            self._prove()

    def _resume(self) -> None:
        """Payouts that have paused themselves go on when somebody has confirmed that this is the right shop."""
        if StoreHealth.objects.filter(payouts_paused_at=None).exists():
            return
        if self.disturber.sendings:
            self.broken.append("SENT AGAIN: to a shop that nobody had confirmed")
        workflow.resume(by=colleague())
        self.settle()

    # --- Origins: payouts --------------------------------------------------------------------------------------------

    def order(self, **fields: Any) -> Order:
        """An order of 100.00 in two lines, so that a second payout of either would be possible."""
        given = {"number": self.number, "billing": {"email": self.email}, "total": "100.00"}
        lines = [{"total": "30.00"}, {"total": "70.00"}]
        made = self.world.store.add_order(**given, line_items=lines, **fields)
        self.order_id = made["id"]
        return orders.read(made["id"], patience=5)

    def approved(self, order: Order, line: int = 0, *, transfer: bool = False) -> RefundRequest:
        chosen = {order.lines[line].id: 1}
        refund_request = RefundRequestFactory.create(
            order=order, chosen=chosen, lines=chosen, note="", customer_name="Anna Berg"
        )
        self.requests.append(refund_request)
        self._approve(refund_request, money.price(order, chosen), transfer=transfer)
        return refund_request

    def _approve(self, refund_request: RefundRequest, breakdown: money.Breakdown, *, transfer: bool = False) -> None:
        workflow.approve(
            refund_request,
            by=colleague(),
            version=refund_request.version,
            breakdown=breakdown,
            api_refund=not transfer,
            restock=False,
            manual_reference="SEPA 4711" if transfer else "",
        )

    def booked(self, reason: str, *, paid: bool = True, amount: str = "30.00") -> None:
        """A row that somebody, or an earlier life of the portal, made in the store."""
        answer = requests.post(
            f"{self.world.store.base_url}/wp-json/wc/v3/orders/{self.order_id}/refunds",
            json={"amount": amount, "reason": reason, "api_refund": paid},
            auth=("ck_manager", "cs_manager"),
            timeout=10,
        )
        answer.raise_for_status()

    def paid(self, placed: Placed | None = None, disturbance: Disturbance | None = None) -> None:
        """The payout, spoiled once: what it leaves behind is where the story begins."""
        self.approved(self.order())
        self.disturber.order_id = self.order_id
        self.disturber.watch(placed, disturbance)
        self.run("pay", self.requests[0].pk)
        self.disturber.watch(None, None)

    def answered(self, fault: str) -> None:
        self.paid(Placed("call", "refund.create", fault))

    def refused_and_settled(self) -> None:
        """The gateway refused, a person saw no payout at the provider and declined the request."""
        self.answered("gateway-declines")
        refund_request = RefundRequest.objects.get(pk=self.requests[0].pk)
        workflow.confirm_no_payout(refund_request, by=colleague(), version=refund_request.version)
        workflow.decline(
            refund_request,
            by=colleague(),
            version=refund_request.version,
            decline_reason=DeclineReason.OTHER,
            words="The provider does not pay it back.",
        )
        self.declined = True
        self.book_own()

    def book_own(self) -> None:
        self.booked(f"{self.requests[0].reference}-1 Arrived damaged")

    def goes(self) -> None:
        """Somebody deletes the order."""
        self.world.store.shop.books.delete_order(self.order_id)

    def removed(self) -> None:
        """Somebody deletes the row of a payout in the store."""
        for row in self.world.store.refunds(self.order_id):
            self.world.store.shop.books.delete_refund(row["id"])

    # --- Look-ups ----------------------------------------------------------------------------------------------------

    def _look_up(self) -> None:
        email = self.email if self.case.origin == "known" else f"not-{self.email}"
        self._started(email)
        if not self.started().exists():
            self._started(email)  # the page showed an error: pressed again
        self.settle(within=A_DAY)

    def _started(self, email: str) -> None:
        self.person("a look-up", lambda: verification.start(number=self.number, email=email, address=self.address))

    def _prove(self) -> None:
        """The customer types what came by mail, and asks for another code where that came too late."""
        self.look_ups = list(self.started())
        for look_up in self.look_ups:
            for _try in range(4):
                self.person("a code", lambda look_up=look_up: verification.prove(look_up, self._code(look_up)))
                look_up.refresh_from_db()
                if look_up.proven_at is not None or look_up.snapshot_id is None:
                    break
                if look_up.code_until is not None and look_up.code_until <= timezone.now():
                    self._again(look_up)

    def _again(self, look_up: LookUp) -> None:
        self.world.move_to(timezone.now() + timedelta(minutes=3))
        self.person("another code", lambda: verification.again(look_up, issue=look_up.code_issue))
        self.settle(within=timedelta(hours=1))
        look_up.refresh_from_db()

    def _code(self, look_up: LookUp) -> str:
        ids = set(Mail.objects.filter(look_up=look_up).values_list("message_id", flat=True))
        texts = [mail.text for mail in self.world.delivered if mail.message_id in ids]
        found = re.search(r"\b\d{6}\b", texts[-1]) if texts else None
        return found[0] if found else "000000"


ORIGINS: dict[tuple[str, str], Callable[[Story], object]] = {
    ("payout", "plain"): lambda story: story.approved(story.order()),
    ("payout", "transfer"): lambda story: story.approved(story.order(payment_method="cod"), transfer=True),
    ("payout", "restored"): lambda story: (story.approved(story.order()), story.book_own()),
    ("payout", "restored unpaid"): lambda story: (
        story.approved(story.order()),
        story.booked(f"{story.requests[0].reference}-1 Arrived damaged", paid=False),
    ),
    ("payout", "changed"): lambda story: (story.approved(story.order()), story.booked("by hand", amount="80.00")),
    ("payout", "order gone"): lambda story: (story.approved(story.order()), story.goes()),
    ("payout", "order goes"): lambda story: (
        story.approved(story.order()),
        story.disturber.at_step.update({"call": story.goes}),
    ),
    ("payout", "spent elsewhere"): lambda story: (
        story.approved(story.order()),
        story.disturber.at_step.update({"call": lambda: story.booked("by hand", amount="80.00")}),
    ),
    ("payout", "another shop"): lambda story: (
        story.approved(story.order()),
        StoreHealth.objects.update(home_url="https://another.example", site_url=settings.SITE_URL),
    ),
    ("payout", "meanwhile"): lambda story: (
        story.approved(story.order()),
        story.disturber.at_step.update({"call": lambda: story.booked("by hand", amount="10.00")}),
    ),
    ("payout", "sibling"): lambda story: [story.approved(order, line) for order in [story.order()] for line in (0, 1)],
    ("reconcile", "died prepared"): lambda story: story.paid(None, Disturbance("kill before", "write_ahead")),
    ("reconcile", "died sending"): lambda story: story.paid(None, Disturbance("kill after", "write_ahead")),
    ("reconcile", "died after"): lambda story: story.paid(None, Disturbance("kill after", "call")),
    ("reconcile", "answer lost"): lambda story: story.answered("closed-after"),
    ("reconcile", "nothing arrived"): lambda story: story.answered("closed-before"),
    ("reconcile", "row unpaid"): lambda story: story.answered("killed-before-payment"),
    ("reconcile", "row unpaid, money gone"): lambda story: story.answered("killed-after-payment"),
    ("reconcile", "refused"): lambda story: story.answered("gateway-declines"),
    ("reconcile", "refused, money gone"): lambda story: story.answered("gateway-pays-but-errors"),
    ("reconcile", "refused, booked later"): lambda story: (story.answered("gateway-declines"), story.book_own()),
    ("reconcile", "declined, booked later"): lambda story: story.refused_and_settled(),
    ("reconcile", "paid"): lambda story: story.paid(),
    ("reconcile", "gone"): lambda story: (story.paid(), story.removed()),
    ("look-up", "known"): lambda story: story.order(),
    ("look-up", "unknown"): lambda story: story.order(),
    ("mail", "refunded"): lambda story: story.paid(),
    ("mail", "in doubt"): lambda story: story.answered("closed-before"),
}


@functools.cache
def colleague() -> User:
    """Somebody who may approve and settle. Made once: the matrix is not about permissions."""
    return approver()
