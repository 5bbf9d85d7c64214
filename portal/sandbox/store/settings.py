"""What kind of shop the sandbox pretends to be."""

from __future__ import annotations

from dataclasses import dataclass

VERSION = "9.9.5"
"""The WooCommerce release whose answers were followed."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the whole shop. They are not journaled: they come with the start of the process."""

    name: str = "Sandbox Shop"
    currency: str = "EUR"
    decimals: int = 2
    decimal_separator: str = "."
    thousand_separator: str = ","
    timezone: str = "Europe/Berlin"
    home_url: str = ""
    """Address that the shop gives as its own. Empty: the address it listens on."""
    order_tables: bool = True
    """Orders in tables of their own (HPOS), or in posts."""
    legacy: str = "off"
    """The old wc-api/v3 dialect: "off", "posts" (it works) or "hpos" (it pays and answers 404)."""
    permalinks: str = "pretty"
    """"plain": /wp-json/ does not exist, and every address shows the home page."""
    woocommerce: bool = True
    """False: the plugin is switched off, only WordPress answers."""
    plain: bool = False
    """True: plain http as WordPress sees it, where Basic is not even looked at. False: as behind TLS."""
    number_search: bool = True
    """Whether `?search=` looks at order numbers that a plugin has made different from the ids."""
    gateway_delay: float = 0.0
    """Seconds the payment gateway takes for a refund."""
    race_window: float = 0.02
    """Seconds between the look at the remaining amount and the saved row. Nothing is locked: two may pay."""
