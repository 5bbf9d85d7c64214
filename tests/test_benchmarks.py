"""The cases that the benchmarks make for themselves are such as the portal could have made."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from tests.benchmarks.data import OPEN, SMALL, fill
from tests.benchmarks.table import Row, markdown, percentile, told
from tests.postgres import DATABASE, ROLE, Postgres, find

ROOT = Path(__file__).resolve().parent.parent


def manage(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "DJANGO_DEBUG": "on", "DATABASE_URL": url}
    command = [sys.executable, "manage.py", *words]
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(find() is None, reason="PostgreSQL's programs are not installed")
def test_made_cases_keep_every_promise() -> None:
    with Postgres() as postgres:
        migrated = manage(postgres.url, "migrate", "--noinput", "--verbosity", "0")
        with psycopg.connect(host=str(postgres.directory), user=ROLE, dbname=DATABASE, autocommit=True) as connection:
            fill(connection, SMALL, OPEN[SMALL])
            by_status = connection.execute("SELECT count(*) FROM refunds_refundrequest GROUP BY status").fetchall()
        audit = manage(postgres.url, "refund_audit")

    assert (migrated.returncode, migrated.stderr) == (0, "")
    assert (len(by_status), min(by_status)) == (9, (50,))
    assert (audit.returncode, audit.stderr) == (0, "")


def test_a_row_is_told_in_a_line() -> None:
    assert told('{"name": "A", "against": "B", "goal": "< 1", "measured": "2", "met": false}\n') == Row(
        "A", "B", "< 1", "2", met=False
    )
    assert told("        making 1,000 cases ...\n") is None


def test_the_table_says_whether_a_goal_is_met() -> None:
    rows = [Row("A", "B", "< 1", "2", met=False), Row("C", "D", "", "3", met=None)]

    assert markdown(rows).splitlines()[2:] == ["| A | B | < 1 | 2 | not met |", "| C | D |  | 3 |  |"]


def test_a_percentile_is_one_of_the_times() -> None:
    assert [percentile(list(range(1, 21)), part) for part in (0.5, 0.95, 1.0)] == [10, 19, 20]
