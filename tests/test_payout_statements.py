"""What one payout asks of the database, to the statement: the whole way of the data, and nothing twice."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from portal.sandbox.store import SandboxStore
from refunds import payout
from refunds.states import Status
from tests.test_payout import approved, in_store, now_of

pytestmark = pytest.mark.django_db

STATEMENTS = [
    # claim
    "SELECT refundrequest",
    "SELECT storehealth",
    "SELECT payoutattempt",
    "INSERT payoutattempt",
    "UPDATE refundrequest",
    "INSERT refundevent",
    # look: is this still the shop that was confirmed, is it well, what else was paid of this order
    "SELECT storehealth",
    "SELECT storehealth",
    "SELECT payoutattempt",
    # write ahead
    "SELECT storehealth",
    "UPDATE payoutattempt",
    # record, with the mail
    "SELECT payoutattempt",
    "UPDATE payoutattempt",
    "UPDATE refundrequest",
    "UPDATE refundline",
    "INSERT refundevent",
    "SELECT shop",
    "SELECT refundline",
    "SELECT ordersnapshot",
    "INSERT mail",
    # does another case of the order wait for this one
    "SELECT refundrequest",
    # the breaker, and the sum afterwards
    "UPDATE storehealth",
    "SELECT storehealth",
]


def statements(captured: CaptureQueriesContext) -> list[str]:
    """Verb and table of each, without those that begin and end a transaction."""
    found = (
        re.match(r'(SELECT|INSERT|UPDATE|DELETE)\b.*?"refunds_(\w+)"', query["sql"])
        for query in captured.captured_queries
    )
    return [f"{match[1]} {match[2]}" for match in found if match]


def test_a_payout_makes_these_statements_and_no_others(sandbox: SandboxStore) -> None:
    payout.pay(approved(sandbox).pk)  # the first one of all also learns the shop's address and decimals
    refund_request = approved(sandbox, in_store(sandbox))

    with CaptureQueriesContext(connection) as captured:
        payout.pay(refund_request.pk)

    assert now_of(refund_request).status == Status.REFUNDED
    assert statements(captured) == STATEMENTS
