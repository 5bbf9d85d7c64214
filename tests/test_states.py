import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from refunds import workflow
from refunds.models import PayoutAttempt, RefundEvent, RefundRequest
from refunds.states import ATTEMPT_MOVES, MOVES, OPEN, OPEN_ATTEMPT, VERBS, AttemptStatus, Status
from refunds.workflow.moves import WORKER, move
from tests.factories import RefundRequestFactory, approver

ILLEGAL = [(seen, kind) for kind, (starts, _to) in VERBS.items() for seen in Status if seen not in starts]


def test_every_state_has_its_row_in_the_table() -> None:
    assert set(MOVES) == set(Status)
    assert set(ATTEMPT_MOVES) == set(AttemptStatus)


def test_only_withdrawn_is_the_end_of_a_case() -> None:
    assert [status for status in Status if not MOVES[status]] == [Status.WITHDRAWN]
    assert set(Status) - {Status.REFUNDED, Status.DECLINED, Status.WITHDRAWN} == OPEN


def test_nothing_leads_from_doubt_back_to_being_paid_again() -> None:
    assert Status.APPROVED not in MOVES[Status.CHECK_NEEDED]
    assert Status.SENDING not in MOVES[Status.CHECK_NEEDED]
    assert AttemptStatus.PREPARED not in set().union(*ATTEMPT_MOVES.values())
    assert {AttemptStatus.PREPARED, AttemptStatus.SENT, AttemptStatus.UNKNOWN} == OPEN_ATTEMPT


@pytest.mark.django_db
@pytest.mark.parametrize(("seen", "kind"), ILLEGAL)
def test_moves_off_the_table_are_refused_and_change_nothing(seen: Status, kind: str) -> None:
    refund_request = RefundRequestFactory.create()
    refund_request.status = seen

    with pytest.raises(workflow.NotAllowed):
        move(refund_request, kind, WORKER)

    assert RefundRequest.objects.get().status == Status.SUBMITTED
    assert RefundEvent.objects.count() == 0


@pytest.mark.django_db
def test_a_move_of_a_row_that_is_no_longer_as_seen_is_lost() -> None:
    refund_request = RefundRequestFactory.create()
    same = RefundRequest.objects.get()
    move(same, "declined", WORKER)

    with pytest.raises(workflow.LostRace), transaction.atomic():
        move(refund_request, "withdrawn", WORKER)

    assert RefundRequest.objects.get().status == Status.DECLINED
    assert RefundEvent.objects.count() == 1


# --- Constraints: the database keeps the promises even where code does not -------------------------------------------


def attempt(refund_request: RefundRequest, n: int = 1, **fields: object) -> PayoutAttempt:
    return PayoutAttempt.objects.create(
        **{
            "refund_request": refund_request,
            "n": n,
            "marker": f"{refund_request.reference}-{n}",
            "order_id": refund_request.order_id,
            "amount": refund_request.requested_amount,
            "currency": "EUR",
            "api_refund": True,
            "payload": {},
            "owner": "test",
            "lease_until": timezone.now(),
            "sent_at": timezone.now(),
            "baseline": {},
            **fields,
        }
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("fields", "constraint"),
    [
        ({"status": "paid"}, "request_status_known"),
        ({"requested_amount": 0}, "request_asked_positive"),
        ({"approved_amount": -1}, "request_approved_positive"),
        ({"currency": "EU"}, "request_currency_code"),
        ({"decided_at": timezone.now()}, "request_decided_by_and_at"),
        ({"status": Status.APPROVED, "next_action_at": timezone.now()}, "request_decision_complete"),
        ({"status": Status.SENDING}, "request_decision_complete"),
        ({"status": Status.REFUNDED}, "request_decision_complete"),
    ],
)
def test_rows_of_cases_that_cannot_be_true_are_refused(fields: dict[str, object], constraint: str) -> None:
    refund_request = RefundRequestFactory.create()

    with pytest.raises(IntegrityError, match=constraint):
        RefundRequest.objects.filter(pk=refund_request.pk).update(**fields)


@pytest.mark.django_db
def test_refunded_without_a_succeeded_attempt_is_refused() -> None:
    refund_request = RefundRequestFactory.create()

    with pytest.raises(IntegrityError, match="request_refunded_is_paid"):
        RefundRequest.objects.filter(pk=refund_request.pk).update(status=Status.REFUNDED, **decision(refund_request))


@pytest.mark.django_db
def test_above_the_limit_one_person_twice_is_refused() -> None:
    refund_request = RefundRequestFactory.create()
    fields = decision(refund_request) | {"needs_second": True}
    fields["second_by"] = fields["decided_by"]

    with pytest.raises(IntegrityError, match="request_second_is_another"):
        RefundRequest.objects.filter(pk=refund_request.pk).update(**fields)


@pytest.mark.django_db
@pytest.mark.parametrize("role", ["opened_by", "edited_by"])
def test_above_the_limit_who_opened_or_edited_may_not_approve(role: str) -> None:
    refund_request = RefundRequestFactory.create()
    fields = decision(refund_request) | {"needs_second": True, "second_by": approver(), "status": Status.APPROVED}
    fields |= {"next_action_at": timezone.now(), role: fields["second_by"]}

    with pytest.raises(IntegrityError, match="request_second_when_needed"):
        RefundRequest.objects.filter(pk=refund_request.pk).update(**fields)


def decision(refund_request: RefundRequest) -> dict[str, object]:
    return {
        "approved_amount": 1,
        "approved_breakdown": {},
        "order_decided": refund_request.order_now,
        "api_refund": True,
        "restock": False,
        "decided_by": approver(),
        "decided_at": timezone.now(),
    }


@pytest.mark.django_db
def test_an_order_line_is_asked_for_once_at_a_time() -> None:
    RefundRequestFactory.create()

    with pytest.raises(IntegrityError):
        RefundRequestFactory.create()


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(OPEN_ATTEMPT))
def test_a_case_has_one_open_attempt(status: AttemptStatus) -> None:
    refund_request = RefundRequestFactory.create()
    attempt(refund_request, status=status)

    with pytest.raises(IntegrityError):
        attempt(refund_request, 2, order_id=9999)


@pytest.mark.django_db
@pytest.mark.parametrize("status", sorted(OPEN_ATTEMPT))
def test_an_order_has_one_open_attempt(status: AttemptStatus) -> None:
    first = RefundRequestFactory.create()
    second = RefundRequestFactory.create(lines={12: 1})
    attempt(first, status=status)

    with pytest.raises(IntegrityError):
        attempt(second)


@pytest.mark.django_db
def test_a_case_has_one_succeeded_attempt() -> None:
    refund_request = RefundRequestFactory.create()
    attempt(refund_request, status=AttemptStatus.SUCCEEDED)

    with pytest.raises(IntegrityError):
        attempt(refund_request, 2, status=AttemptStatus.SUCCEEDED)


@pytest.mark.django_db
def test_a_store_refund_proves_one_payout() -> None:
    refund_request = RefundRequestFactory.create()
    attempt(refund_request, status=AttemptStatus.REVERSED, store_refund_id=7)

    with pytest.raises(IntegrityError):
        attempt(refund_request, 2, status=AttemptStatus.SUCCEEDED, store_refund_id=7)


@pytest.mark.django_db
def test_an_attempt_that_was_sent_knows_what_was_there_before() -> None:
    refund_request = RefundRequestFactory.create()

    with pytest.raises(IntegrityError, match="attempt_sent_has_baseline"):
        attempt(refund_request, status=AttemptStatus.SENT, baseline=None)
