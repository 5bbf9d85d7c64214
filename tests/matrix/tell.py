"""One case, judged: told, compared with the oracle, and then tried by an impatient colleague and by every late job."""

from __future__ import annotations

from dataclasses import dataclass, field

from refunds import orders, woocommerce, workflow
from refunds.models import RefundRequest

from . import oracle
from .cases import Case
from .disturb import Disturber
from .story import HOURS, Story, colleague
from .world import World


@dataclass(frozen=True)
class Told:
    """What became of a case. `reached` is False where the fault or the disturbance found no such step."""

    case: Case
    reached: bool
    entered: frozenset[str]
    statuses: tuple[str, ...]
    expected: tuple[str, ...]
    payouts: int
    posts: int
    broken: tuple[str, ...] = field(default=())


def tell(world: World, disturber: Disturber, case: Case, number: int) -> Told:
    story = Story(world, disturber, case, number)
    story.tell()
    requests = [RefundRequest.objects.get(pk=one.pk) for one in story.requests]
    told = Told(
        case=case,
        reached=disturber.fault_struck and disturber.struck,
        entered=frozenset(disturber.entered),
        statuses=tuple(request.status for request in requests),
        expected=tuple(oracle.expected(story, request) for request in requests),
        payouts=sum(len(oracle.books(world.store, request).money) for request in requests),
        posts=len(disturber.sendings),
    )
    broken = [*oracle.wrong(story), *story.forgotten(), *_afterwards(story)]
    return Told(**{**vars(told), "broken": tuple(dict.fromkeys(broken))})


def _afterwards(story: Story) -> list[str]:
    """A colleague approves again whatever was not refunded, and every job of the case comes once more, late."""
    story.disturber.watch(None, None)
    known, found = len(story.broken), []
    for refund_request in RefundRequest.objects.filter(pk__in=[one.pk for one in story.requests]):
        if refund_request.status in oracle.PERSONS and _approve_again(story, refund_request):
            story.settle(within=HOURS)
            found += oracle.wrong(story)
    before = _state(story)
    story.everything()
    story.settle(within=HOURS)
    if _state(story) != before:
        found.append(f"late jobs changed something: {before} -> {_state(story)}")
    return [f"afterwards: {sentence}" for sentence in (*found, *story.broken[known:])]


def _approve_again(story: Story, refund_request: RefundRequest) -> bool:
    """True if it was allowed."""
    try:
        orders.refresh(refund_request)
    except woocommerce.StoreError:
        return False
    breakdown = refund_request.breakdown
    if breakdown is None:
        return False
    try:
        workflow.approve(
            refund_request,
            by=colleague(),
            version=refund_request.version,
            breakdown=breakdown,
            api_refund=bool(refund_request.api_refund),
            restock=False,
            manual_reference=refund_request.manual_reference,
        )
    except workflow.NotAllowed:
        return False
    return True


def _state(story: Story) -> tuple[object, ...]:
    rows = [(row.reference, row.status) for row in RefundRequest.objects.filter(pk__in=[r.pk for r in story.requests])]
    return (*rows, len(story.world.store.money), len(story.world.delivered))
