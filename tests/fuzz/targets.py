"""Every page that a stranger can reach, what a person would send to it, and what may come of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from refunds import links
from refunds.models import LookUp, RefundRequest

from .junk import Fields, Junk
from .scene import STATES, Scene, token
from .visitor import Visitor

REASONS = ("damaged", "faulty", "wrong_item", "not_arrived", "changed_mind", "other")
STEPS = ("amount", "everything", "live", "review", "submit", "submit", "submit")


@dataclass(frozen=True)
class Submission:
    """`may` names what it may bring about, beside nothing. Who is a `stranger` may learn nothing of the order."""

    path: bytes
    visitor: Visitor
    method: str = "POST"
    fields: tuple[tuple[bytes, bytes], ...] = ()
    uploads: tuple[tuple[bytes, bytes], ...] = ()
    may: tuple[str, ...] = ()
    stranger: bool = True


Make = Callable[[Scene, Junk], Submission]


def start(scene: Scene, junk: Junk) -> Submission:
    some = junk.rng.randrange(10**9)
    known = {"number": scene.number, "email": scene.email}
    unknown = {"number": f"#{some}", "email": f"anna{some}@example.com"}
    fields = typed(
        (known if junk.now_and_then(0.2) else unknown) | ({"subject": "Buy now"} if junk.now_and_then(0.1) else {})
    )
    return Submission(b"/", scene.stranger, fields=tuple(junk.fields(fields)), may=("a look-up",))


def start_page(scene: Scene, junk: Junk) -> Submission:
    return Submission(b"/", scene.stranger, "GET")


def code(scene: Scene, junk: Junk) -> Submission:
    look_up = _look_up(scene, junk)
    guess = links.code(scene.unknown) if junk.now_and_then(0.5) else f"{junk.rng.randrange(10**6):06d}"
    path = _path(b"code", junk.segment(look_up.public_id, [other.public_id for other in scene.look_ups()]))
    return Submission(path, Visitor(), fields=tuple(junk.fields(typed({"code": guess}))))


def code_page(scene: Scene, junk: Junk) -> Submission:
    return Submission(_path(b"code", junk.segment(_look_up(scene, junk).public_id)), scene.stranger, "GET")


def code_again(scene: Scene, junk: Junk) -> Submission:
    look_up = _look_up(scene, junk)
    path = _path(b"code", junk.segment(look_up.public_id), b"again")
    return Submission(path, scene.stranger, fields=tuple(junk.fields(typed({"issue": str(look_up.code_issue)}))))


def proof(scene: Scene, junk: Junk) -> Submission:
    """Never with the link that is good: that one would let in."""
    bad = junk.segment(token(links.proof_url(scene.unknown)), scene.tokens())
    if bad == token(links.proof_url(scene.found)).encode():
        bad += b"x"
    method = junk.rng.choice(("GET", "POST"))
    return Submission(_path(b"p", bad), scene.stranger, method, fields=tuple(junk.fields([])))


def choose(scene: Scene, junk: Junk) -> Submission:
    some = scene.order.lines[len(STATES) :] if junk.now_and_then(0.8) else scene.order.lines
    chosen = {f"q_{line.id}": junk.rng.choice(("0", "1", "1", "2", "3")) for line in junk.rng.sample(some, 2)}
    rest = {
        "reason": junk.rng.choice(REASONS),
        "note": "It came with a hole in it.",
        "step": junk.rng.choice(STEPS),
        "remove": "nothing",
    }
    uploads = tuple(junk.upload() for _unused in range(junk.rng.choice((0, 0, 0, 1, 3))))
    fields = tuple(junk.fields(typed(chosen | rest)))
    if junk.now_and_then(0.2):
        visitor = junk.rng.choice((scene.stale, scene.stranger))
        return Submission(b"/request/", visitor, fields=fields, uploads=uploads)
    may = ("a request", "photos")
    return Submission(
        b"/request/", junk.rng.choice(scene.proven), fields=fields, uploads=uploads, may=may, stranger=False
    )


def choose_page(scene: Scene, junk: Junk) -> Submission:
    path = junk.rng.choice((b"/request/", b"/request/review/"))
    if junk.now_and_then(0.3):
        return Submission(path, junk.rng.choice((scene.stale, scene.stranger)), "GET")
    return Submission(path, junk.rng.choice(scene.proven), "GET", stranger=False)


def request_photo(scene: Scene, junk: Junk) -> Submission:
    """Photos of a case are not to be seen here, even by who has proven the order."""
    visitor = junk.rng.choice((*scene.proven, scene.stale, scene.stranger))
    return Submission(_path(b"request", b"photo", junk.segment(scene.photos[0])), visitor, "GET")


def status(scene: Scene, junk: Junk) -> Submission:
    return _held(scene, junk, "GET")


def message(scene: Scene, junk: Junk) -> Submission:
    uploads = tuple(junk.upload() for _unused in range(junk.rng.choice((0, 0, 1, 2))))
    words = f"Where is it? {junk.rng.randrange(10**6)}"
    return _held(
        scene, junk, "POST", b"message", may=("a message", "an answer"), fields=typed({"note": words}), uploads=uploads
    )


def photo(scene: Scene, junk: Junk) -> Submission:
    return _held(scene, junk, "GET", b"photo", junk.segment(scene.photos[0]))


def data(scene: Scene, junk: Junk) -> Submission:
    return _held(scene, junk, "GET", b"data")


def erase(scene: Scene, junk: Junk) -> Submission:
    method = junk.rng.choice(("GET", "POST"))
    return _held(scene, junk, method, b"erase", may=("an erasure",))


def withdraw(scene: Scene, junk: Junk) -> Submission:
    method = junk.rng.choice(("GET", "POST"))
    return _held(scene, junk, method, b"withdraw", may=("a withdrawal",))


def language(scene: Scene, junk: Junk) -> Submission:
    fields = junk.fields(typed({"language": "de", "next": "/"}))
    return Submission(b"/i18n/setlang/", scene.stranger, fields=tuple(fields))


def log_in(scene: Scene, junk: Junk) -> Submission:
    known = {"username": "boss", "password": "wrong", "next": "/staff/"}
    return Submission(b"/staff/login/", Visitor(), fields=tuple(junk.fields(typed(known))))


def elsewhere(scene: Scene, junk: Junk) -> Submission:
    """What belongs to nobody, and pages that are closed to strangers."""
    known = (
        "brand.css",
        "logo",
        "staff/",
        "staff/refunds/refundrequest/",
        "healthz",
        "readyz",
        "metrics",
        "favicon.ico",
    )
    path = b"/" + (junk.text()[:3000] if junk.now_and_then(0.5) else junk.rng.choice(known).encode())
    return Submission(path, scene.stranger, junk.rng.choice(("GET", "POST")), fields=tuple(junk.fields([])))


TARGETS: dict[str, tuple[int, Make]] = {
    "start": (16, start),
    "start, shown": (2, start_page),
    "code": (12, code),
    "code, shown": (3, code_page),
    "code_again": (5, code_again),
    "proof": (8, proof),
    "request": (18, choose),
    "request and review, shown": (4, choose_page),
    "request_photo": (2, request_photo),
    "status": (6, status),
    "message": (12, message),
    "photo": (3, photo),
    "data": (3, data),
    "erase": (3, erase),
    "withdraw": (3, withdraw),
    "language": (2, language),
    "log-in of staff": (3, log_in),
    "elsewhere": (4, elsewhere),
}
"""How often, and what, by the page's name."""


def typed(values: dict[str, str]) -> Fields:
    return [(name.encode(), value.encode()) for name, value in values.items()]


def _path(*segments: bytes) -> bytes:
    return b"/" + b"/".join(segments) + b"/"


def _look_up(scene: Scene, junk: Junk) -> LookUp:
    made: LookUp = junk.rng.choice(scene.look_ups())
    return made


def _held(
    scene: Scene,
    junk: Junk,
    method: str,
    *more: bytes,
    may: tuple[str, ...] = (),
    fields: Fields | None = None,
    uploads: tuple[tuple[bytes, bytes], ...] = (),
) -> Submission:
    """A page of the holder of a link, whose link is good three times out of eight."""
    case: RefundRequest = scene.cases[junk.rng.choice(STATES)]
    good = token(links.status_path(case))
    bad = [other for other in scene.tokens() if links.read_status(other) is None or "RF-22222222" in other]
    given = junk.segment(good, bad)
    is_good = links.read_status(given.decode(errors="replace")) is not None
    return Submission(
        _path(b"s", given, *more),
        scene.stranger,
        method,
        fields=tuple(junk.fields(fields or [])),
        uploads=uploads,
        may=may if is_good else (),
        stranger=not is_good,
    )
