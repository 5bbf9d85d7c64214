"""The desk as somebody new sees it: from log-in to a decision, by keyboard alone too, and nothing for axe to find."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from django_otp.oath import totp
from django_otp.plugins.otp_totp.models import TOTPDevice
from playwright.sync_api import expect

from refunds import money, payout, second_factor, workflow
from refunds.models import Mail, PayoutAttempt, RefundRequest, Shop
from refunds.states import Status
from tests.desk import all_is_well, case_of, in_store, now_of
from tests.factories import UserFactory, agent, approver
from tests.test_admin_mails import a_mail

from .site import Site
from .test_way import tab_to
from .window import Window

PASSWORD = "five-blue-lamps"
QUEUE = "/staff/refunds/refundrequest/"
WIDTHS = (1280, 820)
Windows = Callable[..., Window]


def with_password(user: User) -> User:
    user.set_password(PASSWORD)
    user.save()
    return user


def a_desk(window: Windows, user: User, width: int = 1280) -> Window:
    one = window(width=width)
    one.log_in(user)
    return one


def type_in(window: Window, element: str, words: str) -> None:
    tab_to(window, element)
    window.page.keyboard.type(words)


# --- The work --------------------------------------------------------------------------------------------------------


def test_from_log_in_to_a_lowered_approval_by_keyboard_alone(site: Site, window: Windows) -> None:
    case = case_of(in_store(site.store))
    mia = with_password(approver())
    desk = window()
    keys = desk.page.keyboard

    desk.open(QUEUE)
    keys.type(mia.username)
    type_in(desk, "#id_password", PASSWORD)
    keys.press("Enter")
    expect(desk.page.locator("#result_list")).to_be_visible()
    tab_to(desk, "#result_list a.reference")
    keys.press("Enter")
    expect(desk.page.locator("#approve")).to_be_visible()
    type_in(desk, "#approve input[name=amount]", "20.00")
    type_in(desk, "#approve textarea[name=words]", "One sleeve was worn.")
    expect(desk.page.locator(".bar")).to_contain_text("20.00")
    tab_to(desk, ".bar button[form=approve]")
    keys.press("Enter")
    expect(desk.page.locator(".messagelist")).to_contain_text("Approved: EUR")
    site.work()

    case = now_of(case)
    assert (case.status, case.approved_amount, case.decided_by) == (Status.REFUNDED, Decimal("20.00"), mia)
    assert case.amount_words == "One sleeve was worn."


def test_a_decision_on_an_old_page_is_refused_and_says_what_happened(site: Site, window: Windows) -> None:
    case = case_of(in_store(site.store))
    workflow.note(case, by=agent(), text="Called twice.")
    first, second = a_desk(window, approver()), a_desk(window, approver())
    for desk in (first, second):
        desk.open(f"{QUEUE}{case.pk}/change/")

    first.page.locator("#decline [name=decline_reason]").select_option(index=1)
    first.page.locator("#decline textarea[name=words]").fill("It was worn.")
    first.button("Decline this request").click()
    expect(first.page.locator(".messagelist")).to_contain_text("Declined.")
    second.page.locator(".bar button[form=approve]").click()

    expect(second.page.locator("#problem")).to_contain_text("Somebody else has changed this in the meantime.")
    expect(second.page.locator("#problem")).to_contain_text("Declined")
    assert second.page.evaluate("document.activeElement.id") == "problem"
    assert now_of(case).status == Status.DECLINED
    second.look("staff-stale")


def test_two_people_settle_a_doubt(site: Site, window: Windows) -> None:
    case = a_doubt_above_the_limit(site)
    for nth, person in enumerate((approver(), approver())):
        desk = a_desk(window, person)
        desk.open(f"{QUEUE}{case.pk}/change/")
        if nth == 0:
            desk.look("staff-doubt")
        paid = desk.page.locator("form[action$='/settle_paid/']")
        paid.locator("[name=reference]").fill("ch_4711")
        paid.locator("button[type=submit]").click()
        words = "a second person has to say the same." if nth == 0 else "Recorded as paid."
        expect(desk.page.locator(".messagelist")).to_contain_text(words)

    case = now_of(case)
    assert case.status == Status.REFUNDED
    assert case.attempts.get().settled_reference == "ch_4711"


def a_doubt_above_the_limit(site: Site) -> RefundRequest:
    """Approved by two, sent two hours ago; the answer was lost, and the store shows nothing."""
    Shop.objects.update(second_approval_above=Decimal("10"))
    case = case_of(in_store(site.store))
    for _unused in range(2):
        user = UserFactory.create(is_superuser=True)
        breakdown = money.price(case.order_now.order, {case.order_now.order.lines[0].id: 1})
        workflow.approve(case, by=user, version=case.version, breakdown=breakdown, api_refund=True, restock=False)
        case = now_of(case)
    site.store.arm("closed-before", on="refund.create")
    payout.pay(case.pk)
    PayoutAttempt.objects.update(sent_at=timezone.now() - timedelta(hours=2))
    assert now_of(case).status == Status.CHECK_NEEDED
    return now_of(case)


# --- The second factor -----------------------------------------------------------------------------------------------


def test_a_second_factor_is_set_up_and_asked_for(site: Site, window: Windows) -> None:
    mia = with_password(agent())
    desk = a_desk(window, mia)

    desk.open("/staff/two-factor/")
    expect(desk.page.locator("img.qr")).to_be_visible()
    assert desk.page.evaluate("document.querySelector('img.qr').naturalWidth") > 0
    desk.look("staff-second-factor")
    device = TOTPDevice.objects.get()
    desk.page.locator("[name=code]").fill(f"{totp(device.bin_key):06d}")
    desk.button("Confirm").click()
    expect(desk.page.locator(".codes li")).to_have_count(10)
    desk.look("staff-recovery-codes")
    code = desk.page.locator(".codes li").first.inner_text()

    other = window()
    other.open("/staff/")
    other.page.locator("[name=username]").fill(mia.username)
    other.page.locator("[name=password]").fill(PASSWORD)
    other.page.keyboard.press("Enter")
    expect(other.page.locator("#id_code")).to_be_focused()
    other.look("staff-code")
    other.page.keyboard.type(code)
    other.page.keyboard.press("Enter")
    expect(other.page.locator(".messagelist")).to_contain_text("You have 9 recovery codes left.")
    assert second_factor.recovery_codes_left(mia) == 9


# --- How it looks ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", WIDTHS)
def test_lists_and_pages_have_nothing_for_axe(site: Site, window: Windows, width: int) -> None:
    case = case_of(in_store(site.store))
    Shop.objects.update(second_approval_above=Decimal("10"))
    letter = a_mail(state=Mail.State.FAILED, refund_request=case, last_error="No such user")
    all_is_well()
    desk = a_desk(window, UserFactory.create(is_superuser=True), width)

    for name, path in {
        "front": "/staff/",
        "queue": QUEUE,
        "case": f"{QUEUE}{case.pk}/change/",
        "mails": "/staff/refunds/mail/",
        "mail": f"/staff/refunds/mail/{letter.pk}/change/",
        "payouts": "/staff/payouts/",
        "shop-check": "/staff/shop-check/",
        "log-ins": "/staff/log-ins/",
    }.items():
        desk.open(path)
        desk.look(f"staff-{name}")


@pytest.mark.parametrize("width", WIDTHS)
def test_the_log_in_and_its_lock_have_nothing_for_axe(site: Site, window: Windows, width: int) -> None:
    desk = window(width=width)

    desk.open("/staff/")
    desk.look("staff-log-in")
    for _unused in range(5):
        desk.page.locator("[name=username]").fill("mia")
        desk.page.locator("[name=password]").fill("wrong")
        desk.page.keyboard.press("Enter")
        desk.page.wait_for_load_state()

    expect(desk.page.locator("#content")).to_contain_text("You can try again at")
    desk.look("staff-locked")


def test_arrows_go_from_row_to_row(site: Site, window: Windows) -> None:
    order = in_store(site.store)
    case_of(order)
    line = order.lines[1]
    case_of(order, chosen={line.id: 1}, lines={line.id: 1})
    desk = a_desk(window, agent())
    desk.open(QUEUE)
    links = desk.page.locator("#result_list a.reference")

    links.first.focus()
    desk.page.keyboard.press("ArrowDown")
    expect(links.nth(1)).to_be_focused()
    desk.page.keyboard.press("ArrowUp")
    expect(links.first).to_be_focused()
    desk.page.keyboard.press("End")
    desk.page.keyboard.press("Enter")

    expect(desk.page.locator(".case-head")).to_be_visible()
