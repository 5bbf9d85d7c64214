"""Many cases at once: each is decided as if alone, once, by the person who asked; a bad one leaves the others alone."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.utils import timezone

from portal.sandbox.store import SandboxStore
from refunds import bulk, dispatch, sweep, timing, workflow
from refunds.models import Act, Bulk, BulkRow, DeclineReason, Mail, RefundEvent, RefundRequest, Shop
from refunds.states import Status
from tests.desk import Page, case_of, in_store, now_of, somebody_returns
from tests.factories import RefundRequestFactory, agent, approver
from tests.test_admin_queue import a_case

pytestmark = pytest.mark.django_db

QUEUE = "/staff/refunds/refundrequest/"


def cases_in(sandbox: SandboxStore, count: int) -> list[RefundRequest]:
    return [case_of(in_store(sandbox, number=str(2000 + nth))) for nth in range(count)]


def versions(cases: list[RefundRequest]) -> dict[int, int]:
    return {case.pk: case.version for case in cases}


def run(started: Bulk) -> list[str]:
    """What the worker makes of each row, in the order of the cases."""
    for row in started.rows.all():
        bulk.decide(row.pk)
    return list(started.rows.order_by("refund_request").values_list("state", flat=True))


def why(started: Bulk, case: RefundRequest) -> str:
    return started.rows.get(refund_request=case).message


# --- Approving -------------------------------------------------------------------------------------------------------


def test_each_is_approved_as_it_was_asked_by_the_person_who_did(sandbox: SandboxStore) -> None:
    cases, by = cases_in(sandbox, 3), approver()

    started = workflow.start_bulk(Act.APPROVE, by=by, versions=versions(cases), address="192.0.2.7")
    before = [now_of(case).status for case in cases]
    states = run(started)

    assert before == [Status.SUBMITTED] * 3
    assert states == ["done"] * 3
    for case in map(now_of, cases):
        assert (case.status, case.approved_amount, case.decided_by) == (Status.APPROVED, Decimal("23.80"), by)
        assert (case.api_refund, case.restock) == (True, False)  # it arrived damaged
        event = RefundEvent.objects.get(refund_request=case, kind="approved")
        assert (event.by, event.address) == (by, "192.0.2.7")


def test_one_bad_row_leaves_the_others_alone(sandbox: SandboxStore) -> None:
    cases = cases_in(sandbox, 3)
    somebody_returns(sandbox, cases[1].order_now.order, 2)

    started = workflow.start_bulk(Act.APPROVE, by=approver(), versions=versions(cases))
    states = run(started)

    assert states == ["done", "refused", "done"]
    assert [now_of(case).status for case in cases] == [Status.APPROVED, Status.SUBMITTED, Status.APPROVED]
    assert why(started, cases[1]) != ""


def test_a_row_is_done_once_however_often_its_job_runs(sandbox: SandboxStore) -> None:
    cases = cases_in(sandbox, 1)
    started = workflow.start_bulk(Act.APPROVE, by=approver(), versions=versions(cases))

    run(started)
    states = run(started)

    assert states == ["done"]
    assert RefundEvent.objects.filter(kind="approved").count() == 1
    assert Mail.objects.filter(kind="approved").count() == 1


def test_a_decision_and_its_result_are_written_together(sandbox: SandboxStore, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = cases_in(sandbox, 1)
    started = workflow.start_bulk(Act.APPROVE, by=approver(), versions=versions(cases))

    def killed(*_unused: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(bulk, "_act", killed)
        with pytest.raises(KeyboardInterrupt):
            run(started)
    between = started.rows.get().state
    states = run(started)

    assert (between, states) == ("waiting", ["done"])
    assert now_of(cases[0]).status == Status.APPROVED


def somebody_else(case: RefundRequest) -> None:
    RefundRequest.objects.filter(pk=case.pk).update(version=case.version + 1)


def above_the_limit(case: RefundRequest) -> None:
    Shop.current()
    Shop.objects.update(second_approval_above=20)


def declined(case: RefundRequest) -> None:
    workflow.decline(case, by=approver(), version=case.version, decline_reason=DeclineReason.USED, words="It was worn.")


def proposed(case: RefundRequest) -> None:
    RefundRequest.objects.filter(pk=case.pk).update(approved_amount=Decimal(5))


@pytest.mark.parametrize("meanwhile", [somebody_else, above_the_limit, declined, proposed])
def test_what_was_changed_meanwhile_is_not_approved(
    sandbox: SandboxStore, meanwhile: Callable[[RefundRequest], None]
) -> None:
    (case,) = cases_in(sandbox, 1)
    started = workflow.start_bulk(Act.APPROVE, by=approver(), versions=versions([case]))

    meanwhile(case)
    states = run(started)

    assert states == ["refused"]
    assert why(started, case) != ""
    assert now_of(case).status in (Status.SUBMITTED, Status.DECLINED)
    assert not RefundEvent.objects.filter(kind="approved").exists()


def test_a_person_who_may_no_longer_approve_does_not(sandbox: SandboxStore) -> None:
    cases, by = cases_in(sandbox, 1), approver()
    started = workflow.start_bulk(Act.APPROVE, by=by, versions=versions(cases))

    by.groups.clear()
    states = run(started)

    assert states == ["refused"]
    assert why(started, cases[0]) == "You do not have the permission to do this."


def test_an_order_paid_without_a_provider_is_left_to_its_own_page(sandbox: SandboxStore) -> None:
    case = case_of(in_store(sandbox, payment_method="cod"))
    started = workflow.start_bulk(Act.APPROVE, by=approver(), versions=versions([case]))

    assert run(started) == ["refused"]
    assert now_of(case).status == Status.SUBMITTED


def test_a_shop_that_is_down_is_asked_again_and_given_up_in_the_end(sandbox: SandboxStore, settings: Any) -> None:
    cases = cases_in(sandbox, 1)
    started = workflow.start_bulk(Act.APPROVE, by=approver(), versions=versions(cases))
    settings.WOOCOMMERCE_URL = "http://127.0.0.1:9"
    bulk.orders._connect.cache_clear()

    found = []
    for nth in range(bulk.TRIES):
        with time_machine.travel(timezone.now() + timedelta(hours=nth)):
            found += run(started)

    assert found == ["waiting"] * (bulk.TRIES - 1) + ["refused"]
    assert why(started, cases[0]).startswith("The shop does not answer")


# --- Declining and passing on ----------------------------------------------------------------------------------------


def test_each_is_declined_with_the_same_words() -> None:
    cases = [a_case(), a_case()]

    started = workflow.start_bulk(
        Act.DECLINE, by=agent(), versions=versions(cases), decline_reason=DeclineReason.USED, words="It was worn."
    )

    assert run(started) == ["done", "done"]
    assert {(case.status, case.decline_words) for case in map(now_of, cases)} == {(Status.DECLINED, "It was worn.")}
    assert Mail.objects.filter(kind="declined").count() == 2


def test_each_is_passed_on() -> None:
    cases, to = [a_case(), a_case(assigned_to=agent())], agent()

    started = workflow.start_bulk(Act.ASSIGN, by=agent(), versions=versions(cases), to=to)

    assert run(started) == ["done", "done"]
    assert [now_of(case).assigned_to for case in cases] == [to, to]


def test_nothing_too_many_and_no_words_are_refused() -> None:
    case = RefundRequestFactory.create()
    by = agent()
    many = {case.pk + nth: 1 for nth in range(workflow.MOST_AT_ONCE + 1)}

    for wrong in (
        {"act": Act.ASSIGN, "versions": {}},
        {"act": Act.ASSIGN, "versions": many},
        {"act": Act.DECLINE, "versions": {case.pk: 1}, "decline_reason": DeclineReason.USED, "words": " "},
        {"act": Act.APPROVE, "versions": {case.pk: 1}},  # an agent
    ):
        with pytest.raises(workflow.NotAllowed):
            workflow.start_bulk(by=by, **wrong)  # type: ignore[arg-type]  # each as it should be

    assert (Bulk.objects.count(), RefundEvent.objects.filter(kind="bulk_started").count()) == (0, 0)


def test_the_sweep_finds_rows_that_are_due(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs: list[tuple[str, int]] = []
    monkeypatch.setattr(dispatch, "room", lambda _queue: timing.QUEUE_DEPTH)
    monkeypatch.setattr(dispatch, "enqueue", lambda job, pk: jobs.append((job, pk)) or True)
    started = workflow.start_bulk(Act.ASSIGN, by=agent(), versions=versions([a_case(), a_case()]))

    sweep.run_once()

    assert [job for job in jobs if job[0] == "decide"] == [("decide", row.pk) for row in started.rows.all()]


# --- Pages -----------------------------------------------------------------------------------------------------------


def chosen(client: Client, cases: list[RefundRequest]) -> Page:
    ticked = {"action": "in_bulk", "_selected_action": [case.pk for case in cases]}
    return Page(client.post(QUEUE, ticked, follow=True))


def send(client: Client, page: Page, form_id: str, cases: list[RefundRequest], **typed: Any) -> Any:
    rows = [f"{case.pk}:{case.version}" for case in cases]
    return client.post("/staff/bulk/", page.form_with_id(form_id) | {"row": rows} | typed, follow=True)


def test_from_the_queue_to_the_result(client: Client, sandbox: SandboxStore) -> None:
    client.force_login(approver())
    cases = cases_in(sandbox, 2)
    by_hand = case_of(in_store(sandbox, number="3000", payment_method="cod"))

    page = chosen(client, [*cases, by_hand])
    waiting = send(client, page, "bulk-approve", [*cases, by_hand], sure="on")
    states = run(Bulk.objects.get())
    through = client.get(waiting.redirect_chain[-1][0])

    assert "Approve 2 for EUR\xa047.60" in page.html
    assert "This order was not paid through a payment provider." in page.html
    assert waiting["Refresh"] == "2"
    assert states == ["done", "done"]
    assert "Refresh" not in through
    assert "Through: 2 done, 0 not done" in through.content.decode()
    assert now_of(by_hand).status == Status.SUBMITTED
    assert page.blocked + Page(through).blocked == []


@pytest.mark.parametrize("wrong", [{"sure": None}, {"shown": "EUR\xa01.00"}, {"row": ["1:99"]}, {"row": []}])
def test_a_sum_that_is_not_confirmed_or_has_changed_approves_nothing(
    client: Client, sandbox: SandboxStore, wrong: dict[str, Any]
) -> None:
    client.force_login(approver())
    cases = cases_in(sandbox, 1)
    typed = {"sure": "on", **wrong}

    answer = send(
        client, chosen(client, cases), "bulk-approve", cases, **{k: v for k, v in typed.items() if v is not None}
    )

    assert answer.status_code == 409
    assert not Bulk.objects.exists()


def test_an_agent_declines_and_passes_on_but_does_not_approve(client: Client, sandbox: SandboxStore) -> None:
    client.force_login(agent())
    cases = cases_in(sandbox, 1)

    page = chosen(client, cases)
    answer = send(client, page, "bulk-assign", cases, act="approve", sure="on", shown="EUR\xa023.80")

    assert ("bulk-approve" in page.html, "bulk-decline" in page.html) == (False, True)
    assert (answer.status_code, Bulk.objects.count()) == (403, 0)


def test_declining_needs_words_and_a_tick(client: Client) -> None:
    client.force_login(agent())
    cases = [a_case()]
    page = chosen(client, cases)

    whole = {"words": "It was worn.", "sure": "on", "decline_reason": "used"}
    for name in whole:
        assert send(client, page, "bulk-decline", cases, **{**whole, name: ""}).status_code == 409
    send(client, page, "bulk-decline", cases, **whole)

    assert Bulk.objects.get().words == "It was worn."


def test_what_was_not_done_stands_first(client: Client) -> None:
    client.force_login(agent())
    cases = [a_case(), a_case()]
    started = workflow.start_bulk(Act.ASSIGN, by=agent(), versions=versions(cases))
    BulkRow.objects.filter(refund_request=cases[1]).update(state="refused", message="Because.", next_try_at=None)

    html = client.get(f"/staff/bulk/{started.pk}/").content.decode()

    assert html.index(cases[1].reference) < html.index(cases[0].reference)
    assert "0 done, 1 not done, 1 still waiting" in html
