"""Sends junk and looks what became of it.

Each submission: an answer below 500, nothing logged as an error, and in the database nothing or one whole thing, of
those that this page may make; nothing at all where the answer is not a redirect. Who has no proof learns nothing of the
order. Then, for orders that exist and such as do not: the same bytes, the same statements, and the same time.
"""

from __future__ import annotations

import argparse
import logging
import math
import multiprocessing
import random
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field

from ..matrix.environment import Place, places
from . import alike, books
from .junk import METHODS, Junk
from .scene import Scene, Site, play
from .targets import TARGETS, Submission
from .visitor import NOTHING, Answer

PER_SCENE = 150
SCENES_AT_ONCE = 4
"""So many scenes share a database before it is emptied."""
SHOWN = 300
"""So much of a body is printed."""


def main() -> int:
    options = _options()
    print(f"{options.count} submissions, seed {options.seed}", flush=True)
    began = time.monotonic()
    report = Report()
    with places(options.jobs + 1) as (place, *shares):
        for part in _in_processes(shares, options):
            report.add(part)
        with Kept(), closing(Site(place)) as site:
            report.broken += alike.answers(random.Random(options.seed), max(options.count // 20, 20), report.alike)
            report.broken += alike.times(max(options.count // 40, 80), report.alike)
            site.work()
    print(report.text())
    print(f"{time.monotonic() - began:.0f} s, seed {options.seed}")
    return 1 if report.broken else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--count", type=int, default=20_000, help="so many submissions")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=2, help="so many processes; what is sent does not hang on it")
    parser.add_argument("--only", default="", help="pages with this in their name")
    options = parser.parse_args()
    if not any(options.only in name for name in TARGETS):
        parser.error(f"No page has {options.only} in its name.")
    return options


def _in_processes(shares: Sequence[Place], options: argparse.Namespace) -> Iterator[Report]:
    """Each process has a database and a store of its own, and every so manieth scene."""
    with ProcessPoolExecutor(len(shares), multiprocessing.get_context("fork")) as pool:
        yield from pool.map(_share, shares, range(len(shares)), [options] * len(shares))


def _share(place: Place, first: int, options: argparse.Namespace) -> Report:
    with Kept() as records, closing(Site(place)) as site:
        return Run(site, options, records).play(first)


@dataclass
class Report:
    """What was sent, how it was answered, and what came of it."""

    answers: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    things: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    alike: list[str] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)

    def add(self, part: Report) -> None:
        for name in part.answers:
            self.answers[name] += part.answers[name]
            self.things[name] += part.things[name]
        self.broken += part.broken

    def text(self) -> str:
        heads = ("2xx", "3xx", "4xx", "5xx")
        lines = ["{:28}{:>8}{:>8}{:>8}{:>8}{:>8}  {}".format("page", "sent", *heads, "made")]
        for name, counts in sorted(self.answers.items()):
            made = ", ".join(
                f"{count} x {what}" for what, count in sorted(self.things[name].items()) if what != "nothing"
            )
            lines.append(f"{name:28}{counts.total():8}" + "".join(f"{counts[head]:8}" for head in heads) + f"  {made}")
        everything = sum(self.answers.values(), Counter())
        lines.append(f"{'all':28}{everything.total():8}" + "".join(f"{everything[head]:8}" for head in heads))
        return "\n".join([*lines, *self.alike, f"{len(self.broken)} promises broken"])


# --- Submissions -----------------------------------------------------------------------------------------------------


class Run:
    """The share of one process."""

    def __init__(self, site: Site, options: argparse.Namespace, records: list[logging.LogRecord]) -> None:
        self.site, self.options, self.records = site, options, records
        self.names = [name for name in TARGETS if options.only in name]
        self.weights = [TARGETS[name][0] for name in self.names]
        self.report = Report()
        self.before: Counter[str] = Counter()

    def play(self, first: int) -> Report:
        """Every so manieth scene, beginning with the one of number `first`."""
        for played, number in enumerate(range(first, math.ceil(self.options.count / PER_SCENE), self.options.jobs)):
            if played and played % SCENES_AT_ONCE == 0:
                self.site.forget()
            self._scene(number)
        return self.report

    def _scene(self, number: int) -> None:
        scene = play(self.site, random.Random(f"{self.options.seed} scene {number}"))
        self.before = books.counted()
        for n in range(number * PER_SCENE, min((number + 1) * PER_SCENE, self.options.count)):
            self._submission(scene, n)
        self.site.work()
        wrong = [*books.problems(), *_logged(self.records)]
        if wrong:
            _tell(self.report, f"after scene {number}", wrong)

    def _submission(self, scene: Scene, n: int) -> None:
        junk = Junk(random.Random(f"{self.options.seed} {n}"))
        (name,) = junk.rng.choices(self.names, self.weights)
        submission = TARGETS[name][1](scene, junk)
        method, answer, body = _sent(submission, junk)
        after = books.counted()
        made = books.thing(self.before, after)
        self.before = after
        self.report.answers[name][f"{answer.status // 100}xx"] += 1
        self.report.things[name][made] += 1
        wrong = [*_wrong(submission, answer, made, scene), *_logged(self.records)]
        if wrong:
            _tell(self.report, f"{n} {name}: {method} {submission.path[:200]!r} {body[:SHOWN]!r}", wrong)


def _tell(report: Report, what: str, wrong: list[str]) -> None:
    report.broken += wrong
    print(f"BROKEN {what}", *wrong, sep="\n    ", flush=True)


def _sent(submission: Submission, junk: Junk) -> tuple[str, Answer, bytes]:
    """As a browser would, or with another method, other headers, a broken body. Returns the body that was sent, too."""
    plain = junk.now_and_then(0.4)
    method = junk.rng.choice(METHODS) if not plain and junk.now_and_then(0.1) else submission.method
    body, kind = junk.body(list(submission.fields), submission.uploads, plain=plain)
    extra = {"HTTP_X_FORWARDED_FOR": f"10.{junk.rng.randrange(256)}.{junk.rng.randrange(256)}.1"}
    if not plain and junk.now_and_then(0.4):
        extra |= junk.headers(submission.visitor.session)
    csrf = plain or junk.now_and_then(0.95)
    return method, submission.visitor.send(method, submission.path, body, kind, extra, csrf=csrf), body


def _wrong(submission: Submission, answer: Answer, made: str, scene: Scene) -> Iterator[str]:
    if answer.status >= 500 and not _is_health(submission):
        yield f"answered {answer.status} {answer.body[:SHOWN] if answer.status == NOTHING else b''!r}"
    if made not in ("nothing", *submission.may):
        yield f"made {made}"
    if made != "nothing" and answer.status != 302:
        yield f"answered {answer.status} and made {made}"
    if b"Traceback" in answer.body:
        yield "showed a traceback"
    if submission.stranger:
        yield from (f"told a stranger {secret}" for secret in scene.secrets if secret.encode() in answer.body)


def _is_health(submission: Submission) -> bool:
    """No other process runs here, and this page says so."""
    return submission.path in (b"/healthz", b"/readyz")


# --- What is logged --------------------------------------------------------------------------------------------------


class Records(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)


class Kept:
    """What is logged while it lasts, instead of printing it."""

    def __enter__(self) -> list[logging.LogRecord]:
        root = logging.getLogger()
        self.before = root.handlers[:], root.level
        handler = Records()
        root.handlers = [handler]
        root.setLevel(logging.INFO)
        return handler.records

    def __exit__(self, *_unused: object) -> None:
        logging.getLogger().handlers, level = self.before
        logging.getLogger().setLevel(level)


def _logged(records: list[logging.LogRecord]) -> list[str]:
    """Errors, and whatever came with an exception. That somebody sent what Django refuses by itself is none."""
    found = [
        f"logged {record.name}: {record.getMessage()[:300]} {_exception(record)}"
        for record in records
        if (record.levelno >= logging.ERROR or record.exc_info) and not _is_expected(record)
    ]
    records.clear()
    return found


def _is_expected(record: logging.LogRecord) -> bool:
    """What Django refuses by itself, and the page that says that no other process runs here."""
    return record.name.startswith("django.security") or getattr(record, "status_code", 0) == 503


def _exception(record: logging.LogRecord) -> str:
    error = record.exc_info[1] if record.exc_info else None
    return "" if error is None else f"{type(error).__name__}: {str(error)[:300]}"
