"""Every page of the desk that is ours, wide and narrow, light and dark: nothing for axe to find, nothing sideways."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse

from refunds import money, payout, workflow
from refunds.models import RefundRequest
from tests.desk import all_is_well, case_of, in_store, now_of
from tests.factories import UserFactory, approver
from tests.test_admin_mails import a_mail

from .site import Site
from .window import Window

PAGES = (
    "admin:index", "admin:refunds_refundrequest_changelist", "admin:refunds_mail_changelist", "admin:payouts",
    "admin:store_check", "admin:export", "admin:bulk", "admin:find_order", "admin:two_factor", "admin:log_ins",
    "admin:refunds_savedreply_changelist",
)  # fmt: skip
STATES = ("waiting", "approved", "refunded", "failed", "in doubt", "taken back", "declined")
FAULTS = {"failed": "gateway-declines", "in doubt": "closed-before"}
WIDTHS = (1280, 820)
Windows = Callable[..., Window]


def looks_right(window: Windows, site: Site, path: str, name: str) -> None:
    desk = window(width=WIDTHS[0])
    desk.log_in(UserFactory.create(is_superuser=True))
    for width in WIDTHS:
        desk.resize(width)
        desk.open(path)
        desk.look(f"desk-{name}")


@pytest.mark.parametrize("page", PAGES)
def test_a_page_of_the_desk_is_fit_to_be_used_by_everybody(site: Site, window: Windows, page: str) -> None:
    all_is_well()
    case_of(in_store(site.store))
    a_mail()

    looks_right(window, site, reverse(page), page.rpartition(":")[2])


@pytest.mark.parametrize("state", STATES)
def test_a_case_is_fit_to_be_read_by_everybody_in_every_state(site: Site, window: Windows, state: str) -> None:
    all_is_well()
    case = brought_to(state, site)

    looks_right(window, site, f"/staff/refunds/refundrequest/{case.pk}/change/", f"case-{state.replace(' ', '-')}")


def brought_to(state: str, site: Site) -> RefundRequest:
    case = case_of(in_store(site.store))
    if state == "declined":
        workflow.decline(case, by=approver(), version=case.version, decline_reason="other", words="It was worn.")
    elif state != "waiting":
        approved(case)
        if state in FAULTS:
            site.store.arm(FAULTS[state], on="refund.create")
        if state != "approved":
            payout.pay(case.pk)
        if state == "taken back":
            workflow.record_watch(case.attempts.get(), found={"finding": "gone"}, next_look_at=None, gone=True)
    return now_of(case)


def approved(case: RefundRequest) -> None:
    order = case.order_now.order
    workflow.approve(
        case,
        by=approver(),
        version=case.version,
        breakdown=money.price(order, {order.lines[0].id: 1}),
        api_refund=True,
        restock=False,
    )
