"""The visitor's address, which limits are counted by, is never what a visitor says."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client, RequestFactory

from refunds.addresses import client_address
from refunds.models import LookUp


@pytest.mark.parametrize(
    ("hops", "forwarded", "address"),
    [
        (0, None, "10.0.0.1"),
        (0, "203.0.113.9", "10.0.0.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        (2, "1.1.1.1, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        (2, "1.1.1.1,2.2.2.2,203.0.113.9,10.0.0.2", "203.0.113.9"),
        (2, "203.0.113.9", "10.0.0.1"),
        (1, None, "10.0.0.1"),
        (1, "", "10.0.0.1"),
        (1, "203.0.113.9, ", "10.0.0.1"),
        (1, "203.0.113.9:4711", "203.0.113.9"),
        (1, "[2001:db8::1]:4711", "2001:db8::1"),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_only_our_own_proxies_are_believed(
    rf: RequestFactory, settings: Any, hops: int, forwarded: str | None, address: str
) -> None:
    settings.TRUSTED_PROXY_HOPS = hops
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}

    request = rf.get("/", headers=headers, REMOTE_ADDR="10.0.0.1")

    assert client_address(request) == address


@pytest.mark.django_db
def test_limits_cannot_be_dodged_with_a_header(client: Client, settings: Any) -> None:
    settings.TRUSTED_PROXY_HOPS = 1

    for n in range(3):
        headers = {"X-Forwarded-For": f"198.51.100.{n}, 203.0.113.9"}
        client.post("/", {"number": "1001", "email": "anna@example.com"}, headers=headers)

    assert set(LookUp.objects.values_list("network", flat=True)) == {"203.0.113.9"}
