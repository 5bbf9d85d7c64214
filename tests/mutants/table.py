"""The mutants: what is taken out, where, and who has to notice."""

from __future__ import annotations

from dataclasses import dataclass

PAYOUTS = "refunds/workflow/payouts.py"
MOVES = "refunds/workflow/moves.py"


@dataclass(frozen=True, slots=True)
class Cut:
    """`old` must be in the file exactly once."""

    file: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Mutant:
    """`noticed_by` is what comes after `python -m`."""

    name: str
    without: str
    cuts: tuple[Cut, ...]
    noticed_by: tuple[str, ...]


def matrix(only: str) -> tuple[str, ...]:
    return ("tests.matrix", "--first", "--only", only)


GATEWAY_LIES = "payout/plain/call:refund.create=gateway-pays-but-errors/"

MUTANTS = (
    Mutant(
        "write-ahead",
        "the attempt is written down as sent before anything leaves",
        (
            Cut(
                PAYOUTS,
                "status=AttemptStatus.PREPARED, lease_until__gt=covers\n        ).update(**fields)",
                "status=AttemptStatus.PREPARED, lease_until__gt=covers\n        ).count()",
            ),
        ),
        matrix(GATEWAY_LIES + "undisturbed"),
    ),
    Mutant(
        "claim",
        "only who moves the case from approved to sending may go on",
        (
            Cut(PAYOUTS, ".filter(pk=refund_request_id).due(now).first()", ".filter(pk=refund_request_id).first()"),
            Cut(
                MOVES,
                "pk=refund_request.pk, status=refund_request.status, version=seen_version",
                "pk=refund_request.pk",
            ),
        ),
        matrix("payout/plain/no fault/late twins"),
    ),
    Mutant(
        "marker look-up",
        "a row of the case that the store has already is not paid again",
        (Cut("refunds/payout.py", "if ours and not _none_of_ours(attempt):", "if False and ours:"),),
        matrix("payout/restored/no fault/undisturbed"),
    ),
    Mutant(
        "one open attempt per order",
        "the database refuses a second payout of an order while the first is open",
        (
            Cut(
                "refunds/migrations/0001_initial.py",
                "('status__in', ['prepared', 'sent', 'unknown'])), fields=('order_id',)",
                "('status__in', ['nothing'])), fields=('order_id',)",
            ),
        ),
        matrix("payout/sibling at once/no fault/undisturbed"),
    ),
    Mutant(
        "own attempt",
        "an outcome is recorded only by the owner of the attempt, and only while it is open",
        (
            Cut(
                PAYOUTS,
                ".filter(pk=attempt.pk, owner=attempt.owner, status__in=OPEN_ATTEMPT)",
                ".filter(pk=attempt.pk)",
            ),
            Cut(PAYOUTS, "filter(pk=attempt.pk, owner=attempt.owner, status=attempt.status)", "filter(pk=attempt.pk)"),
        ),
        matrix("payout/plain/order:order.view=502-before/overtaken@hold_back"),
    ),
    Mutant(
        "version",
        "a decision counts only for the figures that its page showed",
        (Cut(MOVES, "status=refund_request.status, version=seen_version", "status=refund_request.status"),),
        matrix("payout/stale page/no fault/undisturbed"),
    ),
    Mutant(
        "tick after a refusal",
        "after a gateway's refusal somebody looks at the provider before anything is sent again",
        (
            Cut(
                "refunds/workflow/cases.py",
                "if unconfirmed_refusal(refund_request) is not None:",
                "if unconfirmed_refusal(refund_request) is False:",
            ),
        ),
        matrix(GATEWAY_LIES + "undisturbed"),
    ),
    Mutant(
        "doubt",
        "what is in doubt is never sent again by itself",
        (Cut(PAYOUTS, "Verdict.IN_DOUBT: AttemptStatus.UNKNOWN", "Verdict.IN_DOUBT: AttemptStatus.NOT_SENT"),),
        matrix("payout/plain/call:refund.create=closed-before/undisturbed"),
    ),
    Mutant(
        "claim of a mail",
        "a mail is handed over by the one who claimed it",
        (
            Cut(
                "refunds/mail.py",
                "pk=mail_id, state__in=[Mail.State.PENDING, Mail.State.SENDING], next_try_at__lte=now",
                "pk=mail_id",
            ),
        ),
        matrix("mail/refunded/no fault/twin"),
    ),
    Mutant(
        "end of a search",
        "two workers that find an order at once write one mail",
        (
            Cut(
                "refunds/verification.py",
                "(pk=look_up.pk, next_try_at=look_up.next_try_at).update(\n            next_try_at=None",
                "(pk=look_up.pk).update(\n            next_try_at=None",
            ),
        ),
        matrix("look-up/known/no fault/twin after@find"),
    ),
)
