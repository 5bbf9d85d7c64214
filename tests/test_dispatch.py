from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.db import transaction
from redis import Redis
from rq.job import Job
from rq.serializers import JSONSerializer

from refunds import dispatch
from tests.factories import RefundRequestFactory


def test_a_job_that_names_another_function_is_not_run(tmp_path: Path) -> None:
    job = dispatch.AllowedJob("some-id", connection=Redis(), serializer=JSONSerializer)
    job._func_name, job._args = "pathlib.Path.touch", [str(tmp_path / "made")]

    with pytest.raises(dispatch.ForbiddenJob):
        job.perform()

    assert list(tmp_path.iterdir()) == []


def test_every_job_is_one_of_ours() -> None:
    assert {queue for queue, _path in dispatch.JOBS.values()} == set(dispatch.QUEUES)
    assert all(path.startswith("refunds.tasks.") for path in dispatch.ALLOWED)
    assert issubclass(dispatch.AllowedJob, Job)


@pytest.mark.django_db(transaction=True)
def test_without_redis_a_nudge_is_lost_and_nothing_is_raised(settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"
    after: list[str] = []

    with transaction.atomic():
        refund_request = RefundRequestFactory.create()
        dispatch.nudge("pay", refund_request.pk)
        transaction.on_commit(lambda: after.append("ran"))

    assert after == ["ran"]
    assert dispatch.room("payouts") == 0


@pytest.mark.django_db(transaction=True)
def test_nothing_is_nudged_when_the_transaction_is_rolled_back(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[Any] = []
    monkeypatch.setattr(dispatch, "enqueue", lambda *given: sent.append(given))

    with transaction.atomic():
        dispatch.nudge("pay", 1)
        transaction.set_rollback(True)

    assert sent == []


def test_jobs_carry_ids_only() -> None:
    assert JSONSerializer.loads(JSONSerializer.dumps((7,))) == [7]
    assert json.dumps([7]) == "[7]"
