"""WooCommerce's REST API, version wc/v3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import outcome
from .answers import Answer, Document, decimals_of, decode, document, documents, identity, name, text, unique, whole
from .errors import (
    BadAnswer,
    CachedAnswer,
    NotOffered,
    OrderNotFound,
    StoreError,
    StoreMisconfigured,
    StoreUnreachable,
)
from .store import CONFIRM_PATIENCE, LIST_PAGES, MOST_DECIMALS, PATIENCE, Store, canonical, check, is_wanted, until
from .transport import AnswerLost, NotSent
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
)
from .v3_parse import (
    complaint,
    contents,
    email_in,
    gateway_from,
    index_from,
    note_from,
    order_from,
    refund_from,
    settings_from,
    tables_in,
)

API = "wc/v3"
NO_ORDER = 999_999_999
"""No store counts this far; it is looked up first all the same."""
MARKER_KEY = "_refund_portal_marker"
"""Meta key of the marker. WooCommerce saves meta data last, so after a crash only the reason still carries it."""
UNROUNDED = {"dp": "8"}
"""With the store's own decimals, the tax of a line is rounded, and lines may add up to a cent more than the order."""
PAGE = 100
"""The most entries WooCommerce lists in one answer; its default is ten."""


class V3Store(Store):
    api = API
    orders_path = f"/wp-json/{API}/orders"

    # --- Reading ---

    def _read(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Any:
        return contents(self._answer(path, deadline, params))

    def _read_uncached(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Any:
        answer = self._answer(path, deadline, params)
        data = contents(answer)
        if answer.is_cached:
            raise CachedAnswer("A cache answered instead of the store. Exclude /wp-json/ from caching.")
        return data

    def _answer(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Answer:
        return self.transport.get(f"/wp-json/{API}/{path}", params, until=deadline)

    def _order(self, order_id: int, deadline: float) -> Order:
        data = document(self._read_uncached(f"orders/{order_id:d}", deadline, UNROUNDED), "an order")
        order = order_from(data, self.known_decimals(deadline, order_id))
        if order.id != order_id:
            raise BadAnswer(f"The store was asked for order {order_id} and answered with order {order.id}.")
        return order

    def orders(
        self,
        *,
        status: str = "",
        search: str = "",
        page: int = 1,
        per_page: int = 20,
        patience: float = PATIENCE,
    ) -> tuple[Order, ...]:
        filters = {"status": status, "search": search, "page": str(page), "per_page": str(min(per_page, PAGE))}
        deadline = until(patience)
        return self._orders(self._listed({key: value for key, value in filters.items() if value}, deadline), deadline)

    def _search(self, term: str, wanted: tuple[str, str], page: int, deadline: float) -> tuple[tuple[Order, ...], bool]:
        rows = self._listed({"search": term, "page": str(page), "per_page": str(PAGE)}, deadline)
        found = [row for row in rows if is_wanted(row.get("number"), email_in(row), wanted)]
        return self._orders(found, deadline), len(rows) < PAGE

    def _listed(self, filters: Mapping[str, str], deadline: float) -> list[Document]:
        newest_first = {"orderby": "date", "order": "desc"}
        return documents(self._read("orders", deadline, {**UNROUNDED, **newest_first, **filters}), "orders")

    def _orders(self, rows: list[Document], deadline: float) -> tuple[Order, ...]:
        if not rows:
            return ()
        decimals = self.known_decimals(deadline, identity(rows[0]))
        return tuple(order_from(row, decimals) for row in rows)

    def count_orders(self, *, status: str = "", patience: float = PATIENCE) -> int:
        filters = {"per_page": "1", "_fields": "id"} | ({"status": status} if status else {})
        answer = self._answer("orders", until(patience), filters)
        documents(contents(answer), "orders")
        total = answer.count("X-WP-Total")
        if total is None:
            raise BadAnswer("The store did not say how many orders there are.")
        return total

    def order_statuses(self, *, patience: float = PATIENCE) -> dict[str, str]:
        deadline = until(patience)
        try:
            found = self._read("orders/statuses", deadline)
        except StoreError as error:
            if error.code not in ("rest_no_route", "woocommerce_rest_shop_order_invalid_id"):
                raise
            found = self._read("reports/orders/totals", deadline)  # before WooCommerce 9
        return {text(data, "slug"): name(data, "name") for data in documents(found, "order statuses")}

    def _refunds(self, order_id: int, deadline: float) -> tuple[StoreRefund, ...]:
        # Oldest first: a refund that is made while the pages are read comes at the end and moves none to another page.
        oldest_first = UNROUNDED | {"orderby": "id", "order": "asc", "per_page": str(PAGE)}
        decimals = self.known_decimals(deadline, order_id)
        found: list[Document] = []
        for page in range(1, LIST_PAGES + 1):
            data = self._read_uncached(f"orders/{order_id:d}/refunds", deadline, oldest_first | {"page": str(page)})
            rows = documents(data, "refunds")
            found += rows
            if len(rows) < PAGE:
                unique((identity(row) for row in found), "refund")
                return tuple(refund_from(row, order_id, decimals) for row in found)
        raise BadAnswer("The store's list of refunds does not end.")

    def refund(self, order_id: int, refund_id: int, *, patience: float = PATIENCE) -> StoreRefund:
        deadline = until(patience)
        data = self._read_uncached(f"orders/{order_id:d}/refunds/{refund_id:d}", deadline, UNROUNDED)
        refund = refund_from(document(data, "a refund"), order_id, self.known_decimals(deadline, order_id))
        if refund.id != refund_id:
            raise BadAnswer(f"The store was asked for refund {refund_id} and answered with refund {refund.id}.")
        return refund

    # --- Writing ---

    def create_refund(self, order_id: int, instruction: RefundInstruction, *, send_by: float | None = None) -> Outcome:
        try:
            decimals = self.known_decimals(until(CONFIRM_PATIENCE), order_id)
        except StoreError as error:
            return outcome.classify(outcome.WC_V3, outcome.never_tried(error))
        body = refund_body(instruction, decimals)
        return outcome.classify(outcome.WC_V3, self._sent(order_id, instruction, body, decimals, send_by))

    def _sent(
        self, order_id: int, instruction: RefundInstruction, body: Document, decimals: int, send_by: float | None
    ) -> outcome.Seen:
        try:
            answer = self.transport.send("POST", f"/wp-json/{API}/orders/{order_id:d}/refunds", body, send_by=send_by)
        except NotSent as error:
            return outcome.never_sent(str(error))
        except AnswerLost as error:
            return outcome.lost(str(error))
        code, words = complaint(answer)
        store_refund = self._confirmed(refund_in(answer, order_id, decimals))
        return outcome.answered(answer, instruction, code=code, words=words, store_refund=store_refund)

    def _confirmed(self, store_refund: StoreRefund | None) -> StoreRefund | None:
        """The refund read once more, where the answer to the POST does not say whether the gateway paid."""
        if store_refund is None or store_refund.refunded_payment is not None:
            return store_refund
        try:
            return self.refund(store_refund.order_id, store_refund.id, patience=CONFIRM_PATIENCE)
        except StoreError:
            return store_refund

    def update_refund(self, order_id: int, refund_id: int, *, reason: str, patience: float = PATIENCE) -> StoreRefund:
        raise NotOffered("WooCommerce cannot change a refund through wc/v3.")

    def delete_refund(self, order_id: int, refund_id: int, *, patience: float = PATIENCE) -> None:
        path = f"orders/{order_id:d}/refunds/{refund_id:d}"
        self._write("DELETE", path, None, patience, params={"force": "true"})

    def _write(
        self, method: str, path: str, body: Document | None, patience: float, params: Mapping[str, str] | None = None
    ) -> Any:
        try:
            answer = self.transport.send(method, f"/wp-json/{API}/{path}", body, params, patience=patience)
        except (NotSent, AnswerLost) as error:
            raise StoreUnreachable(str(error)) from None
        return contents(answer)

    # --- The rest ---

    def notes(self, order_id: int, *, patience: float = PATIENCE) -> tuple[OrderNote, ...]:
        found = self._read(f"orders/{order_id:d}/notes", until(patience))
        return tuple(note_from(data) for data in documents(found, "notes"))

    def add_note(self, order_id: int, text: str, *, to_customer: bool = False, patience: float = PATIENCE) -> OrderNote:
        body = {"note": text, "customer_note": to_customer}
        return note_from(document(self._write("POST", f"orders/{order_id:d}/notes", body, patience), "a note"))

    def gateways(self, *, patience: float = PATIENCE) -> tuple[Gateway, ...]:
        return self.known_gateways(until(patience))

    def known_gateways(self, deadline: float) -> tuple[Gateway, ...]:
        found = self._read("payment_gateways", deadline)
        return tuple(gateway_from(data) for data in documents(found, "payment methods"))

    def order_tables(self, deadline: float) -> bool | None:
        """Whether orders are kept in tables of their own (HPOS); None where the store does not say."""
        status = self._allowed("system_status", deadline, {"_fields": "settings"})
        return tables_in(status)

    def gateway(self, gateway_id: str, *, patience: float = PATIENCE) -> Gateway | None:
        return next((gateway for gateway in self.gateways(patience=patience) if gateway.id == gateway_id), None)

    def settings(self, *, patience: float = PATIENCE) -> StoreSettings:
        deadline = until(patience)
        self.decimals = None  # asked for again: somebody may have changed it
        return settings_from(
            general=self._allowed("settings/general", deadline),
            status=self._allowed("system_status", deadline, {"_fields": "environment,settings"}),
            decimals=self.known_decimals(deadline),
            index=self._index(deadline),
        )

    def index(self, *, patience: float = PATIENCE) -> StoreIndex:
        return self._index(until(patience))

    def prove_write_scope(self, *, patience: float = PATIENCE) -> None:
        """Sends a refund that is refused three times over: no such order, no such `api_refund`, no text as amount.

        WordPress looks at the key's permissions first, at the arguments next, and at the order last. Two of the three
        are in the address, so that they hold even where something on the way drops the body.
        """
        deadline = until(patience)
        try:
            self._read(f"orders/{NO_ORDER}", deadline)
        except OrderNotFound:
            self._expect_refusal(max(deadline - until(0), 0.0))
        else:
            raise BadAnswer(f"The check uses an order that cannot exist, and this store has it: {NO_ORDER}.")

    def _expect_refusal(self, patience: float) -> None:
        path, senseless = f"orders/{NO_ORDER}/refunds", {"api_refund": "no-such-value", "amount[]": "0"}
        try:
            self._write("POST", path, {"amount": 0, "api_refund": "no-such-value"}, patience, senseless)
        except StoreError as error:
            if error.code not in ("rest_invalid_param", "woocommerce_rest_invalid_order_id"):
                raise
        else:
            raise BadAnswer("The store accepted a refund of an order that does not exist.")

    def mails_customers(self, *, patience: float = PATIENCE) -> bool | None:
        setting = self._allowed("settings/email_customer_refunded_order/enabled", until(patience))
        value = setting.get("value") if isinstance(setting, dict) else None
        return value == "yes" if isinstance(value, str) else None

    def storage_problem(self, settings: StoreSettings) -> str:
        return ""

    def _index(self, deadline: float) -> StoreIndex:
        answer = self.transport.get("/wp-json/", {"_fields": "name,home,url,namespaces"}, until=deadline, signed=False)
        return index_from(document(contents(answer), "a description of the site"))

    def _allowed(self, path: str, deadline: float, params: Mapping[str, str] | None = None) -> Any:
        """The answer, or None where the key may not see it or this release does not have it."""
        answer = self._answer(path, deadline, params)
        if answer.status in (401, 403, 404) and complaint(answer, noise=True)[0]:
            return None
        return contents(answer)

    def learn_decimals(self, *, patience: float = PATIENCE) -> int:
        return self.known_decimals(until(patience))

    def known_decimals(self, deadline: float, order_id: int | None = None) -> int:
        if self.decimals is None:
            self.decimals = self._learned_decimals(deadline, order_id)
        return self.decimals

    def _learned_decimals(self, deadline: float, order_id: int | None) -> int:
        """From the settings; where the key may not read them, from an order as the store prints it by itself."""
        setting = self._allowed("settings/general/woocommerce_price_num_decimals", deadline)
        if setting is not None:
            decimals = whole(document(setting, "a setting"), "value")
        elif order_id is not None:
            decimals = decimals_of(document(self._read(f"orders/{order_id:d}", deadline), "an order"), "total")
        else:
            decimals = decimals_of(self._any_order(deadline), "total")
        if not 0 <= decimals <= MOST_DECIMALS:
            raise BadAnswer("The store's number of decimals makes no sense.")
        return decimals

    def _any_order(self, deadline: float) -> Document:
        found = documents(self._read("orders", deadline, {"per_page": "1"}), "orders")
        if not found:
            raise StoreMisconfigured("The key may not read the store's settings. Give its user the role Shop manager.")
        return found[0]


# --- A refund, as it is sent and as it comes back ---------------------------------------------------------------------


def refund_body(instruction: RefundInstruction, decimals: int) -> Document:
    """Every field that decides is there, each in the one form that stores of all settings understand.

    `amount` as text: a number is refused. Both flags: left out, they mean yes. Raises `ValueError`.
    """
    check(instruction, decimals)
    body: Document = {
        "amount": canonical(instruction.amount, decimals),
        "reason": instruction.reason,
        "api_refund": instruction.api_refund,
        "api_restock": instruction.api_restock,
        "meta_data": [{"key": MARKER_KEY, "value": instruction.marker}],
    }
    if instruction.lines:
        body["line_items"] = [_line_body(line, decimals) for line in instruction.lines]
    return body


def _line_body(line: InstructionLine, decimals: int) -> Document:
    return {
        "id": line.line_id,
        "quantity": line.quantity,
        "refund_total": canonical(line.total, decimals),
        "refund_tax": [{"id": tax.rate_id, "refund_total": canonical(tax.total, decimals)} for tax in line.taxes],
    }


def refund_in(answer: Answer, order_id: int, decimals: int) -> StoreRefund | None:
    """The refund in the answer to a POST, taken literally: noise before it means that something went wrong."""
    if answer.status != 201:
        return None
    try:
        return refund_from(document(decode(answer.body), "a refund"), order_id, decimals)
    except BadAnswer:
        return None
