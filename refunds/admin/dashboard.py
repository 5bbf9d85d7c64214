"""The front page: how many cases wait, what was paid, how long it takes, and how that has changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from ..figures import PERIODS, Counted, Figures, Lengths, Refunded, figures
from ..formats import amount_text
from ..models import Reason
from . import show
from .charts import Columns, Point, Row, columns, rows

USUAL = "30d"
NAMES = {
    "7d": gettext_lazy("7 days"),
    "30d": gettext_lazy("30 days"),
    "13w": gettext_lazy("13 weeks"),
    "12m": gettext_lazy("12 months"),
}
AT_THE_END = {
    "day": gettext_lazy("How many at the end of each day"),
    "week": gettext_lazy("How many at the end of each week"),
    "month": gettext_lazy("How many at the end of each month"),
}
HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Card:
    """A figure, what stands beside it, its trend and what the trend shows. `upper` names the second column, if any."""

    id: str
    title: str
    figure: str
    beside: str
    shows: str
    chart: Columns
    upper: str = ""


@dataclass(frozen=True, slots=True)
class Ranking:
    id: str
    title: str
    rows: Sequence[Row]


def context(request: HttpRequest) -> dict[str, Any]:
    """What the template of the front page needs, for the period in the address."""
    key = request.GET.get("period", USUAL)
    period = PERIODS.get(key) or PERIODS[USUAL]
    found = figures(period, timezone.now())
    return {
        "periods": [(name.key, NAMES[name.key], name == period) for name in PERIODS.values()],
        "cards": [*_counts(found, period.step), *_money(found), *_lengths(found), *_decisions(found)],
        "rankings": [_reasons(found), _products(found)],
    }


# --- Cards -----------------------------------------------------------------------------------------------------------


def _counts(found: Figures, step: str) -> list[Card]:
    at_the_end = str(AT_THE_END[step])
    late = [(decided.late, str(decided.late)) for decided in found.decided]
    return [
        Card("waiting", _("Waiting for review"), str(found.now.waiting), "", at_the_end, _whole(found, found.waiting)),
        Card(
            "overdue",
            _("Overdue"),
            str(found.now.overdue),
            "",
            _("Decisions that came too late"),
            _trend(found, late),
        ),
        Card("doubt", _("Outcome unknown"), str(found.now.in_doubt), "", at_the_end, _whole(found, found.in_doubt)),
    ]


def _money(found: Figures) -> list[Card]:
    return [_of_currency(found, refunded) for refunded in found.refunded]


def _of_currency(found: Figures, refunded: Refunded) -> Card:
    def text(amount: Decimal) -> str:
        return amount_text(amount, refunded.currency, refunded.decimals)

    return Card(
        f"refunded-{refunded.currency.lower()}",
        _("Refunded, %(currency)s") % {"currency": refunded.currency},
        text(refunded.month),
        _("this month; %(amount)s today") % {"amount": text(refunded.today)},
        _("What was refunded"),
        _trend(found, [(amount, text(amount)) for amount in refunded.trend]),
    )


def _lengths(found: Figures) -> list[Card]:
    return [
        _length(found, "decision", _("Time to the decision"), found.to_decision, found.to_decision_trend),
        _length(found, "money", _("Time to the refund"), found.to_money, found.to_money_trend),
    ]


def _length(found: Figures, name: str, title: str, whole: Lengths, trend: Sequence[Lengths]) -> Card:
    points = [
        Point(label, _hours(part.median), _span(part.median), _hours(part.p90), _span(part.p90))
        for label, part in zip(_labels(found.starts), trend, strict=True)
    ]
    return Card(
        name,
        title,
        _span(whole.median),
        _("half are faster; nine in ten within %(time)s") % {"time": _span(whole.p90)} if whole.count else "",
        _("Half were faster (bar), nine in ten were within (line)"),
        columns(points),
        _("Nine in ten within"),
    )


def _decisions(found: Figures) -> list[Card]:
    count = sum(decided.count for decided in found.decided)
    declined = sum(decided.declined for decided in found.decided)
    shares = [(_share(part.declined, part.count), _percent(part.declined, part.count)) for part in found.decided]
    beside = _("%(declined)s of %(count)s decisions") % {"declined": declined, "count": count} if count else ""
    title, shows = _("Share declined"), _("Declined, of all that was decided")
    return [Card("declined", title, _percent(declined, count), beside, shows, _trend(found, shares))]


def _whole(found: Figures, counts: Sequence[int]) -> Columns:
    return _trend(found, [(count, str(count)) for count in counts])


def _trend(found: Figures, values: Sequence[tuple[Any, str]]) -> Columns:
    named = zip(_labels(found.starts), values, strict=True)
    return columns([Point(label, value, text) for label, (value, text) in named])


def _labels(starts: Sequence[date]) -> list[str]:
    by_month = len(starts) > 1 and (starts[1] - starts[0]).days > 7
    return [date_format(start, "M Y" if by_month else "j M") for start in starts]


# --- Rankings --------------------------------------------------------------------------------------------------------


def _reasons(found: Figures) -> Ranking:
    return Ranking(
        "reasons", _("Why customers ask"), _rows(found.reasons, {str(r.value): str(r.label) for r in Reason})
    )


def _products(found: Figures) -> Ranking:
    return Ranking("products", _("Products refunded most"), _rows(found.products, {}))


def _rows(counted: Sequence[Counted], names: dict[str, str]) -> list[Row]:
    return rows([(names.get(one.name, one.name), one.count, one.before) for one in counted])


# --- How figures read ------------------------------------------------------------------------------------------------


def _span(length: timedelta | None) -> str:
    return "–" if length is None else show.span(length)


def _hours(length: timedelta | None) -> float:
    return 0 if length is None else length / HOUR


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0


def _percent(part: int, whole: int) -> str:
    return _("%(percent)s %%") % {"percent": round(100 * part / whole)} if whole else "–"
