"""The store as the rest of the product sees it. What differs between WooCommerce's APIs is left to the dialects."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from decimal import Decimal
from types import TracebackType
from typing import Any, ClassVar, Self

from .errors import BadAnswer
from .matching import email_key, number_key
from .transport import Transport
from .types import (
    Gateway,
    Order,
    OrderNote,
    Outcome,
    RefundInstruction,
    StoreIndex,
    StoreRefund,
    StoreSettings,
)

PATIENCE = 30.0
"""Seconds of one call, retries included, where the caller does not say."""
CONFIRM_PATIENCE = 15.0
"""Seconds for the one read after a refund whose answer does not say whether money moved."""
SEARCH_PAGES = 5
"""Pages of a hundred hits. A shop where somebody's address is in 500 orders is searched no deeper, newest first."""
LIST_PAGES = 20
"""Pages of a hundred refunds of one order. More is no list, but a loop."""
MOST_DECIMALS = 8


def until(patience: float) -> float:
    return time.monotonic() + patience


class Store(ABC):
    """One WooCommerce store. Every read raises only `StoreError`s; `patience` is its deadline in seconds, in all.

    May be shared by threads. `decimals` are the store's; they are learned with the first call that needs them.
    """

    api: ClassVar[str]
    orders_path: ClassVar[str]

    def __init__(self, transport: Transport, decimals: int | None) -> None:
        if decimals is not None and not 0 <= decimals <= MOST_DECIMALS:
            raise ValueError(f"A store has between 0 and {MOST_DECIMALS} decimals.")
        self.transport = transport
        self.decimals = decimals

    @property
    def url(self) -> str:
        return self.transport.base

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self.transport.close()

    # --- Orders ---

    def order(self, order_id: int, *, patience: float = PATIENCE) -> Order:
        """The order as it is now, past every cache, with what was refunded of each line.

        Raises `OrderNotFound`, `CachedAnswer`, and `BadAnswer` also where the order and its refunds disagree.
        """
        deadline = until(patience)
        for _ in range(2):  # a refund may be made or taken back between the two reads
            order = self._order(order_id, deadline)
            if not order.refunds:
                return order
            store_refunds = self._refunds(order_id, deadline)
            if order.refund_ids == {store_refund.id for store_refund in store_refunds}:
                return order.with_refunds(store_refunds)
        raise BadAnswer("The store's order and its list of refunds do not agree.")

    def order_only(self, order_id: int, *, patience: float = PATIENCE) -> Order:
        """As `order`, without reading what its refunds gave back of each line."""
        return self._order(order_id, until(patience))

    def find_orders(self, *, number: str, email: str, patience: float = PATIENCE) -> tuple[Order, ...]:
        """The orders with exactly this number and this billing e-mail, compared as `matching` says.

        Searches by e-mail first, newest orders first, and by number where that finds nothing.
        """
        wanted = number_key(number), email_key(email)
        if not all(wanted):
            return ()
        deadline = until(patience)
        for term in (email.strip(), wanted[0]):
            found = self._find(term, wanted, deadline)
            if found:
                return found
        return ()

    def _find(self, term: str, wanted: tuple[str, str], deadline: float) -> tuple[Order, ...]:
        for page in range(1, SEARCH_PAGES + 1):
            found, is_last = self._search(term, wanted, page, deadline)
            if found or is_last:
                return found
        return ()

    @abstractmethod
    def orders(
        self,
        *,
        status: str = "",
        search: str = "",
        page: int = 1,
        per_page: int = 20,
        patience: float = PATIENCE,
    ) -> tuple[Order, ...]:
        """One page of orders, newest first, without what was refunded of each line."""

    @abstractmethod
    def count_orders(self, *, status: str = "", patience: float = PATIENCE) -> int: ...

    @abstractmethod
    def order_statuses(self, *, patience: float = PATIENCE) -> dict[str, str]:
        """The store's order statuses, plugins' included, with the names that people see."""

    # --- Refunds ---

    def refunds(self, order_id: int, *, patience: float = PATIENCE) -> tuple[StoreRefund, ...]:
        """All refunds of an order, oldest first, past every cache. Raises `CachedAnswer`: that would be no evidence.

        An unknown order has an empty list, not an error: that is how WooCommerce answers.
        """
        return self._refunds(order_id, until(patience))

    @abstractmethod
    def refund(self, order_id: int, refund_id: int, *, patience: float = PATIENCE) -> StoreRefund:
        """One refund, past every cache. Raises `RefundNotFound`."""

    @abstractmethod
    def create_refund(self, order_id: int, instruction: RefundInstruction, *, send_by: float | None = None) -> Outcome:
        """Tells the store to refund, once. Whatever the store or the network does comes back as an `Outcome`.

        No byte leaves after `send_by`, an instant of `wire.clock`.

        Raises `ValueError`, before anything is sent, for an instruction that must not be sent, and lets through what a
        supervisor throws into the thread: after that the caller must assume that money may have moved.
        """

    @abstractmethod
    def update_refund(self, order_id: int, refund_id: int, *, reason: str, patience: float = PATIENCE) -> StoreRefund:
        """Changes the reason of a refund. Raises `NotOffered` where the API cannot, and `StoreUnreachable`."""

    @abstractmethod
    def delete_refund(self, order_id: int, refund_id: int, *, patience: float = PATIENCE) -> None:
        """Deletes the store's record. No money comes back, no stock, no status; the amount can be refunded again."""

    @abstractmethod
    def learn_decimals(self, *, patience: float = PATIENCE) -> int:
        """The store's decimals, asked for if they are not known."""

    # --- The rest ---

    @abstractmethod
    def notes(self, order_id: int, *, patience: float = PATIENCE) -> tuple[OrderNote, ...]: ...

    @abstractmethod
    def add_note(self, order_id: int, text: str, *, to_customer: bool = False, patience: float = PATIENCE) -> OrderNote:
        """Adds a note, once. After `StoreUnreachable` it may be there all the same."""

    @abstractmethod
    def gateways(self, *, patience: float = PATIENCE) -> tuple[Gateway, ...]: ...

    @abstractmethod
    def gateway(self, gateway_id: str, *, patience: float = PATIENCE) -> Gateway | None:
        """A payment method; None where the store has no such method (any more)."""

    @abstractmethod
    def settings(self, *, patience: float = PATIENCE) -> StoreSettings: ...

    @abstractmethod
    def index(self, *, patience: float = PATIENCE) -> StoreIndex: ...

    # --- For the check of the shop ---

    @abstractmethod
    def prove_write_scope(self, *, patience: float = PATIENCE) -> None:
        """Returns if the key may make refunds, and raises a `StoreError` otherwise. Cannot move money."""

    @abstractmethod
    def mails_customers(self, *, patience: float = PATIENCE) -> bool | None:
        """Whether WooCommerce itself mails customers about refunds; None where the key may not see it."""

    @abstractmethod
    def storage_problem(self, settings: StoreSettings) -> str:
        """Why this API must not be used with the way the store keeps its orders; empty where it may."""

    # --- For the dialects ---

    @abstractmethod
    def _order(self, order_id: int, deadline: float) -> Order: ...

    @abstractmethod
    def _refunds(self, order_id: int, deadline: float) -> tuple[StoreRefund, ...]: ...

    @abstractmethod
    def _search(self, term: str, wanted: tuple[str, str], page: int, deadline: float) -> tuple[tuple[Order, ...], bool]:
        """Of one page of a fuzzy search, newest first: the orders with this number and e-mail; and if it is the last.

        What other orders look like does not matter, not even whether they can be read.
        """


def is_wanted(number: Any, email: Any, wanted: tuple[str, str]) -> bool:
    """Whether this is the number and e-mail of an order that is looked for, by the keys of `matching`."""
    known = isinstance(number, str | int) and isinstance(email, str)
    return known and (number_key(str(number)), email_key(email)) == wanted


# --- What may be sent -------------------------------------------------------------------------------------------------


def canonical(amount: Decimal, decimals: int) -> str:
    """An amount as stores understand it whatever their separators: digits, and a point with exactly `decimals` more.

    Raises `ValueError` where that would change the amount.
    """
    if not amount.is_finite() or amount < 0 or amount.adjusted() > 11 or amount != round(amount, decimals):
        raise ValueError(f"{amount} is not an amount with {decimals} decimals.")
    return format(amount, f".{decimals}f")


def check(instruction: RefundInstruction, decimals: int) -> None:
    """Raises `ValueError` for an instruction that a store might understand differently from us."""
    canonical(instruction.amount, decimals)
    if instruction.amount <= 0:
        raise ValueError("A refund must be above zero.")
    if not instruction.marker or not re.match(re.escape(instruction.marker) + r"(?![\w-])", instruction.reason):
        raise ValueError("The reason of a refund must start with its marker, as a word of its own.")
    if not isinstance(instruction.api_refund, bool) or not isinstance(instruction.api_restock, bool):
        raise ValueError("api_refund and api_restock must be true or false.")
    if instruction.lines:
        _check_lines(instruction, decimals)


def _check_lines(instruction: RefundInstruction, decimals: int) -> None:
    parts = [line.total for line in instruction.lines] + [tax.total for line in instruction.lines for tax in line.taxes]
    for part in parts:
        canonical(part, decimals)
    if sum(parts, Decimal(0)) != instruction.amount:
        raise ValueError("The lines of a refund must add up to its amount.")
    for line in instruction.lines:
        if line.line_id <= 0 or line.quantity < 0 or len({tax.rate_id for tax in line.taxes}) != len(line.taxes):
            raise ValueError("A line of a refund needs the id of an order line, a quantity, and each tax rate once.")
    if len({line.line_id for line in instruction.lines}) != len(instruction.lines):
        raise ValueError("An order line may come once in a refund: of two, WooCommerce takes the last.")
