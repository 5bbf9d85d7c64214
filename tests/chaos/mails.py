"""What customers were told, as the mail server took it, against what the store's ledger says."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

from refunds.models import Mail

from .cases import Case
from .oracle import Truth


@dataclass(frozen=True, slots=True)
class Told:
    """`untrue`: mails of a refund before it was paid, never paid, or of another amount."""

    untrue: int
    untold: int
    repeated: int


def judge(files: Iterable[Path], cases: Iterable[Case], truths: dict[str, Truth], refunded: Iterable[str]) -> Told:
    by_pk = {case.pk: case for case in cases}
    copies: Counter[str] = Counter()
    untrue = 0
    for case, at, text in _refund_mails(files, by_pk):
        copies[case.reference] += 1
        untrue += not _is_true(case, truths[case.reference], at, text)
    untold = sum(reference not in copies for reference in refunded)
    return Told(untrue, untold, sum(count - 1 for count in copies.values()))


def _refund_mails(files: Iterable[Path], by_pk: dict[int, Case]) -> Iterator[tuple[Case, datetime, str]]:
    about = dict(Mail.objects.filter(kind="refunded").values_list("message_id", "refund_request_id"))
    for file in files:
        message = message_from_bytes(file.read_bytes(), _class=EmailMessage, policy=policy.default)
        pk = about.get(str(message["Message-ID"]))
        if pk is not None:
            body = message.get_body(preferencelist=("plain",))
            at = datetime.fromtimestamp(int(file.stem.partition("-")[0]) / 1e9, tz=UTC)
            yield by_pk[pk], at, "" if body is None else str(body.get_content())


def _is_true(case: Case, truth: Truth, at: datetime, text: str) -> bool:
    paid_before = bool(truth.payments) and truth.first_paid_at[:19] <= at.strftime("%Y-%m-%dT%H:%M:%S")
    return paid_before and f"{case.amount:.2f}" in text and case.reference in text
