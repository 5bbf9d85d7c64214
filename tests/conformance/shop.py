"""The shop under test: the sandbox store, or a real one. Both are spoken to over HTTP alone."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest
import requests

from portal.sandbox.store import SandboxStore
from refunds.woocommerce import Outcome, RefundInstruction, Store, Timeouts, connect, legacy, outcome, v3
from refunds.woocommerce.answers import Answer
from refunds.woocommerce.legacy_parse import complaint as legacy_complaint
from refunds.woocommerce.v3_parse import complaint

TOTAL = "50.00"
REASON = "RF-7K2M9QXD-1 Conformance"
QUICK = Timeouts(read=2, refund_read=0.7, refund_total=0.9, pause=0.01)
Row = tuple[str, bool]


class Shop(ABC):
    url: str
    api: str
    auth: tuple[str, str]
    ca_bundle: str
    decimals: int

    def client(self, timeouts: Timeouts | None = None) -> Store:
        key, secret = self.auth
        return connect(
            url=self.url,
            key=key,
            secret=secret,
            api=self.api,
            ca_bundle=self.ca_bundle,
            decimals=self.decimals,
            timeouts=timeouts or self.timeouts,
        )

    @property
    @abstractmethod
    def timeouts(self) -> Timeouts: ...

    @abstractmethod
    def order(self, *, total: str = TOTAL, payment_method: str | None = None, status: str = "processing") -> int:
        """A new order of one line, in the shop's currency, and its id."""

    @abstractmethod
    def fault(self, name: str, order_id: int, *, on: str = "refund.create", seconds: float = 5) -> None:
        """The next such call for this order goes wrong in this way. Skips where that cannot be had."""

    @abstractmethod
    def paid(self, order_id: int) -> list[str] | None:
        """What left the shop's account for this order; None where nobody can see the account."""

    @abstractmethod
    def posts(self, order_id: int) -> int | None:
        """How many refund POSTs of this order arrived; None where nobody counts."""

    def call(self, method: str, path: str, *, base: str = "/wp-json/wc/v3", **options: Any) -> requests.Response:
        """A bare call, as anybody could make it."""
        options = {
            "auth": self.auth,
            "allow_redirects": False,
            "verify": self.ca_bundle or True,
        } | options
        return requests.request(method, f"{self.url}{base}{path}", timeout=60, **options)

    def refund(self, order_id: Any, body: Any = None, **options: Any) -> requests.Response:
        content = {"json": body} if body is not None else {}
        return self.call("POST", f"/orders/{order_id}/refunds", **content | options)

    def rows(self, order_id: int) -> list[Row]:
        """Amount and `refunded_payment` of the rows of an order, oldest first, as wc/v3 lists them."""
        listed = self.call("GET", f"/orders/{order_id}/refunds", params={"per_page": 100, "_": secrets.token_hex(4)})
        return [(row["amount"], row["refunded_payment"]) for row in sorted(listed.json(), key=lambda row: row["id"])]


class SandboxShop(Shop):
    api = "wc/v3"
    auth = ("ck_sandbox", "cs_sandbox")
    ca_bundle = ""

    def __init__(self, store: SandboxStore, api: str = "wc/v3", decimals: int = 2) -> None:
        self.store, self.url, self.api, self.decimals = store, store.base_url, api, decimals

    @property
    def timeouts(self) -> Timeouts:
        return QUICK

    def order(self, *, total: str = TOTAL, payment_method: str | None = None, status: str = "processing") -> int:
        method = "testpay" if payment_method is None else payment_method
        order: int = self.store.add_order(total=total, payment_method=method, status=status)["id"]
        return order

    def fault(self, name: str, order_id: int, *, on: str = "refund.create", seconds: float = 5) -> None:
        self.store.arm(name, order=order_id, on=on, delay=seconds)

    def paid(self, order_id: int) -> list[str] | None:
        return [line["amount"] for line in self.store.money if line["order_id"] == order_id]

    def posts(self, order_id: int) -> int | None:
        calls = [call for call in self.store.calls if call["call"] == "refund.create" and call["method"] == "POST"]
        return sum(call["order"] == order_id for call in calls)


class RealShop(Shop):
    """A test shop from the environment. Orders have one untaxed fee as their line, or one piece of a given product."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.url = environment["WOOCOMMERCE_URL"].rstrip("/")
        self.auth = (environment["WOOCOMMERCE_CONSUMER_KEY"], environment["WOOCOMMERCE_CONSUMER_SECRET"])
        self.api = "wc/v3"
        self.ca_bundle = environment.get("WOOCOMMERCE_CA_BUNDLE", "")
        self.product = environment.get("CONFORMANCE_PRODUCT", "")
        self.decimals = 2
        with self.client() as store:
            if store.settings().decimals != 2:
                pytest.exit("The conformance suite needs a test shop with two decimals.", returncode=4)
            able = [gateway.id for gateway in store.gateways() if gateway.enabled and gateway.supports_refunds]
        self.gateway = environment.get("CONFORMANCE_GATEWAY") or (able[0] if able else "")
        if not self.gateway:
            pytest.exit("The test shop has no payment method that supports refunds.", returncode=4)

    @property
    def timeouts(self) -> Timeouts:
        return Timeouts()

    def order(self, *, total: str = TOTAL, payment_method: str | None = None, status: str = "processing") -> int:
        body = {
            "payment_method": self.gateway if payment_method is None else payment_method,
            "status": status,
            "set_paid": status == "processing",
            "billing": {"first_name": "Con", "last_name": "Formance", "email": "conformance@example.com"},
            **self._line(total),
        }
        made = self.call("POST", "/orders", json=body).json()
        assert made["total"] == total, made
        order_id: int = made["id"]
        return order_id

    def _line(self, total: str) -> dict[str, Any]:
        if not self.product:
            return {"fee_lines": [{"name": "Conformance", "total": total, "tax_status": "none"}]}
        return {"line_items": [{"product_id": int(self.product), "quantity": 1, "subtotal": total, "total": total}]}

    def fault(self, name: str, order_id: int, *, on: str = "refund.create", seconds: float = 5) -> None:
        pytest.skip(f"Needs a switch of the sandbox store: {name}.")

    def paid(self, order_id: int) -> list[str] | None:
        return None

    def posts(self, order_id: int) -> int | None:
        return None


def from_environment(*, asked_for: bool, environment: Mapping[str, str] = os.environ) -> RealShop | None:
    """The real shop if it may be used, or None for the sandbox. Refuses to run against a shop without leave."""
    url = environment.get("WOOCOMMERCE_URL", "")
    leave = environment.get("CONFORMANCE_MAY_MOVE_MONEY", "")
    if leave == "1":
        missing = [
            name for name in ("URL", "CONSUMER_KEY", "CONSUMER_SECRET") if not environment.get(f"WOOCOMMERCE_{name}")
        ]
        if missing:
            pytest.exit(f"CONFORMANCE_MAY_MOVE_MONEY=1 needs WOOCOMMERCE_{missing[0]} too.", returncode=4)
        return RealShop(environment)
    if url and asked_for:
        pytest.exit(
            f"This suite makes orders in {url} and refunds them. If that is a test shop, say so with "
            "CONFORMANCE_MAY_MOVE_MONEY=1. To use the sandbox store, unset WOOCOMMERCE_URL.",
            returncode=4,
        )
    return None


# --- What the client makes of a bare answer ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Understood:
    """A bare answer to a refund POST, classified as if the client had asked with these."""

    amount: str
    api_refund: bool = True
    reason: str = ""

    def of(self, response: requests.Response, api: str = "wc/v3") -> Outcome:
        asked = RefundInstruction(Decimal(self.amount), self.reason, "", self.api_refund, api_restock=True)
        answer = Answer(response.status_code, response.headers, response.content)
        parts = {"wc/v3": (outcome.WC_V3, complaint, v3), "wc-api/v3": (legacy.LEGACY, legacy_complaint, legacy)}
        rules, complained, dialect = parts[api]
        code, words = complained(answer)
        store_refund = dialect.refund_in(answer, 1, 2)  # type: ignore[attr-defined]
        return outcome.classify(
            rules, outcome.answered(answer, asked, code=code, words=words, store_refund=store_refund)
        )


def instruction(amount: str = "10.00", *, api_refund: bool = True, reason: str = REASON) -> RefundInstruction:
    return RefundInstruction(Decimal(amount), reason, "RF-7K2M9QXD-1", api_refund=api_refund, api_restock=False)
