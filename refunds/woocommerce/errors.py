"""Why a question to the store got no usable answer. Only these leave the client."""

from __future__ import annotations


class StoreError(Exception):
    """`message` is a plain sentence for staff. `retry_after` is the wait in seconds the store asked for, if it did."""

    def __init__(self, message: str, *, code: str = "", retry_after: float | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.retry_after = retry_after


class OrderNotFound(StoreError):
    """The store knows no such order."""


class RefundNotFound(StoreError):
    """The store knows no such refund of this order."""


class StoreUnreachable(StoreError):
    """The store is closed, overloaded or cannot be reached. It may work later without anybody's help."""


class StoreMisconfigured(StoreError):
    """The address, the key or the store's set-up is wrong. Somebody has to mend it."""


class BadAnswer(StoreError):
    """The store answered with something that is not what was asked for."""


class CachedAnswer(StoreError):
    """The answer came from a cache between the store and us, so it proves nothing about the present."""


class NotOffered(StoreError):
    """The chosen API of the store has no such operation."""
