"""WooCommerce's legacy API, version wc-api/v3, as its plugin offers it.

It books a refund before it pays, leaves the row when the gateway declines, ignores `api_refund` in the body, answers
201 for a gateway that cannot refund, and is blind to orders in tables of their own, yet pays for them. So a refund goes
out only after looking: the order is visible, its gateway is known to support refunds, the store keeps orders as posts.
And whatever goes wrong once a refund is sent is a doubt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from . import outcome
from .answers import Answer, Document, decode, document, identity, part, text, whole
from .errors import BadAnswer, CachedAnswer, OrderNotFound, StoreError, StoreMisconfigured, StoreUnreachable
from .legacy_parse import complaint, contents, email_in, note_from, order_from, refund_from
from .matching import email_key, number_key
from .outcome import Fact, rule
from .store import CONFIRM_PATIENCE, MOST_DECIMALS, PATIENCE, Store, canonical, check, is_wanted, until
from .transport import AnswerLost, NotSent, Transport
from .types import (
    Gateway,
    InstructionLine,
    Order,
    OrderNote,
    Outcome,
    RefundInstruction,
    StoreIndex,
    StoreRefund,
    StoreSettings,
    Verdict,
)
from .v3 import V3Store

API = "wc-api/v3"
UNROUNDED = {"filter[dp]": "8"}
PAGE = 100
FIND_PAGES = 20
"""Pages of a hundred orders, newest first. This API cannot search by e-mail, so an older order is not found."""
ORDER_TABLES = (
    "This store keeps its orders in tables of their own. The legacy API cannot see them there, yet it pays for them. "
    "Set WOOCOMMERCE_API to wc/v3."
)

LEGACY: Final[tuple[outcome.Rule, ...]] = (
    outcome.NOT_READY,
    rule(
        "gateway_cannot_refund",
        Verdict.REFUSED,
        "The payment method of this order cannot refund by itself. Nothing was sent to the store.",
        "The legacy API books such a refund, pays nothing and answers 201.",
        code=("gateway_cannot_refund",),
        needs=(Fact.NEVER_SENT,),
    ),
    rule(
        "order_unseen",
        Verdict.REFUSED,
        "The legacy API does not see this order (any more). Nothing was sent to the store.",
        "An order that is not seen may all the same be paid; so it is not tried.",
        code=("woocommerce_api_no_order_found", "woocommerce_api_invalid_order", "woocommerce_api_invalid_order_id"),
        needs=(Fact.NEVER_SENT,),
    ),
    rule(
        "tax_unknown",
        Verdict.REFUSED,
        "The legacy API does not say how the tax of these lines divides. Nothing was sent; refund it in WooCommerce.",
        "It tells the tax of a line in one sum, and one sum cannot be booked to several rates.",
        code=("tax_unknown",),
        needs=(Fact.NEVER_SENT,),
    ),
    outcome.NEVER_SENT,
    outcome.ANSWER_LOST,
    rule(
        "accepted",
        Verdict.ACCEPTED,
        "The store refunded exactly what was asked.",
        "201 comes after the gateway said yes, where the gateway supports refunds; that was looked up before sending.",
        status=(201,),
        needs=(Fact.A_REFUND, Fact.SAME_AMOUNT, Fact.SAME_REASON),
    ),
    rule(
        "gateway_refused_and_booked",
        Verdict.IN_DOUBT,
        f"The provider is said to have refused, and the store keeps the refund in its books. {outcome.CHECK_FIRST}",
        "The row is made before the gateway is asked and is not taken back; the status is 200.",
        status=(200,),
    ),
    rule(
        "paid_blindly",
        Verdict.IN_DOUBT,
        f"The store says that it does not know the order. It may have paid all the same. {outcome.CHECK_FIRST}",
        "On a store with order tables, 404 comes after the refund was made and the money moved.",
        status=(404,),
    ),
    outcome.ANYTHING_ELSE,
)


class LegacyStore(Store):
    """Facts that this API does not tell (payment methods, order storage) are read from wc/v3, with the same key."""

    api = API
    orders_path = f"/{API}/orders"

    def __init__(self, transport: Transport, decimals: int | None) -> None:
        super().__init__(transport, decimals)
        self._facts = V3Store(transport, decimals)

    # --- Reading ---

    def _read(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Document:
        return contents(self._answer(path, deadline, params))

    def _read_uncached(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Document:
        answer = self._answer(path, deadline, params)
        data = contents(answer)
        if answer.is_cached:
            raise CachedAnswer("A cache answered instead of the store. Exclude /wc-api/ from caching.")
        return data

    def _answer(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Answer:
        return self.transport.get(f"/{API}/{path}", params, until=deadline)

    def _order(self, order_id: int, deadline: float) -> Order:
        """The order with its refunds, which this API keeps apart."""
        try:
            data = part(self._read_uncached(f"orders/{order_id:d}", deadline, UNROUNDED), "order")
        except OrderNotFound:
            if self._facts.order_tables(deadline):
                raise StoreMisconfigured(ORDER_TABLES) from None
            raise
        if identity(data) != order_id:
            raise BadAnswer(f"The store was asked for order {order_id} and answered with another one.")
        return order_from(data, self._known_decimals(deadline), self._refunds(order_id, deadline))

    def orders(
        self,
        *,
        status: str = "",
        search: str = "",
        page: int = 1,
        per_page: int = 20,
        patience: float = PATIENCE,
    ) -> tuple[Order, ...]:
        deadline = until(patience)
        filters = {"filter[limit]": str(min(per_page, PAGE)), "page": str(page)}
        filters |= {"status": status} if status else {}
        filters |= {"filter[q]": search} if search else {}
        return tuple(self._whole_order(data, deadline) for data in self._listed(filters, deadline))

    def find_orders(self, *, number: str, email: str, patience: float = PATIENCE) -> tuple[Order, ...]:
        wanted = number_key(number), email_key(email)
        if not all(wanted):
            return ()
        deadline = until(patience)
        for page in range(1, FIND_PAGES + 1):
            listed = self._listed({"filter[limit]": str(PAGE), "page": str(page)}, deadline)
            found = [data for data in listed if is_wanted(data.get("order_number"), email_in(data), wanted)]
            if found or len(listed) < PAGE:
                return tuple(self._order(identity(data), deadline) for data in found)
        return ()

    def _listed(self, filters: Mapping[str, str], deadline: float) -> list[Document]:
        data = self._read("orders", deadline, {**UNROUNDED, **filters})
        return [document(entry, "an order") for entry in _list(data, "orders")]

    def _whole_order(self, data: Document, deadline: float) -> Order:
        return order_from(data, self._known_decimals(deadline), self._refunds(identity(data), deadline))

    def _search(self, term: str, wanted: tuple[str, str], page: int, deadline: float) -> tuple[tuple[Order, ...], bool]:
        return (), True  # this API has no search that finds e-mails or numbers

    def count_orders(self, *, status: str = "", patience: float = PATIENCE) -> int:
        return whole(self._read("orders/count", until(patience), {"status": status} if status else None), "count")

    def order_statuses(self, *, patience: float = PATIENCE) -> dict[str, str]:
        statuses = part(self._read("orders/statuses", until(patience)), "order_statuses")
        return {slug: text(statuses, slug) for slug in statuses}

    def _refunds(self, order_id: int, deadline: float) -> tuple[StoreRefund, ...]:
        data = self._read_uncached(f"orders/{order_id:d}/refunds", deadline)
        decimals = self._known_decimals(deadline)
        rows = [refund_from(document(row, "a refund"), order_id, decimals) for row in _list(data, "order_refunds")]
        return tuple(sorted(rows, key=lambda store_refund: store_refund.id))

    def refund(self, order_id: int, refund_id: int, *, patience: float = PATIENCE) -> StoreRefund:
        deadline = until(patience)
        data = part(self._read_uncached(f"orders/{order_id:d}/refunds/{refund_id:d}", deadline), "order_refund")
        store_refund = refund_from(data, order_id, self._known_decimals(deadline))
        if store_refund.id != refund_id:
            raise BadAnswer(f"The store was asked for refund {refund_id} and answered with refund {store_refund.id}.")
        return store_refund

    # --- Writing ---

    def create_refund(self, order_id: int, instruction: RefundInstruction, *, send_by: float | None = None) -> Outcome:
        try:
            decimals = self._known_decimals(until(CONFIRM_PATIENCE))
            body = {"order_refund": refund_body(instruction, decimals)}
            objection = self._objection(order_id, instruction, until(CONFIRM_PATIENCE))
        except StoreError as error:
            return outcome.classify(LEGACY, outcome.never_tried(error))
        if objection:
            return outcome.classify(LEGACY, outcome.Seen(frozenset({Fact.NEVER_SENT}), code=objection))
        return outcome.classify(LEGACY, self._sent(order_id, instruction, body, decimals, send_by))

    def _objection(self, order_id: int, instruction: RefundInstruction, deadline: float) -> str:
        """Why this refund must not go out through this API, or nothing. Raises `StoreError` where that is unknown."""
        if any(tax.rate_id == 0 for line in instruction.lines for tax in line.taxes):
            return "tax_unknown"
        if self._facts.order_tables(deadline):
            raise StoreMisconfigured(ORDER_TABLES)
        order = self._order(order_id, deadline)
        if instruction.api_refund and not self._can_refund(order.payment_method, deadline):
            return "gateway_cannot_refund"
        return ""

    def _can_refund(self, gateway_id: str, deadline: float) -> bool:
        gateway = next((gateway for gateway in self._facts.known_gateways(deadline) if gateway.id == gateway_id), None)
        return gateway is not None and gateway.supports_refunds

    def _sent(
        self, order_id: int, instruction: RefundInstruction, body: Document, decimals: int, send_by: float | None
    ) -> outcome.Seen:
        # Only in the query does this API see `api_refund`; in the body it moves the money whatever it says.
        query = {"api_refund": "1" if instruction.api_refund else "0"}
        try:
            answer = self.transport.send("POST", f"/{API}/orders/{order_id:d}/refunds", body, query, send_by=send_by)
        except NotSent as error:
            return outcome.never_sent(str(error))
        except AnswerLost as error:
            return outcome.lost(str(error))
        code, words = complaint(answer)
        return outcome.answered(
            answer, instruction, code=code, words=words, store_refund=refund_in(answer, order_id, decimals)
        )

    def update_refund(self, order_id: int, refund_id: int, *, reason: str, patience: float = PATIENCE) -> StoreRefund:
        body = {"order_refund": {"reason": reason}}
        data = self._write("PUT", f"orders/{order_id:d}/refunds/{refund_id:d}", body, patience)
        return refund_from(part(data, "order_refund"), order_id, self._known_decimals(until(patience)))

    def delete_refund(self, order_id: int, refund_id: int, *, patience: float = PATIENCE) -> None:
        self._write("DELETE", f"orders/{order_id:d}/refunds/{refund_id:d}", None, patience)

    def _write(self, method: str, path: str, body: Document | None, patience: float) -> Document:
        try:
            return contents(self.transport.send(method, f"/{API}/{path}", body, patience=patience))
        except (NotSent, AnswerLost) as error:
            raise StoreUnreachable(str(error)) from None

    # --- The rest ---

    def notes(self, order_id: int, *, patience: float = PATIENCE) -> tuple[OrderNote, ...]:
        data = self._read(f"orders/{order_id:d}/notes", until(patience))
        return tuple(note_from(document(note, "a note")) for note in _list(data, "order_notes"))

    def add_note(self, order_id: int, text: str, *, to_customer: bool = False, patience: float = PATIENCE) -> OrderNote:
        body = {"order_note": {"note": text, "customer_note": to_customer}}
        return note_from(part(self._write("POST", f"orders/{order_id:d}/notes", body, patience), "order_note"))

    def gateways(self, *, patience: float = PATIENCE) -> tuple[Gateway, ...]:
        return self._facts.gateways(patience=patience)

    def gateway(self, gateway_id: str, *, patience: float = PATIENCE) -> Gateway | None:
        return self._facts.gateway(gateway_id, patience=patience)

    def settings(self, *, patience: float = PATIENCE) -> StoreSettings:
        settings = self._facts.settings(patience=patience)
        self.decimals = settings.decimals
        return settings

    def index(self, *, patience: float = PATIENCE) -> StoreIndex:
        return self._facts.index(patience=patience)

    def prove_write_scope(self, *, patience: float = PATIENCE) -> None:
        """Sends a refund without its envelope: the key is looked at first, and without the envelope nothing else is."""
        try:
            self._write("POST", "orders/0/refunds", {}, patience)
        except StoreError as error:
            if not error.code.startswith("woocommerce_api_missing_"):
                raise
        else:
            raise BadAnswer("The store accepted a refund that was none.")

    def mails_customers(self, *, patience: float = PATIENCE) -> bool | None:
        return self._facts.mails_customers(patience=patience)

    def storage_problem(self, settings: StoreSettings) -> str:
        return ORDER_TABLES if settings.order_tables else ""

    def learn_decimals(self, *, patience: float = PATIENCE) -> int:
        return self._known_decimals(until(patience))

    def _known_decimals(self, deadline: float) -> int:
        if self.decimals is None:
            try:
                self.decimals = self._facts.known_decimals(deadline)
            except StoreMisconfigured:
                self.decimals = self._indexed_decimals(deadline)
        return self.decimals

    def _indexed_decimals(self, deadline: float) -> int:
        """The legacy API tells the settings of prices to everybody who has a key."""
        decimals = whole(part(part(self._read("", deadline), "store"), "meta"), "price_num_decimals")
        if not 0 <= decimals <= MOST_DECIMALS:
            raise BadAnswer("The store's number of decimals makes no sense.")
        return decimals


def _list(data: Document, field: str) -> Iterator[Any]:
    rows = data.get(field)
    if not isinstance(rows, list):
        raise BadAnswer(f"The store's answer is not a list of {field}.")
    return iter(rows)


# --- A refund, as it is sent and as it comes back ---------------------------------------------------------------------


def refund_body(instruction: RefundInstruction, decimals: int) -> Document:
    """The inside of `order_refund`. It goes to WooCommerce's own function as it is: lines by their id, tax by its rate.

    Never with `refund_payment`: that would make the gateway pay twice. Raises `ValueError`.
    """
    check(instruction, decimals)
    body: Document = {
        "amount": canonical(instruction.amount, decimals),
        "reason": instruction.reason,
        "restock_items": instruction.api_restock,
    }
    if instruction.lines:
        body["line_items"] = {str(line.line_id): _line_body(line, decimals) for line in instruction.lines}
    return body


def _line_body(line: InstructionLine, decimals: int) -> Document:
    return {
        "qty": line.quantity,
        "refund_total": canonical(line.total, decimals),
        "refund_tax": {str(tax.rate_id): canonical(tax.total, decimals) for tax in line.taxes},
    }


def refund_in(answer: Answer, order_id: int, decimals: int) -> StoreRefund | None:
    if answer.status != 201:
        return None
    try:
        return refund_from(part(document(decode(answer.body), "a refund"), "order_refund"), order_id, decimals)
    except BadAnswer:
        return None
