"""Where the portal says that the cases stand, held against the truth of the store's books."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from refunds.states import Status

from .cases import Case
from .oracle import Proof, Truth

PARKED = frozenset({Status.CHECK_NEEDED, Status.FAILED})
UNSEEN = frozenset({Proof.NO_TRACE, Proof.NEVER_ARRIVED})


@dataclass
class Standing:
    parked: set[str] = field(default_factory=set)
    should_be_parked: set[str] = field(default_factory=set)
    waiting: set[str] = field(default_factory=set)
    """Approved, and behind a doubt about the same order."""
    open: set[str] = field(default_factory=set)
    """Neither refunded nor parked, and nothing in their way."""
    unproven: set[str] = field(default_factory=set)
    """Refunded, says the portal, and no row of the store proves it."""

    @property
    def is_settled(self) -> bool:
        return self.parked == self.should_be_parked and not self.open and not self.unproven


def compare(cases: Collection[Case], truths: dict[str, Truth], said: dict[str, str], sent: frozenset[str]) -> Standing:
    """`said` is what the portal says of each case; `sent` those of which it says that something may have left."""
    standing = Standing()
    doubted = _doubted(cases, said)
    for case in cases:
        _place(standing, case, truths[case.reference].proof, said[case.reference], case.order_id in doubted, sent)
    return standing


def on_the_way(cases: Collection[Case], said: dict[str, str]) -> int:
    """How many are approved or being sent, without those that wait behind a doubt about their order."""
    doubted = _doubted(cases, said)
    return sum(
        said[case.reference] == Status.SENDING
        or (said[case.reference] == Status.APPROVED and case.order_id not in doubted)
        for case in cases
    )


def _doubted(cases: Collection[Case], said: dict[str, str]) -> set[int]:
    return {case.order_id for case in cases if said[case.reference] in PARKED}


def _place(
    standing: Standing, case: Case, proof: Proof, status: str, sibling_in_doubt: bool, sent: frozenset[str]
) -> None:
    reference = case.reference
    if status in PARKED:
        standing.parked.add(reference)
    if status == Status.APPROVED and sibling_in_doubt and proof in UNSEEN:
        standing.waiting.add(reference)
    elif status not in PARKED and status != Status.REFUNDED:
        standing.open.add(reference)
    if status == Status.REFUNDED and proof is not Proof.PAID:
        standing.unproven.add(reference)
    if reference not in standing.waiting and _cannot_be_proven(proof, reference in sent):
        standing.should_be_parked.add(reference)


def _cannot_be_proven(proof: Proof, written_ahead: bool) -> bool:
    """Where the store has seen nothing, only the portal knows whether it meant to send something."""
    return written_ahead if proof in UNSEEN else proof is not Proof.PAID
