"""Rows, constraints and queries. No verbs: those are in `workflow`, the only writer of any status.

Three objects are never mixed: `RefundRequest` is the case, `PayoutAttempt` one movement of money, `RefundEvent` the
ledger. Amounts are decimals in the order's currency; instants are aware.
"""

from .bulk import Act, Bulk, BulkRow
from .case import (
    NOT_FOR_SALE_AGAIN,
    DeclineReason,
    Message,
    OrderSnapshot,
    Photo,
    Reason,
    ReasonRule,
    RefundLine,
    RefundRequest,
)
from .contact import LookUp, Mail
from .payout import AppendOnlyError, PayoutAttempt, RefundEvent
from .replies import SavedReply, SavedReplyText
from .shop import Alarm, Digest, Heartbeat, Shop, StoreHealth

__all__ = [
    "NOT_FOR_SALE_AGAIN",
    "Act",
    "Alarm",
    "AppendOnlyError",
    "Bulk",
    "BulkRow",
    "DeclineReason",
    "Digest",
    "Heartbeat",
    "LookUp",
    "Mail",
    "Message",
    "OrderSnapshot",
    "PayoutAttempt",
    "Photo",
    "Reason",
    "ReasonRule",
    "RefundEvent",
    "RefundLine",
    "RefundRequest",
    "SavedReply",
    "SavedReplyText",
    "Shop",
    "StoreHealth",
]
