"""What programs and angry people send instead of what was asked for. The same seed makes the same junk."""

from __future__ import annotations

import functools
import random
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import quote_from_bytes

from tests.test_photos import animated, archive, bomb, picture

Fields = list[tuple[bytes, bytes]]

TEXTS = (
    "", " ", "\x00", "a\x00b", "\r\nBcc: eve@example.com", "\u202e0001", "\ufeff1001", "\u0000\u0001\u007f\u0085\u2028",
    "' OR 1=1 --", "\"><script>alert(1)</script>", "{{ 7*7 }}{% debug %}", "%s%n%(x)s", "../../etc/passwd", "=1+1",
    "null", "javascript:alert(1)", "\U0001f9e6\U0001f468\u200d\U0001f469", "\ufdfa" * 60, "Z\u0351\u036b" * 40,
    "ß" * 300,
    "a@b", "@", "a@b@c.de", '"a b"@example.com', "a@[127.0.0.1]", "a@xn--p1ai.xn--p1ai", "a\u0130@example.com",
)  # fmt: skip
NUMBERS = (
    "-1", "-0", "+1", "0", "00001", "1.0", "1.5", "1,5", "1e2", "1E400", "1e-400", "NaN", "-Infinity", "0x10", "1_000",
    "\uff11", "\u00b2", "\u00bd", "\u0661", "9" * 20, "9" * 5000, "2147483648", "9223372036854775808",
    "1.000000000000000000001", " 1 ", "1 1", "true", "[]", "1;2",
)  # fmt: skip
BYTES = (
    b"\xed\xa0\x80", b"\xff\xfe", b"\xc0\x80", b"\x80", b"\xf5\x90\x80\x80", b"caf\xe9", b"\xe2\x82", b"+/v8-",
    b"\x1b$B",
)  # fmt: skip
METHODS = (
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
    "PROPFIND",
    "get",
    "",
    "PO ST",
)
CHARSETS = ("utf-16", "utf-7", "latin-1", "hex", "rot13", "idna", "punycode", "unicode_escape", "no-such", "utf-8")
HUGE = 400_000
TOO_HUGE = 3_000_000
"""More than DATA_UPLOAD_MAX_MEMORY_SIZE."""


@functools.cache
def files() -> tuple[bytes, ...]:
    good = (picture(), picture("PNG"), picture("WEBP"), picture("PNG", mode="P"), picture(mode="CMYK"))
    bad = (
        b"", b"\x00", b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%PDF-1.7", b"GIF89a", picture("GIF"),
        picture("BMP"), picture("TIFF"), picture()[:200], picture("PNG")[:50], picture("PNG")[:-12],
        picture("WEBP")[:60], bomb(), archive(), animated(),
        b"\xff\xd8\xff" * 1000, b"\x89PNG\r\n\x1a\n" + b"\x00" * 500, b"RIFF\xff\xff\xff\xffWEBPVP8X",
    )  # fmt: skip
    return good + bad


@dataclass(frozen=True)
class Junk:
    """Everything here is made from `rng` alone."""

    rng: random.Random

    def now_and_then(self, share: float) -> bool:
        return self.rng.random() < share

    def text(self) -> bytes:
        kind = self.rng.randrange(10)
        if kind < 3:
            return self.rng.choice(TEXTS).encode()
        if kind < 5:
            return self.rng.choice(NUMBERS).encode()
        if kind < 6:
            return self.rng.choice(BYTES)
        if kind < 7:
            return self.rng.randbytes(self.rng.randrange(1, 60))
        if kind < 9:
            return "".join(self.character() for _unused in range(self.rng.randrange(1, 60))).encode()
        return self.text()[:50] * self.rng.randrange(1, HUGE // 500)

    def character(self) -> str:
        """Of any plane; no surrogate, which bytes have to make."""
        top = self.rng.choice((0x7F, 0x7FF, 0xD7FF, 0x10FFFF))
        point = self.rng.randrange(top)
        return chr(point if not 0xD800 <= point <= 0xDFFF else point - 0x800)

    def spoiled(self, value: bytes) -> bytes:
        """Something else entirely, or nearly the same."""
        at = self.rng.randrange(len(value) + 1)
        as_text = value.decode(errors="replace")
        return self.rng.choice(
            (
                self.text,
                lambda: value[:at] + self.text()[:40] + value[at:],
                lambda: value[:at] + value[at + 1 :],
                lambda: value * 2,
                lambda: as_text.swapcase().encode(),
                lambda: b" " + value + b"\n",
                lambda: unicodedata.normalize("NFD", as_text).encode(),
                lambda: value.translate(bytes(range(48)) + b"9876543210" + bytes(range(58, 256))),
            )
        )()

    def fields(self, good: Fields) -> Fields:
        """Fields that are missing, doubled, spoiled, unknown, and in another order."""
        made = list(good)
        for _unused in range(self.rng.choice((0, 1, 1, 2, 3))):
            made = self._one_change(made)
        return made

    def _one_change(self, made: Fields) -> Fields:
        kind = self.rng.randrange(12)
        if not made or kind == 0:
            return [*made, (self.text()[:200], self.text())]
        at = self.rng.randrange(len(made))
        name, value = made[at]
        if kind == 1:
            return made[:at] + made[at + 1 :]
        if kind == 2:
            return [*made, (name, self.spoiled(value))]
        if kind == 3:
            return [*made, (name + self.rng.choice((b"[]", b"\x00", b".x", b"_0")), value)]
        if kind == 4 and self.now_and_then(0.1):
            return [*made, *((b"f%d" % n, b"x") for n in range(1100))]
        if kind == 5:
            return self.rng.sample(made, len(made))
        return [*made[:at], (name, self.spoiled(value)), *made[at + 1 :]]

    def segment(self, good: str, others: Sequence[str] = ()) -> bytes:
        """A token in an address: as it should be, somebody else's, cut, changed, or nothing like one."""
        kind = self.rng.randrange(8)
        whole = good.encode()
        if kind < 3:
            return whole
        if kind == 3 and others:
            return self.rng.choice(others).encode()
        if kind == 4:
            return whole[: self.rng.randrange(len(whole))]
        if kind == 5:
            at = self.rng.randrange(len(whole))
            return whole[:at] + bytes([self.rng.choice(b"AZaz09-_:.")]) + whole[at + 1 :]
        return self.spoiled(whole)[:5000]

    # --- Bodies ------------------------------------------------------------------------------------------------------

    def upload(self) -> tuple[bytes, bytes]:
        """The name of a file, and what is in it."""
        name = b"photo.jpg" if self.now_and_then(0.5) else self.text()[:300].translate(None, b'\r\n"')
        data = self.rng.choice(files())
        if self.now_and_then(0.2) and data:
            at = self.rng.randrange(len(data))
            data = data[:at] + self.rng.randbytes(self.rng.randrange(1, 50)) + data[at + 1 :]
        return name, data

    def body(self, fields: Fields, uploads: Sequence[tuple[bytes, bytes]], *, plain: bool) -> tuple[bytes, str]:
        """Body and content type. With `plain` both are as a browser would send them."""
        if not plain and self.now_and_then(0.15):
            return self._no_form(fields)
        if uploads or (not plain and self.now_and_then(0.15)):
            return self._multipart(fields, uploads, plain=plain)
        coded = b"&".join(
            quote_from_bytes(name).encode() + b"=" + quote_from_bytes(value).encode() for name, value in fields
        )
        if not plain and self.now_and_then(0.15):
            coded = self.rng.choice(
                (coded.replace(b"%", b"%%"), coded[:-1] + b"%", coded + b"&%ZZ=%u1234", coded + b"&&=;=&")
            )
        kind = "application/x-www-form-urlencoded"
        return coded, kind if plain or self.now_and_then(0.9) else f"{kind}; charset={self.rng.choice(CHARSETS)}"

    def _no_form(self, fields: Fields) -> tuple[bytes, str]:
        body = self.rng.choice(
            (b"", b"{", b'{"number": 1001}', b"[" * 2000, self.text(), b"\x00" * 100, b"a" * TOO_HUGE)
        )
        kinds = (
            "application/json",
            "text/plain",
            "",
            "multipart/form-data",
            "multipart/form-data; boundary=",
            "a/b/c; =;;",
        )
        kind = self.rng.choice(kinds)
        if self.now_and_then(0.3):
            return body, "application/x-www-form-urlencoded"
        return body, kind

    def _multipart(self, fields: Fields, uploads: Sequence[tuple[bytes, bytes]], *, plain: bool) -> tuple[bytes, str]:
        edge = b"----edge%d" % self.rng.randrange(10**9)
        parts = [
            b'Content-Disposition: form-data; name="%s"\r\n\r\n%s' % (_quoted(name), value) for name, value in fields
        ]
        for name, data in uploads:
            head = b'Content-Disposition: form-data; name="photos"; filename="%s"\r\nContent-Type: image/jpeg\r\n\r\n'
            parts.append(head % _quoted(name) + data)
        whole = b"".join(b"--" + edge + b"\r\n" + part + b"\r\n" for part in parts) + b"--" + edge + b"--\r\n"
        kind = f"multipart/form-data; boundary={edge.decode()}"
        if plain or self.now_and_then(0.7):
            return whole, kind
        return self._broken(whole, edge), kind + self.rng.choice(("", "", f"; charset={self.rng.choice(CHARSETS)}"))

    def _broken(self, whole: bytes, edge: bytes) -> bytes:
        at = self.rng.randrange(len(whole))
        return self.rng.choice(
            (
                whole[:at],
                whole.replace(b"\r\n", b"\n"),
                whole.replace(edge, b"other", 1),
                whole.replace(b"form-data", b"attachment", 1),
                whole.replace(b"name=", b"nome=", 1),
                whole.replace(b'name="', b"name*=utf-16''%ff", 1),
                whole.replace(b"\r\n\r\n", b"\r\nContent-Transfer-Encoding: base64\r\n\r\n", 1),
                whole.replace(b"\r\n\r\n", b"\r\nX-Long: " + b"a" * 5000 + b"\r\n\r\n", 1),
                whole[:at] + self.rng.randbytes(20) + whole[at:],
                whole * 2,
            )
        )

    # --- Around the body ---------------------------------------------------------------------------------------------

    def headers(self, session: str = "") -> dict[str, str]:
        """As WSGI hands them on. A line's end and NUL never get through a server."""
        made = {}
        for _unused in range(self.rng.choice((1, 1, 2, 4))):
            name, values = self.rng.choice(HEADERS)
            is_checked = name in CHECKED_BY_SERVERS
            value = self.rng.choice(values) if is_checked or self.now_and_then(0.6) else self._line()
            made[name] = value.replace("SESSION", session)
        return made

    def _line(self) -> str:
        return self.text()[:3000].translate(None, b"\r\n\x00").decode("latin-1")


HEADERS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("HTTP_HOST", ("evil.example", "127.0.0.1:99999", "[::1", "127.0.0.1@evil.example", "localhost/..", "", "a\t")),
    ("HTTP_X_FORWARDED_FOR", (
        "1.2.3.4", "a, b, c", "::ffff:1.2.3.4", "fe80::1%eth0", "2001:db8::1", "[::1]:80", ",,,", "x" * 9000,
    )),
    ("HTTP_X_FORWARDED_HOST", ("evil.example",)),
    ("HTTP_X_FORWARDED_PROTO", ("https", "http,https", "gopher")),
    ("HTTP_ACCEPT_LANGUAGE", (
        "de", "ar;q=1", "zh-Hans-CN", "xx", "de;q=9e999", "*", "en-" + "a" * 600, "de," * 900, "../en", "\x01",
    )),
    ("HTTP_COOKIE", (
        'sessionid="aaaaaaaaaaaa\\000"', "sessionid=", "sessionid=" + "a" * 32, "sessionid=SESSION; sessionid=x",
        'csrftoken="\\000"', "csrftoken=" + "x" * 5000, "django_language=../../x", 'django_language="\\000de"',
        "messages=x:y:z", "messages=[]", "=;=;=", "sessionid=SESSIONx", "a" * 8000,
    )),
    ("HTTP_REFERER", ("javascript:1", "//evil.example", "http://[", "http://127.0.0.1/s/x/")),
    ("HTTP_ORIGIN", ("null", "http://evil.example", "http://[::1")),
    ("HTTP_AUTHORIZATION", ("Bearer x", "Basic Og==", "Bearer")),
    ("HTTP_IF_MODIFIED_SINCE", ("Thu, 01 Jan 1970 00:00:00 GMT", "x", "Thu, 99 Jan 9999 99:99:99 GMT")),
    ("HTTP_IF_NONE_MATCH", ('"x"', "*", "W/")),
    ("HTTP_RANGE", ("bytes=0-1", "bytes=-", "bytes=9-1")),
    ("HTTP_ACCEPT_ENCODING", ("gzip", "br;q=0", "identity;q=0")),
    ("HTTP_X_HTTP_METHOD_OVERRIDE", ("DELETE",)),
    ("HTTP_USER_AGENT", ("", "() { :;}; echo")),
    ("CONTENT_LENGTH", ("0", "5", "00000009", "999999999999")),
    ("QUERY_STRING", ("a=%00", "v=%FF%FE", "next=//evil.example", "&" * 2000, "a=1&" * 1200, "%", "lang=xx")),
    ("REMOTE_ADDR", ("", "unix:", "::ffff:10.0.0.1", "fe80::1%lo", "not an address")),
)  # fmt: skip


CHECKED_BY_SERVERS = {"CONTENT_LENGTH"}


def _quoted(name: bytes) -> bytes:
    return name.replace(b"\\", b"\\\\").replace(b'"', b'\\"').translate(None, b"\r\n")
