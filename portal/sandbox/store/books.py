"""What the shop knows: orders, refund rows, notes, stock, and the money that left the bank account.

Every change is in the journal before it is visible, and everything visible is copied, never altered in place: a reader
sees an order as it was at one instant. There is no lock over more than one change, because the real thing has none.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from .clock import now
from .journal import Journal

Json = dict[str, Any]

FIRST_ID = 5001
"""Ids start away from order numbers, so that whoever confuses the two is found out."""
_BEFORE_FIRST = {"post": FIRST_ID - 1, "item": 20000, "meta": 90000, "note": 3000}


class Books:
    def __init__(self, journal: Journal) -> None:
        self.orders: dict[int, Json] = {}
        self.money: list[Json] = []
        self.stock: dict[int, int] = {}
        self._refunds: dict[int, Json] = {}
        self._refund_ids: dict[int, list[int]] = {}
        self._notes: dict[int, list[Json]] = {}
        self._search_texts: dict[int, str] = {}
        self._last = dict(_BEFORE_FIRST)
        self._lock = threading.RLock()
        self._journal = journal
        for entry in journal.entries():
            self._apply(entry)

    # --- reading -----------------------------------------------------------------------------------------------------

    def order(self, order_id: int) -> Json | None:
        return self.orders.get(order_id)

    def refund(self, refund_id: int) -> Json | None:
        return self._refunds.get(refund_id)

    def refunds_of(self, order_id: int) -> list[Json]:
        """The rows of an order, oldest first: in flight, orphaned and manual ones included."""
        rows = (self._refunds.get(refund_id) for refund_id in list(self._refund_ids.get(order_id, ())))
        return [row for row in rows if row is not None]

    def all_refunds(self) -> list[Json]:
        return list(self._refunds.values())

    def notes_of(self, order_id: int) -> list[Json]:
        return list(self._notes.get(order_id, ()))

    def search_text(self, order_id: int) -> str:
        return self._search_texts[order_id]

    # --- writing -----------------------------------------------------------------------------------------------------

    def next_id(self, kind: str) -> int:
        """A fresh id. Orders and refunds share the ids of "post", as they do in WooCommerce."""
        with self._lock:
            self._last[kind] += 1
            return self._last[kind]

    def put_order(self, order: Json, refunds: Sequence[Json] = ()) -> None:
        """An order and the refunds it comes with, in one piece."""
        self._record({"kind": "order", "order": order, "refunds": list(refunds)})

    def change_order(self, order_id: int, **changes: Any) -> None:
        self._record({"kind": "order.changed", "id": order_id, "changes": changes})

    def delete_order(self, order_id: int) -> None:
        self._record({"kind": "order.deleted", "id": order_id})

    def put_refund(self, refund: Json) -> None:
        self._record({"kind": "refund", "refund": refund})

    def delete_refund(self, refund_id: int) -> None:
        self._record({"kind": "refund.deleted", "id": refund_id})

    def pay(self, order_id: int, amount: str, currency: str, reason: str) -> None:
        """Money leaves the bank account. `amount` is the text that the gateway was given, empty included."""
        at = now().isoformat(timespec="milliseconds").replace("+00:00", "Z")
        payment = {"order_id": order_id, "amount": amount, "currency": currency, "reason": reason, "at": at}
        self._record({"kind": "money", "payment": payment})

    def add_note(self, note: Json) -> None:
        self._record({"kind": "note", "note": note})

    def delete_note(self, order_id: int, note_id: int) -> None:
        self._record({"kind": "note.deleted", "order_id": order_id, "id": note_id})

    def set_stock(self, product_id: int, quantity: int) -> None:
        self._record({"kind": "stock", "product_id": product_id, "quantity": quantity})

    def reset(self) -> None:
        """Forgets everything, the journal included."""
        with self._lock:
            self._journal.clear()
            for kept in (self.orders, self._refunds, self._refund_ids, self._notes, self._search_texts, self.stock):
                kept.clear()
            self.money.clear()
            self._last.update(_BEFORE_FIRST)

    def _record(self, entry: Json) -> None:
        with self._lock:
            self._journal.append(entry)
            self._apply(entry)

    def _apply(self, entry: Json) -> None:
        getattr(self, "_apply_" + entry["kind"].replace(".", "_"))(entry)

    def _apply_order(self, entry: Json) -> None:
        order = entry["order"]
        self._saw("post", [order["id"]])
        for lines in ("line_items", "shipping_lines", "fee_lines", "tax_lines", "coupon_lines"):
            self._saw("item", (line["id"] for line in order[lines]))
            self._saw("meta", (meta["id"] for line in order[lines] for meta in line["meta_data"]))
        self._saw("meta", (meta["id"] for meta in order["meta_data"]))
        self._search_texts[order["id"]] = search_text(order)
        self.orders[order["id"]] = order
        for refund in entry["refunds"]:
            self._apply_refund({"refund": refund})

    def _apply_order_changed(self, entry: Json) -> None:
        order = {**self.orders[entry["id"]], **entry["changes"]}
        self._search_texts[order["id"]] = search_text(order)
        self.orders[order["id"]] = order

    def _apply_order_deleted(self, entry: Json) -> None:
        self.orders.pop(entry["id"], None)
        self._notes.pop(entry["id"], None)
        for refund_id in self._refund_ids.pop(entry["id"], ()):
            self._refunds.pop(refund_id, None)

    def _apply_refund(self, entry: Json) -> None:
        refund = entry["refund"]
        self._saw("post", [refund["id"]])
        for lines in ("line_items", "shipping_lines", "fee_lines", "tax_lines"):
            self._saw("item", (line["id"] for line in refund[lines]))
        self._saw("meta", (meta["id"] for meta in refund["meta_data"]))
        if refund["id"] not in self._refunds:
            self._refund_ids.setdefault(refund["parent_id"], []).append(refund["id"])
        self._refunds[refund["id"]] = refund

    def _apply_refund_deleted(self, entry: Json) -> None:
        refund = self._refunds.pop(entry["id"], None)
        if refund is not None:
            self._refund_ids[refund["parent_id"]].remove(entry["id"])

    def _apply_money(self, entry: Json) -> None:
        self.money.append(entry["payment"])

    def _apply_note(self, entry: Json) -> None:
        note = entry["note"]
        self._saw("note", [note["id"]])
        self._notes.setdefault(note["order_id"], []).append(note)

    def _apply_note_deleted(self, entry: Json) -> None:
        kept = [note for note in self._notes.get(entry["order_id"], ()) if note["id"] != entry["id"]]
        self._notes[entry["order_id"]] = kept

    def _apply_stock(self, entry: Json) -> None:
        self.stock[entry["product_id"]] = entry["quantity"]

    def _saw(self, kind: str, ids: Iterable[int]) -> None:
        self._last[kind] = max(self._last[kind], *ids, 0)


def search_text(order: Json) -> str:
    """Everything the shop's search looks through, one field a line, in small letters."""
    return "\n".join(_searched(order)).lower()


def _searched(order: Json) -> Iterator[str]:
    yield order["transaction_id"]
    for address in (order["billing"], order["shipping"]):
        yield " ".join(str(part) for part in address.values())
    yield from (line["name"] for line in order["line_items"])
