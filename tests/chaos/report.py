"""What a run found, as a table to read, and whether it may pass."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from . import oracle
from .cases import Case
from .mails import Told
from .nemesis import Nemesis
from .oracle import Proof, Truth
from .site import Json
from .staff import Desk
from .standing import Standing
from .visitors import Visitors


@dataclass
class Report:
    lines: list[tuple[str, str]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    seconds: float = 0

    @property
    def passed(self) -> bool:
        return not self.problems

    def struck(self, nemesis: Nemesis, *, seconds: float) -> None:
        self._say("kills", nemesis.kills.total(), nemesis.kills)
        self._say("stops longer than a lease", nemesis.stops.total(), nemesis.stops)
        self._say("other strikes", "", nemesis.others)
        self._say("seconds under strikes", f"{seconds:.0f}")

    def settled(
        self, standing: Standing, truths: dict[str, Truth], cases: Sequence[Case], times: list[float], *, seconds: float
    ) -> None:
        why = Counter(truths[reference].proof.value for reference in standing.parked)
        self._say("parked", len(standing.parked), why)
        self._must("parked by the oracle", len(standing.should_be_parked), standing.parked == standing.should_be_parked)
        self._name("parked without need", standing.parked - standing.should_be_parked, truths)
        self._name("not parked, though in doubt", standing.should_be_parked - standing.parked, truths)
        self._say("waiting behind a doubt of their order", len(standing.waiting))
        self._must("lost", len(standing.open), not standing.open)
        self._name("forgotten", standing.open, truths)
        self._must("refunded without proof", len(standing.unproven), not standing.unproven)
        self._name("refunded without proof", standing.unproven, truths)
        self._say("time to settle", f"p50 {_at(times, 0.5):.1f} s, p99 {_at(times, 0.99):.1f} s")
        self._say("all settled or parked after", f"{seconds:.0f} s")

    def staffed(self, desk: Desk) -> None:
        self._say("staff", f"{desk.paid} seen as paid, {desk.approved_again} approved again")
        self.problems += [f"staff could not go on: {words}" for words in desk.refused]

    def judged(
        self, cases: Sequence[Case], truths: dict[str, Truth], calls: list[Json], told: Told, said: Counter[str]
    ) -> None:
        troubled = [call for call in calls if call["faults"]]
        posts = sum(call["call"] == "refund.create" for call in calls)
        self._say("calls to the store", f"{len(calls)}, {len(troubled)} of them with a fault")
        self._say("POSTs of refunds", posts)
        self._must("doubles", oracle.doubles(truths.values()))
        self._must("wrong amounts", oracle.wrong_amounts(cases, truths))
        self._must("orders overpaid", oracle.orders_overpaid(cases, truths))
        self._must("untrue mails", told.untrue)
        self._must("untold", told.untold)
        self._say("mails delivered twice", told.repeated)
        unpaid = sum(truth.proof in (Proof.ROW_ONLY, Proof.NO_TRACE, Proof.NEVER_ARRIVED) for truth in truths.values())
        self._must("not paid in the end", unpaid)
        self._must("refunded in the end", said["refunded"], said["refunded"] == len(cases))

    def visited(self, visitors: Visitors, truths: dict[str, Truth]) -> None:
        self._say("pages seen by customers", visitors.answers.total(), visitors.answers)
        self._must("untrue pages", visitors.untrue(truths))

    def text(self) -> str:
        width = max(len(name) for name, _value in self.lines)
        table = [f"{name:<{width}}  {value}" for name, value in [*self.lines, ("total", f"{self.seconds:.0f} s")]]
        return "\n".join([*table, *(f"WRONG: {problem}" for problem in self.problems)])

    def _say(self, name: str, value: object, parts: Counter[str] | None = None) -> None:
        detail = ", ".join(f"{part} {count}" for part, count in (parts or Counter()).most_common() if count)
        self.lines.append((name, f"{value}{f' ({detail})' if detail and value != '' else detail}"))

    def _must(self, name: str, value: int, right: bool | None = None) -> None:
        """A figure that fails the run, if it is not `right`: if it is not 0, where that is not said."""
        self._say(name, value)
        if not (value == 0 if right is None else right):
            self.problems.append(f"{name}: {value}")

    def _name(self, what: str, references: set[str], truths: dict[str, Truth]) -> None:
        self.problems += [f"{what}: {reference} ({truths[reference].proof})" for reference in sorted(references)[:20]]


def _at(times: list[float], part: float) -> float:
    return times[min(int(len(times) * part), len(times) - 1)] if times else 0.0
