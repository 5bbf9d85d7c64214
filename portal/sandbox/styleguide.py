"""Every part of the customer pages in every state, on one page, made of the templates that customers see."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from refunds import money
from refunds.forms import CodeForm, LinesForm, LookUpForm, MessageForm, WhyForm, line_choices
from refunds.models import Reason, Shop
from refunds.views.page import page, summary
from refunds.views.status import Said
from refunds.woocommerce.types import LineKind, Order, OrderLine, RefundSummary, Tax
from refunds.words import Moment, State

from .store.catalogue import TRIO

SHIRT = OrderLine(
    id=11,
    kind=LineKind.PRODUCT,
    name="T-Shirt “Lighthouse”",
    quantity=3,
    total=Decimal("60.00"),
    taxes=(Tax(1, Decimal("11.40")),),
)
ORDER = Order(
    id=5001,
    number="1001",
    status="completed",
    currency="EUR",
    decimals=2,
    total=Decimal("500.00"),
    email="anna@example.com",
    first_name="Anna",
    last_name="Berg",
    payment_method="testpay",
    payment_method_title="Test Pay (card)",
    lines=(
        SHIRT,
        replace(SHIRT, id=12, name="Crêpes & Galettes: the cookbook", quantity=1),
        replace(SHIRT, id=13, name=TRIO.name, quantity=12),
        replace(SHIRT, id=14, refunded_quantity=3, refunded_total=SHIRT.total, refunded_taxes=SHIRT.taxes),
        replace(SHIRT, id=15, name="Partly refunded", refunded_total=Decimal("5.00")),
        replace(SHIRT, id=16, name="Sticker (a gift)", total=Decimal(0), taxes=()),
        replace(SHIRT, id=17, name="DHL parcel", kind=LineKind.SHIPPING, quantity=1),
        OrderLine(id=18, kind=LineKind.FEE, name="Coupon", quantity=1, total=Decimal("-4.00")),
    ),
    refunds=(RefundSummary(9, Decimal("76.40"), ""),),
)
CHOSEN = {"q_11": "2", "q_12": "1", "q_13": "99"}


@require_safe
def styleguide(request: HttpRequest) -> HttpResponse:
    lines = LinesForm(ORDER, line_choices(ORDER, {}), CHOSEN)
    wrong = LookUpForm({"number": "1" * 70, "email": "anna"})
    sum_of_all = money.price(ORDER, {line.id: 1 for line in ORDER.lines[:2]})
    return page(
        request,
        "sandbox/styleguide.html",
        shop=Shop.current(),
        order=ORDER,
        lines=lines,
        errors=[*summary(wrong), *summary(lines)],
        form=LookUpForm(),
        wrong=wrong,
        code=CodeForm({"code": "12345"}),
        why=WhyForm({"reason": Reason.DAMAGED}, kept=[]),
        unanswered=WhyForm({}, kept=[]),
        note=MessageForm()["note"],
        bad_photos=[_("Please add a photo. For this reason we need to see it.")],
        breakdown=sum_of_all,
        clamped=replace(sum_of_all, clamped=Decimal("4.20")),
        states=_states(),
        conversation=_conversation(),
        history=_history(),
    )


def _states() -> list[State]:
    return [
        State("waiting", _("We have your request."), (_("You need not do anything until then."),)),
        State("attention", _("We need something from you."), (_("We go on when we have your answer."),)),
        State("good", _("The refund was issued."), (_("It goes back the way you paid."),)),
        State("over", _("You took the request back."), (_("Nothing more will happen."),)),
    ]


def _conversation() -> list[Said]:
    now = timezone.now()
    return [
        Said(now - timedelta(hours=3), by_shop=True, text="Which of the two?\nPlease send us a photo.", photos=[]),
        Said(now - timedelta(hours=1), by_shop=False, text="The blue one.", photos=[]),
    ]


def _history() -> list[Moment]:
    now = timezone.now()
    return [
        Moment(now - timedelta(days=2), _("We are looking at your request once more.")),
        Moment(now - timedelta(hours=3), _("We asked you for something.")),
        Moment(now - timedelta(hours=1), _("You wrote to us.")),
    ]


urlpatterns = [path("", styleguide, name="styleguide")]
