"""The tour: drives a running portal over HTTP as customers and staff, and counts the money afterwards.

It reads pages and presses buttons; of the portal's inside it knows nothing. Every case has an order of its own, so that
it can be taken again and again. It only ever goes to a portal with a sandbox store: it asks the store for its ledger.
"""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from urllib.parse import urlsplit

import requests

from refunds import timing

from . import demo
from .browser import Browser, Fields, NotOnPage, Page

CODE = re.compile(r"\b\d{6}\b")
REFERENCE = re.compile(r"\bRF-[0-9A-Z]{8}\b")
FIGURE = re.compile(r"[0-9][0-9,]*\.[0-9]{2}")
WITHIN = 30
"""Seconds for everything that does not wait on purpose."""
LONGEST_WAIT = 300
"""Seconds. What the clock of this portal makes later than that is left out."""
POLL = 0.2
REFUNDED_MAIL, DECLINED_MAIL = "Refund issued for", "About your request"
LINES = [
    {"name": "Linen shirt", "quantity": 2, "total": "79.80"},
    {"name": "Tea towel", "quantity": 1, "total": "12.5"},
]
SHIPPING = [{"method_title": "Parcel", "total": "4.90"}]

T = TypeVar("T")


class Differs(Exception):
    """Something is not as it has to be. The message says what, and what was there instead."""


@dataclass(frozen=True)
class Customer:
    name: str
    email: str
    order_id: int
    number: str


@dataclass(frozen=True)
class Case:
    customer: Customer
    reference: str
    status_url: str


class Tour:
    """One tour of the portal at `base`. `say` shows a line; `run` raises `Differs` if anything is not as it has to."""

    def __init__(self, base: str, say: Callable[[str], None]) -> None:
        self._base = base.rstrip("/")
        self._say = say
        self._began = time.monotonic()
        self._approved: list[tuple[int, Decimal]] = []
        about = self._json("/_sandbox/about.json")
        self._store = Store(about["store"])
        self._scale = float(about["time_scale"])
        self._staff = Browser(self._base)

    def run(self) -> None:
        with self._chapter("One refund paid"):
            self._log_in()
            self._paid()
        with self._chapter("One request declined"):
            self._declined()
        with self._chapter("One refund refused by the payment provider"):
            self._refused()
        with self._chapter("One refund in doubt, settled by what the store shows"):
            self._doubt_settled_by_evidence()
        with self._chapter("One refund in doubt, settled by a person"):
            self._doubt_settled_by_a_person()
        with self._chapter("The money"):
            self._compare()

    # --- The cases ---------------------------------------------------------------------------------------------------

    def _paid(self) -> None:
        case = self._ask("Anna", {"Linen shirt": "1"})
        self._approve(case)
        self._wait_for_state(case, "Refunded")
        self._step("the store has paid; staff read: Refunded")
        self._told(case, REFUNDED_MAIL)

    def _declined(self) -> None:
        case = self._ask("Bruno", {"Tea towel": True})
        self._open_case(case)
        words = "The towel was washed already."
        self._press("Decline this request", {"Reason": "Used or damaged", "Words for the customer": words})
        self._expect_state(case, "Declined")
        self._step("staff decline and say why")
        customer_page = Browser(self._base).open(case.status_url)
        _expect(words in customer_page.text, f"The customer reads the reason on {case.status_url}")
        self._told(case, DECLINED_MAIL)

    def _refused(self) -> None:
        case = self._ask("Clara", {"Linen shirt": "2"})
        self._store.fault("gateway-declines", case.customer.order_id)
        self._approve(case, pays=False)
        self._wait_for_state(case, "Not refunded")
        self._step("the provider says no; staff read: Not refunded")
        tick = {"I have looked at the payment provider": True}
        self._press_until("Record that nothing was paid", tick, "Decline this request")
        self._step("staff look at the provider and record that nothing was paid")
        words = "The provider refuses. We will write to you."
        self._press("Decline this request", {"Reason": "Another reason", "Words for the customer": words})
        self._expect_state(case, "Declined")
        self._step("staff decline")

    def _doubt_settled_by_evidence(self) -> None:
        case = self._ask("David", {"Linen shirt": "1", "Parcel": True})
        self._store.fault("closed-after", case.customer.order_id)
        self._approve(case)
        self._wait_for_state(case, "Outcome unknown", "Refunded")
        self._step("the store pays, but its answer is lost; staff read: Outcome unknown")
        self._wait_for_state(case, "Refunded", within=WITHIN + self._scaled(timing.LOOKS[0].total_seconds()))
        self._step("the portal looks at the order and finds the refund: Refunded, and no second payment")
        self._told(case, REFUNDED_MAIL)

    def _doubt_settled_by_a_person(self) -> None:
        hour = self._scaled(timing.PERSON_MAY_SETTLE_AFTER.total_seconds())
        if hour > LONGEST_WAIT:
            self._step(f"left out: a person may settle a doubt after {hour / 60:.0f} minutes")
            return
        case = self._ask("Eva", {"Tea towel": True})
        self._store.fault("killed-after-payment", case.customer.order_id)
        self._approve(case)
        self._wait_for_state(case, "Outcome unknown")
        self._step("the store breaks down in the middle of the payment: Outcome unknown")
        paid = {"The provider": "tp_tour"}
        self._press_until("Record as paid", paid, gone="Record as paid", within=WITHIN + hour)
        self._expect_state(case, "Refunded")
        self._step("an hour later (shortened) staff find the payment at the provider and record it: Refunded")
        self._told(case, REFUNDED_MAIL)

    def _compare(self) -> None:
        paid = [(order_id, amount) for order_id, amount in self._store.money() if order_id in self._store.made]
        _expect_same(sorted(paid), sorted(self._approved), "What left the store is not what was approved")
        total = sum(amount for _order, amount in paid)
        self._step(f"{len(paid)} refunds, {total} in all: exactly what was approved, each of them once")

    # --- What customers do -------------------------------------------------------------------------------------------

    def _ask(self, name: str, chosen: Fields) -> Case:
        customer = self._store.new_customer(name)
        browser = Browser(self._base)
        browser.open("/")
        browser.press("Find my order", {"Order number": customer.number, "E-mail": customer.email})
        code = self._wait(lambda: self._code(customer), "the code by mail")
        self._step(f"{name} looks for order {customer.number} and gets a code by mail")
        browser.press("Confirm my order", {"Code": code})
        browser.press("Continue", {**chosen, "Does not work": True, "Anything we should know": "The tour was here."})
        asked = _figure(_button_words(browser.page, "Ask for"))
        browser.press("Ask for")
        reference = REFERENCE.search(browser.page.text)
        if reference is None:
            raise Differs(f"No reference on {browser.page.url}: {browser.page.text[:300]}")
        self._step(f"{name} asks for {asked}: {reference.group()}")
        return Case(customer, reference.group(), browser.page.url)

    def _code(self, customer: Customer) -> str | None:
        for mail in self._mails(customer):
            if found := CODE.search(mail["text"]):
                return found.group()
        return None

    def _told(self, case: Case, subject: str) -> None:
        whole = f"{subject} {case.reference}"
        self._wait(lambda: self._mail(case.customer, whole), f"the mail {whole!r} to {case.customer.email}")
        self._step(f"{case.customer.name} gets the mail {whole!r}")

    def _mail(self, customer: Customer, subject: str) -> dict[str, Any] | None:
        return next((mail for mail in self._mails(customer) if mail["subject"] == subject), None)

    def _mails(self, customer: Customer) -> list[dict[str, Any]]:
        mails: list[dict[str, Any]] = self._json("/_sandbox/mailbox.json", to=customer.email)
        return mails

    # --- What staff do -----------------------------------------------------------------------------------------------

    def _log_in(self) -> None:
        self._staff.open("/staff/")
        self._staff.press("Log in", {"Username": "approver", "Password": demo.PASSWORD})
        _expect(not self._staff.page.has_button("Log in"), f"The approver gets in at {self._staff.page.url}")
        self._step("approver logs in at the desk")

    def _open_case(self, case: Case) -> None:
        self._staff.open("/staff/refunds/refundrequest/", q=case.reference)
        self._staff.follow(case.reference)

    def _approve(self, case: Case, *, pays: bool = True) -> None:
        self._open_case(case)
        amount = _figure(_button_words(self._staff.page, "Approve"))
        self._press_until("Approve", {}, gone="Approve")
        if pays:
            self._approved.append((case.customer.order_id, amount))
        self._step(f"staff approve {amount}")

    def _press(self, button: str, fields: Fields) -> None:
        self._press_until(button, fields, gone=button)

    def _press_until(
        self, button: str, fields: Fields, there: str = "", *, gone: str = "", within: float = WITHIN
    ) -> None:
        """Presses, and again after a while if the page says that it has to wait: as a person does."""
        until = time.monotonic() + within
        while True:
            page = self._staff.page
            if page.has_button(button):
                page = self._staff.press(button, fields)
                if page.has_button(there) if there else not page.has_button(gone):
                    return
            if time.monotonic() > until:
                raise Differs(f"{button!r} on {page.url} has no effect: {_problem(page)}")
            time.sleep(POLL)
            self._staff.open(_case_address(page.url))

    def _wait_for_state(self, case: Case, *states: str, within: float = WITHIN) -> None:
        def there() -> bool:
            self._open_case(case)
            return self._state() in states

        self._wait(lambda: there() or None, f"{case.reference} to be {' or '.join(states)}", within, self._state)

    def _expect_state(self, case: Case, state: str) -> None:
        self._open_case(case)
        _expect_same(self._state(), state, f"State of {case.reference}")

    def _state(self) -> str:
        return next(iter(self._staff.page.of_class("badge")), "")

    # --- Time and words ----------------------------------------------------------------------------------------------

    def _wait(
        self, look: Callable[[], T | None], what: str, within: float = WITHIN, instead: Callable[[], str] = str
    ) -> T:
        until = time.monotonic() + within
        while (found := look()) is None:
            if time.monotonic() > until:
                raise Differs(f"Waited {within:.0f} seconds for {what}. {instead()}")
            time.sleep(POLL)
        return found

    def _scaled(self, seconds: float) -> float:
        return seconds * self._scale

    @contextmanager
    def _chapter(self, title: str) -> Iterator[None]:
        self._say(f"\n{title}")
        try:
            yield
        except NotOnPage as error:
            raise Differs(str(error)) from error

    def _step(self, what: str) -> None:
        self._say(f"{time.monotonic() - self._began:7.1f} s  {what}")

    def _json(self, path: str, **query: str) -> Any:
        return _get_json(self._base + path, **query)


class Store:
    """The back door of the sandbox store: new orders, faults, and the ledger."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/") + "/_sandbox/"
        self.made: set[int] = set()

    def new_customer(self, name: str) -> Customer:
        email = f"{name.lower()}.{secrets.token_hex(3)}@example.com"
        order = {
            "billing": {"first_name": name, "last_name": "Tour", "email": email},
            "line_items": LINES,
            "shipping_lines": SHIPPING,
        }
        answer = _session().post(self._url + "orders", json=[order], timeout=WITHIN)
        answer.raise_for_status()
        made = answer.json()[0]
        self.made.add(made["id"])
        return Customer(name, email, made["id"], made["number"])

    def fault(self, fault: str, order_id: int) -> None:
        armed = {"fault": fault, "times": 1, "order": order_id, "on": "refund.create"}
        _session().post(self._url + "faults", json=armed, timeout=WITHIN).raise_for_status()

    def money(self) -> list[tuple[int, Decimal]]:
        return [(line["order_id"], Decimal(line["amount"])) for line in _get_json(self._url + "money")]


def answers(base: str) -> bool:
    """Whether a portal with a sandbox is at this address."""
    try:
        return "time_scale" in _get_json(base.rstrip("/") + "/_sandbox/about.json")
    except (requests.RequestException, ValueError):
        return False


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    return session


def _get_json(url: str, **query: str) -> Any:
    answer = _session().get(url, params=query, timeout=WITHIN)
    answer.raise_for_status()
    return answer.json()


def _button_words(page: Page, words: str) -> str:
    return page.button(words).text


def _figure(words: str) -> Decimal:
    found = FIGURE.search(words)
    if found is None:
        raise Differs(f"There is no amount in {words!r}.")
    return Decimal(found.group().replace(",", ""))


def _case_address(url: str) -> str:
    """Of the case, where the address is that of one of its decisions."""
    return re.sub(r"(/refundrequest/[^/]+/)[^/]+/?$", r"\1change/", urlsplit(url).path)


def _problem(page: Page) -> str:
    said = [node.text for node in page.root.walk() if node.attrs.get("role") in ("alert", "status")]
    return "; ".join(filter(None, said)) or page.heading


def _expect(true: bool, what: str) -> None:
    if not true:
        raise Differs(f"This is not so: {what}.")


def _expect_same(found: object, expected: object, what: str) -> None:
    if found != expected:
        raise Differs(f"{what}: {found!r} instead of {expected!r}.")
