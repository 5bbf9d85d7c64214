"""System checks with ids. They run at every start, so that a site with impossible settings does not come up."""

from __future__ import annotations

import itertools
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, register

from . import timing

LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@register()
def time_budgets(**_unused: Any) -> list[Error]:
    """The waits of one payout must nest, or a slow gateway looks like a doubt and a lease ends under a call."""
    nested = [
        ("SLOWEST_GATEWAY", timing.SLOWEST_GATEWAY),
        ("POST_READ_TIMEOUT", timing.POST_READ_TIMEOUT),
        ("POST_DEADLINE", timing.POST_DEADLINE),
        ("JOB_TIMEOUT", timing.JOB_TIMEOUT),
        ("LEASE", timing.LEASE),
    ]
    return [
        Error(f"timing.{inner} ({a} s) must be less than timing.{outer} ({b} s).", id="refunds.E001")
        for (inner, a), (outer, b) in itertools.pairwise(nested)
        if a >= b
    ]


@register()
def call_fits_into_job(**_unused: Any) -> list[Error]:
    whole = 6 * timing.LOOK_PATIENCE + timing.POST_DEADLINE + timing.CONNECT_TIMEOUT + timing.RECORD_FOR
    if whole < timing.JOB_TIMEOUT:
        return []
    return [
        Error(
            f"One payout can take {whole} s, more than RQ's job timeout of {timing.JOB_TIMEOUT} s.", id="refunds.E002"
        )
    ]


@register()
def store_address(**_unused: Any) -> list[Error]:
    """Keys must not travel in the clear."""
    parts = urlsplit(settings.WOOCOMMERCE_URL)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK):
        return []
    return [
        Error(
            f"WOOCOMMERCE_URL must begin with https:// (it is {parts.scheme}://{parts.hostname}).",
            hint="Plain http is accepted on this machine only: the keys of the shop would travel in the clear.",
            id="refunds.E003",
        )
    ]


@register()
def store_api(**_unused: Any) -> list[Error]:
    if settings.WOOCOMMERCE_API in ("wc/v3", "wc-api/v3"):
        return []
    return [Error(f"WOOCOMMERCE_API is {settings.WOOCOMMERCE_API!r}; use wc/v3 or wc-api/v3.", id="refunds.E004")]
