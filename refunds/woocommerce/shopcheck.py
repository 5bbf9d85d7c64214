"""Is this store fit to be paid through? Every fact that refunds rest on, proven without moving money."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Final
from urllib.parse import urlsplit

from .answers import Answer
from .errors import StoreError
from .store import PATIENCE, Store, until
from .types import StoreIndex, StoreSettings

OLDEST_WOOCOMMERCE = (8, 0)
"""Before it, stores with order tables listed refunds with empty amounts and reasons: no evidence to build on."""
CLOCK_TOLERANCE = timedelta(minutes=2)
"""Only dates in Retry-After are measured against the store's clock; more than this points to a server in trouble."""


class Level(StrEnum):
    OK = "ok"
    WARNING = "warning"
    """Refunds work, and somebody should know this."""
    ERROR = "error"
    """No refund may go out like this."""


@dataclass(frozen=True, slots=True)
class Finding:
    """`name` is stable, for tests and pages; `sentence` says what is, `advice` what to do about it."""

    name: str
    level: Level
    sentence: str
    advice: str = ""


def examine(store: Store, *, patience: float = PATIENCE) -> list[Finding]:
    """All findings, in the order of a first set-up. Each look has `patience` seconds; one that fails is a finding.

    If the store cannot be reached or read, that is the last one: the others would say the same again.
    """
    findings: list[Finding] = []
    for look, if_failed, goes_on in LOOKS:
        try:
            findings += look(store, patience)
        except StoreError as error:
            findings.append(replace(if_failed, sentence=error.message))
            if not goes_on:
                break
    return findings


def is_fit(findings: list[Finding]) -> bool:
    return all(finding.level is not Level.ERROR for finding in findings)


def _address(store: Store, patience: float) -> Iterator[Finding]:
    index = store.index(patience=patience)
    yield Finding("address", Level.OK, f"{store.url} answers, without a redirect.")
    yield _home(store, index)


def _home(store: Store, index: StoreIndex) -> Finding:
    if not index.home_url:
        return Finding("home", Level.WARNING, "The store does not say which address is its own.")
    if _place(index.home_url) == _place(store.url):
        return Finding("home", Level.OK, f"The store calls this address its own: {index.home_url}.")
    return Finding(
        "home",
        Level.ERROR,
        f"The store calls {index.home_url} its own address, but is asked at {store.url}.",
        "Is this a copy of the shop? Use the store's own address, or mend it in WordPress under Settings, General.",
    )


def _place(url: str) -> tuple[str, int | None, str]:
    parts = urlsplit(url)
    return (parts.hostname or "").removeprefix("www."), parts.port, parts.path.rstrip("/")


def _reading(store: Store, patience: float) -> Iterator[Finding]:
    count = store.count_orders(patience=patience)
    yield Finding("read_scope", Level.OK, f"The key may read orders. There are {count}.")


def _writing(store: Store, patience: float) -> Iterator[Finding]:
    store.prove_write_scope(patience=patience)
    yield Finding("write_scope", Level.OK, "The key may make refunds.")


def _settings(store: Store, patience: float) -> Iterator[Finding]:
    settings = store.settings(patience=patience)
    yield _version(settings)
    problem = store.storage_problem(settings)
    kept = {True: "in tables of their own", False: "as posts", None: "in a place the key may not see"}
    yield Finding(
        "storage",
        Level.ERROR if problem else Level.OK,
        problem or f"The API {store.api} is used; orders are kept {kept[settings.order_tables]}.",
        "Set WOOCOMMERCE_API to wc/v3." if problem else "",
    )
    yield Finding(
        "decimals",
        Level.OK,
        f"Prices have {settings.decimals} decimals{f', in {settings.currency}' if settings.currency else ''}.",
    )


def _version(settings: StoreSettings) -> Finding:
    version = settings.woocommerce_version
    if not version:
        return Finding("version", Level.WARNING, "The store does not show its WooCommerce version to this key.")
    parts = tuple(int(part) for part in version.split(".")[:2] if part.isdecimal())
    if parts >= OLDEST_WOOCOMMERCE:
        return Finding("version", Level.OK, f"WooCommerce {version}.")
    return Finding("version", Level.ERROR, f"WooCommerce {version} is too old.", "Update WooCommerce to 8.0 or newer.")


def _caching(store: Store, patience: float) -> Iterator[Finding]:
    """The same address twice, and then as the portal asks for it."""
    deadline = until(patience)
    page = {"per_page": "1"}
    answers = [store.transport.get(store.orders_path, page, until=deadline, fresh=fresh) for fresh in (False,) * 2]
    past_caches = store.transport.get(store.orders_path, page, until=deadline)
    yield _cache(kept=any(answer.is_cached for answer in answers), stubborn=past_caches.is_cached)
    yield _clock(past_caches)


def _cache(*, kept: bool, stubborn: bool) -> Finding:
    advice = "Exclude /wp-json/ and /wc-api/ from every cache: plugins, the server's and the CDN's."
    if stubborn:
        sentence = "A cache answers instead of the store, even where it is asked not to. Nothing it says is sure."
        return Finding("caching", Level.ERROR, sentence, advice)
    if kept:
        return Finding("caching", Level.WARNING, "A cache keeps answers of the store. The portal asks past it.", advice)
    return Finding("caching", Level.OK, "No cache answers instead of the store.")


def _clock(answer: Answer) -> Finding:
    if answer.date is None:
        return Finding("clock", Level.WARNING, "The store does not say what time it is.")
    skew = abs(answer.date - datetime.now(UTC))
    if skew <= CLOCK_TOLERANCE:
        return Finding("clock", Level.OK, "The store's clock and ours agree.")
    sentence = f"The store's clock and ours differ by {round(skew.total_seconds() / 60)} minutes."
    return Finding("clock", Level.WARNING, sentence, "Let both servers set their clocks over the network (NTP).")


def _gateways(store: Store, patience: float) -> Iterator[Finding]:
    enabled = [gateway for gateway in store.gateways(patience=patience) if gateway.enabled]
    able = ", ".join(gateway.title for gateway in enabled if gateway.supports_refunds)
    unable = ", ".join(gateway.title for gateway in enabled if not gateway.supports_refunds)
    if able:
        yield Finding("gateways", Level.OK, f"These payment methods can give money back: {able}.")
    if unable:
        yield Finding(
            "gateways_by_hand",
            Level.WARNING,
            f"These payment methods cannot give money back by themselves: {unable}.",
            "Refunds of such orders are only booked; somebody has to pay them by hand.",
        )
    if not enabled:
        yield Finding("gateways", Level.WARNING, "The store has no payment method switched on.")


def _mails(store: Store, patience: float) -> Iterator[Finding]:
    mails = store.mails_customers(patience=patience)
    if mails is False:
        yield Finding("mails", Level.OK, "WooCommerce does not mail customers about refunds; the portal does.")
        return
    sentence = "WooCommerce itself mails the customer about every refund" + ("." if mails else ", unless that is off.")
    advice = "Customers get two mails. To stop the store's, switch off “Refunded order” under WooCommerce, Emails."
    yield Finding("mails", Level.WARNING, sentence, advice)


_ROLE = "Make a key with read and write permission for a user with the role Shop manager or Administrator."
LOOKS: Final[tuple[tuple[Callable[[Store, float], Iterator[Finding]], Finding, bool], ...]] = (
    (_address, Finding("address", Level.ERROR, "", "Check the address, and that the server is up."), False),
    (_reading, Finding("read_scope", Level.ERROR, "", _ROLE), False),
    (_writing, Finding("write_scope", Level.ERROR, "", _ROLE), True),
    (_settings, Finding("settings", Level.ERROR, "", _ROLE), True),
    (_caching, Finding("caching", Level.WARNING, "", "Run the check again."), True),
    (_gateways, Finding("gateways", Level.WARNING, "", _ROLE), True),
    (_mails, Finding("mails", Level.WARNING, "", "Look under WooCommerce, Settings, Emails."), True),
)
"""What is looked at, what it means if the look fails, and whether there is any use in going on."""
