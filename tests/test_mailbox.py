"""The mailbox of the sandbox: every mail is kept, whole or not at all, and shown without trusting it."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client

from portal.sandbox import mailbox

TEXT = "Your code: 123456\nhttps://refunds.shop.test/p/abc/ <b>not bold</b>\n"
HTML = '<p>Your code: <b>123456</b> <a href="https://refunds.shop.test/p/abc/">Go on</a><script>alert(1)</script></p>'


@pytest.fixture(autouse=True)
def state_dir(settings: LazySettings, tmp_path: Path) -> Path:
    settings.STATE_DIR = tmp_path
    return tmp_path


def send(to: str = "anna@example.com", subject: str = "Your code", html: str = HTML) -> None:
    connection = get_connection("portal.sandbox.mailbox.MailboxBackend")
    mail = EmailMultiAlternatives(subject, TEXT, "Shop <refunds@shop.test>", [to], connection=connection)
    if html:
        mail.attach_alternative(html, "text/html")
    assert mail.send() == 1


def test_mailbox_keeps_mails_newest_first() -> None:
    send("anna@example.com", "First")
    send("bert@example.com", "Größe 38 für Bärbel – €")
    send("anna@example.com", "Third")

    kept = mailbox.newest(10)

    assert [(mail.to, mail.subject) for mail in kept] == [
        ("anna@example.com", "Third"),
        ("bert@example.com", "Größe 38 für Bärbel – €"),
        ("anna@example.com", "First"),
    ]
    assert (kept[0].text, kept[0].html.strip()) == (TEXT, HTML)
    assert [mail.subject for mail in mailbox.newest(1)] == ["Third"]
    assert [mail.subject for mail in mailbox.newest(10, to="Anna@Example.com")] == ["Third", "First"]


def test_mailbox_shows_no_mail_that_is_half_written(state_dir: Path) -> None:
    send()
    (state_dir / "mailbox" / "01795195832358856921-0a0b0c0d.tmp").write_bytes(b"Subject: half a ma")

    assert len(mailbox.newest(10)) == 1
    assert sorted(path.suffix for path in (state_dir / "mailbox").iterdir()) == [".eml", ".tmp"]


def test_mailbox_raises_when_the_disk_refuses(state_dir: Path) -> None:
    (state_dir / "mailbox").write_text("a file where the directory should be")

    with pytest.raises(OSError, match="File exists"):
        send()


def test_list_page_shows_recipient_and_subject(client: Client) -> None:
    empty = client.get("/_sandbox/mailbox/")
    send(subject="<i>A subject</i>")

    page = client.get("/_sandbox/mailbox/")

    assert "No mail yet" in empty.text
    assert "anna@example.com" in page.text
    assert "&lt;i&gt;A subject&lt;/i&gt;" in page.text


def test_mail_page_makes_links_clickable_and_trusts_nothing(client: Client) -> None:
    send()
    name = mailbox.newest(1)[0].name

    page = client.get(f"/_sandbox/mailbox/{name}/")

    assert '<a href="https://refunds.shop.test/p/abc/" rel="nofollow">' in page.text
    assert "&lt;b&gt;not bold&lt;/b&gt;" in page.text
    assert "<script>" not in page.text
    assert f'src="/_sandbox/mailbox/{name}/html/"' in page.text


def test_mail_html_is_shown_in_a_cage(client: Client) -> None:
    send()
    name = mailbox.newest(1)[0].name

    page = client.get(f"/_sandbox/mailbox/{name}/html/")

    assert HTML in page.text
    assert page["X-Frame-Options"] == "SAMEORIGIN"
    assert set(page["Content-Security-Policy"].split("; ")) == {
        "default-src 'none'",
        "style-src 'unsafe-inline'",
        "img-src https: data:",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'self'",
        "sandbox allow-popups allow-popups-to-escape-sandbox",
    }


def test_mail_without_html_has_no_frame(client: Client) -> None:
    send(html="")

    page = client.get(f"/_sandbox/mailbox/{mailbox.newest(1)[0].name}/")

    assert "<iframe" not in page.text


@pytest.mark.parametrize("name", ["nothing", "00000000000000000000-00000000", "..", "%2e%2e%2fportal"])
def test_unknown_mails_are_not_found(client: Client, name: str) -> None:
    send()

    assert client.get(f"/_sandbox/mailbox/{name}/").status_code == 404
    assert client.get(f"/_sandbox/mailbox/{name}/html/").status_code == 404
    assert mailbox.get("../settings") is None


def test_json_lists_the_mails_of_one_address(client: Client) -> None:
    send("anna@example.com", "For Anna")
    send("bert@example.com", "For Bert")

    everything = client.get("/_sandbox/mailbox.json").json()
    annas = client.get("/_sandbox/mailbox.json", {"to": "anna@example.com"}).json()

    assert [mail["subject"] for mail in everything] == ["For Bert", "For Anna"]
    assert [(mail["to"], mail["subject"], mail["text"]) for mail in annas] == [("anna@example.com", "For Anna", TEXT)]
