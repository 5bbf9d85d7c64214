"""Proof that an order is theirs: found by exact comparison, proved by a code, and mute about everything else."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.core import mail as django_mail
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import limits, links, mail, timing, verification
from refunds.models import LookUp, Mail, OrderSnapshot

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _local_mail(settings: Any) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"


def start(number: str = "1001", email: str = "anna@example.com", address: str = "192.0.2.1") -> LookUp:
    return verification.start(number=number, email=email, address=address)


def found(sandbox: SandboxStore, **typed: str) -> LookUp:
    """A look-up of an order in the store, up to the delivered mail."""
    sandbox.add_order(number="1001", billing={"email": "Anna@Example.com"})
    look_up = start(**typed)
    verification.find(look_up.pk)
    for row in Mail.objects.all():
        mail.deliver(row.pk, owner="test")
    look_up.refresh_from_db()
    return look_up


def sent_code() -> str:
    match = re.search(r"\b\d{6}\b", str(django_mail.outbox[-1].body))
    assert match is not None
    return match[0]


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"number": " #1001 "},
        {"number": "\uff11\uff10\uff10\uff11"},
        {"email": " ANNA@example.com "},
    ],
)
def test_the_code_goes_to_the_address_of_the_order(sandbox: SandboxStore, typed: dict[str, str]) -> None:
    look_up = found(sandbox, **typed)

    assert django_mail.outbox[0].to == ["Anna@Example.com"]
    assert verification.prove(look_up, sent_code()) is True
    assert LookUp.objects.get().proven_at is not None


@pytest.mark.parametrize(
    "typed",
    [
        {"number": "1002"},
        {"number": "100"},
        {"number": "10011"},
        {"email": "ann@example.com"},
        {"email": "anna@example.com.evil.example"},
        {"email": "eve@example.com"},
    ],
)
def test_what_does_not_match_exactly_sends_no_mail(sandbox: SandboxStore, typed: dict[str, str]) -> None:
    look_up = found(sandbox, **typed)

    assert django_mail.outbox == []
    assert (look_up.snapshot, look_up.next_try_at) == (None, None)
    assert OrderSnapshot.objects.count() == 0


def test_an_order_id_is_not_an_order_number(sandbox: SandboxStore) -> None:
    order = sandbox.add_order(number="A-77", billing={"email": "anna@example.com"})
    look_up = start(number=str(order["id"]))

    verification.find(look_up.pk)

    assert Mail.objects.count() == 0


def test_the_code_stands_in_no_row(sandbox: SandboxStore) -> None:
    look_up = found(sandbox)
    code = sent_code()

    stored = [str(value) for row in (*LookUp.objects.values(), *Mail.objects.values()) for value in row.values()]

    assert not any(code in value for value in stored)
    assert not any(links.proof_url(look_up) in value for value in stored)


def test_a_code_is_used_once(sandbox: SandboxStore) -> None:
    look_up = found(sandbox)
    verification.prove(look_up, sent_code())

    assert verification.prove(look_up, sent_code()) is False


def test_five_wrong_codes_end_the_look_up_and_no_other(sandbox: SandboxStore) -> None:
    look_up = found(sandbox)
    code = sent_code()
    other = start(address="198.51.100.7")
    wrong = "000000" if code != "000000" else "000001"

    tries = []
    for _unused in range(6):
        verification.prove(look_up, wrong)
        tries.append(look_up.tries_left)

    assert tries == [4, 3, 2, 1, 0, 0]
    assert verification.prove(look_up, code) is False
    other.refresh_from_db()
    assert other.tries_left == timing.CODE_TRIES


def test_tries_count_for_unknown_orders_alike(sandbox: SandboxStore) -> None:
    look_up = start(number="nothing")
    verification.find(look_up.pk)

    for _unused in range(6):
        assert verification.prove(look_up, "000000") is False

    assert look_up.tries_left == 0


def test_a_code_of_an_unknown_order_proves_nothing_even_if_guessed(sandbox: SandboxStore) -> None:
    look_up = start(number="nothing")
    verification.find(look_up.pk)

    assert verification.prove(look_up, links.code(look_up)) is False


def test_a_code_lives_ten_minutes_from_its_hand_over(sandbox: SandboxStore) -> None:
    look_up = found(sandbox)
    code = sent_code()

    with time_machine.travel(timezone.now() + timedelta(minutes=10, seconds=1)):
        assert verification.prove(look_up, code) is False
    with time_machine.travel(timezone.now() + timedelta(minutes=9)):
        assert verification.prove(look_up, code) is True


def proof_token() -> str:
    match = re.search(r"/p/([^/\s]+)/", str(django_mail.outbox[-1].body))
    assert match is not None
    return match[1]


def test_the_link_of_the_mail_proves_once_and_only_when_pressed(sandbox: SandboxStore) -> None:
    look_up = found(sandbox)
    token = proof_token()

    assert verification.of_link(token) == look_up
    assert LookUp.objects.get().proven_at is None
    assert verification.prove_by_link(token) == look_up
    assert verification.prove_by_link(token) is None


@pytest.mark.parametrize("damage", [lambda token: token[:-1], lambda token: "x" + token, lambda _token: "nothing"])
def test_a_link_that_is_not_ours_proves_nothing(sandbox: SandboxStore, damage: Callable[[str], str]) -> None:
    found(sandbox)

    assert verification.prove_by_link(damage(proof_token())) is None


def test_a_store_that_is_down_is_asked_again_for_a_day(sandbox: SandboxStore) -> None:
    sandbox.add_order(number="1001", billing={"email": "anna@example.com"})
    look_up = start()
    sandbox.arm("database-down", times=None)
    verification.find(look_up.pk)
    look_up.refresh_from_db()
    assert look_up.next_try_at is not None
    assert look_up.tries_of_store == 1

    sandbox.shop.faults.clear()
    with time_machine.travel(timezone.now() + timedelta(hours=1)):
        verification.find(look_up.pk)

    assert Mail.objects.get().kind == "code"


def test_after_a_day_a_look_up_is_over(sandbox: SandboxStore) -> None:
    look_up = start()

    with time_machine.travel(timezone.now() + timedelta(hours=25)):
        verification.find(look_up.pk)

    look_up.refresh_from_db()
    assert look_up.next_try_at is None
    assert sandbox.calls == []


def test_two_workers_at_once_write_one_mail(sandbox: SandboxStore) -> None:
    sandbox.add_order(number="1001", billing={"email": "anna@example.com"})
    look_up = start()

    verification.find(look_up.pk)
    verification.find(look_up.pk)

    assert Mail.objects.count() == 1


@pytest.mark.parametrize(
    ("most", "typed"),
    [
        (20, lambda n: {"number": f"{n}", "email": f"a{n}@example.com"}),
        (6, lambda n: {"number": f"{n}", "address": f"192.0.2.{n}"}),
        (15, lambda n: {"email": f"a{n}@example.com", "address": f"192.0.2.{n}"}),
    ],
)
def test_limits_are_counted_and_say_when_to_come_back(most: int, typed: Callable[[int], dict[str, str]]) -> None:
    for n in range(most):
        start(**typed(n))

    with pytest.raises(limits.TooMany) as caught:
        start(**typed(most))

    assert LookUp.objects.count() == most
    assert 0 < caught.value.retry_after <= 24 * 60 * 60
    with time_machine.travel(timezone.now() + timedelta(seconds=caught.value.retry_after + 1)):
        start(**typed(most))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("fe80::1%eth0", "fe80::/64"),
        ("nonsense", "unknown"),
    ],
)
def test_limits_count_networks(address: str, network: str) -> None:
    assert verification.network(address) == network
