"""Nudges: small jobs that say "look at row N now". The row is the instruction, so a nudge may be lost, late or doubled.

The only importer of rq. Jobs are enqueued after the commit that made them due, with a second of patience; where Redis
is down nothing is raised, and `sweep` finds the row. No job is ever retried by RQ: with retries left it also repeats
jobs that succeeded.
"""

from __future__ import annotations

import contextlib
import functools
import gc
import logging
import os
import signal
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import close_old_connections, connections, transaction
from django.urls import URLPattern, re_path
from django.utils.module_loading import import_string
from django_rq.urls import get_admin_urlpatterns, get_api_urlpatterns
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.retry import Retry
from rq import Queue, Worker
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

from . import timing

logger = logging.getLogger(__name__)

QUEUES = ("payouts", "messages")
JOBS = {
    "pay": ("payouts", "refunds.tasks.pay"),
    "look": ("payouts", "refunds.tasks.look"),
    "look_up": ("messages", "refunds.tasks.look_up"),
    "deliver": ("messages", "refunds.tasks.deliver"),
    "decide": ("messages", "refunds.tasks.decide"),
    "beat_payouts": ("payouts", "refunds.tasks.beat"),
    "beat_messages": ("messages", "refunds.tasks.beat"),
}
WARM_UP = "refunds.tasks.warm_up"
ALLOWED = frozenset(path for _queue, path in JOBS.values())
PATIENCE = 1
"""Seconds. A nudge may fail; it may not make a customer or a member of staff wait."""
KEEP_FAILED = 24 * 60 * 60
STAY = 20.0
"""Seconds in which a process that was forked for a job takes further ones. A fork and the connections it opens cost
several times what the job itself does; a process that stays for ever could keep what goes wrong in it for ever."""


class ForbiddenJob(Exception):
    """The job names a function that is not one of ours."""


class AllowedJob(Job):
    """A job can name any function of any module; only ours are run."""

    # A job can name callbacks too, and RQ would import and call them.
    success_callback = failure_callback = stopped_callback = None

    def perform(self) -> Any:
        if self.func_name not in ALLOWED:
            raise ForbiddenJob(self.func_name)
        return super().perform()


class PortalWorker(Worker):
    """A worker that works in a fork, speaks JSON only, and soon notices a colleague that died.

    The fork takes one job after the other, for `STAY` seconds at most. It leaves where there is none, after a job
    that failed, when its parent has died, and when its parent is asked to end.
    """

    max_connection_wait_time = 5.0
    _leaving = False

    def __init__(self, *args: Any, **options: Any) -> None:
        options["serializer"] = JSONSerializer
        options.setdefault("maintenance_interval", 60)
        options.setdefault("job_monitoring_interval", 10)
        options["log_job_description"] = False
        super().__init__(*args, **options)

    def work(self, *args: Any, **options: Any) -> bool:
        # What every job would load anew in its own process is loaded once, here, before the first fork.
        import_string(WARM_UP)()
        gc.freeze()
        return super().work(*args, **options)

    def fork_work_horse(self, job: Job, queue: Queue) -> None:
        # An open connection would be shared with the child: two processes on one socket.
        connections.close_all()
        # Before the fork, so that the signal can never find the child without a handler.
        signal.signal(signal.SIGUSR1, self._leave)
        super().fork_work_horse(job, queue)

    def handle_warm_shutdown_request(self) -> None:
        super().handle_warm_shutdown_request()  # type: ignore[no-untyped-call]  # RQ has no types here
        if self.horse_pid:
            with contextlib.suppress(ProcessLookupError):  # it has just left by itself
                os.kill(self.horse_pid, signal.SIGUSR1)

    def _leave(self, *_unused: object) -> None:
        self._leaving = True

    def perform_job(self, job: Job, queue: Queue) -> bool:
        until = time.monotonic() + STAY
        fine = super().perform_job(job, queue)
        while fine and (another := self._another(until)):
            self.prepare_execution(another)
            fine = super().perform_job(another, queue)
        return fine

    def get_heartbeat_ttl(self, job: Job) -> int:
        # The parent knows of the first job only, so that a later one is marked once, for as long as it may take.
        return timing.JOB_TIMEOUT + 60

    def maintain_heartbeats(self, job: Job) -> None:
        self.heartbeat(self.job_monitoring_interval + 60)

    def _another(self, until: float) -> Job | None:
        if self._leaving or os.getppid() != self.pid or time.monotonic() > until:
            return None
        close_old_connections()
        taken = Queue.dequeue_any(
            self.queues, None, connection=self.connection, job_class=self.job_class, serializer=self.serializer
        )
        return taken[0] if taken else None


def nudge(job: str, pk: int) -> None:
    """Enqueues `job` for a row once the transaction is committed. Never raises."""
    transaction.on_commit(functools.partial(enqueue, job, pk), robust=True)


def enqueue(job: str, pk: int) -> bool:
    """True if Redis took it. False is no loss: the sweep comes by."""
    name, path = JOBS[job]
    try:
        queue(name).enqueue_call(
            path,
            args=(pk,),
            timeout=timing.JOB_TIMEOUT,
            result_ttl=0,
            failure_ttl=KEEP_FAILED,
            description=job,
            # A sign of life tells whether the worker lives, not how long its queue is.
            at_front=job.startswith("beat"),
        )
    except RedisError as error:
        logger.warning("Could not nudge %s %s: %s", job, pk, type(error).__name__)
        return False
    return True


def room(name: str) -> int:
    """How many more jobs the sweep may put into the queue; 0 where Redis does not answer."""
    try:
        return max(timing.QUEUE_DEPTH - queue(name).count, 0)
    except RedisError:
        return 0


def queue(name: str) -> Queue:
    return Queue(name, connection=_redis(settings.REDIS_URL), serializer=JSONSerializer, job_class=AllowedJob)


@functools.cache
def _redis(url: str) -> Redis:
    client: Redis = Redis.from_url(
        url, socket_connect_timeout=PATIENCE, socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
    return client


# --- Pages of django_rq ----------------------------------------------------------------------------------------------

UNREACHABLE = RedisError
GONE = (NoSuchJobError, IndexError, ValueError, AssertionError)
"""How django_rq's pages answer for a queue, a job or a worker that is not there."""


def pages(wrap: Callable[[Any], Any]) -> list[URLPattern]:
    """django_rq's own pages, each through `wrap`, those too that would otherwise open to any member of staff."""
    name = "django_rq_"
    open_ones = [
        re_path(page.pattern.regex.pattern, wrap(page.callback), name=page.name) for page in get_api_urlpatterns(name)
    ]
    return [*get_admin_urlpatterns(name_prefix=name, view_wrapper=wrap), *open_ones]
