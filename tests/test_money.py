"""Amounts: published vectors first, then what holds for every order."""

import json
import re
from dataclasses import replace
from decimal import ROUND_HALF_UP, ROUND_UP, Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from refunds import amounts, money
from refunds.amounts import AmountError
from refunds.money import Breakdown, LineRefund
from refunds.woocommerce.types import (
    InstructionLine,
    LineKind,
    Order,
    OrderLine,
    RefundedLine,
    RefundSummary,
    StoreRefund,
    Tax,
)


def rates(amounts):
    return tuple(Tax(rate_id, Decimal(total)) for rate_id, total in (amounts or {}).items())


def line(line_id, total, taxes=None, quantity=1, kind=LineKind.PRODUCT, **more):
    return OrderLine(line_id, kind, f"Line {line_id}", quantity, Decimal(total), rates(taxes), **more)


def shipping(line_id, total, taxes=None, **more):
    return line(line_id, total, taxes, kind=LineKind.SHIPPING, **more)


def fee(line_id, total, taxes=None, **more):
    return line(line_id, total, taxes, kind=LineKind.FEE, **more)


def an_order(*lines, total, decimals=2, currency="EUR", refunded=()):
    refunds = tuple(RefundSummary(901 + n, Decimal(amount), "") for n, amount in enumerate(refunded))
    return Order(
        7, "7", "processing", currency, decimals, Decimal(total), "ada@example.com", lines=lines, refunds=refunds
    )


def after(order, *breakdowns):
    """The order once the store has booked these refunds."""
    summaries = tuple(RefundSummary(800 + n, each.amount, "") for n, each in enumerate(breakdowns))
    booked = tuple(
        StoreRefund(
            id=800 + n,
            order_id=order.id,
            amount=each.amount,
            reason="",
            refunded_payment=True,
            lines=tuple(RefundedLine(x.line_id, x.quantity, x.total, x.taxes) for x in each.instruction_lines()),
        )
        for n, each in enumerate(breakdowns)
    )
    return replace(order.with_refunds(booked), refunds=(*order.refunds, *summaries))


def figures(breakdown):
    """The money of a breakdown as text: what goes back in all, and (line, quantity, net, taxes) for each line."""
    lines = [(x.line_id, x.quantity, str(x.total), {t.rate_id: str(t.total) for t in x.taxes}) for x in breakdown.lines]
    return str(breakdown.amount), lines


def code_of(call, *args, **kwargs):
    with pytest.raises(AmountError) as caught:
        call(*args, **kwargs)
    assert str(caught.value) == amounts.MESSAGES[caught.value.code]
    return caught.value.code


# Published vectors


def test_price_of_9_99_with_20_percent_included_is_9_99():
    order = an_order(line(1, "8.325", {1: "1.665"}), total="9.99")

    breakdown = money.price(order, {1: 1})

    assert figures(breakdown) == ("9.99", [(1, 1, "8.33", {1: "1.66"})])


def test_price_of_1_00_with_19_percent_included_is_1_00():
    order = an_order(line(1, "0.84033613", {1: "0.159664"}), total="1.00")

    assert figures(money.price(order, {1: 1})) == ("1.00", [(1, 1, "0.84", {1: "0.16"})])


def test_price_of_ten_at_23_90_less_25_percent_is_179_25():
    order = an_order(line(1, "179.25", quantity=10), total="179.25")

    assert figures(money.price(order, {1: 10})) == ("179.25", [(1, 10, "179.25", {})])
    assert figures(money.price(order, {1: 1})) == ("17.93", [(1, 1, "17.93", {})])
    assert figures(money.price(order, {1: 3})) == ("53.78", [(1, 3, "53.78", {})])


def test_price_keeps_two_rates_apart():
    order = an_order(line(1, "100", {4: "5", 5: "9.975"}, quantity=2), total="114.98")

    assert figures(money.price(order, {1: 1})) == ("57.49", [(1, 1, "50.00", {4: "2.50", 5: "4.99"})])
    assert figures(money.price(order, {1: 2})) == ("114.98", [(1, 2, "100.00", {4: "5.00", 5: "9.98"})])


def test_price_keeps_a_zero_rate_as_an_entry():
    order = an_order(line(1, "20", {9: "0"}, quantity=2), total="20.00")

    assert figures(money.price(order, {1: 1})) == ("10.00", [(1, 1, "10.00", {9: "0.00"})])


def test_price_takes_a_compound_rate_as_it_comes():
    order = an_order(line(1, "100", {1: "5", 2: "10.5"}, quantity=3), total="115.50")

    assert figures(money.price(order, {1: 1})) == ("38.50", [(1, 1, "33.33", {1: "1.67", 2: "3.50"})])
    assert figures(money.price(order, {1: 3})) == ("115.50", [(1, 3, "100.00", {1: "5.00", 2: "10.50"})])


def test_price_in_yen_has_no_decimals():
    order = an_order(line(1, "1000", {1: "100"}, quantity=3), total="1100", decimals=0, currency="JPY")

    assert figures(money.price(order, {1: 1})) == ("367", [(1, 1, "334", {1: "33"})])
    assert figures(money.everything(order)) == ("1100", [(1, 3, "1000", {1: "100"})])


def test_price_in_dinar_has_three_decimals():
    order = an_order(line(1, "10.555", {1: "0.52775"}, quantity=2), total="11.083", decimals=3, currency="KWD")

    assert figures(money.price(order, {1: 1})) == ("5.542", [(1, 1, "5.278", {1: "0.264"})])
    assert figures(money.everything(order)) == ("11.083", [(1, 2, "10.555", {1: "0.528"})])


def test_price_of_shipping_only_is_all_of_the_shipping():
    order = an_order(line(1, "9.99", quantity=3), shipping(2, "7.95", {1: "0.705563"}), total="18.65")

    assert figures(money.price(order, {2: 1})) == ("8.66", [(2, 1, "7.95", {1: "0.71"})])


def test_price_of_shipping_refunded_twice_in_parts_is_what_is_left():
    order = an_order(line(1, "20"), shipping(2, "10", {1: "2"}), total="32.00")
    first = money.lower(money.price(order, {2: 1}), Decimal("4.00"))
    second = money.lower(money.price(after(order, first), {2: 1}), Decimal("5.00"))
    third = money.price(after(order, first, second), {2: 1})

    assert figures(first) == ("4.00", [(2, 1, "3.33", {1: "0.67"})])
    assert figures(second) == ("5.00", [(2, 1, "4.17", {1: "0.83"})])
    assert figures(third) == ("3.00", [(2, 1, "2.50", {1: "0.50"})])
    assert code_of(money.price, after(order, first, second, third), {2: 1}) == "not_left"


def test_price_of_a_fee_includes_its_tax():
    order = an_order(line(1, "50"), fee(2, "4.50", {1: "0.855"}), total="55.36")

    assert figures(money.price(order, {2: 1})) == ("5.36", [(2, 1, "4.50", {1: "0.86"})])


def test_price_is_after_the_coupon_that_the_store_has_spread():
    order = an_order(line(1, "26.666667", quantity=2), line(2, "13.333333"), total="40.00")

    assert figures(money.price(order, {1: 1})) == ("13.34", [(1, 1, "13.34", {})])
    assert figures(money.price(order, {1: 2, 2: 1})) == ("40.00", [(1, 2, "26.67", {}), (2, 1, "13.33", {})])


def test_price_takes_a_free_line_along_for_nothing():
    order = an_order(line(1, "12"), line(2, "0", {1: "0"}, quantity=2), total="12.00")

    assert figures(money.price(order, {1: 1, 2: 2})) == ("12.00", [(1, 1, "12.00", {}), (2, 2, "0.00", {1: "0.00"})])
    assert code_of(money.price, order, {2: 1}) == "not_positive"


def test_price_in_thirds_sums_to_the_line():
    order = an_order(line(1, "10", quantity=3), total="10.00")
    refunds = []
    for _ in range(3):
        refunds.append(money.price(after(order, *refunds), {1: 1}))

    assert [figures(each)[0] for each in refunds] == ["3.33", "3.34", "3.33"]
    assert after(order, *refunds).remaining == 0


def test_everything_of_an_order_with_fractions_of_cents_is_its_total():
    order = an_order(
        line(1, "9.99", {1: "0.886613"}, quantity=3),
        line(2, "12.5", {1: "1.109375"}),
        shipping(3, "7.95", {1: "0.705563"}),
        total="33.15",
    )

    assert figures(money.everything(order)) == (
        "33.15",
        [(1, 3, "9.99", {1: "0.89"}), (2, 1, "12.50", {1: "1.11"}), (3, 1, "7.95", {1: "0.71"})],
    )


# The store's total decides


@pytest.mark.parametrize(
    ("total", "paid"),
    [("10.02", ["3.34", "3.34", "3.34"]), ("10.01", ["3.34", "3.34", "3.33"]), ("10.03", ["3.35", "3.34", "3.34"])],
)
def test_lines_take_the_difference_that_rounding_made(total, paid):
    order = an_order(*(line(n, "3.336") for n in (1, 2, 3)), total=total)

    assert [str(left.paid) for left in money.lines_left(order)] == paid
    assert str(money.everything(order).amount) == total


def test_lines_take_the_total_when_each_is_too_small_to_be_rounded_to_anything():
    lines = line(1, "1"), line(2, "0.75"), fee(3, "-1")
    order = an_order(*lines, total="1", decimals=0, currency="JPY")

    assert [str(left.paid) for left in money.lines_left(order)] == ["1", "0", "0"]


def test_lines_keep_their_worth_when_the_total_is_lower_for_another_reason():
    order = an_order(line(1, "50"), line(2, "50"), total="90.00")
    first = money.price(order, {1: 1})
    second = money.price(after(order, first), {2: 1})

    assert figures(first) == ("50.00", [(1, 1, "50.00", {})])
    assert (figures(second), str(second.clamped)) == (("40.00", [(2, 1, "40.00", {})]), "10.00")


def test_everything_has_no_lines_when_the_total_is_higher_than_any_line_answers_for():
    order = an_order(line(1, "50"), total="53.00")

    assert figures(money.price(order, {1: 1})) == ("50.00", [(1, 1, "50.00", {})])
    assert figures(money.everything(order)) == ("53.00", [])


def test_everything_puts_a_cent_on_the_lines_that_refunds_elsewhere_took_from_them():
    lines = line(1, "10", refunded_total=Decimal("3.335")), line(2, "10", refunded_total=Decimal("3.335"))
    order = an_order(*lines, total="20.00", refunded=["6.67"])

    breakdown = money.everything(order)

    assert [str(left.amount) for left in money.lines_left(order)] == ["6.66", "6.66"]
    assert figures(breakdown) == ("13.33", [(1, 1, "6.67", {}), (2, 1, "6.66", {})])
    assert money.still_carries(order, breakdown) is None


def test_discount_as_a_negative_fee_comes_off_the_other_lines():
    order = an_order(
        line(1, "60", {1: "12"}), line(2, "40", {1: "8", 2: "4"}), fee(3, "-10", {1: "-2"}), total="112.00"
    )
    left = money.lines_left(order)

    assert [(str(each.amount), each.quantity, each.refundable) for each in left] == [
        ("64.80", 1, True),
        ("47.20", 1, True),
        ("0.00", 0, False),
    ]
    assert figures(money.price(order, {2: 1})) == ("47.20", [(2, 1, "36.00", {1: "7.20", 2: "4.00"})])
    assert figures(money.everything(order))[0] == "112.00"
    assert code_of(money.price, order, {3: 1}) == "not_left"


# What is left


def test_lines_left_counts_what_was_refunded_per_rate():
    refunded = {"refunded_quantity": 1, "refunded_total": Decimal("30"), "refunded_taxes": rates({1: "6", 2: "1.5"})}
    sold = line(1, "100", {1: "20", 2: "5"}, quantity=4, **refunded)
    order = an_order(sold, total="125.00", refunded=["37.50"])

    assert money.lines_left(order) == (
        money.LineLeft(
            line=sold,
            quantity=3,
            total=Decimal("70.00"),
            taxes=rates({1: "14.00", 2: "3.50"}),
            amount=Decimal("87.50"),
            paid=Decimal("125.00"),
            refundable=True,
        ),
    )


def test_lines_left_tolerates_refunds_beyond_the_line():
    sold = line(
        1, "10", {1: "2"}, refunded_quantity=5, refunded_total=Decimal("11"), refunded_taxes=rates({1: "2", 8: "1"})
    )
    order = an_order(sold, line(2, "20"), total="32.00", refunded=["14.00"])

    left = money.lines_left(order)

    assert (left[0].quantity, str(left[0].amount), left[0].refundable) == (0, "0.00", False)
    assert figures(money.everything(order)) == ("18.00", [(2, 1, "18.00", {})])


def test_lines_left_gives_a_line_nothing_back_for_refunds_below_zero():
    sold = line(1, "10", {1: "2"}, refunded_quantity=-1, refunded_total=Decimal("-5"), refunded_taxes=rates({1: "2"}))
    order = an_order(sold, total="12.00")

    assert [(left.quantity, str(left.amount)) for left in money.lines_left(order)] == [(1, "10.00")]


def test_lines_left_moves_to_the_tax_what_was_booked_on_the_net():
    sold = line(1, "10", {1: "2"}, refunded_total=Decimal("11"))
    order = an_order(sold, total="12.00", refunded=["11.00"])

    assert figures(money.everything(order)) == ("1.00", [(1, 1, "0.00", {1: "1.00"})])


def test_money_held_back_is_not_given_with_the_last_piece():
    order = an_order(line(1, "50", quantity=2), total="50.00")
    half = money.lower(money.price(order, {1: 1}), Decimal("12.50"))
    once = after(order, half)
    twice = after(order, half, money.price(once, {1: 1}))

    assert figures(money.price(once, {1: 1})) == ("25.00", [(1, 1, "25.00", {})])
    assert [(left.quantity, left.refundable) for left in money.lines_left(twice)] == [(0, True)]
    assert figures(money.everything(twice)) == ("12.50", [(1, 0, "12.50", {})])


def test_last_piece_takes_what_rounding_elsewhere_left_over():
    sold = line(1, "10", quantity=3, refunded_quantity=2, refunded_total=Decimal("6.66"))

    assert figures(money.price(an_order(sold, total="10.00", refunded=["6.66"]), {1: 1}))[0] == "3.34"


def test_goodwill_given_before_is_taken_off_the_last_pieces():
    order = an_order(line(1, "50", quantity=2), total="50.00")
    given_before = money.free(order, Decimal("10.00"), spread=True)
    first = money.price(after(order, given_before), {1: 1})
    second = money.price(after(order, given_before, first), {1: 1})

    assert [figures(each)[0] for each in (given_before, first, second)] == ["10.00", "25.00", "15.00"]


# The clamp


def test_price_is_clamped_to_what_the_order_holds():
    order = an_order(line(1, "20", {1: "4"}), line(2, "10", {1: "2"}), total="36.00", refunded=["6.01"])

    breakdown = money.price(order, {1: 1, 2: 1})

    assert figures(breakdown) == ("29.99", [(1, 1, "16.66", {1: "3.33"}), (2, 1, "8.33", {1: "1.67"})])
    assert str(breakdown.clamped) == "6.01"


def test_price_never_gives_a_broken_cent():
    order = an_order(line(1, "50"), total="50.00", refunded=["10.12345679"])

    assert figures(money.price(order, {1: 1})) == ("39.87", [(1, 1, "39.87", {})])


@pytest.mark.parametrize("refunded", [["50.00"], ["49.995"], ["50.00", "50.00"]])
def test_nothing_is_left_of_an_order_that_was_refunded(refunded):
    order = an_order(line(1, "50"), total="50.00", refunded=refunded)

    assert code_of(money.price, order, {1: 1}) == "not_left"
    assert code_of(money.everything, order) == "not_left"
    assert code_of(money.free, order, Decimal("0.01"), spread=False) == "too_much"


@pytest.mark.parametrize(
    ("chosen", "code"),
    [
        ({}, "nothing_chosen"),
        ({1: 0, 2: 0}, "nothing_chosen"),
        ({1: 1, 9: 1}, "unknown_line"),
        ({9: 0}, "unknown_line"),
        ({1: 2}, "too_many"),
        ({2: 2}, "too_many"),
        ({3: 1}, "not_left"),
        ({1: -1}, "not_positive"),
    ],
)
def test_price_refuses_what_cannot_be_chosen(chosen, code):
    sold, gone = line(1, "20", quantity=2, refunded_quantity=1), line(3, "5", refunded_quantity=1)
    order = an_order(sold, shipping(2, "5"), gone, total="30.00")

    assert code_of(money.price, order, chosen) == code


# Lowered and free amounts


def test_lower_spreads_by_largest_remainder_and_keeps_quantities():
    order = an_order(line(1, "20", {1: "4"}, quantity=2), shipping(2, "5", {1: "1"}), total="30.00")

    lowered = money.lower(money.everything(order), Decimal("10"))

    assert figures(lowered) == ("10.00", [(1, 2, "6.67", {1: "1.33"}), (2, 1, "1.67", {1: "0.33"})])


def test_lower_to_the_same_amount_changes_nothing():
    breakdown = money.everything(an_order(line(1, "20"), total="30.00", refunded=["15.00"]))

    assert money.lower(breakdown, Decimal("15")) is breakdown


def test_lower_clears_the_clamp_and_works_without_lines():
    clamped = money.price(an_order(line(1, "20"), total="20.00", refunded=["5.00"]), {1: 1})
    without_lines = money.free(an_order(line(1, "20"), total="20.00"), Decimal("8"), spread=False)

    assert (str(clamped.clamped), str(money.lower(clamped, Decimal("1")).clamped)) == ("5.00", "0.00")
    assert figures(money.lower(without_lines, Decimal("3.5"))) == ("3.50", [])


@pytest.mark.parametrize(
    ("amount", "code"),
    [("20.01", "too_much"), ("0", "not_positive"), ("-1", "not_positive"), ("1.005", "too_precise")],
)
def test_lower_and_free_refuse_other_amounts(amount, code):
    order = an_order(line(1, "20"), total="20.00")

    assert code_of(money.lower, money.everything(order), Decimal(amount)) == code
    assert code_of(money.free, order, Decimal(amount), spread=True) == code
    assert code_of(money.free, order, Decimal(amount), spread=False) == code


@pytest.mark.parametrize("amount", ["NaN", "sNaN", "Infinity"])
def test_amounts_that_are_no_numbers_are_refused(amount):
    order = an_order(line(1, "20"), total="20.00")

    assert code_of(money.free, order, Decimal(amount), spread=False) == "not_a_number"
    assert code_of(amounts.canonical, Decimal(amount), 2) == "not_a_number"


def test_free_is_spread_over_what_lines_still_hold_and_returns_no_goods():
    gone = line(1, "20", refunded_quantity=1, refunded_total=Decimal("20"))
    order = an_order(gone, line(2, "30", {1: "6"}), shipping(3, "4"), total="60.00", refunded=["20.00"])

    assert figures(money.free(order, Decimal("10"), spread=True)) == (
        "10.00",
        [(2, 0, "7.50", {1: "1.50"}), (3, 0, "1.00", {})],
    )
    assert figures(money.free(order, Decimal("10"), spread=False)) == ("10.00", [])


def test_free_cannot_be_spread_when_the_lines_hold_less_than_the_order():
    gone = line(1, "20", refunded_total=Decimal("15"))
    order = an_order(gone, total="20.00", refunded=["5.00"])

    assert code_of(money.free, order, Decimal("6"), spread=True) == "not_left"
    assert figures(money.free(order, Decimal("6"), spread=False)) == ("6.00", [])


# Just before paying


def test_without_lines_keeps_the_money_and_nothing_else():
    order = an_order(line(1, "20.00", quantity=2), total="10.00")
    breakdown = money.price(order, {1: 2})

    lump = money.without_lines(breakdown)

    assert figures(lump) == ("10.00", [])
    assert (str(breakdown.clamped), str(lump.clamped)) == ("10.00", "0.00")


@pytest.mark.parametrize(
    ("back", "sent", "api_restock"),
    [
        ({1: 2, 2: 1}, [(1, 2), (2, 1), (3, 1)], True),
        ({1: 1, 2: 1}, [(1, 1), (2, 1), (3, 1)], True),
        ({1: 2}, [(1, 2), (2, 0), (3, 1)], True),
        ({2: 0}, [(1, 2), (2, 1), (3, 1)], False),
        ({}, [(1, 2), (2, 1), (3, 1)], False),
    ],
)
def test_restock_tells_the_store_of_the_pieces_that_return(back, sent, api_restock):
    order = an_order(line(1, "20.00", quantity=2), line(2, "5.00"), shipping(3, "4.00"), total="29.00")
    breakdown = money.price(order, {1: 2, 2: 1, 3: 1})

    decided, is_on = money.restock(breakdown, back)

    assert ([(each.line_id, each.quantity) for each in decided.instruction_lines()], is_on) == (sent, api_restock)
    assert figures(decided) == figures(breakdown)
    assert Breakdown.from_json(decided.as_json()) == decided
    assert money.still_carries(order, decided) is None


def test_restock_of_goodwill_and_of_money_without_lines_is_none():
    order = an_order(line(1, "20.00", quantity=2), total="20.00")

    assert money.restock(money.free(order, Decimal("5"), spread=True), {})[1] is False
    assert money.restock(money.free(order, Decimal("5"), spread=False), {1: 2})[1] is False


@pytest.mark.parametrize("back", [{1: 3}, {1: -1}])
def test_restock_refuses_more_than_is_given_back(back):
    order = an_order(line(1, "20.00", quantity=3), total="20.00")

    assert code_of(money.restock, money.price(order, {1: 2}), back) == "too_many_back"


def test_still_carries_refuses_a_restock_that_was_made_up():
    order = an_order(line(1, "20.00", quantity=3), total="20.00")
    breakdown = money.price(order, {1: 2})

    forged = [replace(breakdown, lines=(replace(breakdown.lines[0], restock=n),)) for n in (3, -1)]

    assert [money.still_carries(order, each) for each in forged] == ["too_many", "too_many"]


def test_still_carries_sees_what_no_longer_fits():
    order = an_order(line(1, "40", {1: "8"}, quantity=2), shipping(2, "10"), total="58.00")
    breakdown = money.price(order, {1: 2})
    other = replace(order, refunds=(RefundSummary(1, Decimal("10.01"), ""),))
    fewer = replace(order, lines=(replace(order.lines[0], refunded_quantity=1), order.lines[1]))
    poorer = replace(order, lines=(replace(order.lines[0], refunded_total=Decimal("0.04")), order.lines[1]))
    swapped = replace(order, lines=order.lines[1:])

    assert money.still_carries(order, breakdown) is None
    assert money.still_carries(other, breakdown) == "too_much"
    assert money.still_carries(fewer, breakdown) == "too_many"
    assert money.still_carries(poorer, breakdown) == "not_left"
    assert money.still_carries(swapped, breakdown) == "unknown_line"
    assert money.still_carries(replace(order, currency="USD"), breakdown) == "other_currency"
    assert money.still_carries(replace(order, decimals=3), breakdown) == "other_decimals"


def test_still_carries_asks_no_piece_of_shipping_that_gives_nothing_back():
    order = an_order(line(1, "40"), shipping(2, "0.40"), total="40.40")
    lowered = money.lower(money.everything(order), Decimal("0.01"))
    gone = replace(order, lines=(order.lines[0], replace(order.lines[1], refunded_total=Decimal("0.40"))))

    assert figures(lowered) == ("0.01", [(1, 1, "0.01", {}), (2, 1, "0.00", {})])
    assert money.still_carries(gone, lowered) is None


# As text and as JSON


@pytest.mark.parametrize(
    ("amount", "decimals", "text"),
    [("41.2", 2, "41.20"), ("0", 2, "0.00"), ("0.05", 2, "0.05"), ("1E+3", 0, "1000"), ("1.25", 3, "1.250")],
)
def test_canonical_has_exactly_the_decimals(amount, decimals, text):
    assert amounts.canonical(Decimal(amount), decimals) == text


def test_canonical_refuses_what_it_would_have_to_change():
    assert code_of(amounts.canonical, Decimal("1.005"), 2) == "too_precise"
    assert code_of(amounts.canonical, Decimal("-1"), 2) == "not_positive"


def test_quantum_is_the_smallest_amount():
    assert [str(amounts.quantum(decimals)) for decimals in (0, 2, 3)] == ["1", "0.01", "0.001"]


@pytest.mark.parametrize(
    ("text", "decimals", "amount"),
    [
        ("41,20", 2, "41.20"),
        ("41.20", 2, "41.20"),
        (" 41 ", 2, "41.00"),
        ("41.2", 2, "41.20"),
        ("1 234,50", 2, "1234.50"),
        ("1\u00a0234,50", 2, "1234.50"),
        ("1\u202f234.50", 2, "1234.50"),
        ("1.234,50", 2, "1234.50"),
        ("1,234.50", 2, "1234.50"),
        ("1\u2019234.50", 2, "1234.50"),
        ("1 234", 2, "1234.00"),
        ("1.234.567", 2, "1234567.00"),
        ("1234", 0, "1234"),
        ("\uff11\uff12\uff13\uff14", 0, "1234"),
        ("\uff14\uff11\uff0e\uff12\uff10", 2, "41.20"),
        ("1.234", 3, "1.234"),
        ("1.2345000", 3, None),
        ("0,005", 3, "0.005"),
        ("41.200", 2, None),
        ("1.234", 2, None),
        ("1,234", 2, None),
        ("1,234", 3, None),
        ("1,234", 0, None),
        ("1.234", 0, None),
        ("1 234 ,50", 2, None),
        ("12 34,50", 2, None),
        ("1.23.456", 2, None),
        ("1,234,50", 2, None),
        (".50", 2, None),
        ("5.", 2, None),
        ("", 2, None),
        ("1e1", 2, None),
        ("NaN", 2, None),
        ("Infinity", 2, None),
        ("$41.20", 2, None),
        ("41.20 EUR", 2, None),
        ("+5", 2, None),
        ("0x10", 2, None),
        ("1_000", 2, None),
        ("10\u00b2", 2, None),
        ("\u00bd", 2, None),
        ("\u0664\u0661", 2, None),
        ("9" * 5000, 2, None),
    ],
)
def test_parse_amount_reads_what_is_clear_and_refuses_the_rest(text, decimals, amount):
    if amount is None:
        assert code_of(amounts.parse_amount, text, decimals) in ("not_a_number", "too_precise")
    else:
        assert str(amounts.parse_amount(text, decimals)) == amount


@pytest.mark.parametrize(
    ("text", "decimals", "code"),
    [
        ("41.205", 2, "not_a_number"),
        ("0.005", 2, "too_precise"),
        ("1234.567", 2, "too_precise"),
        ("10.5", 0, "too_precise"),
        ("0", 2, "not_positive"),
        ("0,00", 2, "not_positive"),
        ("-5,00", 2, "not_positive"),
        ("\u22125", 2, "not_positive"),
    ],
)
def test_parse_amount_says_why_it_refuses(text, decimals, code):
    assert code_of(amounts.parse_amount, text, decimals) == code


def test_breakdown_survives_json():
    order = an_order(line(1, "8.325", {1: "1.665", 2: "0"}, quantity=3), shipping(2, "5"), total="14.99")
    breakdown = money.price(replace(order, refunds=(RefundSummary(1, Decimal("1"), ""),)), {1: 3, 2: 1})

    again = Breakdown.from_json(json.loads(json.dumps(breakdown.as_json())))

    assert again == breakdown
    assert again.as_json() == {
        "amount": "13.99",
        "clamped": "1.00",
        "decimals": 2,
        "currency": "EUR",
        "lines": [
            {
                "line_id": 1,
                "kind": "product",
                "name": "Line 1",
                "quantity": 3,
                "total": "7.77",
                "taxes": [{"rate_id": 1, "total": "1.55"}, {"rate_id": 2, "total": "0.00"}],
            },
            {"line_id": 2, "kind": "shipping", "name": "Line 2", "quantity": 1, "total": "4.67", "taxes": []},
        ],
    }


def test_breakdown_refuses_lines_that_do_not_sum():
    wrong = LineRefund(1, LineKind.PRODUCT, "Line 1", 1, Decimal("8.33"), rates({1: "1.67"}))

    with pytest.raises(ValueError, match="do not sum"):
        Breakdown((wrong,), Decimal("9.99"), Decimal("0.00"), 2, "EUR")


def test_instruction_lines_carry_net_and_rates():
    order = an_order(line(1, "8.325", {1: "1.665"}), total="9.99")

    assert money.everything(order).instruction_lines() == (
        InstructionLine(1, 1, Decimal("8.33"), (Tax(1, Decimal("1.66")),)),
    )


# For every order

PERCENTS = [Decimal(0), Decimal("5"), Decimal("8.875"), Decimal("9.975"), Decimal("19"), Decimal("20")]
STORED = Decimal("1E-8")  # the store keeps more decimals than it shows, but not all


def half_up(amount, decimals):
    return amount.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)


@st.composite
def order_lines(draw, line_id, decimals):
    kind = draw(st.sampled_from([LineKind.PRODUCT] * 3 + [LineKind.SHIPPING, LineKind.FEE]))
    quantity = draw(st.integers(1, 7)) if kind is LineKind.PRODUCT else 1
    price = Decimal(draw(st.one_of(st.just(0), st.integers(1, 30), st.integers(1, 99_999)))).scaleb(-decimals)
    percents = draw(st.lists(st.sampled_from(PERCENTS), max_size=2))
    left_by_coupon = draw(st.sampled_from([Decimal(1), Decimal("0.75"), Decimal(2) / 3]))
    total = price * quantity * left_by_coupon
    if draw(st.booleans()):  # prices with tax
        total /= sum(percents, Decimal(100)) / 100
    total = half_up(total, 8)
    taxes, base = {}, total
    compound = draw(st.booleans())
    for rate_id, percent in enumerate(percents, start=1):
        taxes[rate_id] = half_up(base * percent / 100, 8)
        base += taxes[rate_id] if compound else 0
    return line(line_id, total, taxes, quantity, kind)


def total_of(lines, decimals, rounding):
    """The total as the store makes it: taxes rounded with the whole, for each rate, or for each line."""
    nets = sum(each.total for each in lines)
    taxes = [(tax.rate_id, tax.total) for each in lines for tax in each.taxes]
    if rounding == "whole":
        return half_up(nets + sum(total for _, total in taxes), decimals)
    if rounding == "rates":
        by_rate = {rate: sum(total for each, total in taxes if each == rate) for rate, _ in taxes}
        return half_up(nets, decimals) + sum(half_up(total, decimals) for total in by_rate.values())
    return half_up(nets, decimals) + sum(half_up(total, decimals) for _, total in taxes)


@st.composite
def orders(draw, discounts=True):
    decimals = draw(st.sampled_from([0, 2, 3]))
    lines = [draw(order_lines(n, decimals)) for n in range(1, draw(st.integers(1, 6)) + 1)]
    if discounts and draw(st.booleans()):
        off = -Decimal(draw(st.integers(1, 5_000))).scaleb(-decimals)
        lines.append(fee(99, off, draw(st.sampled_from([None, {1: half_up(off / 5, 8)}]))))
    total = total_of(lines, decimals, draw(st.sampled_from(["whole", "rates", "lines"])))
    assume(total > 0)
    return an_order(*lines, total=total, decimals=decimals)


@st.composite
def refunds(draw, order):
    """A refund that staff may make of what is left: chosen, lowered or not, or free."""
    if draw(st.integers(0, 3)) == 0:
        spread = draw(st.booleans())
        held = sum(left.amount for left in money.lines_left(order)) if spread else order.remaining
        return money.free(order, part_of(draw, min(held, order.remaining), order.decimals), spread=spread)
    chosen = {left.line.id: draw(st.integers(0, left.quantity)) for left in money.lines_left(order)}
    breakdown = money.price(order, chosen)
    return money.lower(breakdown, part_of(draw, breakdown.amount, order.decimals)) if draw(st.booleans()) else breakdown


def part_of(draw, amount, decimals):
    units = int(amount.scaleb(decimals))
    return Decimal(draw(st.integers(1, units) if units else st.just(1))).scaleb(-decimals)


def assert_sound(order, breakdown, slack=0):
    """Canonical, summing, positive, within the order; and within each line and rate, but for `slack` units."""
    pattern = re.compile(r"\d+" if order.decimals == 0 else rf"\d+\.\d{{{order.decimals}}}")
    parts = [breakdown.amount, breakdown.clamped, *(each.total for each in breakdown.lines)]
    parts += [tax.total for each in breakdown.lines for tax in each.taxes]
    left = {each.line.id: each for each in money.lines_left(order)}
    more = slack * amounts.quantum(order.decimals)

    assert 0 < breakdown.amount <= order.remaining
    assert sum(each.amount for each in breakdown.lines) == breakdown.amount or not breakdown.lines
    assert all(pattern.fullmatch(str(part)) for part in parts)
    assert [str(part) for part in parts] == [amounts.canonical(part, order.decimals) for part in parts]
    for each in breakdown.lines:
        held = left[each.line_id]
        assert each.quantity <= held.quantity
        assert each.amount <= held.amount + more
        assert each.total <= held.total + more
        assert [tax.rate_id for tax in each.taxes] == [tax.rate_id for tax in held.taxes]
        assert all(tax.total <= most.total + more for tax, most in zip(each.taxes, held.taxes, strict=True))
    assert money.still_carries(order, breakdown) is None
    assert Breakdown.from_json(json.loads(json.dumps(breakdown.as_json()))) == breakdown


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_refunds_never_exceed_the_order_and_everything_leaves_exactly_zero(data):
    order, made = data.draw(orders()), []
    for _ in range(data.draw(st.integers(0, 6))):
        now = after(order, *made)
        try:
            breakdown = data.draw(refunds(now))
        except AmountError as refused:
            assert refused.code in ("nothing_chosen", "not_positive", "not_left", "too_much")  # noqa: PT017
            continue
        assert_sound(now, breakdown)
        made.append(breakdown)

    now = after(order, *made)
    if now.remaining:
        breakdown = money.everything(now)
        assert_sound(now, breakdown)
        assert breakdown.lines
        made.append(breakdown)

    assert sum(each.amount for each in made) == order.total
    assert code_of(money.everything, after(order, *made)) == "not_left"


@settings(deadline=None)
@given(orders(discounts=False))
def test_lines_sum_to_the_total_and_lie_close_to_their_exact_worth(order):
    left = money.lines_left(order)
    unit, slack = amounts.quantum(order.decimals), sum(1 + len(each.taxes) for each in order.lines)

    assert sum(each.paid for each in left) == order.total
    for each in left:
        exact = each.line.total + sum(tax.total for tax in each.line.taxes)
        assert each.amount == each.paid == each.total + sum(tax.total for tax in each.taxes)
        assert abs(each.paid - exact) <= (slack + 1) * unit
        assert abs(each.total - each.line.total) <= (slack + 2) * unit


@settings(deadline=None)
@given(orders(), st.data())
def test_pieces_one_by_one_sum_to_the_line(order, data):
    held = data.draw(st.sampled_from(money.lines_left(order)))
    assume(held.amount and held.line.kind is LineKind.PRODUCT and held.paid <= order.total)
    share, unit = Fraction(held.paid) / held.line.quantity, Fraction(amounts.quantum(order.decimals))

    made = []
    for _ in range(held.line.quantity):
        try:
            made.append(money.price(after(order, *made), {held.line.id: 1}))
        except AmountError as refused:  # a piece of less than half a unit
            assert (refused.code, held.paid / held.line.quantity < unit) == ("not_positive", True)  # noqa: PT017
            return

    assert sum(each.amount for each in made) == held.paid
    assert all(abs(Fraction(each.amount) - share) <= unit for each in made)


@st.composite
def orders_refunded_elsewhere(draw):
    """Orders with refunds that follow no rule of ours: broken units, lines that do not sum, too much, below zero."""
    order = draw(orders())
    odd = st.decimals(-5, int(order.total) + 5, places=6)
    lines = tuple(
        replace(
            each,
            refunded_quantity=draw(st.integers(-1, each.quantity + 2)),
            refunded_total=draw(odd),
            refunded_taxes=tuple(Tax(rate_id, draw(odd)) for rate_id in draw(st.sets(st.integers(1, 4), max_size=3))),
        )
        if draw(st.booleans())
        else each
        for each in order.lines
    )
    summaries = [RefundSummary(n, abs(draw(odd)), "") for n in range(draw(st.integers(0, 3)))]
    return replace(order, lines=lines, refunds=tuple(summaries))


@settings(deadline=None, max_examples=200)
@given(orders_refunded_elsewhere(), st.data())
def test_refunds_made_elsewhere_by_other_rules_never_lead_beyond_the_order(order, data):
    slack = sum(1 + len(each.taxes) for each in order.lines)
    remaining = int(max(order.remaining, Decimal(0)).scaleb(order.decimals)) * amounts.quantum(order.decimals)
    if not remaining:
        assert code_of(money.everything, order) == "not_left"
        return

    breakdown = money.everything(order)

    assert breakdown.amount == remaining
    assert_sound(order, breakdown, slack)
    try:
        assert_sound(order, data.draw(refunds(order)))
    except AmountError as refused:
        assert refused.code in ("nothing_chosen", "not_positive", "not_left", "too_much")  # noqa: PT017


@settings(deadline=None)
@given(orders_refunded_elsewhere())
def test_the_ambient_decimal_context_plays_no_part(order):
    assume(order.remaining >= amounts.quantum(order.decimals))
    usual = money.everything(order), money.lines_left(order)

    with localcontext() as context:
        context.prec, context.rounding = 2, ROUND_UP
        odd = money.everything(order), money.lines_left(order)

    assert odd == usual
