"""Logging in at the desk: who types wrong passwords waits, who has a second factor uses it, nobody stays for ever."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import LazySettings
from django.contrib.auth.models import User
from django.test import Client
from django_otp.oath import totp
from django_otp.plugins.otp_static.models import StaticToken
from django_otp.plugins.otp_totp.models import TOTPDevice

from refunds import second_factor, workflow
from refunds.models import RefundEvent
from tests.desk import Page
from tests.factories import UserFactory, agent

pytestmark = pytest.mark.django_db

LOG_IN = "/staff/login/"
CODE = "/staff/login/code/"
MY_FACTOR = "/staff/two-factor/"
LOG_INS = "/staff/log-ins/"
PASSWORD = "five-blue-lamps"
NOW = datetime(2026, 5, 4, 9, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _fast_passwords(settings: LazySettings) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def clock() -> Iterator[time_machine.Traveller]:
    with time_machine.travel(NOW, tick=False) as traveller:
        yield traveller


def staff(username: str = "mia", **fields: Any) -> User:
    user = UserFactory.create(username=username, **fields)
    user.set_password(PASSWORD)
    user.save()
    return user


def log_in(client: Client, username: str = "mia", password: str = PASSWORD, **headers: str) -> Any:
    return client.post(LOG_IN, {"username": username, "password": password, "next": "/staff/payouts/"}, **headers)


def is_in(client: Client) -> bool:
    return client.get("/staff/").status_code == 200


def app_of(user: User) -> TOTPDevice:
    """A person with an app, as if it had been set up."""
    device = second_factor.begin(user)
    workflow.confirm_app(device, by=user)
    return TOTPDevice.objects.get(pk=device.pk)


def code_of(device: TOTPDevice) -> str:
    return f"{totp(device.bin_key):06d}"


def wrong_code_of(device: TOTPDevice) -> str:
    return f"{(totp(device.bin_key) + 7) % 1_000_000:06d}"


# --- Wrong passwords -------------------------------------------------------------------------------------------------


def test_the_right_password_lets_in(client: Client) -> None:
    staff()

    answer = log_in(client)

    assert (answer.status_code, answer["Location"], is_in(client)) == (302, "/staff/payouts/", True)


def test_the_fifth_wrong_password_locks_and_says_until_when(client: Client, clock: time_machine.Traveller) -> None:
    staff()

    before = [log_in(client, password="wrong").status_code for _unused in range(4)]
    locked = log_in(client, password="wrong")
    clock.shift(timedelta(minutes=5))
    right = log_in(client)

    assert before == [200] * 4
    assert (locked.status_code, right.status_code, is_in(client)) == (429, 429, False)
    assert "You can try again at 09:15, in 15 min." in locked.content.decode()
    assert "You can try again at 09:15, in 10 min." in right.content.decode()
    assert Page(locked).blocked == []


def test_the_lock_ends_when_the_page_said(client: Client, clock: time_machine.Traveller) -> None:
    staff()
    for _unused in range(6):
        log_in(client, password="wrong")

    clock.shift(timedelta(minutes=15, seconds=1))

    assert (log_in(client).status_code, is_in(client)) == (302, True)


def test_trying_meanwhile_makes_the_lock_no_longer(client: Client, clock: time_machine.Traveller) -> None:
    staff()
    for _unused in range(5):
        log_in(client, password="wrong")
    clock.shift(timedelta(minutes=14))
    log_in(client, password="wrong")

    clock.shift(timedelta(minutes=1, seconds=1))

    assert log_in(client).status_code == 302


def test_a_name_that_does_not_exist_is_locked_in_the_same_words(client: Client) -> None:
    staff()

    there = [log_in(client, password="wrong").content for _unused in range(5)][-1]
    not_there = [log_in(client, "nobody", "wrong").content for _unused in range(5)][-1]

    assert there == not_there


def test_one_who_forgot_the_password_locks_no_colleague(client: Client) -> None:
    staff()
    staff("tom")
    for _unused in range(10):
        log_in(client, password="wrong")

    assert log_in(client, "tom").status_code == 302


def test_somebody_elsewhere_locks_nobody_out(client: Client) -> None:
    staff()
    for _unused in range(10):
        log_in(client, password="wrong", REMOTE_ADDR="203.0.113.9")

    assert log_in(client).status_code == 302


def test_an_address_that_tries_many_names_is_locked(client: Client, settings: LazySettings) -> None:
    settings.STAFF_LOCK_ADDRESS_AFTER = 12
    staff()
    for nth in range(12):
        log_in(client, f"name{nth}", "wrong", REMOTE_ADDR="203.0.113.9")

    there, elsewhere = log_in(client, REMOTE_ADDR="203.0.113.9"), log_in(client)

    assert (there.status_code, elsewhere.status_code) == (429, 302)
    assert "You can try again at 09:15, in 15 min." in there.content.decode()


def test_behind_a_proxy_the_visitors_address_counts(client: Client, settings: LazySettings) -> None:
    settings.TRUSTED_PROXY_HOPS = 1
    staff()
    for _unused in range(5):
        log_in(client, password="wrong", HTTP_X_FORWARDED_FOR="10.0.0.1, 203.0.113.9")

    forged = log_in(client, HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.9")
    another = log_in(client, HTTP_X_FORWARDED_FOR="203.0.113.9, 198.51.100.7")

    assert (forged.status_code, another.status_code) == (429, 302)


def test_all_of_an_ipv6_network_is_one_address(client: Client) -> None:
    staff()
    for nth in range(5):
        log_in(client, password="wrong", REMOTE_ADDR=f"2001:db8:1:2::{nth}")

    answers = [log_in(client, REMOTE_ADDR=address) for address in ("2001:db8:1:2:ff::1", "2001:db8:1:3::1")]

    assert [answer.status_code for answer in answers] == [429, 302]


def test_the_right_password_forgets_the_wrong_ones(client: Client) -> None:
    staff()
    for _unused in range(3):
        for _again in range(4):
            log_in(client, password="wrong")
        assert log_in(client).status_code == 302


@pytest.mark.parametrize("name", ["x" * 151, "x" * 100_000, "mia\0", "‮mia", " ", "<script>"])
@pytest.mark.parametrize("address", ["127.0.0.1", "", "nonsense"])
def test_no_name_and_no_address_breaks_the_page(client: Client, name: str, address: str) -> None:
    assert log_in(client, name, "wrong", REMOTE_ADDR=address).status_code == 200


# --- The second factor: setting it up --------------------------------------------------------------------------------


def test_an_app_is_set_up_with_its_first_code(client: Client) -> None:
    mia = staff()
    log_in(client)

    offered = Page(client.get(MY_FACTOR))
    device = TOTPDevice.objects.get()
    answer = client.post(MY_FACTOR, {"act": "confirm", "code": code_of(device)})

    shown = Page(answer)
    device.refresh_from_db()
    assert second_factor.key_text(device) in offered.html
    assert (offered.blocked, shown.blocked) == ([], [])
    assert (device.user, device.confirmed) == (mia, True)
    assert len(re.findall(r"<code>[2-9a-z]{5}-[2-9a-z]{5}</code>", shown.html)) == 10
    assert "no-store" in answer["Cache-Control"]
    assert RefundEvent.objects.get().kind == "second_factor_on"
    assert is_in(client)


def test_the_picture_is_an_image_without_any_script(client: Client) -> None:
    staff()
    log_in(client)
    client.get(MY_FACTOR)

    answer = client.get(f"{MY_FACTOR}qr.svg")

    root = ElementTree.fromstring(answer.content)  # noqa: S314 - our own
    assert (answer["Content-Type"], root.tag) == ("image/svg+xml", "{http://www.w3.org/2000/svg}svg")
    assert {element.tag.rpartition("}")[2] for element in root.iter()} <= {"svg", "path"}
    assert "no-store" in answer["Cache-Control"]


def test_a_wrong_code_sets_up_nothing(client: Client) -> None:
    mia = staff()
    log_in(client)
    client.get(MY_FACTOR)
    device = TOTPDevice.objects.get()

    answer = client.post(MY_FACTOR, {"act": "confirm", "code": wrong_code_of(device)})

    assert answer.status_code == 422
    assert "This code is not right." in answer.content.decode()
    assert second_factor.app_of(mia) is None


def test_a_key_is_good_for_a_quarter_of_an_hour(client: Client, clock: time_machine.Traveller) -> None:
    mia = staff()
    log_in(client)
    client.get(MY_FACTOR)
    device = TOTPDevice.objects.get()

    clock.shift(timedelta(minutes=16))
    client.post(MY_FACTOR, {"act": "confirm", "code": code_of(device)})

    assert second_factor.app_of(mia) is None


def test_nobody_confirms_the_app_of_another(client: Client) -> None:
    tom = staff("tom")
    device = second_factor.begin(tom)
    staff()
    log_in(client)

    client.post(MY_FACTOR, {"act": "confirm", "code": code_of(device)})

    assert TOTPDevice.objects.get().confirmed is False


# --- The second factor: using it -------------------------------------------------------------------------------------


def test_password_and_code_let_in(client: Client) -> None:
    device = app_of(staff())

    first = log_in(client)
    half_way = is_in(client)
    second = client.post(CODE, {"code": code_of(device), "next": "/staff/payouts/"})

    assert (first["Location"], half_way) == (f"{CODE}?next=%2Fstaff%2Fpayouts%2F", False)
    assert (second["Location"], is_in(client)) == ("/staff/payouts/", True)


def test_the_code_page_keeps_where_somebody_wanted_to_go(client: Client) -> None:
    app_of(staff())

    page = Page(client.get(log_in(client)["Location"]))

    assert (page.blocked, page.form_with_id("code-form")["next"]) == ([], "/staff/payouts/")


def test_the_way_on_stays_on_this_site(client: Client) -> None:
    device = app_of(staff())
    log_in(client)

    answer = client.post(CODE, {"code": code_of(device), "next": "https://evil.example/"})

    assert answer["Location"] == "/staff/"


def test_half_way_is_no_way_in(client: Client) -> None:
    app_of(staff())
    log_in(client)

    answers = {door: client.get(door).status_code for door in ("/staff/", MY_FACTOR, f"{MY_FACTOR}qr.svg", LOG_INS)}

    assert answers == dict.fromkeys(answers, 302)
    assert AccessLog.objects.count() == 0


def test_without_the_password_there_is_no_code_page(client: Client) -> None:
    device = app_of(staff())

    answer = client.post(CODE, {"code": code_of(device)})

    assert (answer["Location"], is_in(client)) == (LOG_IN, False)


def test_the_code_is_due_within_five_minutes(client: Client, clock: time_machine.Traveller) -> None:
    device = app_of(staff())
    log_in(client)

    clock.shift(timedelta(minutes=6))
    answer = client.post(CODE, {"code": code_of(device)})

    assert (answer["Location"], is_in(client)) == (LOG_IN, False)


def test_a_password_changed_meanwhile_ends_the_half_way(client: Client) -> None:
    mia = staff()
    device = app_of(mia)
    log_in(client)
    mia.set_password("another-one")
    mia.save()

    client.post(CODE, {"code": code_of(device)})

    assert not is_in(client)


def test_a_code_counts_once(client: Client) -> None:
    device = app_of(staff())
    code = code_of(device)
    log_in(client)
    client.post(CODE, {"code": code})
    other = Client()
    log_in(other)

    again = other.post(CODE, {"code": code})

    assert (again.status_code, is_in(other)) == (422, False)


def test_after_a_wrong_code_the_next_one_waits(client: Client, clock: time_machine.Traveller) -> None:
    device = app_of(staff())
    log_in(client)

    wrong = client.post(CODE, {"code": wrong_code_of(device)})
    too_soon = client.post(CODE, {"code": code_of(device)})
    clock.shift(timedelta(seconds=2))
    right = client.post(CODE, {"code": code_of(device)})

    assert (wrong.status_code, too_soon.status_code, right.status_code) == (422, 422, 302)
    assert "Too many wrong codes. Try again in 2 s." in too_soon.content.decode()


def test_wrong_codes_lock_as_wrong_passwords_do(client: Client, clock: time_machine.Traveller) -> None:
    device = app_of(staff())
    log_in(client)

    answers = []
    for _unused in range(5):
        answers.append(client.post(CODE, {"code": wrong_code_of(device)}).status_code)
        clock.shift(timedelta(seconds=40))
    locked = client.post(CODE, {"code": code_of(device)})

    assert answers == [422] * 4 + [429]
    assert locked.status_code == 429
    assert "You can try again at" in locked.content.decode()
    assert not is_in(client)


def test_a_recovery_code_lets_in_once(client: Client) -> None:
    mia = staff()
    codes = workflow.confirm_app(second_factor.begin(mia), by=mia)
    log_in(client)
    answer = Page(client.post(CODE, {"code": f" {codes[3].upper().replace('-', ' ')} "}, follow=True))
    other = Client()
    log_in(other)

    again = other.post(CODE, {"code": codes[3]})

    assert "You have 9 recovery codes left." in answer.html
    assert (is_in(client), again.status_code, is_in(other)) == (True, 422, False)


def test_recovery_codes_cannot_be_read_in_the_database() -> None:
    mia = staff()

    codes = workflow.confirm_app(second_factor.begin(mia), by=mia)

    kept = set(StaticToken.objects.values_list("token", flat=True))
    assert len(kept) == len(set(codes)) == 10
    assert kept & ({*codes} | {code.replace("-", "") for code in codes}) == set()


def test_the_recovery_code_of_another_lets_nobody_in(client: Client) -> None:
    mia, tom = staff(), staff("tom")
    workflow.confirm_app(second_factor.begin(mia), by=mia)
    codes = workflow.confirm_app(second_factor.begin(tom), by=tom)
    log_in(client)

    client.post(CODE, {"code": codes[0]})

    assert not is_in(client)


# --- The second factor: changing it ----------------------------------------------------------------------------------


@pytest.fixture
def inside(client: Client) -> User:
    """Mia, logged in with password and code."""
    mia = staff()
    log_in(client)
    client.get(MY_FACTOR)
    client.post(MY_FACTOR, {"act": "confirm", "code": code_of(TOTPDevice.objects.get())})
    return mia


@pytest.mark.parametrize("act", ["replace", "codes", "off"])
def test_changing_it_takes_the_password(client: Client, inside: User, act: str) -> None:
    before = list(StaticToken.objects.values_list("token", flat=True))

    answer = client.post(MY_FACTOR, {"act": act, "password": "wrong"})

    assert answer.status_code == 422
    assert "This is not your password." in answer.content.decode()
    assert TOTPDevice.objects.filter(user=inside, confirmed=True).count() == TOTPDevice.objects.count() == 1
    assert list(StaticToken.objects.values_list("token", flat=True)) == before


def test_guessing_the_password_there_locks_as_at_the_log_in(client: Client, inside: User) -> None:
    answers = [client.post(MY_FACTOR, {"act": "off", "password": "wrong"}).status_code for _unused in range(5)]
    right = client.post(MY_FACTOR, {"act": "off", "password": PASSWORD})

    assert answers == [422] * 4 + [429]
    assert right.status_code == 429
    assert second_factor.app_of(inside) is not None


def test_it_is_turned_off(client: Client, inside: User) -> None:
    client.post(MY_FACTOR, {"act": "off", "password": PASSWORD})

    assert second_factor.app_of(inside) is None
    assert StaticToken.objects.count() == 0
    assert RefundEvent.objects.latest("pk").kind == "second_factor_off"
    assert log_in(Client())["Location"] == "/staff/payouts/"


def test_an_app_is_replaced_when_the_new_one_is_confirmed(client: Client, inside: User) -> None:
    old = second_factor.app_of(inside)
    client.post(MY_FACTOR, {"act": "replace", "password": PASSWORD})
    meanwhile = second_factor.app_of(inside)
    new = second_factor.new_app_of(inside)
    assert new is not None
    before = set(StaticToken.objects.values_list("token", flat=True))

    client.post(MY_FACTOR, {"act": "confirm", "code": code_of(new)})

    assert meanwhile == old
    assert [device.pk for device in TOTPDevice.objects.all()] == [new.pk]
    assert before & set(StaticToken.objects.values_list("token", flat=True)) == set()
    assert is_in(client)


def test_replacing_can_be_left(client: Client, inside: User) -> None:
    client.post(MY_FACTOR, {"act": "replace", "password": PASSWORD})

    client.post(MY_FACTOR, {"act": "cancel"})

    assert second_factor.new_app_of(inside) is None
    assert second_factor.app_of(inside) is not None


def test_new_recovery_codes_make_the_old_ones_useless(client: Client, inside: User) -> None:
    old = workflow.renew_recovery_codes(by=inside)

    page = Page(client.post(MY_FACTOR, {"act": "codes", "password": PASSWORD}))

    new = re.findall(r"<code>([2-9a-z]{5}-[2-9a-z]{5})</code>", page.html)
    assert len(new) == 10
    assert second_factor.check(inside, old[0]).device is None
    assert StaticToken.objects.count() == 10


# --- Where everybody needs one ---------------------------------------------------------------------------------------


@pytest.fixture
def required(settings: LazySettings) -> None:
    settings.STAFF_TWO_FACTOR = "required"


@pytest.mark.usefixtures("required")
def test_who_has_none_is_led_to_set_it_up_and_reaches_nothing_else(client: Client) -> None:
    staff(is_superuser=True)
    log_in(client)

    led_to = client.get("/staff/refunds/refundrequest/", follow=True)
    answers = {
        door: client.get(f"/staff/{door}").status_code
        for door in ("", "payouts/", "shop-check/", "refunds/mail/", "auth/user/", "log-ins/", "password_change/")
    }

    assert led_to.request["PATH_INFO"] == MY_FACTOR
    assert "Everybody needs a second factor here." in led_to.content.decode()
    assert "desk-nav" not in led_to.content.decode()
    assert answers == dict.fromkeys(answers, 302)


@pytest.mark.usefixtures("required")
def test_who_sets_it_up_is_in(client: Client) -> None:
    staff()
    log_in(client)
    client.get(MY_FACTOR)

    client.post(MY_FACTOR, {"act": "confirm", "code": code_of(TOTPDevice.objects.get())})

    assert is_in(client)


@pytest.mark.usefixtures("required")
def test_who_was_logged_in_before_it_was_required_owes_the_code(client: Client) -> None:
    mia = agent()
    device = app_of(mia)
    client.force_login(mia)

    led_to = client.get("/staff/refunds/refundrequest/", follow=True)
    set_up = client.get(MY_FACTOR)
    client.post(CODE, {"code": code_of(device)})

    assert led_to.request["PATH_INFO"] == CODE
    assert set_up["Location"] == CODE
    assert is_in(client)


@pytest.mark.usefixtures("required")
def test_it_cannot_be_turned_off_where_it_is_required(client: Client, inside: User) -> None:
    page = Page(client.get(MY_FACTOR))
    answer = client.post(MY_FACTOR, {"act": "off", "password": PASSWORD})

    assert 'value="off"' not in page.html
    assert answer.status_code == 403
    assert second_factor.app_of(inside) is not None


@pytest.mark.usefixtures("required")
def test_who_has_to_set_it_up_can_leave(client: Client) -> None:
    staff()
    log_in(client)

    client.post("/staff/logout/")

    assert client.get(MY_FACTOR)["Location"] == f"{LOG_IN}?next={MY_FACTOR}"


# --- A colleague who has lost it -------------------------------------------------------------------------------------


def test_a_superuser_resets_it_and_it_is_in_the_ledger(client: Client) -> None:
    mia, root = staff(), UserFactory.create(is_superuser=True)
    app_of(mia)
    client.force_login(root)

    link = f"/staff/auth/user/{mia.pk}/second-factor/"
    offered = link in client.get(f"/staff/auth/user/{mia.pk}/change/").content.decode()
    asked = Page(client.get(link))
    still_there = second_factor.app_of(mia) is not None
    client.post(link)

    event = RefundEvent.objects.latest("pk")
    assert (offered, asked.blocked, still_there, second_factor.app_of(mia)) == (True, [], True, None)
    assert (event.kind, event.by, event.data, event.address) == (
        "second_factor_reset", root, {"of": mia.pk}, "127.0.0.1",
    )  # fmt: skip


def test_nobody_else_resets_it(client: Client) -> None:
    mia = staff()
    app_of(mia)
    client.force_login(agent())

    answer = client.post(f"/staff/auth/user/{mia.pk}/second-factor/")

    with pytest.raises(workflow.NotAllowed):
        workflow.reset_second_factor(mia, by=agent())
    assert (answer.status_code, second_factor.app_of(mia) is not None) == (403, True)


# --- How long somebody stays -----------------------------------------------------------------------------------------


def test_who_does_nothing_for_two_hours_is_logged_out(client: Client, clock: time_machine.Traveller) -> None:
    staff()
    log_in(client)
    is_in(client)

    clock.shift(timedelta(minutes=119))
    after_119 = is_in(client)
    clock.shift(timedelta(minutes=120))
    answer = client.get("/staff/payouts/", follow=True)

    assert after_119
    assert answer.request["PATH_INFO"] == LOG_IN
    assert "You were logged out because some time has passed." in answer.content.decode()


def test_nobody_stays_longer_than_twelve_hours(client: Client, clock: time_machine.Traveller) -> None:
    staff()
    log_in(client)

    seen = []
    for _unused in range(13):
        seen.append(is_in(client))
        clock.shift(timedelta(minutes=60))

    assert seen == [True] * 12 + [False]


def test_the_times_are_settings(client: Client, clock: time_machine.Traveller, settings: LazySettings) -> None:
    settings.STAFF_IDLE_MINUTES = 10
    staff()
    log_in(client)
    is_in(client)

    clock.shift(timedelta(minutes=10))

    assert not is_in(client)


# --- Who logged in when ----------------------------------------------------------------------------------------------


def test_log_ins_show_who_when_from_where_and_how_it_went(client: Client, clock: time_machine.Traveller) -> None:
    device = app_of(staff("tom"))
    staff()
    log_in(client, password="wrong", REMOTE_ADDR="203.0.113.9")
    clock.shift(timedelta(minutes=1))
    log_in(client)
    clock.shift(timedelta(minutes=1))
    other = Client()
    log_in(other, "tom")
    other.post(CODE, {"code": wrong_code_of(device)})
    clock.shift(timedelta(minutes=1))
    client.force_login(UserFactory.create(username="root", is_superuser=True))

    page = Page(client.get(LOG_INS))

    assert page.blocked == []
    assert [(row.who, row.moment.clock, row.address, row.result) for row in page.context["rows"]] == [
        ("root", "09:03", "", "Logged in"),
        ("tom", "09:02", "127.0.0.1", "Wrong code"),
        ("mia", "09:01", "127.0.0.1", "Logged in"),
        ("mia", "09:00", "203.0.113.9", "Wrong name or password"),
    ]


def test_a_lock_is_shown_among_the_log_ins(client: Client) -> None:
    for _unused in range(7):
        log_in(client, password="wrong")
    client.force_login(UserFactory.create(is_superuser=True))

    rows = client.get(LOG_INS, {"q": "mia"}).context["rows"]

    assert [row.result for row in rows] == ["Wrong name or password; locked"] + ["Wrong name or password"] * 4


@pytest.mark.parametrize(
    ("term", "found"), [("mia", 1), ("203.0.113.9", 1), ("1.2", 0), ("'", 0), ("\0", 2), ("::", 0)]
)
def test_log_ins_are_found_by_name_or_address(client: Client, term: str, found: int) -> None:
    log_in(client, "mia", "wrong", REMOTE_ADDR="203.0.113.9")
    client.force_login(UserFactory.create(username="root", is_superuser=True))

    assert len(client.get(LOG_INS, {"q": term}).context["rows"]) == found


def test_log_ins_are_not_for_everybody(client: Client) -> None:
    client.force_login(agent())

    assert client.get(LOG_INS).status_code == 403


def test_the_first_page_tells_the_last_log_in(client: Client, clock: time_machine.Traveller) -> None:
    staff()
    log_in(client, REMOTE_ADDR="203.0.113.9")
    first = client.get("/staff/").content.decode()
    clock.shift(timedelta(hours=1))
    other = Client()
    log_in(other)

    second = other.get("/staff/").content.decode()

    assert "Your last log-in" not in first
    assert "Your last log-in: 4 May 2026, 09:00:00, from 203.0.113.9." in second


def test_what_is_kept_of_a_log_in_has_no_password(client: Client) -> None:
    log_in(client, password="my-secret-word")

    kept = [str(vars(row)) for model in (AccessAttempt, AccessFailureLog, AccessLog) for row in model.objects.all()]
    assert "my-secret-word" not in str(kept)
