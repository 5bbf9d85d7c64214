"""The doors of the desk: who comes in where, what nobody may do, and that every page lives under the strict policy."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, User
from django.test import Client
from django.urls import NoReverseMatch, reverse

from portal.sandbox.store import SandboxStore
from refunds import workflow
from refunds.admin import offers, show
from refunds.admin.decisions import DECISIONS
from refunds.admin.doubts import TONES as ATTEMPT_TONES
from refunds.admin.timeline import KINDS
from refunds.models import LookUp, Mail, PayoutAttempt, RefundEvent, RefundRequest, Shop, StoreHealth
from refunds.states import VERBS, AttemptStatus, Status
from tests.desk import Page, case_of, in_store
from tests.factories import UserFactory, agent, approver
from tests.test_admin_mails import a_mail

pytestmark = pytest.mark.django_db

PAYOUTS = "/staff/payouts/"


def superuser() -> User:
    return UserFactory.create(is_superuser=True)


# --- Who comes in ----------------------------------------------------------------------------------------------------


def test_strangers_are_asked_to_log_in(client: Client) -> None:
    for door in ("", "payouts/", "refunds/refundrequest/", "refunds/refundrequest/1/change/", "refunds/mail/"):
        answer = client.get(f"/staff/{door}")
        assert (answer.status_code, answer.headers.get("Location")) == (302, f"/staff/login/?next=/staff/{door}")


def test_who_is_not_staff_is_asked_to_log_in(client: Client) -> None:
    client.force_login(UserFactory.create(is_staff=False))

    assert client.get("/staff/refunds/refundrequest/").status_code == 302


def doors(case: RefundRequest, mail: Mail) -> dict[str, str]:
    return {
        "front": "/staff/",
        "queue": "/staff/refunds/refundrequest/",
        "case": f"/staff/refunds/refundrequest/{case.pk}/change/",
        "mails": "/staff/refunds/mail/",
        "mail": f"/staff/refunds/mail/{mail.pk}/change/",
        "payouts": PAYOUTS,
        "shop": "/staff/refunds/shop/1/change/",
        "reasons": "/staff/refunds/reasonrule/",
        "users": "/staff/auth/user/",
        "new user": "/staff/auth/user/add/",
        "groups": "/staff/auth/group/",
    }


@pytest.mark.parametrize(
    ("role", "open_doors"),
    [
        ("nobody", {"front"}),
        ("agent", {"front", "queue", "case", "mails", "mail", "payouts"}),
        ("approver", {"front", "queue", "case", "mails", "mail", "payouts"}),
        (
            "superuser",
            {"front", "queue", "case", "mails", "mail", "payouts", "shop", "reasons", "users", "new user", "groups"},
        ),
    ],
)
def test_who_comes_in_where(client: Client, sandbox: SandboxStore, role: str, open_doors: set[str]) -> None:
    users = {"nobody": UserFactory.create, "agent": agent, "approver": approver, "superuser": superuser}
    client.force_login(users[role]())
    Shop.current()
    all_doors = doors(case_of(in_store(sandbox)), a_mail())

    answers = {name: client.get(door).status_code for name, door in all_doors.items()}

    assert answers == {name: 200 if name in open_doors else 403 for name in all_doors}


# --- What nobody may do ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", ["refundrequest", "mail"])
@pytest.mark.parametrize("door", ["add/", "{pk}/delete/"])
def test_money_records_are_neither_added_nor_deleted(
    client: Client, sandbox: SandboxStore, model: str, door: str
) -> None:
    client.force_login(superuser())
    pk = case_of(in_store(sandbox)).pk if model == "refundrequest" else a_mail().pk
    url = f"/staff/refunds/{model}/{door.format(pk=pk)}"

    answers = [client.get(url).status_code, client.post(url, {"post": "yes"}).status_code]

    assert answers == [403, 403]


def test_no_bulk_action_reaches_a_case(client: Client, sandbox: SandboxStore) -> None:
    client.force_login(superuser())
    case = case_of(in_store(sandbox))

    client.post(
        "/staff/refunds/refundrequest/", {"action": "delete_selected", "_selected_action": [case.pk], "post": "yes"}
    )

    assert RefundRequest.objects.filter(pk=case.pk).exists()


def test_a_post_to_a_case_changes_nothing(client: Client, sandbox: SandboxStore) -> None:
    client.force_login(superuser())
    case = case_of(in_store(sandbox))

    answer = client.post(f"/staff/refunds/refundrequest/{case.pk}/change/", {"status": "refunded", "note": "x"})

    assert answer.status_code == 405
    assert RefundRequest.objects.get(pk=case.pk).status == Status.SUBMITTED


def test_what_is_registered() -> None:
    registered = {model.__name__ for model in admin.site._registry}

    assert registered == {"RefundRequest", "Mail", "Shop", "ReasonRule", "SavedReply", "User", "Group"}


@pytest.mark.parametrize("model", [PayoutAttempt, RefundEvent, LookUp, StoreHealth])
def test_payouts_ledger_and_look_ups_have_no_form(client: Client, model: Any) -> None:
    client.force_login(superuser())

    with pytest.raises(NoReverseMatch):
        reverse(f"admin:refunds_{model._meta.model_name}_changelist")
    assert client.get(f"/staff/refunds/{model._meta.model_name}/").status_code == 404


# --- The policy ------------------------------------------------------------------------------------------------------


def test_every_page_lives_under_the_strict_policy(client: Client, sandbox: SandboxStore) -> None:
    client.force_login(superuser())
    Shop.current()
    Group.objects.create(name="More")
    pages = doors(case_of(in_store(sandbox)), a_mail()) | {
        "password": "/staff/password_change/",
        "user": f"/staff/auth/user/{User.objects.get().pk}/change/",
        "delete": f"/staff/auth/group/{Group.objects.latest('pk').pk}/delete/",
        "history": f"/staff/auth/group/{Group.objects.latest('pk').pk}/history/",
    }

    for name, door in pages.items():
        answer = client.get(door)
        assert (name, Page(answer).blocked) == (name, [])
        assert "default-src 'self'" in answer["Content-Security-Policy"]
        assert "unsafe" not in answer["Content-Security-Policy"]


def test_the_log_in_page_lives_under_the_strict_policy(client: Client) -> None:
    page = Page(client.get("/staff/login/"))

    assert (page.status, page.blocked) == (200, [])


# --- Staff ---------------------------------------------------------------------------------------------------------


def test_a_superuser_adds_staff_to_a_group(client: Client) -> None:
    client.force_login(superuser())
    password = {"password1": "five-blue-lamps", "password2": "five-blue-lamps", "usable_password": "true"}

    client.post("/staff/auth/user/add/", {"username": "mia", **password})
    mia = User.objects.get(username="mia")
    group = Group.objects.get(name="Refund agents")
    joined = {"date_joined_0": "2026-05-03", "date_joined_1": "14:05:00"}
    client.post(
        f"/staff/auth/user/{mia.pk}/change/",
        {"username": "mia", "is_active": "on", "is_staff": "on", "groups": [group.pk], **joined},
    )

    assert User.objects.get(username="mia").has_perm("refunds.view_refundrequest")


# --- The stop switch -------------------------------------------------------------------------------------------------


def test_payouts_are_paused_and_resumed(client: Client) -> None:
    by = approver()
    client.force_login(by)

    paused = Page(client.post(PAYOUTS, {"turn": "pause", "reason": "Bank holiday"}, follow=True))
    health = StoreHealth.current()
    resumed = Page(client.post(PAYOUTS, {"turn": "resume", "sure": "on"}, follow=True))

    assert "Payouts are paused. What is on its way already is not stopped." in paused.html
    assert (health.paused_by, health.pause_reason) == (by, "Bank holiday")
    assert "Payouts go on." in resumed.html
    assert StoreHealth.current().payouts_paused_at is None
    assert [(entry.what, entry.who) for entry in resumed.context["timeline"]] == [
        ("Resumed payouts", by.username),
        ("Paused all payouts", by.username),
    ]


def test_pausing_says_why(client: Client) -> None:
    client.force_login(approver())

    page = Page(client.post(PAYOUTS, {"turn": "pause", "reason": " "}))

    assert page.status == 422
    assert StoreHealth.current().payouts_paused_at is None


def test_resuming_is_confirmed(client: Client) -> None:
    by = approver()
    client.force_login(by)
    workflow.pause(by=by, reason="Moved")

    page = Page(client.post(PAYOUTS, {"turn": "resume"}))

    assert page.status == 422
    assert StoreHealth.current().payouts_paused_at is not None


def test_agents_see_the_switch_and_do_not_turn_it(client: Client) -> None:
    client.force_login(agent())

    page = Page(client.get(PAYOUTS))
    answer = client.post(PAYOUTS, {"turn": "pause", "reason": "Lunch"})

    assert "You do not have the permission to pause or resume payouts." in page.html
    assert answer.status_code == 403
    assert StoreHealth.current().payouts_paused_at is None


# --- Tables that must be complete ------------------------------------------------------------------------------------


def test_every_state_has_its_tone() -> None:
    assert set(show.TONES) == set(Status)
    assert set(ATTEMPT_TONES) == set(AttemptStatus)


def test_every_decision_has_its_permission_and_its_door() -> None:
    offered = {name for names in offers.BY_STATUS.values() for name in names} | set(offers.AFTER_GATEWAY_REFUSAL)

    assert set(DECISIONS) == set(offers.PERMISSIONS) == offered | {"assign", "write", "note", "propose", "correct"}
    for name in DECISIONS:
        assert reverse(f"admin:refunds_refundrequest_{name}", args=[1]).endswith(f"/1/{name}/")


def test_every_kind_of_event_has_its_sentence() -> None:
    assert {*kinds_written(), *VERBS} - set(KINDS) == set()


def kinds_written() -> Iterator[str]:
    """The kinds that `workflow` gives to `log` and `move`, itself or through its own helpers."""
    place = {"log": 0, "move": 1, "succeed": 2, "_fail": 2}
    for path in Path(workflow.__file__).parent.glob("*.py"):
        for call in ast.walk(ast.parse(path.read_text())):
            if isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id in place:
                kind = call.args[place[call.func.id]]
                words = [kind.body, kind.orelse] if isinstance(kind, ast.IfExp) else [kind]
                yield from (word.value for word in words if isinstance(word, ast.Constant))
