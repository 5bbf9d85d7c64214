"""What RQ does with our jobs and our worker, on a real Valkey: an upgrade that changes any of it speaks up here."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.utils import timezone
from honcho.environ import parse_procfile
from rq import Queue, Worker
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer
from rq.timeouts import JobTimeoutException

from refunds import dispatch, money, orders, sweep, timing, workflow
from refunds.models import Heartbeat, PayoutAttempt, RefundRequest
from refunds.states import AttemptStatus, Status
from tests.chaos.processes import ROOT, wait_until
from tests.chaos.site import PYTHON, Site, database_url, require_valkey
from tests.factories import RefundRequestFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)

BURST_WITHIN = 60
LONG_AGO = timedelta(days=1)


@pytest.fixture(scope="module")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> None:
    require_valkey(tmp_path_factory.mktemp("probe"))


@pytest.fixture
def site(_valkey: None, tmp_path: Path, settings: LazySettings) -> Iterator[Site]:
    """Valkey alone; the rest is there to be started."""
    made = Site(tmp_path, database_url=database_url(connection.settings_dict), time_scale=1)
    settings.STATE_DIR = tmp_path
    settings.REDIS_URL = made.valkey.url
    settings.WOOCOMMERCE_URL = made.store.url
    settings.APPROVAL_HOLD = 0
    try:
        made.valkey.start()
        yield made
    finally:
        made.close()


def work_off(site: Site, name: str, *options: str) -> None:
    """A worker that ends when its queue is empty."""
    command = [PYTHON, "manage.py", "rqworker", name, "--burst", *options]
    subprocess.run(command, cwd=ROOT, env=dict(site.environment), check=True, timeout=BURST_WITHIN, capture_output=True)


def beat_long_ago() -> Heartbeat:
    made, _created = Heartbeat.objects.update_or_create(name="payouts", defaults={"at": timezone.now() - LONG_AGO})
    return made


def failed(name: str) -> list[Job]:
    registry = dispatch.queue(name).failed_job_registry
    jobs = (
        Job.fetch(job_id, connection=registry.connection, serializer=JSONSerializer)
        for job_id in registry.get_job_ids()
    )
    return list(jobs)


# --- Jobs ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", dispatch.JOBS)
def test_a_job_is_never_repeated_and_leaves_nothing_behind(site: Site, name: str) -> None:
    dispatch.enqueue(name, 7)

    queue_name, path = dispatch.JOBS[name]
    (job,) = dispatch.queue(queue_name).jobs
    assert (job.func_name, job.args, job.kwargs) == (path, [7], {})
    assert (job.retries_left, job.result_ttl, job.failure_ttl) == (None, 0, 24 * 60 * 60)
    assert job.ttl is None
    assert job.timeout == timing.JOB_TIMEOUT


def test_the_worker_speaks_json_without_being_told(site: Site) -> None:
    heartbeat = beat_long_ago()
    dispatch.enqueue("beat_payouts", heartbeat.pk)

    work_off(site, "payouts")

    heartbeat.refresh_from_db()
    assert heartbeat.at > timezone.now() - LONG_AGO / 2
    assert failed("payouts") == []
    assert site.valkey.client.keys("rq:job:*") == []


def test_the_worker_speaks_json_even_if_told_otherwise(site: Site) -> None:
    heartbeat = beat_long_ago()
    dispatch.enqueue("beat_payouts", heartbeat.pk)

    work_off(site, "payouts", "--serializer", "rq.serializers.DefaultSerializer")

    heartbeat.refresh_from_db()
    assert heartbeat.at > timezone.now() - LONG_AGO / 2


def test_a_job_that_names_another_function_is_refused(site: Site, tmp_path: Path) -> None:
    made = tmp_path / "made"
    stranger = Queue("payouts", connection=site.valkey.client, serializer=JSONSerializer)
    stranger.enqueue("os.mkdir", str(made))

    work_off(site, "payouts")

    (job,) = failed("payouts")
    result = job.latest_result()
    assert result is not None
    assert "ForbiddenJob: os.mkdir" in str(result.exc_string)
    assert not made.exists()


def test_a_pickled_job_is_not_even_read(site: Site, tmp_path: Path) -> None:
    made = tmp_path / "made"
    stranger = Queue("payouts", connection=site.valkey.client)
    stranger.enqueue("os.mkdir", str(made))

    work_off(site, "payouts")

    assert not made.exists()


def test_the_time_limit_of_a_job_is_an_ordinary_exception() -> None:
    """It can fall between the store's answer and our commit; what catches `Exception` catches it."""
    assert issubclass(JobTimeoutException, Exception)


# --- Queues ----------------------------------------------------------------------------------------------------------


def test_a_worker_of_one_queue_keeps_the_job_it_takes(site: Site) -> None:
    dispatch.enqueue("pay", 7)
    queue = dispatch.queue("payouts")

    Queue.dequeue_any([queue], timeout=None, connection=queue.connection, serializer=JSONSerializer)

    assert queue.connection.llen(queue.intermediate_queue_key) == 1


def test_a_worker_of_two_queues_would_lose_the_job_it_takes(site: Site) -> None:
    """Killed right then, nothing would show that there was a job: that is why there is a process for each queue."""
    dispatch.enqueue("pay", 7)
    queue = dispatch.queue("payouts")

    Queue.dequeue_any(
        [queue, dispatch.queue("messages")], timeout=None, connection=queue.connection, serializer=JSONSerializer
    )

    assert queue.connection.llen(queue.intermediate_queue_key) == 0


def test_every_process_works_on_one_queue() -> None:
    commands = parse_procfile((ROOT / "Procfile").read_text()).processes
    workers = {name: command.split() for name, command in commands.items() if "rqworker" in command}

    assert {name: [word for word in words if word in dispatch.QUEUES] for name, words in workers.items()} == {
        "payouts": ["payouts"],
        "messages": ["messages"],
    }
    assert not {"--name", "--with-scheduler"} & {word for words in workers.values() for word in words}


# --- django_rq's own pages --------------------------------------------------------------------------------------------

PAGES = "/staff/worker/"


@pytest.fixture
def operator(site: Site, client: Client, settings: LazySettings) -> Client:
    """Somebody with the permission for these pages, and no other."""
    settings.RQ_QUEUES = {name: {**of, "URL": site.valkey.url} for name, of in settings.RQ_QUEUES.items()}
    user = UserFactory.create()
    user.user_permissions.add(Permission.objects.get(content_type__app_label="django_rq", codename="admin"))
    client.force_login(user)
    return client


def of_payouts(page: str = "") -> str:
    return f"{PAGES}queues/{sorted(dispatch.QUEUES).index('payouts')}/{page}"


def a_failed_job(name: str, pk: int) -> Job:
    """A job that RQ holds for failed, whatever became of it."""
    dispatch.enqueue(name, pk)
    queue = dispatch.queue(dispatch.JOBS[name][0])
    (job,) = queue.jobs
    queue.remove(job)
    job.set_status(JobStatus.FAILED)
    queue.failed_job_registry.add(job, ttl=1000)
    return job


def paid(site: Site) -> RefundRequest:
    refund_request = payout_under_way(site, seconds=0)
    wait_until(lambda: RefundRequest.objects.get(pk=refund_request.pk).status == Status.REFUNDED, "The refund is paid")
    site.processes["payouts"].send(signal.SIGTERM)
    wait_until(lambda: not site.processes["payouts"].alive, "The worker has ended")
    return refund_request


@pytest.mark.parametrize("page", ["", "details/", "finished/", "failed/", "started/", "scheduled/", "deferred/"])
def test_the_pages_are_shown_under_our_policy(operator: Client, page: str) -> None:
    answer = operator.get(of_payouts(page))

    assert (answer.status_code, b"payouts" in answer.content) == (200, True)
    assert "unsafe" not in answer["Content-Security-Policy"]
    assert "default-src 'self'" in answer["Content-Security-Policy"]


def test_the_first_page_names_both_queues(operator: Client) -> None:
    html = operator.get(PAGES).content.decode()

    assert all(name in html for name in dispatch.QUEUES)


@pytest.mark.parametrize("door", ["requeue", "enqueue", "actions", "requeue-all"])
def test_a_paid_refund_that_is_queued_again_is_not_paid_again(operator: Client, site: Site, door: str) -> None:
    refund_request = paid(site)
    before = RefundRequest.objects.get(pk=refund_request.pk)
    job = a_failed_job("pay", refund_request.pk)
    url, typed = {
        "requeue": (of_payouts(f"{job.id}/requeue/"), {}),
        "enqueue": (of_payouts(f"{job.id}/enqueue/"), {}),
        "requeue-all": (of_payouts("requeue-all/"), {}),
        "actions": (of_payouts().replace("queues/", "queues/actions/"), {"action": "requeue", "job_ids": [job.id]}),
    }[door]

    operator.post(url, typed)
    queued = dispatch.queue("payouts").count
    work_off(site, "payouts")

    after = RefundRequest.objects.get(pk=refund_request.pk)
    assert (queued, dispatch.queue("payouts").count) == (1, 0)
    assert (after.status, after.version, after.attempts.count()) == (Status.REFUNDED, before.version, 1)
    assert site.store.posts() == 1


def test_an_emptied_queue_is_filled_again_by_the_sweep(operator: Client, site: Site) -> None:
    refund_request = RefundRequestFactory.create()
    RefundRequest.objects.filter(pk=refund_request.pk).update(
        status=Status.APPROVED, approved_amount=refund_request.requested_amount, approved_breakdown={},
        order_decided=refund_request.order_now, api_refund=True, restock=False, decided_at=timezone.now(),
        decided_by=UserFactory.create(), next_action_at=timezone.now(),
    )  # fmt: skip
    dispatch.enqueue("pay", refund_request.pk)

    operator.post(of_payouts("empty/"))
    emptied = dispatch.queue("payouts").count
    sweep.run_once()

    assert (emptied, [job.args for job in dispatch.queue("payouts").jobs]) == (0, [[refund_request.pk]])


@pytest.mark.parametrize("door", ["{id}/stop/", "actions"])
def test_nobody_stops_a_worker_in_the_middle_of_a_payout(operator: Client, site: Site, door: str) -> None:
    refund_request = payout_under_way(site, seconds=1)
    (job_id,) = dispatch.queue("payouts").started_job_registry.get_job_ids()
    url = of_payouts(door.format(id=job_id)) if "stop" in door else f"{PAGES}queues/actions/1/"

    answer = operator.post(url, {"action": "stop", "job_ids": [job_id]})

    assert answer.status_code == 403
    wait_until(
        lambda: RefundRequest.objects.get(pk=refund_request.pk).status == Status.REFUNDED, "It is paid all the same"
    )
    assert site.store.posts() == 1


@pytest.mark.parametrize("page", ["no-such-job/", "no-such-job/requeue/", "no-such-job/delete/"])
def test_a_job_that_is_gone_is_not_there(operator: Client, page: str) -> None:
    assert (operator.get(of_payouts(page)).status_code, operator.post(of_payouts(page)).status_code) == (404, 404)


def test_a_queue_that_does_not_answer_says_so(operator: Client, settings: LazySettings, tmp_path: Path) -> None:
    settings.RQ_QUEUES = {"payouts": {**settings.RQ_QUEUES["payouts"], "URL": f"unix://{tmp_path / 'none.sock'}"}}

    answer = operator.get(f"{PAGES}queues/0/", follow=True)

    assert "The queue does not answer." in answer.content.decode()


# --- One fork, many jobs ---------------------------------------------------------------------------------------------


def forks(site: Site, name: str) -> int:
    """Works the queue off and says how many jobs the parent took itself: one for each fork."""
    command = [PYTHON, "manage.py", "rqworker", name, "--burst"]
    environment = {**site.environment, "LOG_LEVEL": "INFO"}
    done = subprocess.run(
        command, cwd=ROOT, env=environment, check=True, timeout=BURST_WITHIN, capture_output=True, text=True
    )
    return len(re.findall(rf": {name}: [0-9a-f-]{{36}}$", done.stdout + done.stderr, re.MULTILINE))


def test_one_fork_takes_one_job_after_the_other(site: Site) -> None:
    beat = beat_long_ago()
    for _nth in range(5):
        dispatch.enqueue("beat_payouts", beat.pk)

    assert forks(site, "payouts") == 1
    assert dispatch.queue("payouts").count == 0
    assert dispatch.queue("payouts").started_job_registry.count == 0
    beat.refresh_from_db()
    assert beat.at is not None
    assert beat.at > timezone.now() - LONG_AGO


def test_a_fork_leaves_after_a_job_that_failed(site: Site) -> None:
    dispatch.queue("payouts").enqueue_call("os.getpid", timeout=10, result_ttl=0, failure_ttl=60)
    dispatch.queue("payouts").enqueue_call("os.getpid", timeout=10, result_ttl=0, failure_ttl=60)

    assert forks(site, "payouts") == 2
    assert len(failed("payouts")) == 2


# --- Death -----------------------------------------------------------------------------------------------------------


def payout_under_way(site: Site, seconds: float) -> RefundRequest:
    """An approved case whose POST the store answers after so many seconds, and a worker that is at it."""
    site.store.start()
    (made,) = site.store.add_orders([{"total": "50.00", "billing": {"email": "anna@example.com"}}])
    order = orders.read(made["id"], patience=10)
    line = {order.lines[0].id: 1}
    refund_request = RefundRequestFactory.create(order=order, chosen=line, lines=line)
    site.store.arm(fault="gateway-slow", on="refund.create", delay=seconds)
    workflow.approve(
        refund_request,
        by=UserFactory.create(is_superuser=True),
        version=refund_request.version,
        breakdown=money.price(order, line),
        api_refund=True,
        restock=True,
    )
    site.add_worker("payouts", "payouts").start()
    wait_until(lambda: PayoutAttempt.objects.filter(status=AttemptStatus.SENT).exists(), "The payout is under way")
    return refund_request


def test_the_job_of_a_killed_work_horse_fails_and_is_not_repeated(site: Site) -> None:
    refund_request = payout_under_way(site, seconds=0.5)

    site.processes["payouts"].kill_horses()
    wait_until(lambda: failed("payouts"), "RQ has noticed")
    wait_until(site.store.money, "The store has paid all the same")

    (job,) = failed("payouts")
    assert job.get_status() == JobStatus.FAILED
    assert job.args == [refund_request.pk]
    assert dispatch.queue("payouts").count == 0
    assert dispatch.queue("payouts").scheduled_job_registry.count == 0
    assert site.store.posts() == 1


def test_a_work_horse_whose_parent_was_killed_finishes_its_payout(site: Site) -> None:
    refund_request = payout_under_way(site, seconds=0.5)
    dispatch.enqueue("beat_payouts", beat_long_ago().pk)

    site.processes["payouts"].kill()

    wait_until(
        lambda: RefundRequest.objects.get(pk=refund_request.pk).status == Status.REFUNDED, "The orphan has finished"
    )
    wait_until(lambda: not site.processes["payouts"].horses(), "The orphan has left")
    assert site.store.posts() == 1
    assert dispatch.queue("payouts").count == 1, "nobody supervises it, so it takes no other job"


def test_a_worker_that_is_asked_to_end_finishes_its_payout_first(site: Site) -> None:
    refund_request = payout_under_way(site, seconds=1.5)
    dispatch.enqueue("beat_payouts", beat_long_ago().pk)

    site.processes["payouts"].send(signal.SIGTERM)

    wait_until(lambda: not site.processes["payouts"].alive, "The worker has ended")
    assert RefundRequest.objects.get(pk=refund_request.pk).status == Status.REFUNDED
    assert failed("payouts") == []
    assert dispatch.queue("payouts").count == 1, "it begins no other job"


def test_no_connection_to_the_database_is_open_when_a_work_horse_is_forked(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Parent and child would talk on one socket."""
    worker = dispatch.PortalWorker([dispatch.queue("payouts")], connection=site.valkey.client)
    open_at_the_fork: list[object] = []
    monkeypatch.setattr(Worker, "fork_work_horse", lambda *given: open_at_the_fork.append(connection.connection))
    connection.ensure_connection()

    worker.fork_work_horse(Job("some-id", connection=site.valkey.client), dispatch.queue("payouts"))

    assert open_at_the_fork == [None]


# --- Without Redis ---------------------------------------------------------------------------------------------------


@pytest.fixture
def silent_redis(settings: LazySettings) -> Iterator[None]:
    """Something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        settings.REDIS_URL = f"redis://127.0.0.1:{server.getsockname()[1]}"
        yield
        dispatch._redis(settings.REDIS_URL).close()


def seconds_of_a_nudge() -> float:
    began = time.monotonic()
    assert dispatch.enqueue("pay", 7) is False
    return time.monotonic() - began


def test_a_nudge_costs_a_second_where_redis_does_not_answer(silent_redis: None) -> None:
    assert seconds_of_a_nudge() < 1.9


def test_a_nudge_costs_nothing_where_redis_is_not_there(settings: LazySettings, tmp_path: Path) -> None:
    settings.REDIS_URL = f"unix://{tmp_path / 'none.sock'}"

    assert seconds_of_a_nudge() < 0.5


def test_there_is_no_room_in_a_queue_that_cannot_be_asked(silent_redis: None) -> None:
    assert dispatch.room("payouts") == 0


def test_the_worker_notices_a_dead_colleague_soon(site: Site) -> None:
    """RQ's own defaults need up to a quarter of an hour."""
    worker = dispatch.PortalWorker([dispatch.queue("payouts")], connection=site.valkey.client)

    assert isinstance(worker, Worker)
    assert (worker.maintenance_interval, worker.job_monitoring_interval) == (60, 10)
    assert worker.serializer is JSONSerializer
