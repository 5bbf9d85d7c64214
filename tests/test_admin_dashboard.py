"""The front page: its figures as people read them, its charts, and what they cost."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from refunds.admin.charts import Point, columns, rows
from refunds.models import Reason, RefundLine, StoreHealth
from refunds.states import Status
from tests.desk import Page
from tests.factories import UserFactory, agent
from tests.test_admin_queue import HOSTILE
from tests.test_figures import NOW, case, march, paid

pytestmark = pytest.mark.django_db

FRONT = reverse("admin:index")


@pytest.fixture(autouse=True)
def _logged_in(client: Client, settings: Any) -> Any:
    settings.TIME_ZONE = "UTC"
    with time_machine.travel(NOW, tick=False):
        client.force_login(agent())
        yield


def cards(client: Client, query: str = "") -> dict[str, Any]:
    return {card.id: card for card in client.get(FRONT + query).context["cards"]}


def test_every_figure_is_on_the_page_as_people_read_it(client: Client) -> None:
    paid(march(8), march(10, 9), "1041.20", reason=Reason.FAULTY)
    paid(march(1), march(2), "700", currency="JPY", decimals=0)
    case(Status.DECLINED, march(9), decided_at=march(9, 15), decision_due_at=march(9, 14))
    case(Status.SUBMITTED, march(9), due_at=march(10, 11))

    found = {name: (card.title, card.figure, card.beside) for name, card in cards(client).items()}

    assert found == {
        "waiting": ("Waiting for review", "1", ""),
        "overdue": ("Overdue", "1", ""),
        "doubt": ("Outcome unknown", "0", ""),
        "refunded-eur": ("Refunded, EUR", "EUR\xa01,041.20", "this month; EUR\xa01,041.20 today"),
        "refunded-jpy": ("Refunded, JPY", "JPY\xa0700", "this month; JPY\xa00 today"),
        "decision": ("Time to the decision", "1 h", "half are faster; nine in ten within 3 h"),
        "money": ("Time to the refund", "24 h", "half are faster; nine in ten within 45 h"),
        "declined": ("Share declined", "33 %", "1 of 3 decisions"),
    }


def test_behind_each_chart_is_a_table_with_the_same_figures(client: Client) -> None:
    paid(march(8), march(10, 9), "1041.20")

    page = Page(client.get(f"{FRONT}?period=7d"))

    (card,) = [card for card in page.context["cards"] if card.id == "refunded-eur"]
    assert [(bar.point.label, bar.point.text) for bar in card.chart.bars][-2:] == [
        ("9 Mar", "EUR\xa00.00"),
        ("10 Mar", "EUR\xa01,041.20"),
    ]
    assert '<th scope="row">10 Mar</th><td class="number">EUR\xa01,041.20</td>' in page.html


@pytest.mark.parametrize(
    ("query", "bars", "first"),
    [
        ("", 30, "9 Feb"), ("?period=7d", 7, "4 Mar"), ("?period=13w", 13, "15 Dec"), ("?period=12m", 12, "Apr 2025"),
        ("?period=nonsense", 30, "9 Feb"),
    ],
)  # fmt: skip
def test_the_period_is_chosen_in_the_address(client: Client, query: str, bars: int, first: str) -> None:
    chart = cards(client, query)["waiting"].chart

    assert (len(chart.bars), chart.first) == (bars, first)


def test_reasons_and_products_stand_beside_the_period_before(client: Client) -> None:
    paid(march(4), march(5), "5", reason=Reason.FAULTY)

    reasons, products = client.get(FRONT).context["rankings"]

    assert [(row.label, row.count, row.before, row.length) for row in reasons.rows] == [
        ("Does not work", 1, 0, "100"),
    ]
    assert [(row.label, row.count) for row in products.rows] == [("T-Shirt", 1)]


def test_charts_are_whole_named_and_without_style(client: Client) -> None:
    paid(march(8), march(10, 9), "1041.20")
    case(Status.DECLINED, march(9), decided_at=march(9, 15))

    page = Page(client.get(FRONT))

    drawn = re.findall(r'<svg class="chart".*?</svg>', page.html, re.S)
    assert page.blocked == []
    assert len(drawn) > 3
    for svg in drawn:
        tree = ElementTree.fromstring(svg)  # noqa: S314 - our own page
        assert tree.attrib["role"] == "img"
        assert tree.find(f"*[@id='{tree.attrib['aria-labelledby']}']") is not None
        assert "style" not in svg


def test_numbers_in_charts_are_numbers_in_every_language(client: Client) -> None:
    paid(march(8), march(10, 9), "1041.20")
    client.cookies["django_language"] = "de"

    html = client.get(FRONT).content.decode()

    assert re.findall(r'(?:x|y|width|height|x1|x2|y1|y2)="[^"]*,[^"]*"', html) == []


def test_an_empty_desk_says_so(client: Client) -> None:
    page = Page(client.get(FRONT))

    assert page.html.count("Nothing in this period.") == 8
    assert '<svg class="chart"' not in page.html


def test_who_sees_no_cases_sees_no_figures(client: Client) -> None:
    paid(march(8), march(10, 9), "1041.20")
    client.force_login(UserFactory.create())

    page = Page(client.get(FRONT))

    assert "board-card" not in page.html
    assert "1,041.20" not in page.html


@pytest.mark.parametrize("words", HOSTILE)
def test_hostile_names_are_only_ever_escaped(client: Client, words: str) -> None:
    RefundLine.objects.filter(refund_request=paid(march(4), march(5), "5")).update(name=words)

    page = Page(client.get(FRONT))

    assert page.blocked == []
    assert "<script>alert" not in page.html


@pytest.mark.parametrize("rows", [0, 4])
def test_the_front_page_costs_the_same_for_any_number_of_cases(client: Client, rows: int) -> None:
    for _unused in range(rows):
        paid(march(4), march(9), "5.00")
    StoreHealth.current()
    client.get(FRONT)

    with CaptureQueriesContext(connection) as queries:
        client.get(FRONT)

    figures = [query for query in queries if "session" not in query["sql"] and "SAVEPOINT" not in query["sql"]]
    # user, two for permissions, two for what is wrong, the tiles, ten figures
    assert len(figures) == 16


# --- Where the bars stand --------------------------------------------------------------------------------------------


def test_bars_begin_at_zero_and_the_highest_fills_the_room() -> None:
    chart = columns([Point("a", 0, "0"), Point("b", Decimal(5), "5"), Point("c", 10, "10"), Point("d", 2.5, "2.5")])

    assert [(bar.y, bar.height) for bar in chart.bars] == [("80", "0"), ("49", "31"), ("18", "62"), ("64.5", "15.5")]
    assert [(bar.x, bar.width) for bar in chart.bars][:2] == [("12", "56"), ("92", "56")]


def test_the_highest_bar_is_labelled_within_the_drawing() -> None:
    for nth, anchor in ((0, "start"), (3, "middle"), (5, "end")):
        chart = columns([Point(str(n), 9 if n == nth else 1, f"{n}") for n in range(6)])

        assert (chart.highest.point.label, chart.highest.anchor, chart.highest.label_y) == (str(nth), anchor, "14")


def test_a_second_value_sets_the_scale_if_it_is_higher() -> None:
    (bar,) = columns([Point("a", 5, "5", 10, "10")]).bars

    assert (bar.height, bar.upper_y, bar.label_y) == ("31", "18", "14")


def test_nothing_at_all_is_drawn_flat() -> None:
    assert columns([Point("a", 0, "0")]).is_empty
    assert [(row.length, row.before_length) for row in rows([("a", 0, 0)])] == [("0", "0")]
