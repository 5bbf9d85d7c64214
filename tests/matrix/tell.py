"""One case, judged: told, compared with the oracle, and then tried by an impatient colleague and by every late job."""

from __future__ import annotations

from dataclasses import dataclass, replace

from refunds.models import RefundRequest

from . import oracle, origins, people
from .cases import Case
from .disturb import Disturber
from .story import HOURS, Story
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
    broken: tuple[str, ...] = ()


def tell(world: World, disturber: Disturber, case: Case, number: int) -> Told:
    story = Story(world, disturber, case, number)
    _live(story)
    requests = list(RefundRequest.objects.filter(pk__in=[one.pk for one in story.requests]).order_by("pk"))
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
    return replace(told, broken=tuple(dict.fromkeys(broken)))


def _live(story: Story) -> None:
    """From its origin, through what happens to it, until nothing is due any more."""
    world, disturber, case = story.world, story.disturber, story.case
    world.begin()
    disturber.begin()
    origins.bring_about(story)
    disturber.others = story
    disturber.entered.clear()
    disturber.watch(case.placed, case.disturbance)
    if case.road == "look-up":
        people.look_up(story)
    story.settle()
    world.disarm()
    world.open_gate()
    story.settle()
    people.resume(story)
    if case.road == "look-up":
        people.prove(story)


def _afterwards(story: Story) -> list[str]:
    """A colleague approves again whatever was not refunded, and every job of the case comes once more, late."""
    story.disturber.watch(None, None)
    known, found = len(story.broken), list[str]()
    for refund_request in RefundRequest.objects.filter(pk__in=[one.pk for one in story.requests]):
        if refund_request.status in oracle.PERSONS and people.approve_again(refund_request):
            story.settle(within=HOURS)
            found += oracle.wrong(story)
    before = _state(story)
    story.everything()
    story.settle(within=HOURS)
    if _state(story) != before:
        found.append(f"late jobs changed something: {before} -> {_state(story)}")
    return [f"afterwards: {sentence}" for sentence in (*found, *story.broken[known:])]


def _state(story: Story) -> tuple[object, ...]:
    requests = RefundRequest.objects.filter(pk__in=[r.pk for r in story.requests]).order_by("pk")
    rows = [(row.reference, row.status) for row in requests]
    return (*rows, len(story.world.store.money), len(story.world.delivered))
