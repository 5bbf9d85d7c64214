"""One move of a case: a compare-and-set of its row and one event, in the transaction of the verb that asked for it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import clocks
from ..models import PayoutAttempt, RefundEvent, RefundLine, RefundRequest, Shop
from ..states import OPEN, VERBS, Status

CLOSED = frozenset({Status.REFUNDED, Status.DECLINED, Status.WITHDRAWN})


class NotAllowed(Exception):
    """This cannot be done, and `message` tells people why. `code` is for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class LostRace(Exception):
    """The row is no longer as it was seen: somebody else was faster."""

    def __init__(self) -> None:
        super().__init__(_("Somebody else has changed this in the meantime. Look at it again."))


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does something. `address` is the network address of staff; those of customers are not kept."""

    kind: str
    user: User | None = None
    address: str | None = None


CUSTOMER = Actor("customer")
WORKER = Actor("worker")


def staff(user: User | AnonymousUser, permission: str, address: str | None = None) -> Actor:
    """The person who acts, if they may: raises `NotAllowed` without the permission `refunds.<permission>`."""
    if not isinstance(user, User) or not user.has_perm(f"refunds.{permission}"):
        raise NotAllowed("permission", _("You do not have the permission to do this."))
    return Actor("staff", user, address)


def log(
    kind: str,
    actor: Actor,
    *,
    refund_request: RefundRequest | None = None,
    attempt: PayoutAttempt | None = None,
    from_status: str = "",
    to_status: str = "",
    data: dict[str, Any] | None = None,
) -> RefundEvent:
    """One line in the ledger."""
    return RefundEvent.objects.create(
        refund_request=refund_request,
        attempt=attempt,
        kind=kind,
        actor=actor.kind,
        by=actor.user,
        address=actor.address,
        from_status=from_status,
        to_status=to_status,
        data=data or {},
    )


def move(
    refund_request: RefundRequest,
    kind: str,
    actor: Actor,
    *,
    version: int | None = None,
    attempt: PayoutAttempt | None = None,
    data: dict[str, Any] | None = None,
    take_lines: bool = True,
    **fields: Any,
) -> RefundEvent:
    """Moves the case as `VERBS` says of `kind`, from the status and version it was seen with, and logs it.

    Raises `LostRace` if it is no longer as seen, and `NotAllowed` where the verb does not start from there.

    `version` is the one that a person decided on; without it the one of the instance counts. The instance is brought up
    to date. A case that opens again takes its lines back, or is refused if another one holds them; with `take_lines`
    off it takes those that are free. Must run inside the transaction of the verb.
    """
    seen = Status(refund_request.status)
    starts, to = VERBS[kind]
    if seen not in starts:
        raise NotAllowed("state", _("This is not possible while the request is “%(state)s”.") % {"state": seen.label})
    now = timezone.now()
    fields |= {"status": to, "closed_at": now if to in CLOSED else None}
    fields |= _changed(refund_request, clocks.after(refund_request.clocks, kind, now, _rules), to)
    edit(refund_request, version=version, **fields)
    if (seen in OPEN) != (to in OPEN):
        _hold_lines(refund_request, to in OPEN, take_lines)
    return log(kind, actor, refund_request=refund_request, attempt=attempt, from_status=seen, to_status=to, data=data)


def new_clocks(at: datetime, *, kind: str) -> dict[str, Any]:
    """What a new case, made by an event of this kind, has in its columns of due times."""
    running = clocks.started(_rules(), at, kind=kind)
    return asdict(running) | {"due_at": _due(running, Status.SUBMITTED)}


def _rules() -> clocks.Rules:
    return Shop.current().clock_rules


def _due(running: clocks.Clocks, status: str) -> datetime | None:
    due = running.next(status)
    return due and due[0]


def _changed(refund_request: RefundRequest, running: clocks.Clocks, status: str) -> dict[str, Any]:
    fields = {name: at for name, at in asdict(running).items() if at != getattr(refund_request, name)}
    return fields | {"due_at": _due(running, status)}


def answered_first(refund_request: RefundRequest) -> None:
    """The customer has heard from the shop, without a move of the case: the clock of the first answer stops."""
    now = timezone.now()
    running = clocks.after(refund_request.clocks, "wrote", now, _rules)
    RefundRequest.objects.filter(pk=refund_request.pk, status=Status.SUBMITTED, first_answer_at=None).update(
        first_answer_at=now, due_at=_due(running, Status.SUBMITTED)
    )


def edit(refund_request: RefundRequest, *, version: int | None = None, **fields: Any) -> None:
    """Writes fields if status and version are still as seen, and raises the version; `LostRace` otherwise."""
    seen_version = refund_request.version if version is None else version
    fields["version"] = seen_version + 1
    counted = RefundRequest.objects.filter(
        pk=refund_request.pk, status=refund_request.status, version=seen_version
    ).update(**fields)
    if counted != 1:
        raise LostRace
    for name, value in fields.items():
        setattr(refund_request, name, value)


def require_person(refund_request: RefundRequest) -> None:
    """Raises `NotAllowed` if the customer's data was erased. Keeps the row: it is not erased until the verb is done."""
    kept = RefundRequest.objects.select_for_update().filter(pk=refund_request.pk)
    if kept.values_list("erased_at", flat=True).get() is not None:
        raise NotAllowed("erased", _("The data of this customer was erased. Nobody can be written to any more."))


def _hold_lines(refund_request: RefundRequest, is_open: bool, take: bool) -> None:
    lines = refund_request.lines.all()
    if not is_open:
        lines.update(is_open=False)
        return
    if not take:
        lines = lines.exclude(order_line_id__in=RefundLine.objects.filter(is_open=True).values("order_line_id"))
    try:
        with transaction.atomic():
            lines.update(is_open=True)
    except IntegrityError:
        raise NotAllowed("lines_taken", _("Another open request asks for the same items.")) from None
