"""What an answer to a refund POST proves about the money: one table, read from the top, first match wins.

The table is the documentation of how WooCommerce answers. Its columns: the row's name, the HTTP statuses and the JSON
`code`s it fits (none means any), what else must be seen, the verdict, what staff read, and why the verdict is so.
A row may say REFUSED, NOT_SENT or MISCONFIGURED only where the store answers before it asks the gateway.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum, auto

from .answers import Answer, plain
from .errors import StoreError, StoreMisconfigured
from .types import Outcome, RefundInstruction, StoreRefund, Verdict


class Fact(StrEnum):
    """What else can be seen of a call besides its status and code."""

    NEVER_SENT = auto()
    """No byte of the request left this machine."""
    MISCONFIGURED = auto()
    """A look before sending showed that the key, the address or the store's set-up is wrong."""
    LOST = auto()
    """The request left, and no whole answer came back."""
    ANSWERED = auto()
    A_REFUND = auto()
    """The body is a refund with an id."""
    SAME_AMOUNT = auto()
    SAME_REASON = auto()
    """The reason is the one we sent, marker and all."""
    PAID_AS_ASKED = auto()
    """`refunded_payment` is what `api_refund` asked for."""
    PAYMENT_UNKNOWN = auto()
    """The store does not say whether the gateway paid, not even when the refund is read again."""
    ASKS_TO_WAIT = auto()
    """There is a Retry-After header."""


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    status: Collection[int]
    code: Collection[str]
    needs: frozenset[Fact]
    verdict: Verdict
    message: str
    because: str

    def fits(self, seen: Seen) -> bool:
        return (
            self.needs <= seen.facts
            and (not self.status or seen.status in self.status)
            and (not self.code or seen.code in self.code)
        )


def rule(
    name: str,
    verdict: Verdict,
    message: str,
    because: str,
    *,
    status: Collection[int] = (),
    code: Collection[str] = (),
    needs: Collection[Fact] = (Fact.ANSWERED,),
) -> Rule:
    return Rule(name, status, code, frozenset(needs), verdict, message, because)


@dataclass(frozen=True, slots=True)
class Seen:
    """One refund POST as it went. `words` are the store's, or the wire's where there was no answer."""

    facts: frozenset[Fact]
    status: int | None = None
    code: str = ""
    words: str = ""
    retry_after: float | None = None
    store_refund: StoreRefund | None = None


def never_sent(words: str) -> Seen:
    return Seen(frozenset({Fact.NEVER_SENT}), words=words)


def never_tried(error: StoreError) -> Seen:
    """A look before sending failed, so nothing was sent."""
    facts = {Fact.NEVER_SENT} | ({Fact.MISCONFIGURED} if isinstance(error, StoreMisconfigured) else set())
    return Seen(frozenset(facts), code=error.code, words=error.message, retry_after=error.retry_after)


def lost(words: str) -> Seen:
    return Seen(frozenset({Fact.LOST}), words=words)


def answered(
    answer: Answer, asked: RefundInstruction, *, code: str, words: str, store_refund: StoreRefund | None
) -> Seen:
    facts = {Fact.ANSWERED}
    if answer.retry_after is not None:
        facts.add(Fact.ASKS_TO_WAIT)
    if store_refund is not None:
        facts |= {Fact.A_REFUND} | _compared(store_refund, asked)
    return Seen(
        frozenset(facts), answer.status, code, plain(words) or page_title(answer), answer.retry_after, store_refund
    )


def _compared(store_refund: StoreRefund, asked: RefundInstruction) -> set[Fact]:
    comparisons = {
        Fact.SAME_AMOUNT: store_refund.amount == asked.amount,
        Fact.SAME_REASON: store_refund.reason == asked.reason,
        Fact.PAID_AS_ASKED: store_refund.refunded_payment is asked.api_refund,
        Fact.PAYMENT_UNKNOWN: store_refund.refunded_payment is None,
    }
    return {fact for fact, holds in comparisons.items() if holds}


def page_title(answer: Answer) -> str:
    """The title of a web page that came instead of data: it tells a person which page it was."""
    title = re.search(rb"<title[^>]*>(.*?)</title>", answer.body[:20_000], re.IGNORECASE | re.DOTALL)
    return plain(title[1].decode("utf-8", "replace"), 120) if title and answer.is_html else ""


def classify(rules: Collection[Rule], seen: Seen) -> Outcome:
    fitting = next(rule for rule in rules if rule.fits(seen))
    answered = Fact.ANSWERED in seen.facts
    said = f" The store said: “{seen.words}”" if answered and seen.words else f" {seen.words}" if seen.words else ""
    return Outcome(
        verdict=fitting.verdict,
        rule=fitting.name,
        message=fitting.message + (said if fitting.verdict is not Verdict.ACCEPTED else ""),
        code=seen.code,
        http_status=seen.status,
        retry_after=seen.retry_after,
        store_refund=seen.store_refund,
    )


CHECK_FIRST = "Money may have moved. Look at the payment provider before anything is sent again."

NOT_READY = rule(
    "not_ready",
    Verdict.MISCONFIGURED,
    "Nothing was sent to the store.",
    "What has to be known before a refund could not be read, and that will not change by itself.",
    needs=(Fact.NEVER_SENT, Fact.MISCONFIGURED),
)
NEVER_SENT = rule(
    "never_sent",
    Verdict.NOT_SENT,
    "Nothing was sent to the store.",
    "Our connection notes the first byte that leaves: there was none (name, connection, TLS handshake).",
    needs=(Fact.NEVER_SENT,),
)
ANSWER_LOST = rule(
    "answer_lost",
    Verdict.IN_DOUBT,
    f"The store was told to refund, and its answer did not arrive. {CHECK_FIRST}",
    "PHP carries on after the client has gone: refunds were completed after a time-out, a reset, a cut-off answer.",
    needs=(Fact.LOST,),
)
ANYTHING_ELSE = rule(
    "anything_else",
    Verdict.IN_DOUBT,
    f"The store gave an answer that proves nothing. {CHECK_FIRST}",
    "Errors of WooCommerce can follow a payout; what this table does not know is never a no.",
)

WC_V3: tuple[Rule, ...] = (
    NOT_READY,
    NEVER_SENT,
    ANSWER_LOST,
    rule(
        "accepted",
        Verdict.ACCEPTED,
        "The store refunded exactly what was asked.",
        "Status 201 comes after the gateway said yes; `refunded_payment` is set only then.",
        status=(201,),
        needs=(Fact.A_REFUND, Fact.SAME_AMOUNT, Fact.SAME_REASON, Fact.PAID_AS_ASKED),
    ),
    rule(
        "payment_unconfirmed",
        Verdict.IN_DOUBT,
        f"The store booked the refund and does not say whether the provider paid. {CHECK_FIRST}",
        "Some releases leave `refunded_payment` out of the 201; then the refund is read once more, here in vain.",
        status=(201,),
        needs=(Fact.A_REFUND, Fact.SAME_AMOUNT, Fact.SAME_REASON, Fact.PAYMENT_UNKNOWN),
    ),
    rule(
        "payment_not_as_asked",
        Verdict.IN_DOUBT,
        f"The store booked the refund, but not with the kind of payment that was asked. {CHECK_FIRST}",
        "`refunded_payment` false means booked only, and true means paid by the gateway, whatever was asked.",
        status=(201,),
        needs=(Fact.A_REFUND, Fact.SAME_AMOUNT, Fact.SAME_REASON),
    ),
    rule(
        "other_reason",
        Verdict.IN_DOUBT,
        f"The store booked a refund without the reason that was sent with it. {CHECK_FIRST}",
        "The reason carries the marker and is kept word for word; without it the row may be somebody else's.",
        status=(201,),
        needs=(Fact.A_REFUND, Fact.SAME_AMOUNT),
    ),
    rule(
        "other_amount",
        Verdict.IN_DOUBT,
        f"The store booked a refund of another amount than was asked. {CHECK_FIRST}",
        "Stores have refunded 1000.00 for “10,00” and 0.00 for nothing, both with status 201.",
        status=(201,),
        needs=(Fact.A_REFUND,),
    ),
    rule(
        "created_unreadable",
        Verdict.IN_DOUBT,
        f"The store says that it made a refund, but not which. {CHECK_FIRST}",
        "A PHP notice or a byte order mark before the JSON: the refund was made and paid.",
        status=(201,),
    ),
    rule(
        "asked_to_slow_down",
        Verdict.NOT_SENT,
        "The store takes no more calls at the moment.",
        "429 comes from the server or firewall in front of WordPress; no row was made and no money moved.",
        status=(429,),
    ),
    rule(
        "maintenance",
        Verdict.NOT_SENT,
        "The store is closed for maintenance.",
        "WordPress' own maintenance mode ends the request before any plugin runs, and says when to come back.",
        status=(503,),
        code=("wp_die",),
        needs=(Fact.ASKS_TO_WAIT,),
    ),
    rule(
        "argument_refused",
        Verdict.REFUSED,
        "The store refused the refund as it was written. No money moved.",
        "WordPress checks the arguments before it calls WooCommerce.",
        status=(400,),
        code=("rest_invalid_param", "rest_invalid_json"),
    ),
    rule(
        "order_unknown",
        Verdict.REFUSED,
        "The store no longer knows this order. No money moved.",
        "Order not found is HTTP 500 with `data` 404, and WooCommerce checks it first.",
        status=(500,),
        code=("woocommerce_rest_invalid_order_id",),
    ),
    rule(
        "amount_refused",
        Verdict.REFUSED,
        "The store refused the amount. No money moved.",
        "An amount below zero or an empty one is HTTP 500 with `data` 400, before the refund is made.",
        status=(500,),
        code=("woocommerce_rest_invalid_order_refund",),
    ),
    rule(
        "key_refused",
        Verdict.MISCONFIGURED,
        "The store refused the key. No money moved.",
        "WooCommerce checks the key and its permissions before it looks at the order.",
        status=(401, 403),
    ),
    rule(
        "no_such_route",
        Verdict.MISCONFIGURED,
        "WooCommerce does not answer at this address. No money moved.",
        "WordPress is there, but WooCommerce is switched off or the version in the address is unknown.",
        code=("rest_no_route",),
    ),
    rule(
        "redirected",
        Verdict.MISCONFIGURED,
        "The store has moved to another address. No money moved.",
        "A redirect is answered before WordPress runs. Following it would turn the POST into a GET.",
        status=range(300, 400),
    ),
    rule(
        "gateway_refused",
        Verdict.GATEWAY_REFUSED,
        "The store reports that the refund could not be made.",
        "One code for an amount over the rest, a gateway that cannot refund, a refusal, and a payout that was "
        "reported as an error and rolled back.",
        status=(500,),
        code=("woocommerce_rest_cannot_create_order_refund",),
    ),
    rule(
        "fatal_error",
        Verdict.IN_DOUBT,
        f"The store crashed while it worked on the refund. {CHECK_FIRST}",
        "A PHP fatal error can strike after the money has moved.",
        code=("internal_server_error",),
    ),
    rule(
        "server_error",
        Verdict.IN_DOUBT,
        f"The store's server reported an error of its own. {CHECK_FIRST}",
        "500, 502, 503 and 504 were all seen after a payout: only the process that answers had died.",
        status=range(500, 600),
    ),
    rule(
        "no_data",
        Verdict.IN_DOUBT,
        f"The store answered without data. {CHECK_FIRST}",
        "Plain permalinks and challenge pages answer 200 with a web page; nothing shows what happened behind it.",
        status=range(200, 300),
    ),
    ANYTHING_ELSE,
)
