"""One factory per row. Their order is the store's: `order(...)` makes one, priced and without surprises."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import factory
from django.contrib.auth.models import Group, Permission, User
from django.utils import timezone

from refunds import money
from refunds.models import LookUp, OrderSnapshot, Reason, RefundLine, RefundRequest
from refunds.woocommerce.codec import order_to_json
from refunds.woocommerce.types import LineKind, Order, OrderLine, Tax

SHIRT = OrderLine(
    id=11,
    kind=LineKind.PRODUCT,
    name="T-Shirt",
    quantity=2,
    total=Decimal("40.00"),
    taxes=(Tax(1, Decimal("7.60")),),
)
SHIPPING = OrderLine(
    id=12, kind=LineKind.SHIPPING, name="Parcel", quantity=1, total=Decimal("5.00"), taxes=(Tax(1, Decimal("0.95")),)
)


def order(**fields: Any) -> Order:
    """Order 5001, number 1001: two T-shirts at 23.80 and shipping at 5.95, 53.55 EUR in all."""
    plain = Order(
        id=5001,
        number="1001",
        status="completed",
        currency="EUR",
        decimals=2,
        total=Decimal("53.55"),
        email="anna@example.com",
        first_name="Anna",
        last_name="Berg",
        payment_method="testpay",
        payment_method_title="Test Pay (card)",
        lines=(SHIRT, SHIPPING),
    )
    return replace(plain, **fields)


class OrderSnapshotFactory(factory.django.DjangoModelFactory[OrderSnapshot]):
    class Meta:
        model = OrderSnapshot

    class Params:
        order = factory.LazyFunction(order)

    order_id = factory.LazyAttribute(lambda made: made.order.id)
    data = factory.LazyAttribute(lambda made: order_to_json(made.order))


class UserFactory(factory.django.DjangoModelFactory[User]):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"staff{n}")
    is_staff = True

    @factory.post_generation
    def permissions(self: User, create: bool, extracted: Any, **options: Any) -> None:  # type: ignore[misc]  # factory_boy passes the made object as self
        """Codenames of this app's permissions, such as `permissions=["approve_refundrequest"]`."""
        for codename in extracted or ():
            self.user_permissions.add(Permission.objects.get(content_type__app_label="refunds", codename=codename))


def agent() -> User:
    return _member("Refund agents")


def approver() -> User:
    return _member("Refund approvers")


def _member(group: str) -> User:
    user = UserFactory.create()
    user.groups.add(Group.objects.get(name=group))
    return user


class LookUpFactory(factory.django.DjangoModelFactory[LookUp]):
    """A look-up whose order was found and whose code was right."""

    class Meta:
        model = LookUp

    order_number = "1001"
    email = "anna@example.com"
    network = "127.0.0.1"
    snapshot = factory.SubFactory(OrderSnapshotFactory)
    code_issue = 1
    proven_at = factory.LazyFunction(timezone.now)


class RefundRequestFactory(factory.django.DjangoModelFactory[RefundRequest]):
    """A submitted request for one T-shirt, 23.80 EUR."""

    class Meta:
        model = RefundRequest
        skip_postgeneration_save = True

    class Params:
        order = factory.LazyFunction(order)
        chosen = {11: 1}

    order_id = factory.LazyAttribute(lambda made: made.order.id)
    order_number = factory.LazyAttribute(lambda made: made.order.number)
    currency = factory.LazyAttribute(lambda made: made.order.currency)
    decimals = factory.LazyAttribute(lambda made: made.order.decimals)
    email = factory.LazyAttribute(lambda made: made.order.email)
    customer_name = "Anna Berg"
    reason = Reason.DAMAGED
    note = "It came with a hole in it."
    requested_amount = factory.LazyAttribute(lambda made: money.price(made.order, made.chosen).amount)
    order_asked = factory.SubFactory(OrderSnapshotFactory, order=factory.SelfAttribute("..order"))
    order_now = factory.SelfAttribute("order_asked")

    @factory.post_generation
    def lines(self: RefundRequest, create: bool, extracted: Any, **options: Any) -> None:  # type: ignore[misc]  # as above
        store_order = self.order_asked.order
        chosen = extracted or {store_order.lines[0].id: 1}
        for line in money.price(store_order, chosen).lines:
            RefundLine.objects.create(
                refund_request=self,
                order_line_id=line.line_id,
                kind=line.kind,
                name=line.name,
                quantity=line.quantity,
                amount=line.amount,
            )
