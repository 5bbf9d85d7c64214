"""The table of the matrix: what was tried, what became of it, and whether the portal and the oracle agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from portal.sandbox.store.faults import FAULTS
from refunds.states import Status

from .cases import ALL_ALONG, AT_A_STEP, MAIL_FAULTS, ORIGINS
from .steps import STEPS
from .tell import Told

OUTCOMES = (Status.REFUNDED, Status.CHECK_NEEDED, Status.FAILED, Status.APPROVED, Status.DECLINED)
HEADINGS = ("refunded", "outcome unknown", "not refunded", "waits for another", "declined before")
PROMISES = {
    "PAID TWICE": "refunds paid twice",
    "SENT AGAIN": "refunds sent again after a doubt",
    "WRONG AMOUNT": "wrong amounts",
    "FORGOTTEN": "forgotten",
    "UNTRUE": "untrue mails",
}
BEGINNING = (
    "Written by `make matrix`: every step of the money path, times every answer and fault of the sandbox store, times",
    "kills, stalls and duplicates at that step. Each case is followed until nothing is due any more. What must have",
    "become of it is told from the store's own ledger and rows, never from the portal's. A case is left for a person",
    "only where the store proves nothing; then the portal says so.",
)
FOR_A_PERSON = (Status.CHECK_NEEDED, Status.FAILED)


@dataclass(frozen=True)
class Report:
    told: list[Told]

    @property
    def reached(self) -> list[Told]:
        """Cases in which everything that was to happen did happen."""
        return [one for one in self.told if one.reached]

    @property
    def broken(self) -> list[Told]:
        return [one for one in self.told if one.broken]

    def never_struck(self) -> list[str]:
        """Steps at which nothing ever happened: the matrix would not notice if they were wrong."""
        return sorted(set(STEPS) - {one.case.step for one in self.reached})

    # --- Text --------------------------------------------------------------------------------------------------------

    def summary(self) -> list[str]:
        """The figures that count, a line each."""
        statuses = Counter(status for one in self.reached for status in one.statuses)
        expected = Counter(status for one in self.reached for status in one.expected)
        wrong = Counter(self._promise(sentence) for one in self.broken for sentence in one.broken)
        payouts = sum(one.payouts for one in self.reached)
        lines = [f"{len(self.reached)} cases, {statuses.total()} refunds, {payouts} payouts"]
        lines += [f"{wrong[promise]} {words}" for promise, words in PROMISES.items()]
        lines += [f"{wrong['']} other broken promises"]
        lines += [
            f"{statuses[status]} {words}, {expected[status]} by the oracle"
            for status, words in zip(OUTCOMES, HEADINGS, strict=True)
            if status in FOR_A_PERSON
        ]
        return lines

    def _promise(self, sentence: str) -> str:
        return next((promise for promise in PROMISES if promise in sentence), "")

    def text(self) -> str:
        return "\n".join([*self._by_kind(), "", *self._by_origin(), "", *self.summary()])

    def document(self) -> str:
        return "\n".join(
            [
                "# What can go wrong, and what becomes of it",
                "",
                *BEGINNING,
                "",
                *(f"- {line}" for line in self.summary()),
                "",
                "## The answer to the refund call",
                "",
                *self._by_fault(lambda one: one.case.placed is not None and one.case.placed.call == "refund.create"),
                "",
                "## Answers to everything that is only read, and of the mail server",
                "",
                *self._by_fault(lambda one: one.case.placed is not None and one.case.placed.call != "refund.create"),
                "",
                "## What happened to the process",
                "",
                *self._by_kind(),
                "",
                "## How things stood before",
                "",
                *self._by_origin(),
                "",
                "## The steps",
                "",
                *self._by_step(),
                "",
            ]
        )

    # --- Tables ------------------------------------------------------------------------------------------------------

    def _by_fault(self, fits: Callable[[Told], bool]) -> list[str]:
        said = {name: fault.summary for name, fault in FAULTS.items()} | MAIL_FAULTS
        return self._table(("the store ...", ""), said, lambda one: one.case.fault if fits(one) else None)

    def _by_kind(self) -> list[str]:
        said = {"": "nothing else happens", **AT_A_STEP, **ALL_ALONG}
        return self._table(("disturbance", ""), said, lambda one: one.case.kind)

    def _by_origin(self) -> list[str]:
        said = {f"{road}: {origin}": "" for road, origins in ORIGINS.items() for origin in origins}
        return self._table(("origin", ""), said, lambda one: f"{one.case.road}: {one.case.origin}")

    def _by_step(self) -> list[str]:
        said = {step.name: f"`{step.function}`" for step in STEPS.values()}
        return self._table(("step", "function"), said, lambda one: one.case.step or None)

    def _table(self, names: tuple[str, str], rows: dict[str, str], key: Callable[[Told], str | None]) -> list[str]:
        head = (*names, "cases", *HEADINGS)
        lines = [_row(head), _row("---" if n < len(names) else "---:" for n in range(len(head)))]
        for name, words in rows.items():
            of_row = [one for one in self.reached if key(one) == name]
            if of_row:
                counts = Counter(status for one in of_row for status in one.statuses)
                lines.append(_row((name or "-", words, len(of_row), *(counts[status] or "" for status in OUTCOMES))))
        return lines


def _row(cells: Iterable[object]) -> str:
    return f"| {' | '.join(map(str, cells))} |"
