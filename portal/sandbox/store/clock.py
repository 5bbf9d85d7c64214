"""The shop's two clocks: UTC, and the time zone of the site. WooCommerce writes both without a zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from zoneinfo import ZoneInfo


def now() -> datetime:
    return datetime.now(UTC)


def stamp() -> str:
    """This second in UTC, as `date_..._gmt` fields have it."""
    return now().strftime("%Y-%m-%dT%H:%M:%S")


def site_time(gmt: str, zone: str) -> str:
    """The site's time for a `date_..._gmt` text."""
    moment = datetime.fromisoformat(gmt).replace(tzinfo=UTC)
    return moment.astimezone(_zone(zone)).strftime("%Y-%m-%dT%H:%M:%S")


def gmt_time(site: str, zone: str) -> str:
    """The `date_..._gmt` text for a site time. A zone or an offset in the text is obeyed."""
    moment = datetime.fromisoformat(site)
    aware = moment if moment.tzinfo else moment.replace(tzinfo=_zone(zone))
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S")


@cache
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)
