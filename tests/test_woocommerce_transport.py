"""The wire: what is sent, what is waited for, what is tried again, and where the key goes."""

from __future__ import annotations

import contextlib
import gzip
import logging
import pickle
import socket
import ssl
import subprocess
import threading
import time
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from refunds.woocommerce import BadAnswer, StoreMisconfigured, StoreUnreachable, Timeouts
from refunds.woocommerce import transport as transports
from refunds.woocommerce.answers import Answer
from refunds.woocommerce.transport import AnswerLost, KeyAuth, NotSent, Transport, base_address

from .woocommerce_server import Server, closed_port, reply, serving

KEY, SECRET = "ck_1234567890", "cs_0987654321"
QUICK = Timeouts(connect=2, read=0.4, refund_read=0.4, refund_total=0.6, pause=0.01)


def transport(url: str, timeouts: Timeouts = QUICK, **more: str) -> Transport:
    return Transport(url, KEY, SECRET, timeouts=timeouts, **more)


def get(server: Server, *, patience: float = 3.0) -> Answer:
    return transport(server.url).get("/x", {"a": "b"}, until=time.monotonic() + patience)


def get_once(server: Server) -> Answer:
    """With no time for a second try."""
    return transport(server.url, Timeouts(read=2, pause=9)).get("/x", until=time.monotonic() + 4)


# --- Addresses and keys ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("https://shop.example", "https://shop.example"),
        (" https://shop.example/ ", "https://shop.example"),
        ("https://shop.example/de/shop//", "https://shop.example/de/shop"),
        ("https://shop.example/wp-json/", "https://shop.example"),
        ("https://Shop.Example:8443", "https://shop.example:8443"),
        ("http://127.0.0.1:8081", "http://127.0.0.1:8081"),
        ("http://localhost", "http://localhost"),
        ("http://[::1]:8081", "http://[::1]:8081"),
    ],
)
def test_address_is_kept_without_its_trimmings(given: str, kept: str) -> None:
    assert base_address(given) == kept


@pytest.mark.parametrize(
    "given",
    [
        "http://shop.example",
        "http://10.0.0.1",
        "http://localhost.example",
        "https://me@shop.example",
        "https://me:secret@shop.example",
        "ftp://shop.example",
        "file:///etc/passwd",
        "shop.example",
        "https://",
        "https://shop.example/?a=b",
        "https://shop.example/#a",
        "https://shop.example:port",
        "",
    ],
)
def test_address_that_would_endanger_the_key_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"^The (store's address|port in the store's address) .*\.$"):
        base_address(given)


@pytest.mark.parametrize(("key", "secret"), [("", SECRET), (KEY, ""), (" ", " ")])
def test_missing_key_is_refused(key: str, secret: str) -> None:
    with pytest.raises(ValueError, match="both needed"):
        Transport("https://shop.example", key, secret, timeouts=QUICK)


def test_key_travels_in_the_header_alone() -> None:
    with serving(reply(200, {})) as server:
        get(server)

    asked = server.asked[0]
    assert asked.headers["authorization"] == "Basic Y2tfMTIzNDU2Nzg5MDpjc18wOTg3NjU0MzIx"
    assert KEY not in asked.target
    assert SECRET not in asked.target


def test_key_is_never_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    unreachable = transport(f"http://127.0.0.1:{closed_port()}")

    with pytest.raises(StoreUnreachable) as read:
        unreachable.get("/x", until=time.monotonic())
    with pytest.raises(NotSent) as sent:
        unreachable.send("POST", "/x", {})

    printed = [repr(unreachable), repr(unreachable._auth)]
    printed += [caplog.text, *_with_locals(read.value), *_with_locals(sent.value)]
    assert not any(word in text for text in printed for word in (KEY, SECRET, "Y2tf"))
    assert read.value.__cause__ is None
    assert sent.value.__context__ is None


def _with_locals(error: BaseException) -> list[str]:
    return [
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
        repr(vars(error)),
    ]


def test_key_cannot_be_pickled() -> None:
    with pytest.raises(TypeError):
        pickle.dumps(transport("https://shop.example")._auth)


def test_environment_is_not_asked(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Neither a proxy, nor a .netrc, nor a certificate bundle."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    (tmp_path / ".netrc").write_text("default login thief password stolen\n")
    monkeypatch.setenv("HOME", str(tmp_path))

    with serving(reply(200, {})) as server:
        wire = transport(server.url)
        for signed in (True, False):
            wire.get("/x", until=time.monotonic() + 3, signed=signed)

    signatures = [asked.headers.get("authorization", "") for asked in server.asked]
    assert (signatures[0][:10], signatures[1]) == ("Basic Y2tf", "")


@pytest.mark.parametrize(
    "other", ["https://shop.example.evil", "http://shop.example", "https://shop.example:444", "https://evil@shop"]
)
def test_key_goes_to_no_other_address(other: str) -> None:
    auth = KeyAuth("https://shop.example", KEY, SECRET)
    request = requests.Request("GET", other).prepare()

    with pytest.raises(StoreMisconfigured):
        auth(request)

    assert "Authorization" not in request.headers


# --- Reads -----------------------------------------------------------------------------------------------------------


def test_read_asks_past_caches() -> None:
    with serving(reply(200, {})) as server:
        wire = transport(server.url)
        for _ in range(2):
            wire.get("/x", {"a": "b"}, until=time.monotonic() + 3)

    first, second = server.asked
    assert first.query == second.query == {"a": "b"}
    assert first.target != second.target
    assert (first.headers["cache-control"], first.headers["pragma"]) == ("no-cache", "no-cache")


def test_reads_share_a_connection() -> None:
    with serving(reply(200, {})) as server:
        wire = transport(server.url)
        for _ in range(3):
            wire.get("/x", until=time.monotonic() + 3)

    assert [asked.connection for asked in server.asked] == [1, 1, 1]


def test_read_survives_a_connection_that_the_store_has_closed() -> None:
    with serving(reply(200, {}), _nothing, reply(200, {"b": 2})) as server:
        wire = transport(server.url)
        wire.get("/x", until=time.monotonic() + 3)

        assert wire.get("/x", until=time.monotonic() + 3).body == b'{"b": 2}'


def test_read_unpacks_what_was_packed() -> None:
    packed = gzip.compress(b'{"a": 1}')
    with serving(reply(200, packed, Content_Encoding="gzip")) as server:
        assert get(server).body == b'{"a": 1}'


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_read_is_tried_again_while_the_store_is_busy(status: int) -> None:
    with serving(reply(status, b"busy"), reply(status, b"busy"), reply(200, {"a": 1})) as server:
        assert get(server).status == 200

    assert len(server.asked) == 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 500])
def test_read_with_a_clear_answer_is_not_tried_again(status: int) -> None:
    with serving(reply(status, {})) as server:
        assert get(server).status == status

    assert len(server.asked) == 1


def test_read_gives_up_at_once_where_the_store_asks_for_more_time_than_there_is() -> None:
    closed = reply(503, b"Briefly unavailable for scheduled maintenance.", Retry_After="600")

    with serving(closed) as server, pytest.raises(StoreUnreachable) as error:
        get(server, patience=5)

    assert (error.value.message, error.value.retry_after) == (
        "The store is closed for maintenance (HTTP 503).",
        600.0,
    )
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (429, b"", "The store asks us to slow down (HTTP 429)."),
        (503, b"<title>Maintenance</title>", "The store is closed for maintenance (HTTP 503)."),
        (503, b"", "The store is closed or overloaded (HTTP 503)."),
        (502, b"", "The server in front of the store got no answer from it (HTTP 502)."),
        (504, b"", "The server in front of the store got no answer from it (HTTP 504)."),
    ],
)
def test_busy_store_is_told_apart_by_words(status: int, body: bytes, words: str) -> None:
    with serving(reply(status, body)) as server, pytest.raises(StoreUnreachable) as error:
        get_once(server)

    assert error.value.message == words


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("7", 7.0), ("86400", 3600.0), ("999999999999999", 3600.0), ("soon", None), ("-1", None), ("", None)],
)
def test_retry_after_in_seconds_is_at_most_an_hour(header: str, seconds: float | None) -> None:
    with serving(reply(429, b"", Retry_After=header)) as server, pytest.raises(StoreUnreachable) as error:
        get_once(server)

    assert error.value.retry_after == seconds


def test_retry_after_as_a_date_counts_from_now() -> None:
    at = format_datetime(datetime.now(UTC) + timedelta(seconds=90), usegmt=True)
    with serving(reply(429, b"", Retry_After=at)) as server, pytest.raises(StoreUnreachable) as error:
        get_once(server)

    assert error.value.retry_after == pytest.approx(90, abs=3)


def test_retry_after_in_the_past_means_now() -> None:
    with serving(reply(429, b"", Retry_After="Sun, 06 Nov 1994 08:49:37 GMT"), reply(200, {})) as server:
        assert get(server).status == 200


def test_last_try_without_time_does_not_hide_what_the_one_before_said() -> None:
    with serving(reply(503, b""), _hangs) as server, pytest.raises(StoreUnreachable, match="closed or overloaded"):
        transport(server.url, Timeouts(pause=0.01)).get("/x", until=time.monotonic() + 0.5)

    assert len(server.asked) == 2


def test_patience_is_the_deadline_of_all_tries() -> None:
    began = time.monotonic()
    with serving(_hangs) as server, pytest.raises(StoreUnreachable) as error:
        transport(server.url, Timeouts(read=30, pause=0.01)).get("/x", until=time.monotonic() + 0.3)

    assert error.value.message == "The store did not answer in time."
    assert time.monotonic() - began < 2


def test_read_that_trickles_is_cut_at_the_deadline() -> None:
    """Each byte comes in time; the answer does not. Headers and body alike, also where the end is the answer's end."""
    began = time.monotonic()
    for start in (b"HTTP/1.1 200 OK\r\nX-Slow: ", b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n{}"):
        with serving(_trickles(start)) as server, pytest.raises(StoreUnreachable) as error:
            get(server, patience=0.4)
        assert error.value.message == "The store did not answer in time."

    assert time.monotonic() - began < 3


def test_huge_answer_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "READ_LIMIT", 1000)

    with serving(reply(200, b"x" * 1001)) as server, pytest.raises(BadAnswer) as error:
        get(server, patience=3)

    assert error.value.message == "The store's answer was too large."
    assert len(server.asked) == 1


def test_bomb_is_measured_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "READ_LIMIT", 100_000)
    bomb = reply(200, gzip.compress(b" " * 10_000_000), Content_Encoding="gzip")

    with serving(bomb) as server, pytest.raises(BadAnswer) as error:
        get(server, patience=3)

    assert error.value.message == "The store's answer was too large."
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\nConnection: close\r\n\r\n{}", "The store's answer broke off."),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}", "The store's answer broke off."),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "What came back was not an answer of a web server."),
        (b"", "The store closed the connection without an answer."),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
            "The store's answer was damaged.",
        ),
    ],
)
def test_broken_answers_are_told_apart_by_words(answer: bytes, words: str) -> None:
    def talk(connection: socket.socket) -> None:
        connection.sendall(answer)

    with serving(talk) as server, pytest.raises(StoreUnreachable) as error:
        get_once(server)

    assert error.value.message == words


def test_redirect_is_an_answer_and_leads_nowhere() -> None:
    with serving(reply(200, {})) as elsewhere:
        with serving(reply(301, b"", Location=f"{elsewhere.url}/x")) as server:
            assert get(server).status == 301

        assert (len(server.asked), elsewhere.asked) == (1, [])


@pytest.mark.parametrize("location", ["http://[", "\xff\xfe", "//evil.example/", "http://a:99999/"])
def test_redirect_to_nonsense_is_an_answer_too(location: str) -> None:
    answer = reply(302, b"", Location="LOCATION").replace(b"LOCATION", location.encode("latin-1"))
    with serving(answer) as server:
        assert get(server).status == 302


def test_cookies_are_not_kept() -> None:
    with serving(reply(200, {}, Set_Cookie="session=1; Path=/")) as server:
        wire = transport(server.url)
        for _ in range(2):
            wire.get("/x", until=time.monotonic() + 3)

    assert [asked.headers.get("cookie") for asked in server.asked] == [None, None]


# --- Writes ----------------------------------------------------------------------------------------------------------


def test_write_goes_over_a_connection_of_its_own() -> None:
    with serving(reply(200, {}), reply(201, {}), reply(201, {}), reply(200, {})) as server:
        wire = transport(server.url)
        wire.get("/x", until=time.monotonic() + 3)
        wire.send("POST", "/x", {"a": "ö"})
        wire.send("POST", "/x", {"a": 2})
        wire.get("/x", until=time.monotonic() + 3)

    assert [(asked.method, asked.connection) for asked in server.asked] == [
        ("GET", 1),
        ("POST", 2),
        ("POST", 3),
        ("GET", 1),
    ]
    assert (server.asked[1].json, server.asked[1].headers["connection"]) == ({"a": "ö"}, "close")


@pytest.mark.parametrize("status", [301, 302, 307, 308, 429, 500, 502, 503, 504])
def test_write_is_never_repeated(status: int) -> None:
    with serving(reply(status, b"", Location="/y", Retry_After="0")) as server:
        assert transport(server.url).send("POST", "/x", {}).status == status

    assert server.calls == [("POST", "/x")]


def test_write_to_a_closed_port_was_not_sent() -> None:
    with pytest.raises(NotSent, match=r"^The store's server refused the connection\.$"):
        transport(f"http://127.0.0.1:{closed_port()}").send("POST", "/x", {})


def test_write_that_took_too_long_to_connect_is_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can interrupt the look-up of a name. What comes after it can still be left undone."""
    look_up = socket.getaddrinfo

    def slow(*args: Any, **kwargs: Any) -> Any:
        threading.Event().wait(0.3)
        return look_up(*args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", slow)

    with serving(reply(201, {})) as server, pytest.raises(NotSent, match="in time"):
        transport(server.url, Timeouts(refund_total=0.2)).send("POST", "/x", {})

    assert server.asked == []


def test_write_to_an_unknown_name_was_not_sent() -> None:
    with pytest.raises(NotSent, match=r"^The store's address was not found \(DNS\)\.$"):
        transport("https://nowhere.invalid").send("POST", "/x", {})


def _nothing(connection: socket.socket) -> None:
    pass


def _hangs(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while connection.recv(65536):
            pass


def _resets(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def _trickles(start: bytes):  # type: ignore[no-untyped-def]
    def talk(connection: socket.socket) -> None:
        connection.sendall(start)
        stopped = threading.Event()
        while not stopped.wait(0.02):
            try:
                connection.sendall(b" ")
            except OSError:
                return

    return talk


@pytest.mark.parametrize(
    ("talk", "words"),
    [
        (_nothing, "The store closed the connection without an answer."),
        (_resets, "The store broke the connection."),
        (_hangs, "The store did not answer in time."),
        (_trickles(b"HTTP/1.1 201 Created\r\nX-Slow: "), "The store did not answer in time."),
        (_trickles(b"HTTP/1.1 201 Created\r\nContent-Length: 5000\r\n\r\n{"), "The store did not answer in time."),
        (_trickles(b"HTTP/1.1 201 Created\r\n\r\n{}"), "The store did not answer in time."),
    ],
)
def test_write_without_a_whole_answer_is_lost_within_its_deadline(talk, words: str) -> None:  # type: ignore[no-untyped-def]
    began = time.monotonic()
    with serving(talk) as server, pytest.raises(AnswerLost) as error:
        transport(server.url).send("POST", "/x", {})

    assert (str(error.value), len(server.asked)) == (words, 1)
    assert time.monotonic() - began < 2


def test_write_is_lost_at_its_deadline_and_not_a_read_later() -> None:
    """A byte just before the end does not buy another whole read."""

    def talk(connection: socket.socket) -> None:
        threading.Event().wait(0.9)
        connection.sendall(b"HTTP/1.1 ")
        _hangs(connection)

    began = time.monotonic()
    with serving(talk) as server, pytest.raises(AnswerLost, match="in time"):
        transport(server.url, Timeouts(refund_read=30, refund_total=1)).send("POST", "/x", {})

    assert 0.95 < time.monotonic() - began < 1.7


def test_write_answered_with_more_than_the_limit_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transports, "REFUND_ANSWER_LIMIT", 1000)

    with serving(reply(201, b"x" * 1001)) as server, pytest.raises(AnswerLost, match="too large"):
        transport(server.url).send("POST", "/x", {})


def test_write_that_breaks_off_while_it_is_sent_is_lost() -> None:
    """The store takes the head and not the body: it may have acted on what it got."""

    def closes_early(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.recv(10)
            _resets(connection)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=closes_early, args=(listener,), daemon=True).start()
        wire = transport(f"http://127.0.0.1:{listener.getsockname()[1]}")
        with pytest.raises(AnswerLost):
            wire.send("POST", "/x", {"a": "x" * 8_000_000})


class SupervisorsLimit(Exception):
    """What a job's time limit throws into the thread: an ordinary exception at any point."""


def test_exception_thrown_into_the_thread_goes_through(monkeypatch: pytest.MonkeyPatch) -> None:
    def strikes(*_: object, **__: object) -> None:
        raise SupervisorsLimit

    monkeypatch.setattr("urllib3.response.HTTPResponse.stream", strikes)

    with serving(reply(201, {})) as server, pytest.raises(SupervisorsLimit):
        transport(server.url).send("POST", "/x", {})


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[str, str]:
    folder = tmp_path_factory.mktemp("tls")
    key, cert = str(folder / "key.pem"), str(folder / "cert.pem")
    subprocess.run(
        f"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout {key} -out {cert} -days 2 "
        "-subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1".split(),
        check=True,
        capture_output=True,
    )
    return cert, key


@contextlib.contextmanager
def serving_tls(certificate: tuple[str, str], answer: bytes) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)

    def talk(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
            secured.recv(65536)
            secured.sendall(answer)
            _hangs(secured)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_each, args=(listener, talk), daemon=True).start()
        yield f"https://localhost:{listener.getsockname()[1]}"


def _each(listener: socket.socket, talk) -> None:  # type: ignore[no-untyped-def]
    with contextlib.suppress(OSError):
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=talk, args=(connection,), daemon=True).start()


def test_tls_with_its_own_authority_works(certificate: tuple[str, str]) -> None:
    with serving_tls(certificate, reply(201, {"a": 1})) as url:
        assert transport(url, ca_bundle=certificate[0]).send("POST", "/x", {}).status == 201


def test_tls_certificate_that_is_not_trusted_means_not_sent(certificate: tuple[str, str]) -> None:
    with serving_tls(certificate, reply(201, {})) as url:
        with pytest.raises(NotSent, match=r"^The store's certificate is not trusted\.$"):
            transport(url).send("POST", "/x", {})
        with pytest.raises(StoreMisconfigured, match=r"^The store's certificate is not trusted\.$"):
            transport(url).get("/x", until=time.monotonic() + 5)


def test_tls_bundle_that_is_missing_is_named() -> None:
    with pytest.raises(StoreMisconfigured, match=r"\(CA bundle\) does not exist"):
        transport("https://localhost:1", ca_bundle="/nowhere.pem").get("/x", until=time.monotonic() + 5)


def test_tls_answer_that_trickles_is_cut(certificate: tuple[str, str]) -> None:
    with serving_tls(certificate, b"HTTP/1.1 201 Created\r\nContent-Length: 9\r\n\r\n{") as url:
        wire = transport(url, Timeouts(refund_read=30, refund_total=0.5), ca_bundle=certificate[0])
        with pytest.raises(AnswerLost, match="in time"):
            wire.send("POST", "/x", {})


def test_tls_handshake_that_trickles_is_cut_and_was_not_sent() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        _trickles(b"\x16\x03\x03\x40\x00")(connection)

    began = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_each, args=(listener, talk), daemon=True).start()
        wire = transport(f"https://localhost:{listener.getsockname()[1]}", Timeouts(refund_total=0.5))
        with pytest.raises(NotSent):
            wire.send("POST", "/x", {})

    assert time.monotonic() - began < 3


def test_server_that_does_not_speak_tls_means_not_sent() -> None:
    def talk(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_each, args=(listener, talk), daemon=True).start()
        wire = transport(f"https://localhost:{listener.getsockname()[1]}", Timeouts())
        with pytest.raises(NotSent, match=r"^No secure connection"):
            wire.send("POST", "/x", {})


# --- Timeouts --------------------------------------------------------------------------------------------------------


def test_timeouts_are_scaled_together() -> None:
    assert Timeouts(scale=0.1).scaled() == Timeouts(
        connect=0.5, read=3.0, refund_read=9.0, refund_total=9.5, pause=0.025, scale=1.0
    )


def test_timeouts_leave_the_slowest_gateway_time_to_answer() -> None:
    """Plugins wait 70 seconds for their provider."""
    times = Timeouts()

    assert 70 < times.refund_read < times.refund_total
