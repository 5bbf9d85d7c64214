"""A seeded sample of the fault matrix, and that no step of the money path is missing in it. The whole: make matrix."""

from __future__ import annotations

import os
import subprocess
import sys

from portal.sandbox.store import FAULTS
from tests.matrix import cases, steps

SAMPLE = 150
KILLS = 6


def matrix(*options: str) -> subprocess.CompletedProcess[str]:
    """In a process of its own: the hooks around the steps must not stay in this one."""
    command = [sys.executable, "-m", "tests.matrix", "--seed", "7", *options]
    return subprocess.run(command, env=os.environ, cwd=steps.ROOT, capture_output=True, text=True, check=False)


def test_every_function_of_the_money_path_is_a_step_or_part_of_one() -> None:
    assert steps.unlisted() == set()


def test_every_step_and_every_fault_has_its_cases() -> None:
    every = cases.every()

    assert {case.step for case in every if case.step} == set(steps.STEPS)
    assert {case.fault for case in every if case.placed} == {*FAULTS, *cases.MAIL_FAULTS}
    assert {case.kind for case in every} == {"", *cases.AT_A_STEP, *cases.ALL_ALONG}


def test_a_sample_of_the_matrix_keeps_every_promise() -> None:
    run = matrix("--limit", str(SAMPLE))

    assert (run.returncode, run.stderr) == (0, ""), run.stdout


def test_a_real_sigkill_ends_a_case_as_a_kill_of_the_matrix_does() -> None:
    run = matrix("--sigkill", str(KILLS))

    assert (run.returncode, run.stderr) == (0, ""), run.stdout
