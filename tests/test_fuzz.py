"""A little seeded junk over every page that strangers reach, and that its checks see what is wrong. More: make fuzz."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

from django.urls import get_resolver

from tests.fuzz import books, targets
from tests.fuzz.alike import MOST_Z, rank_z

ROOT = Path(__file__).resolve().parent.parent
NO_FORM = {"brand", "logo", "review"}
"""They take nothing but an address: `elsewhere` asks for the first two, "request and review, shown" for the third."""


def test_every_page_of_customers_has_its_junk() -> None:
    pages = {str(name) for name in get_resolver("refunds.urls").reverse_dict if isinstance(name, str)}

    assert pages - NO_FORM <= targets.TARGETS.keys()


def test_a_little_junk_breaks_no_promise() -> None:
    command = [sys.executable, "-m", "tests.fuzz", "--count", "300", "--seed", "7"]

    run = subprocess.run(command, env=os.environ, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (run.returncode, run.stderr) == (0, ""), run.stdout


def test_half_a_thing_is_seen() -> None:
    whole = {"RefundRequest": 1, "RefundLine": 2, "RefundEvent": 1, "Mail": 2, books.VERSIONS: 1}
    nothing: Counter[str] = Counter(dict.fromkeys(whole, 0))

    assert books.thing(nothing, nothing) == "nothing"
    assert books.thing(nothing, Counter(whole)) == "a request"
    for missing in whole:
        assert books.thing(nothing, Counter(whole | {missing: 0})).startswith("half a thing")
    assert books.thing(nothing, Counter(whole | {"PayoutAttempt": 1})).startswith("half a thing")


def test_a_difference_in_time_is_seen_and_noise_is_none() -> None:
    rng = random.Random(1)
    quiet = [[rng.lognormvariate(1, 0.3) for _unused in range(500)] for _side in range(2)]
    slower = [value * 1.1 for value in quiet[1]]

    assert abs(rank_z(*quiet)) < MOST_Z < abs(rank_z(quiet[0], slower))
    assert rank_z([1, 2, 3], [1, 2, 3]) == 0
    assert rank_z([4, 5, 6], [1, 2, 3]) > 0
