"""The wire: one keep-alive session, deadlines that hold, retries for reads only, and keys that stay where they belong.

What `requests` leaves open is settled here and in `wire`: every call is over at its deadline, "not sent" is known and
not guessed, redirects are never followed, cookies never kept, the environment never asked.
"""

from __future__ import annotations

import base64
import http.client
import ipaddress
import json
import os
import random
import secrets
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final
from urllib.parse import urlsplit

import requests
import urllib3
from requests.auth import AuthBase
from urllib3.exceptions import HTTPError

from .answers import Answer
from .errors import BadAnswer, StoreMisconfigured, StoreUnreachable
from .wire import Call, Session

READ_LIMIT = 16 * 1024 * 1024
"""Bytes. A hundred orders with long lines are under two megabytes; more is no answer of WooCommerce's."""
REFUND_ANSWER_LIMIT = 1024 * 1024
"""Bytes. A refund with hundreds of lines is under half of it."""
CHUNK = 64 * 1024
BUSY = frozenset({429, 502, 503, 504})
"""Answers to a read after which the same read may work a moment later."""
LONGEST_PAUSE = 8.0
"""Seconds between two tries of a read, however many came before."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """Seconds. `scale` multiplies them all, so that tests see the same order of events in less time."""

    connect: float = 5.0
    """A store that does not even accept a connection by then will not answer in time either."""
    read: float = 30.0
    """A slow shop needs seconds for an order; reads can be repeated, so they need not wait for the slowest."""
    refund_read: float = 90.0
    """Gateways are given 70 s by their plugins. Giving up before that would make doubts out of payouts."""
    refund_total: float = 95.0
    """From the first byte to the last. A timeout counts per read, and an answer may trickle."""
    pause: float = 0.25
    """Before the first retry of a read; doubled each time, with jitter."""
    scale: float = 1.0

    def scaled(self) -> Timeouts:
        return replace(
            self,
            connect=self.connect * self.scale,
            read=self.read * self.scale,
            refund_read=self.refund_read * self.scale,
            refund_total=self.refund_total * self.scale,
            pause=self.pause * self.scale,
            scale=1.0,
        )


class NotSent(Exception):
    """No byte of the request left this machine."""


class NotTrusted(NotSent):
    """No byte left, because of the certificate: trying again changes nothing."""


class AnswerLost(Exception):
    """The request left, and no whole answer came back."""


class TooLarge(AnswerLost):
    """More came back than any answer has. Trying again would only bring it all again."""


# --- The address and the key -----------------------------------------------------------------------------------------


def base_address(url: str) -> str:
    """The store's address without a trailing slash. Raises `ValueError` with a plain sentence."""
    parts = urlsplit(url.strip())
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ValueError("The store's address must be a full address that starts with https://.")
    if parts.username is not None or parts.password is not None:
        raise ValueError("The store's address must not contain a user name or a password.")
    if parts.query or parts.fragment:
        raise ValueError("The store's address must not contain a question mark or a hash sign.")
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        raise ValueError("The store's address must start with https://: over plain http anybody could read the key.")
    try:
        port = parts.port
    except ValueError:
        raise ValueError("The port in the store's address is not a port number.") from None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    path = parts.path.rstrip("/").removesuffix("/wp-json").rstrip("/")
    return f"{parts.scheme}://{host}{f':{port}' if port else ''}{path}"


def is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class KeyAuth(AuthBase):
    """Basic authentication in the header, for one store alone. Neither `repr` nor `vars` nor `pickle` shows the key."""

    __slots__ = ("_apply",)

    def __init__(self, base: str, key: str, secret: str) -> None:
        value = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode("ascii")
        store = _origin(base)

        def apply(request: requests.PreparedRequest) -> requests.PreparedRequest:
            if _origin(request.url or "") != store:
                raise StoreMisconfigured("The key belongs to another address.")
            request.headers["Authorization"] = value
            return request

        self._apply = apply

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return self._apply(request)

    def __repr__(self) -> str:
        return "<the store's key>"

    def __reduce__(self) -> str:
        raise TypeError("The store's key is not written anywhere.")


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


# --- Calls -----------------------------------------------------------------------------------------------------------

_FAILURES: Final = (requests.RequestException, HTTPError, http.client.HTTPException, OSError, ValueError)
"""What a network or a server can make the stack below raise. Nothing broader: an exception that a supervisor throws
into this thread, such as a job's time limit, must go through."""


class Transport:
    """Calls to one store. May be shared by threads."""

    def __init__(self, url: str, key: str, secret: str, *, ca_bundle: str = "", timeouts: Timeouts) -> None:
        if not key.strip() or not secret.strip():
            raise ValueError("The store's consumer key and consumer secret are both needed.")
        self.base = base_address(url)
        self.timeouts = timeouts.scaled()
        self._verify: str | bool = ca_bundle or True
        self._auth = KeyAuth(self.base, key.strip(), secret.strip())
        self._reads = Session()
        self._once = Session()
        for session in (self._reads, self._once):
            session.headers.update({"User-Agent": "refund-portal", "Accept": "application/json"})

    def __repr__(self) -> str:
        return f"<Transport {self.base}>"

    def close(self) -> None:
        self._reads.close()
        self._once.close()

    def get(
        self,
        path: str,
        params: Mapping[str, str] | None = None,
        *,
        until: float,
        signed: bool = True,
        fresh: bool = True,
    ) -> Answer:
        """Reads, past every cache if `fresh`, and again while the store is busy or the network fails, until `until`.

        `until` is an instant of `time.monotonic`. Raises `StoreUnreachable`, `StoreMisconfigured` or `BadAnswer`; any
        other status than those of a busy store is an answer.
        """
        request = self._request("GET", path, params, signed=signed)
        request.headers["Accept-Encoding"] = "gzip"
        address = request.url or ""
        if fresh:
            request.headers.update({"Cache-Control": "no-cache", "Pragma": "no-cache"})
        failure: StoreUnreachable | None = None
        pause = self.timeouts.pause
        while True:
            try:
                request.url = _past_caches(address) if fresh else address
                return self._get_once(request, until)
            except StoreUnreachable as error:
                # A last try that only ran out of time says less than the one before it.
                failure = error if failure is None or time.monotonic() < until else failure
            wait = max(pause * random.uniform(0.5, 1.0), failure.retry_after or 0.0)
            if time.monotonic() + wait >= until:
                raise failure
            time.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    def _get_once(self, request: requests.PreparedRequest, until: float) -> Answer:
        left = until - time.monotonic()
        if left <= 0:
            raise StoreUnreachable(_TOO_LATE)
        try:
            answer = self._exchange(self._reads, request, self.timeouts.read, left, READ_LIMIT)
        except NotTrusted as error:
            raise StoreMisconfigured(str(error)) from None
        except TooLarge as error:
            raise BadAnswer(str(error)) from None
        except (NotSent, AnswerLost) as error:
            raise StoreUnreachable(str(error)) from None
        if answer.status in BUSY:
            raise StoreUnreachable(_why_busy(answer), retry_after=answer.retry_after)
        return answer

    def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        params: Mapping[str, str] | None = None,
        *,
        patience: float | None = None,
        send_by: float | None = None,
    ) -> Answer:
        """Writes, once, over a connection of its own, so that no stale one can leave a doubt.

        Waits as long as a refund may take, or for `patience` seconds. Raises `NotSent` only when provably nothing left
        this machine, and `AnswerLost` for every other failure.
        """
        request = self._request(method, path, params, body=body)
        request.headers.update({"Connection": "close", "Accept-Encoding": "identity"})
        read = self.timeouts.refund_read if patience is None else patience
        total = self.timeouts.refund_total if patience is None else patience
        try:
            return self._exchange(self._once, request, read, total, REFUND_ANSWER_LIMIT, send_by)
        finally:
            self._once.close()

    def _request(
        self, method: str, path: str, params: Mapping[str, str] | None, *, body: Any = None, signed: bool = True
    ) -> requests.PreparedRequest:
        request = requests.Request(method, self.base + path, params=dict(params or {}))
        request.auth = self._auth if signed else None
        if body is not None:
            request.data = json.dumps(body).encode("ascii")
            request.headers = {"Content-Type": "application/json"}
        return self._reads.prepare_request(request)

    def _exchange(
        self,
        session: Session,
        request: requests.PreparedRequest,
        read: float,
        total: float,
        limit: int,
        send_by: float | None = None,
    ) -> Answer:
        connect = min(self.timeouts.connect, total)
        answer: Answer | None = None
        failure: Exception | None = None
        with Call(total, send_by) as call:
            try:
                timeout = (connect, min(read, total))
                response = session.send(
                    request, stream=True, timeout=timeout, verify=self._verify, allow_redirects=False, proxies={}
                )
                answer = _whole(response, limit)
            except _FAILURES as error:
                failure = error
        # Raised out here, so that no chained exception carries the request and its key into a log.
        if failure is None and answer is not None:
            return answer
        words = self._words_for(failure or TimeoutError())
        # What went wrong may say why nothing was sent; that something was sent it cannot undo.
        kind = _SENT_KINDS.get(words, AnswerLost) if call.sent else _UNSENT_KINDS.get(words, NotSent)
        failure = None  # a traceback keeps the variables of its frames
        raise kind(words)

    def _words_for(self, error: BaseException) -> str:
        if isinstance(self._verify, str) and not os.path.exists(self._verify):
            return _NO_CA_BUNDLE
        return _words_for(error)


def _past_caches(address: str) -> str:
    """The same address as no cache has ever seen it. Some ignore every header that asks them to step aside."""
    return f"{address}{'&' if '?' in address else '?'}_={secrets.token_hex(8)}"


def _whole(response: requests.Response, limit: int) -> Answer:
    """The answer with all of its body, or an exception."""
    body = bytearray()
    try:
        for chunk in response.raw.stream(CHUNK, decode_content=True):
            body += chunk
            if len(body) > limit:
                raise _OverLimit
    except BaseException:
        response.raw.close()
        raise
    response.raw.release_conn()
    return Answer(response.status_code, response.headers, bytes(body))


class _OverLimit(ValueError):
    pass


def _why_busy(answer: Answer) -> str:
    if answer.status == 429:
        return "The store asks us to slow down (HTTP 429)."
    if answer.status == 503 and b"maintenance" in answer.body[:CHUNK].lower():
        return "The store is closed for maintenance (HTTP 503)."
    if answer.status == 503:
        return "The store is closed or overloaded (HTTP 503)."
    return f"The server in front of the store got no answer from it (HTTP {answer.status})."


# --- Failures in plain words -----------------------------------------------------------------------------------------

_TOO_LATE = "The store did not answer in time."
_NO_CA_BUNDLE = "The file with the certificate authority of the store (CA bundle) does not exist."
_NOT_TRUSTED = "The store's certificate is not trusted."
_TOO_LARGE = "The store's answer was too large."
_UNSENT_KINDS: Final[Mapping[str, type[NotSent]]] = {_NO_CA_BUNDLE: NotTrusted, _NOT_TRUSTED: NotTrusted}
_SENT_KINDS: Final[Mapping[str, type[AnswerLost]]] = {_TOO_LARGE: TooLarge}
_WORDS: Final[tuple[tuple[type[BaseException], str], ...]] = (
    (urllib3.exceptions.NameResolutionError, "The store's address was not found (DNS)."),
    (ssl.SSLCertVerificationError, _NOT_TRUSTED),
    (urllib3.exceptions.SSLError, "No secure connection to the store could be made (TLS)."),
    (ssl.SSLError, "No secure connection to the store could be made (TLS)."),
    (ConnectionRefusedError, "The store's server refused the connection."),
    (urllib3.exceptions.NewConnectionError, "The store's server could not be reached."),
    (urllib3.exceptions.ConnectTimeoutError, "The store's server did not accept a connection in time."),
    (_OverLimit, _TOO_LARGE),
    (urllib3.exceptions.IncompleteRead, "The store's answer broke off."),
    (urllib3.exceptions.InvalidChunkLength, "The store's answer broke off."),
    (http.client.IncompleteRead, "The store's answer broke off."),
    (urllib3.exceptions.DecodeError, "The store's answer was damaged."),
    (http.client.RemoteDisconnected, "The store closed the connection without an answer."),
    (ConnectionResetError, "The store broke the connection."),
    (BrokenPipeError, "The store broke the connection."),
    (http.client.HTTPException, "What came back was not an answer of a web server."),
    (TimeoutError, _TOO_LATE),
    (urllib3.exceptions.TimeoutError, _TOO_LATE),
    (requests.Timeout, _TOO_LATE),
)


def _words_for(error: BaseException) -> str:
    """The first line of the table that fits anything underneath: requests and urllib3 wrap the cause several deep."""
    causes = tuple(_underneath(error))
    for kind, words in _WORDS:
        if any(isinstance(cause, kind) for cause in causes):
            return words
    return "The connection to the store failed."


def _underneath(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    todo: list[object] = [error]
    while todo:
        cause = todo.pop()
        if isinstance(cause, BaseException) and id(cause) not in seen:
            seen.add(id(cause))
            yield cause
            todo += [*cause.args, getattr(cause, "reason", None), cause.__cause__, cause.__context__]
