"""The WooCommerce client: plain values in, frozen dataclasses out. Knows neither Django nor the portal.

store = woocommerce.connect(url="https://shop.example", key="ck_...", secret="cs_...")
order = store.order(1001)
outcome = store.create_refund(1001, instruction)
"""

from __future__ import annotations

from . import legacy, v3
from .errors import (
    BadAnswer,
    CachedAnswer,
    NotOffered,
    OrderNotFound,
    RefundNotFound,
    StoreError,
    StoreMisconfigured,
    StoreUnreachable,
)
from .matching import email_key, number_key
from .store import Store, check
from .transport import Timeouts, Transport
from .types import (
    Gateway,
    InstructionLine,
    LineKind,
    Order,
    OrderLine,
    OrderNote,
    Outcome,
    RefundedLine,
    RefundInstruction,
    RefundSummary,
    StoreIndex,
    StoreRefund,
    StoreSettings,
    Tax,
    TaxRate,
    Verdict,
)
from .wire import clock

__all__ = [
    "DIALECTS",
    "BadAnswer",
    "CachedAnswer",
    "Gateway",
    "InstructionLine",
    "LineKind",
    "NotOffered",
    "Order",
    "OrderLine",
    "OrderNotFound",
    "OrderNote",
    "Outcome",
    "RefundInstruction",
    "RefundNotFound",
    "RefundSummary",
    "RefundedLine",
    "Store",
    "StoreError",
    "StoreIndex",
    "StoreMisconfigured",
    "StoreRefund",
    "StoreSettings",
    "StoreUnreachable",
    "Tax",
    "TaxRate",
    "Timeouts",
    "Verdict",
    "check",
    "clock",
    "connect",
    "email_key",
    "number_key",
]

DIALECTS: dict[str, type[Store]] = {v3.API: v3.V3Store, legacy.API: legacy.LegacyStore}


def connect(
    *,
    url: str,
    key: str,
    secret: str,
    api: str = v3.API,
    ca_bundle: str = "",
    decimals: int | None = None,
    timeouts: Timeouts | None = None,
) -> Store:
    """A store with one keep-alive session. Nothing is sent yet. Raises `ValueError` with a plain sentence."""
    if api not in DIALECTS:
        raise ValueError(f"The store's API must be one of {', '.join(DIALECTS)}.")
    transport = Transport(url, key, secret, ca_bundle=ca_bundle, timeouts=timeouts or Timeouts())
    return DIALECTS[api](transport, decimals)
