"""Who may do what, through every door: one table of all addresses under /staff/, one of all verbs, one of all actions.

A new address, verb or action that no table knows fails here. Doors to customers are tested where they are made.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from functools import cached_property
from typing import Any

import pytest
from django.conf import LazySettings
from django.contrib import admin
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.http import HttpResponse
from django.test import Client, RequestFactory
from django.urls import URLResolver, get_resolver

from portal.sandbox.store import SandboxStore
from refunds import money, orders, workflow
from refunds.admin.offers import PERMISSIONS
from refunds.models import Bulk, DeclineReason, Mail, Message, Photo, Reason, ReasonRule, RefundEvent, SavedReply, Shop
from tests.desk import case_of, in_store, now_of, open_case
from tests.factories import LookUpFactory, OrderSnapshotFactory, UserFactory, agent, approver
from tests.test_admin_mails import a_mail
from tests.test_photos import picture

pytestmark = pytest.mark.django_db

ROLES = ("stranger", "customer", "newcomer", "reader", "agent", "approver", "second", "shopkeeper", "superuser")
"""`stranger` is not logged in, `customer` is no member of staff, `newcomer` is one without any permission, `reader` one
who may only look. `second` is an approver who may approve above the limit too, `shopkeeper` sets the shop and has
nothing to do with cases."""

# One letter for each role: y let in, n refused, l led to the log-in, - nothing to be had behind this door.
ALL, STAFF, NOBODY, NOTHING = "yyyyyyyyy", "llyyyyyyy", "llnnnnnnn", "ll-------"
SEES, WORKS, DECIDES = "llnyyyyny", "llnnyyyny", "llnnnyyny"
SHOP, ROOT = "llnnnnnyy", "llnnnnnny"

PAGES: dict[str, tuple[str, str]] = {
    # address: who may open it, who may post to it
    "staff/": (STAFF, STAFF),
    "staff/login/": (ALL, ALL),
    "staff/login/code/": ("lllllllll", "lllllllll"),
    "staff/logout/": ("---------", ALL),
    "staff/two-factor/": (STAFF, STAFF),
    "staff/two-factor/qr.svg": (STAFF, NOTHING),
    "staff/password_change/": (STAFF, STAFF),
    "staff/password_change/done/": (STAFF, NOTHING),
    "staff/jsi18n/": (STAFF, NOTHING),
    "staff/autocomplete/": (NOBODY, NOTHING),
    "staff/r/<path:content_type_id>/<path:object_id>/": (NOTHING, NOTHING),
    "staff/(?P<url>.*)$": (NOTHING, NOTHING),
    "staff/^(?P<app_label>...)/$": ("ll-yyyyyy", "ll-yyyyyy"),
    "staff/log-ins/": (ROOT, ROOT),
    "staff/export/": (ROOT, ROOT),
    "staff/bulk/": (WORKS, WORKS),
    "staff/bulk/<int:pk>/": (SEES, NOTHING),
    "staff/payouts/": (SEES, DECIDES),
    "staff/shop-check/": (DECIDES, DECIDES),
    # Cases. Who opens the address of a decision is sent back to the case.
    "staff/refunds/refundrequest/": (SEES, SEES),
    "staff/refunds/refundrequest/<path:object_id>/change/": (SEES, NOTHING),
    "staff/refunds/refundrequest/<path:object_id>/": (STAFF, STAFF),
    "staff/refunds/refundrequest/<path:object_id>/history/": (NOTHING, NOTHING),
    "staff/refunds/refundrequest/<path:object_id>/delete/": (NOBODY, NOBODY),
    "staff/refunds/refundrequest/add/": (NOBODY, NOBODY),
    "staff/refunds/refundrequest/<int:pk>/photo/<str:public_id>/": (SEES, NOTHING),
    "staff/refunds/refundrequest/<int:pk>/preview/": (SEES, SEES),
    "staff/refunds/refundrequest/<int:pk>/approve/": (SEES, DECIDES),
    "staff/refunds/refundrequest/<int:pk>/propose/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/decline/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/take_back/": (SEES, DECIDES),
    "staff/refunds/refundrequest/<int:pk>/reopen/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/assign/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/write/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/note/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/look/": (SEES, WORKS),
    "staff/refunds/refundrequest/<int:pk>/settle_paid/": (SEES, DECIDES),
    "staff/refunds/refundrequest/<int:pk>/settle_not_paid/": (SEES, DECIDES),
    "staff/refunds/refundrequest/<int:pk>/confirm_no_payout/": (SEES, DECIDES),
    "staff/refunds/refundrequest/<int:pk>/correct/": (SEES, DECIDES),
    # Cases for customers on the phone: what a colleague has found is not there for others
    "staff/new-request/": (WORKS, WORKS),
    "staff/new-request/<str:public_id>/": ("llnn---n-", "llnn---n-"),
    # Mails
    "staff/refunds/mail/": (SEES, SEES),
    "staff/refunds/mail/<path:object_id>/change/": (SEES, SEES),
    "staff/refunds/mail/<path:object_id>/": (STAFF, STAFF),
    "staff/refunds/mail/<path:object_id>/history/": (NOTHING, NOTHING),
    "staff/refunds/mail/<path:object_id>/delete/": (NOBODY, NOBODY),
    "staff/refunds/mail/add/": (NOBODY, NOBODY),
    "staff/refunds/mail/<int:pk>/rendered/": (SEES, NOTHING),
    "staff/refunds/mail/<int:pk>/resend/": (NOTHING, WORKS),
    # What the shop sets
    "staff/refunds/shop/": (SHOP, SHOP),
    "staff/refunds/shop/<path:object_id>/change/": (SHOP, SHOP),
    "staff/refunds/shop/<path:object_id>/": (STAFF, STAFF),
    "staff/refunds/shop/<path:object_id>/history/": (SHOP, SHOP),
    "staff/refunds/shop/<path:object_id>/delete/": (NOBODY, NOBODY),
    "staff/refunds/shop/add/": (NOBODY, NOBODY),
    "staff/refunds/reasonrule/": (SHOP, SHOP),
    "staff/refunds/reasonrule/<path:object_id>/change/": (SHOP, SHOP),
    "staff/refunds/reasonrule/<path:object_id>/": (STAFF, STAFF),
    "staff/refunds/reasonrule/<path:object_id>/history/": (SHOP, SHOP),
    "staff/refunds/reasonrule/<path:object_id>/delete/": (NOBODY, NOBODY),
    "staff/refunds/reasonrule/add/": (NOBODY, NOBODY),
    "staff/refunds/savedreply/": (SHOP, SHOP),
    "staff/refunds/savedreply/<path:object_id>/change/": (SHOP, SHOP),
    "staff/refunds/savedreply/<path:object_id>/": (STAFF, STAFF),
    "staff/refunds/savedreply/<path:object_id>/history/": (SHOP, SHOP),
    "staff/refunds/savedreply/<path:object_id>/delete/": (SHOP, SHOP),
    "staff/refunds/savedreply/add/": (SHOP, SHOP),
    # Staff. The short address of a row only leads to its page, which asks again.
    "staff/auth/user/": (ROOT, ROOT),
    "staff/auth/user/<path:object_id>/change/": (ROOT, ROOT),
    "staff/auth/user/<path:object_id>/": (STAFF, STAFF),
    "staff/auth/user/<path:object_id>/history/": (ROOT, ROOT),
    "staff/auth/user/<path:object_id>/delete/": (ROOT, ROOT),
    "staff/auth/user/add/": (ROOT, ROOT),
    "staff/auth/user/<id>/password/": (ROOT, ROOT),
    "staff/auth/user/<int:pk>/second-factor/": (ROOT, ROOT),
    "staff/auth/group/": (ROOT, ROOT),
    "staff/auth/group/<path:object_id>/change/": (ROOT, ROOT),
    "staff/auth/group/<path:object_id>/": (STAFF, STAFF),
    "staff/auth/group/<path:object_id>/history/": (ROOT, ROOT),
    "staff/auth/group/<path:object_id>/delete/": (ROOT, ROOT),
    "staff/auth/group/add/": (ROOT, ROOT),
}

QUEUES = ("queues/<int:queue_index>/", "workers/<int:queue_index>/", "queues/actions/<int:queue_index>/")
JOB = "queues/<int:queue_index>/<str:job_id>/"
OF_A_QUEUE = ["details", "finished", "failed", "failed/clear", "scheduled", "started", "deferred"]
OF_A_QUEUE += ["empty", "requeue-all"]
OF_A_JOB = ("results/<str:result_id>", "delete", "requeue", "enqueue")
CRON = "cron-schedulers/<int:connection_index>/<str:scheduler_name>/"
NOT_FOUND = "llnnnnnn-"
"""django_rq's pages, with their own permission. Here there is no queue for them to find."""
PAGES |= {
    f"staff/worker/{page}": (NOT_FOUND, NOT_FOUND)
    for page in (
        *QUEUES, *(f"{QUEUES[0]}{page}/" for page in OF_A_QUEUE), JOB, *(f"{JOB}{page}/" for page in OF_A_JOB),
        "queues/confirm-action/<int:queue_index>/", "workers/<int:queue_index>/<str:key>/",
        "schedulers/<int:scheduler_index>/", CRON, f"{CRON}jobs/<path:cron_job_name>/",
    )
}  # fmt: skip
PAGES |= {f"staff/worker/{page}": (ROOT, ROOT) for page in ("", "^stats.json/?$", "^metrics/?$")}
PAGES |= {"staff/worker/^stats.json/(?P<token>[\\w]+)?/?$": (ROOT, ROOT)}
PAGES |= {f"staff/worker/{JOB}stop/": (NOBODY, NOBODY)}

VERBS = {
    # of `workflow`, called by hand: y done or refused for another reason, n not permitted
    "ask": "nnnnyyyny",
    "assign": "nnnnyyyny",
    "start_bulk": "nnnnyyyny",
    "decline": "nnnnyyyny",
    "edit_amount": "nnnnyyyny",
    "note": "nnnnyyyny",
    "open_for_customer": "nnnnyyyny",
    "reopen": "nnnnyyyny",
    "resend": "nnnnyyyny",
    "vouch": "nnnnyyyny",
    "write": "nnnnyyyny",
    "approve": "nnnnnyyny",
    "approve above the limit": "nnnnnnyny",
    "confirm_no_payout": "nnnnnyyny",
    "correct": "nnnnnyyny",
    "pause": "nnnnnyyny",
    "resume": "nnnnnyyny",
    "settle_not_paid": "nnnnnyyny",
    "settle_paid": "nnnnnyyny",
    "take_back": "nnnnnyyny",
    "log_export": "nnnnnnnny",
    "reset_second_factor": "nnnnnnnny",
}
OF_ONESELF = {"confirm_app", "renew_recovery_codes", "turn_off_second_factor"}
"""Change nothing but what belongs to whoever is logged in."""
NOT_OF_STAFF = {
    "LostRace", "NotAllowed", "adopt", "answer", "attempt_owner", "claim", "confirm_home", "doubt_before_sending",
    "expire_lease", "hold_back", "log_erasure", "mails_of_approval", "mails_of_correction", "mails_of_decline",
    "MOST_AT_ONCE", "mails_of_message", "note_sum_mismatch", "paid_after_all", "pause_automatically", "postpone_look",
    "record",
    "record_look", "record_watch", "stop_looking", "submit", "to_correct", "withdraw", "write_ahead", "write_back",
}  # fmt: skip
"""Verbs of customers and of the portal itself, and what only works something out. No page of staff calls one for a
person."""

ACTIONS = {
    # Bulk actions of the lists: who is offered which
    "refunds.refundrequest": ("in_bulk", "nnnnyyyny"),
    "auth.user": ("delete_selected", "nnnnnnnny"),
    "auth.group": ("delete_selected", "nnnnnnnny"),
}


@pytest.fixture(autouse=True)
def _no_queues(settings: LazySettings) -> None:
    settings.RQ_QUEUES = {}


def routes(resolver: Any, before: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        route = before + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield re.sub(r"(?<=app_label>)[a-z|_]+", "...", route)


def staff_routes() -> list[str]:
    return sorted({route for route in routes(get_resolver()) if route.startswith("staff/")})


def person(role: str) -> User | None:
    made = {
        "stranger": lambda: None,
        "customer": lambda: UserFactory.create(is_staff=False),
        "newcomer": UserFactory.create,
        "reader": lambda: UserFactory.create(permissions=["view_refundrequest", "view_mail"]),
        "agent": agent,
        "approver": approver,
        "second": second,
        "shopkeeper": lambda: UserFactory.create(permissions=["change_shop", "change_reasonrule"]),
        "superuser": lambda: UserFactory.create(is_superuser=True),
    }
    user: User | None = made[role]()
    return user


def second() -> User:
    user = approver()
    user.user_permissions.add(Permission.objects.get(codename="approve_above_limit"))
    return user


class World:
    """One of everything that an address can name."""

    def __init__(self, sandbox: SandboxStore) -> None:
        Shop.current()
        self.case = case_of(in_store(sandbox))
        self.mail = a_mail(state="sent", refund_request=self.case)
        self.photo = Photo.objects.create(refund_request=self.case, width=1, height=1)
        self.photo.file.save("x.jpg", ContentFile(picture()))
        self.rule = ReasonRule.objects.create(reason=Reason.OTHER)
        self.bulk = Bulk.objects.create(act="assign", by=UserFactory.create())
        self.reply = SavedReply.objects.create(title="Photo")
        self.group = Group.objects.create(name="Some")
        self.somebody = UserFactory.create()

    @cached_property
    def forms(self) -> dict[str, dict[str, Any]]:
        """What a browser would send for each decision that the case offers."""
        client = Client()
        client.force_login(UserFactory.create(is_superuser=True))
        page = open_case(client, self.case)
        typed = {"words": "Because.", "text": "Hello.", "decline_reason": DeclineReason.USED}
        return {name: page.form(name) | typed for name in PERMISSIONS if page.offers(name)}

    def url(self, route: str) -> str:
        named = {
            "mail": self.mail,
            "group": self.group,
            "user": self.somebody,
            "refundrequest": self.case,
            "reasonrule": self.rule,
            "<int:pk>": self.bulk,
            "savedreply": self.reply,
        }
        model = route.split("/")[2] if route.count("/") > 2 else ""
        number = str(named[model].pk) if model in named else "1"
        for placeholder in ("<int:pk>", "<path:object_id>", "<id>"):
            route = route.replace(placeholder, number)
        route = route.replace("<path:content_type_id>", str(ContentType.objects.get_for_model(User).pk))
        route = route.replace("<str:public_id>", self.photo.public_id)
        route = re.sub(r"<(int|str|path):(\w+_index|\w+_name|\w+_id|key)>", "0", route)
        route = route.replace("^(?P<app_label>...)/$", "refunds/").replace("(?P<url>.*)$", "nothing/")
        route = route.replace("(?P<token>[\\w]+)?/?$", "t").replace("/?$", "").replace("^", "")
        assert not set(route) & set("<>()^$"), f"Say what {route} stands for."
        return "/" + route

    def data(self, route: str) -> dict[str, Any]:
        if route in ("staff/payouts/", "staff/two-factor/"):
            return {"turn": "pause", "reason": "Because.", "act": "cancel"}
        plain = {"post": "yes", "version": self.case.version}
        name = route.rstrip("/").rpartition("/")[2]
        return self.forms.get(name, plain) if name in PERMISSIONS else plain


def outcome(answer: HttpResponse) -> str:
    if answer.status_code == 302 and answer["Location"].startswith("/staff/login/"):
        return "l"
    return {403: "n", 404: "-", 405: "-"}.get(answer.status_code, "y")


def test_every_address_is_in_the_table() -> None:
    assert staff_routes() == sorted(PAGES)


@pytest.mark.parametrize("role", ROLES)
def test_pages_open_for_whom_the_table_says(sandbox: SandboxStore, role: str) -> None:
    world, client, nth = World(sandbox), client_of(person(role)), ROLES.index(role)

    found = {route: ask(client, "get", world.url(route)) for route in PAGES}

    assert found == {route: opens[nth] for route, (opens, _takes) in PAGES.items()}


@pytest.mark.parametrize("route", PAGES)
def test_posts_are_taken_from_whom_the_table_says(sandbox: SandboxStore, route: str) -> None:
    world, found = World(sandbox), ""
    data = world.data(route)

    for role in ROLES:
        client, before = client_of(person(role)), written(world)
        found += ask(client, "post", world.url(route), data)
        assert found[-1] == "y" or written(world) == before

    assert found == PAGES[route][1]


def client_of(user: User | None) -> Client:
    client = Client()
    if user is not None:
        client.force_login(user)
        if user.is_staff:
            client.get("/staff/two-factor/")  # so that there is a picture to be had
    return client


def ask(client: Client, method: str, url: str, data: Any = None) -> str:
    answer = getattr(client, method)(url, data)
    for close in answer._resource_closers:
        close()
    return outcome(answer)


def written(world: World) -> tuple[Any, ...]:
    """What a refused request must leave as it was."""
    case = now_of(world.case)
    world.mail.refresh_from_db()
    rows = RefundEvent, Message, Group, User, Mail
    return case.status, case.version, case.assigned_to, world.mail.state, *(model.objects.count() for model in rows)


# --- Verbs -----------------------------------------------------------------------------------------------------------


def test_every_verb_is_in_a_table() -> None:
    by_staff = {
        name for name in workflow.__all__
        if inspect.isfunction(verb := getattr(workflow, name)) and "by" in inspect.signature(verb).parameters
    }  # fmt: skip

    assert by_staff == (VERBS.keys() - {"approve above the limit"}) | OF_ONESELF
    assert set(workflow.__all__) == by_staff | NOT_OF_STAFF


def arguments(world: World) -> dict[str, Any]:
    """What any verb may ask for, by the name of its parameter."""
    case = world.case
    order = orders.refresh(case).order
    look_up = LookUpFactory.create(snapshot=OrderSnapshotFactory.create(order=order))
    return {
        "refund_request": case, "version": case.version, "breakdown": money.price(order, {order.lines[0].id: 1}),
        "api_refund": True, "restock": False, "manual_reference": "", "words": "Because.", "text": "Hello.", "note": "",
        "to": None, "seen": None, "decline_reason": DeclineReason.USED, "reference": "ch_1", "reason": Reason.OTHER,
        "look_up": look_up, "chosen": {order.lines[1].id: 1}, "order": order, "language": "en", "letter": world.mail,
        "of": world.somebody, "address": None,
        "act": "assign", "versions": {case.pk: case.version}, "table": "cases", "since": None, "until": None,
    }  # fmt: skip


@pytest.mark.parametrize("name", VERBS)
def test_verbs_are_for_whom_the_table_says(sandbox: SandboxStore, name: str) -> None:
    world, found = World(sandbox), ""
    given = arguments(world)
    if name == "approve above the limit":
        Shop.objects.update(second_approval_above=1)
    verb = getattr(workflow, name.partition(" ")[0])
    taken = {parameter: given[parameter] for parameter in inspect.signature(verb).parameters if parameter != "by"}

    for role in ROLES:
        before = written(world)
        found += _call(verb, person(role) or AnonymousUser(), taken)
        assert found[-1] == "y" or written(world)[:5] == before[:5]

    assert found == VERBS[name]


def _call(verb: Any, by: Any, taken: dict[str, Any]) -> str:
    try:
        verb(by=by, **taken)
    except workflow.NotAllowed as refusal:
        return "n" if refusal.code in ("permission", "limit") else "y"
    except workflow.LostRace:
        return "y"
    return "y"


# --- Bulk actions ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES[2:])
def test_bulk_actions_are_offered_to_whom_the_table_says(role: str) -> None:
    request = RequestFactory().get("/")
    request.user = person(role) or AnonymousUser()

    found = {
        str(model._meta.label_lower): sorted(model_admin.get_actions(request))
        for model, model_admin in admin.site._registry.items()
    }

    nth = ROLES.index(role)
    assert {model: names for model, names in found.items() if names} == {
        model: [name] for model, (name, who) in ACTIONS.items() if who[nth] == "y"
    }


@pytest.mark.parametrize("role", ROLES)
def test_no_bulk_action_is_taken_from_anybody_else(sandbox: SandboxStore, role: str) -> None:
    world, client = World(sandbox), client_of(person(role))
    keys = {"refunds.refundrequest": world.case.pk, "refunds.mail": world.mail.pk, "auth.group": world.group.pk}
    keys |= {"refunds.shop": 1, "refunds.reasonrule": world.rule.pk, "auth.user": world.somebody.pk}
    left = set()

    for model in admin.site._registry:
        label = model._meta.label_lower
        pk = keys.get(label, 0)
        data = {"action": "delete_selected", "_selected_action": [pk], "post": "yes"}
        client.post(f"/staff/{label.replace('.', '/')}/", data)
        if pk and model._default_manager.filter(pk=pk).exists():
            left.add(label)

    gone = {"auth.user", "auth.group"} if role == "superuser" else set()
    assert left == keys.keys() - gone
