"""What the store says and what it is told, as plain frozen values.

Amounts are positive `Decimal`s in the order's currency unless a docstring says otherwise; instants are aware, in UTC.
WooCommerce's own words are kept for WooCommerce's own things.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

PAID_WITHOUT_GATEWAY = frozenset({"cod", "bacs", "cheque", ""})
"""Payment methods of WooCommerce that cannot give money back by themselves."""


class LineKind(StrEnum):
    PRODUCT = "product"
    SHIPPING = "shipping"
    FEE = "fee"


@dataclass(frozen=True, slots=True)
class Tax:
    """Tax of one rate on one line. `rate_id` is the tax *rate* (`taxes[].id`), not the order's tax line."""

    rate_id: int
    total: Decimal


@dataclass(frozen=True, slots=True)
class OrderLine:
    """One product, shipping or fee line, as ordered and after coupons, with what was refunded of it already.

    `total` is net of tax and, like every tax, as the store keeps it: read with `dp=8`, not rounded for display.
    `quantity` of shipping and fee lines is 1.
    """

    id: int
    kind: LineKind
    name: str
    quantity: int
    total: Decimal
    taxes: tuple[Tax, ...] = ()
    product_id: int = 0
    variation_id: int = 0
    sku: str = ""
    image_url: str = ""
    refunded_quantity: int = 0
    refunded_total: Decimal = Decimal(0)
    refunded_taxes: tuple[Tax, ...] = ()


@dataclass(frozen=True, slots=True)
class TaxRate:
    """A rate that was used in the order. `percent` is None where the store does not tell."""

    rate_id: int
    label: str
    percent: Decimal | None = None
    compound: bool = False


@dataclass(frozen=True, slots=True)
class RefundSummary:
    """A refund as the order lists it: no date, no lines, no word on whether money moved."""

    id: int
    amount: Decimal
    reason: str


@dataclass(frozen=True, slots=True)
class RefundedLine:
    """A line of a store refund. `line_id` is the order line it gives back (`_refunded_item_id`), or 0 if unknown.

    Shipping and fees are counted by money alone: their `quantity` is 0.
    """

    line_id: int
    quantity: int
    total: Decimal
    taxes: tuple[Tax, ...] = ()


@dataclass(frozen=True, slots=True)
class StoreRefund:
    """A refund row of the store. `refunded_payment` is None where the answer does not say.

    False means: booked by hand, still running, or died half-way. True means: the gateway said yes.
    """

    id: int
    order_id: int
    amount: Decimal
    reason: str
    refunded_payment: bool | None
    created_at: datetime | None = None
    lines: tuple[RefundedLine, ...] = ()
    meta: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Order:
    """An order as the store has it. Refunds never reduce `total`; `decimals` are the store's, not the currency's."""

    id: int
    number: str
    status: str
    currency: str
    decimals: int
    total: Decimal
    email: str
    first_name: str = ""
    last_name: str = ""
    customer_id: int = 0
    prices_include_tax: bool = False
    payment_method: str = ""
    payment_method_title: str = ""
    transaction_id: str = ""
    created_at: datetime | None = None
    paid_at: datetime | None = None
    completed_at: datetime | None = None
    modified_at: datetime | None = None
    lines: tuple[OrderLine, ...] = ()
    tax_rates: tuple[TaxRate, ...] = ()
    refunds: tuple[RefundSummary, ...] = ()

    @property
    def refunded(self) -> Decimal:
        """The sum of all refund rows, in flight, orphaned and manual ones included: WooCommerce counts them all."""
        return sum((refund.amount for refund in self.refunds), Decimal(0))

    @property
    def remaining(self) -> Decimal:
        return self.total - self.refunded

    @property
    def refund_ids(self) -> frozenset[int]:
        return frozenset(refund.id for refund in self.refunds)

    def line(self, line_id: int) -> OrderLine | None:
        return next((line for line in self.lines if line.id == line_id), None)

    def with_refunds(self, store_refunds: tuple[StoreRefund, ...]) -> Order:
        """The same order with what each line has given back already, taken from the refunds' lines."""
        given: dict[int, list[RefundedLine]] = {}
        for store_refund in store_refunds:
            for refunded in store_refund.lines:
                given.setdefault(refunded.line_id, []).append(refunded)
        return replace(self, lines=tuple(_less(line, given.get(line.id, [])) for line in self.lines))


def _less(line: OrderLine, given: list[RefundedLine]) -> OrderLine:
    taxes: dict[int, Decimal] = {}
    for refunded in given:
        for tax in refunded.taxes:
            taxes[tax.rate_id] = taxes.get(tax.rate_id, Decimal(0)) + tax.total
    return replace(
        line,
        refunded_quantity=sum(refunded.quantity for refunded in given),
        refunded_total=sum((refunded.total for refunded in given), Decimal(0)),
        refunded_taxes=tuple(Tax(rate_id, total) for rate_id, total in sorted(taxes.items())),
    )


@dataclass(frozen=True, slots=True)
class InstructionLine:
    """What to give back of one order line: net `total` and tax per rate, each in the store's decimals."""

    line_id: int
    quantity: int
    total: Decimal
    taxes: tuple[Tax, ...] = ()


@dataclass(frozen=True, slots=True)
class RefundInstruction:
    """One refund, complete, as it goes to the store.

    `amount` has exactly the store's decimals and decides the money; the sum of `lines` equals it, or there are none.
    `reason` starts with `marker`, which is repeated in the refund's meta data.
    """

    amount: Decimal
    reason: str
    marker: str
    api_refund: bool
    api_restock: bool
    lines: tuple[InstructionLine, ...] = ()


class Verdict(StrEnum):
    """What one answer to a refund POST proves about the money."""

    ACCEPTED = "accepted"
    """The store says it refunded exactly what was asked."""
    NOT_SENT = "not_sent"
    """Nothing left this machine, or the store was closed: the same refund may go out again."""
    MISCONFIGURED = "misconfigured"
    """The key or the address is wrong: nothing happened, and nothing will until somebody mends it."""
    REFUSED = "refused"
    """Refused before the gateway was asked: no money moved, and asking again will not help."""
    GATEWAY_REFUSED = "gateway_refused"
    """The gateway is said to have refused. It may follow a real payout: a person looks before anything goes again."""
    IN_DOUBT = "in_doubt"
    """Anything else. Money may have moved."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One answer to a refund POST, classified. `rule` names the row of the table that matched."""

    verdict: Verdict
    rule: str
    message: str = ""
    code: str = ""
    http_status: int | None = None
    retry_after: float | None = None
    store_refund: StoreRefund | None = None


@dataclass(frozen=True, slots=True)
class OrderNote:
    id: int
    text: str
    created_at: datetime | None = None
    to_customer: bool = False


@dataclass(frozen=True, slots=True)
class Gateway:
    """A payment method of the store. `supports_refunds` is advisory: it may still refuse a single order."""

    id: str
    title: str
    enabled: bool
    supports_refunds: bool


@dataclass(frozen=True, slots=True)
class StoreSettings:
    """Facts of the whole store. `order_tables` is None where the store does not say (HPOS or posts)."""

    decimals: int
    currency: str
    home_url: str
    woocommerce_version: str = ""
    order_tables: bool | None = None
    extra: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoreIndex:
    """What WordPress tells everybody about itself. `home_url` is the address customers see."""

    name: str
    home_url: str
    site_url: str
    namespaces: tuple[str, ...] = ()
