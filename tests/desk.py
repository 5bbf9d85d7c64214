"""The desk as a browser sees it: pages are opened, forms filled in as they came, and buttons pressed."""

from __future__ import annotations

from decimal import Decimal
from html.parser import HTMLParser
from typing import Any

from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import health, orders
from refunds.models import Heartbeat, RefundRequest
from refunds.woocommerce.types import Order
from tests.factories import RefundRequestFactory
from tests.sandbox_store import Client as Shopkeeper

Attributes = dict[str, str | None]


class Page(HTMLParser):
    """What a browser would send for each form, and the tags that a strict policy would block."""

    def __init__(self, response: HttpResponse) -> None:
        super().__init__()
        self.forms: list[tuple[Attributes, dict[str, str]]] = []
        self.blocked: list[str] = []
        self._open: dict[str, str] | None = None
        self._select: tuple[dict[str, str], str] | None = None
        self._text: list[tuple[dict[str, str], str]] = []
        self.status = response.status_code
        self.context: Any = response.context  # type: ignore[attr-defined]  # the test client adds it
        self.html = response.content.decode()
        self.feed(self.html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.blocked += [f"{tag} {name}" for name in given if name.startswith("on") or name == "style"]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.blocked.append(tag)
        if tag == "form":
            self._open = {}
            self.forms.append((given, self._open))
        elif tag in ("input", "textarea", "select") and given.get("name"):
            self._field(tag, given)
        elif tag == "option" and self._select and ("selected" in given or self._select[1] not in self._select[0]):
            self._select[0][self._select[1]] = given.get("value") or ""

    def _field(self, tag: str, given: Attributes) -> None:
        fields, name = self._form(given), str(given["name"])
        if fields is None or (given.get("type") in ("checkbox", "radio") and "checked" not in given):
            return
        if tag == "select":
            self._select = (fields, name)
        elif tag == "textarea":
            fields[name] = ""
            self._text.append((fields, name))
        else:
            fields[name] = given.get("value") or ("on" if given.get("type") == "checkbox" else "")

    def _form(self, given: Attributes) -> dict[str, str] | None:
        """The form that a field belongs to: around it, or named by it. A form further down is made room for."""
        owner = given.get("form")
        if owner is None:
            return self._open
        for attributes, fields in self.forms:
            if attributes.get("id") == owner:
                return fields
        self.forms.append(({"id": owner}, {}))
        return self.forms[-1][1]

    def handle_data(self, data: str) -> None:
        if self._text:
            fields, name = self._text[-1]
            fields[name] += data.removeprefix("\n") if not fields[name] else data

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "textarea" and self._text:
            self._text.pop()
        elif tag == "select":
            self._select = None

    def form(self, action: str) -> dict[str, str]:
        """The fields of the form that posts to an address ending so, with those that stand elsewhere in the page."""
        found = [(given, fields) for given, fields in self.forms if (given.get("action") or "").endswith(f"/{action}/")]
        if not found:
            raise LookupError(f"There is no form for {action}.")
        given, fields = found[0]
        elsewhere = [more for other, more in self.forms if given.get("id") and other.get("id") == given["id"]]
        return {name: value for part in (fields, *elsewhere) for name, value in part.items()}

    def form_with_id(self, form_id: str) -> dict[str, str]:
        return next(fields for given, fields in self.forms if given.get("id") == form_id)

    def offers(self, action: str) -> bool:
        return any((given.get("action") or "").endswith(f"/{action}/") for given, _fields in self.forms)


def all_is_well() -> None:
    """Every process gives a sign of life."""
    for name in health.PROCESSES:
        Heartbeat.objects.update_or_create(name=name, defaults={"at": timezone.now()})


def case_url(refund_request: RefundRequest, action: str = "change") -> str:
    return reverse(f"admin:refunds_refundrequest_{action}", args=[refund_request.pk])


def open_case(client: Client, refund_request: RefundRequest) -> Page:
    return Page(client.get(case_url(refund_request)))


def press(
    client: Client,
    refund_request: RefundRequest,
    action: str,
    page: Page | None = None,
    *,
    button: str = "",
    **typed: Any,
) -> Page:
    """Fills in one form of a case page as it came, types over it, presses its button and follows where it leads.

    None takes a field out, as a browser leaves out a box that is not ticked. `button` is another one of the same form.
    """
    page = page or open_case(client, refund_request)
    filled = {name: value for name, value in (page.form(action) | typed).items() if value is not None}
    return Page(client.post(case_url(refund_request, button or action), filled, follow=True))


def in_store(sandbox: SandboxStore, **fields: Any) -> Order:
    """An order of two T-shirts at 23.80 and a parcel at 5.95: 53.55 EUR, paid by card."""
    made = sandbox.add_order(
        **{
            "number": "1001",
            "total": "53.55",
            "billing": {"email": "anna@example.com", "first_name": "Anna", "last_name": "Berg"},
            "line_items": [
                {
                    "name": "T-Shirt",
                    "sku": "TEE",
                    "quantity": 2,
                    "total": "40.00",
                    "taxes": [{"id": 1, "total": "7.60"}],
                }
            ],
            "shipping_lines": [{"method_title": "Parcel", "total": "5.00", "taxes": [{"id": 1, "total": "0.95"}]}],
            **fields,
        }
    )
    return orders.read(made["id"], patience=5)


def case_of(order: Order, **fields: Any) -> RefundRequest:
    """A submitted request for one of the two T-shirts: 23.80 EUR."""
    chosen = {order.lines[0].id: 1}
    return RefundRequestFactory.create(order=order, **{"chosen": chosen, "lines": chosen, **fields})


def now_of(refund_request: RefundRequest) -> RefundRequest:
    return RefundRequest.objects.get(pk=refund_request.pk)


def shirts(order: Order) -> str:
    return f"quantity_{order.lines[0].id}"


def stock(order: Order) -> str:
    return f"stock_{order.lines[0].id}"


def parcel(order: Order) -> str:
    return f"quantity_{order.lines[1].id}"


def somebody_returns(sandbox: SandboxStore, order: Order, quantity: int) -> None:
    """A colleague gives back T-shirts in the store's own pages."""
    line = {
        "id": order.lines[0].id,
        "quantity": quantity,
        "refund_total": f"{20 * quantity}.00",
        "refund_tax": [{"id": 1, "refund_total": str(Decimal("3.80") * quantity)}],
    }
    amount = str(Decimal("23.80") * quantity)
    answer = Shopkeeper(sandbox).refund(order.id, {"amount": amount, "api_refund": False, "line_items": [line]})
    answer.raise_for_status()
