from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client

from portal.sandbox.store import SandboxStore
from tests.factories import agent, approver

pytestmark = pytest.mark.django_db


def test_a_fit_shop_is_said_to_be_fit_and_no_money_moves(
    sandbox: SandboxStore, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.add_order()

    call_command("check_store")

    assert "The shop is fit for refunds." in capsys.readouterr().out
    assert sandbox.money == []
    assert all(not sandbox.refunds(order_id) for order_id in sandbox.shop.books.orders)


def test_a_key_that_may_not_refund_is_named_and_ends_in_an_error(
    sandbox: SandboxStore, settings: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    sandbox.add_order()
    settings.WOOCOMMERCE_CONSUMER_KEY, settings.WOOCOMMERCE_CONSUMER_SECRET = "ck_read", "cs_read"

    with pytest.raises(SystemExit) as ended:
        call_command("check_store")

    assert ended.value.code == 1
    assert "No refund should go out like this." in capsys.readouterr().out


def test_staff_who_may_pause_payouts_see_the_same(sandbox: SandboxStore, client: Client) -> None:
    sandbox.add_order()
    client.force_login(approver())

    asked = client.get("/staff/shop-check/")
    answered = client.post("/staff/shop-check/")

    assert (asked.status_code, answered.status_code) == (200, 200)
    assert "Fit for refunds" not in asked.content.decode()
    assert "Fit for refunds" in answered.content.decode()


def test_others_do_not(client: Client) -> None:
    client.force_login(agent())

    assert client.get("/staff/shop-check/").status_code == 403
