"""The shop's payment methods, and the one that moves money. What it pays is in the ledger before it says yes."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from .books import Books, Json

FULLY_REFUNDED = "Order fully refunded."
"""The reason WooCommerce writes itself when somebody sets the status to refunded."""
DECLINED = "Test Pay declined the refund: insufficient balance."
TIMED_OUT = "Test Pay: the connection timed out while waiting for the refund to be confirmed."
BROKEN = "Test Pay: unexpected answer from the payment provider."


@dataclass(frozen=True, slots=True)
class Gateway:
    id: str
    title: str
    description: str
    supports_refunds: bool = False
    enabled: bool = True


GATEWAYS = {
    gateway.id: gateway
    for gateway in (
        Gateway("testpay", "Test Pay (card)", "Pay with your card. Amounts that end in .13 are declined.", True),
        Gateway("norefund", "Voucher", "Pay with a voucher. It cannot be paid back."),
        Gateway("bacs", "Direct bank transfer", "Make your payment directly into our bank account."),
        Gateway("cheque", "Check payments", "Please send a check to our address.", enabled=False),
        Gateway("cod", "Cash on delivery", "Pay with cash upon delivery."),
    )
}
"""Any other payment method of an order is that of a plugin which is gone."""


class GatewayRefused(Exception):
    """The gateway reports an error. Whether money moved is another question."""

    def __init__(self, message: str, code: str = "testpay_declined") -> None:
        super().__init__(message)
        self.code = code


class GatewayThrew(GatewayRefused):
    """The gateway's own code broke. wc/v3 catches that, the legacy API does not."""


class Killed(Exception):
    """The PHP process died in the middle: nothing after this point happens, and nothing before it is undone."""


@dataclass(frozen=True, slots=True)
class Till:
    """How the gateway behaves in one call: `faults` by name with their seconds, `pause` waits."""

    books: Books
    faults: dict[str, float]
    pause: Callable[[float], None]
    delay: float

    def refund(self, order: Json, amount: str, reason: str) -> bool:
        """Pays `amount` back and says whether it did. Raises `GatewayRefused`, or `Killed` where the process dies."""
        self.pause(self.delay + self.faults.get("gateway-slow", 0))
        self._before_the_money(amount)
        if "gateway-returns-false" in self.faults:
            return False
        self.books.pay(order["id"], amount, order["currency"], reason)
        self._after_the_money()
        return True

    def _before_the_money(self, amount: str) -> None:
        if "killed-before-payment" in self.faults:
            raise Killed
        if "gateway-declines" in self.faults or amount.endswith(".13"):
            raise GatewayRefused(DECLINED)
        if "gateway-throws" in self.faults:
            raise GatewayThrew(BROKEN)

    def _after_the_money(self) -> None:
        if "killed-after-payment" in self.faults:
            raise Killed
        if "gateway-pays-but-errors" in self.faults:
            raise GatewayRefused(TIMED_OUT, "testpay_error")


def note_of_payment(amount: str) -> str:
    return f"Test Pay refunded {amount} - refund id tp_re_{secrets.token_hex(6)}"
