"""What a site starts with: nothing at all on one's own machine, everything that matters in production."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PRODUCTION = {
    "DJANGO_DEBUG": "off",
    "DJANGO_SECRET_KEY": "a-key-of-more-than-fifty-characters-0123456789-abcdefghijklmnop",
    "SITE_URL": "https://refunds.shop.test",
    "DATABASE_URL": "postgres://refunds:word@db.shop.test/refunds",
    "REDIS_URL": "redis://queue.shop.test:6379/0",
    "WOOCOMMERCE_URL": "https://shop.test",
    "WOOCOMMERCE_CONSUMER_KEY": "ck_1",
    "WOOCOMMERCE_CONSUMER_SECRET": "cs_1",
    "EMAIL_URL": "smtp+tls://refunds:word@mail.shop.test:587",
    "DEFAULT_FROM_EMAIL": "Shop <refunds@shop.test>",
    "STAFF_EMAIL": "staff@shop.test",
}
NEEDED = sorted(PRODUCTION.keys() - {"DJANGO_DEBUG"})


def manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return python("manage.py", *words, **environment)


def load(**environment: str) -> subprocess.CompletedProcess[str]:
    return python("-c", "import portal.settings", **environment)


def setting(name: str, **environment: str) -> str:
    answer = python("-c", f"from portal import settings; print(settings.{name})", **environment)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout.rstrip("\n")


def python(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    # DJANGO_DEBUG is always given, so that no .env of this directory decides it.
    return subprocess.run(
        [sys.executable, *words],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DJANGO_DEBUG": "on", **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def last_line(answer: subprocess.CompletedProcess[str]) -> str:
    return answer.stderr.strip().splitlines()[-1]


def test_a_clone_needs_no_environment(tmp_path: Path) -> None:
    for name in ("portal", "refunds", "templates", "static"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "manage.py", tmp_path)

    answer = subprocess.run(
        [sys.executable, "manage.py", "check"], cwd=tmp_path, env={}, capture_output=True, text=True, check=False
    )

    assert (answer.returncode, answer.stdout) == (0, "System check identified no issues (0 silenced).\n")


def test_production_settings_pass_the_deployment_check() -> None:
    answer = manage("check", "--deploy", "--fail-level", "WARNING", **PRODUCTION)

    assert (answer.returncode, answer.stderr) == (0, "")


@pytest.mark.parametrize("name", NEEDED)
def test_production_does_not_start_without(name: str) -> None:
    answer = load(**{key: value for key, value in PRODUCTION.items() if key != name})

    assert answer.returncode == 1
    assert last_line(answer) == (
        f"django.core.exceptions.ImproperlyConfigured: Set {name} (or {name}_FILE): "
        "with DJANGO_DEBUG off it has no default."
    )


@pytest.mark.parametrize("nothing", ["", " "])
def test_production_takes_no_empty_secret(nothing: str) -> None:
    answer = load(**{**PRODUCTION, "DJANGO_SECRET_KEY": nothing})

    assert answer.returncode == 1
    assert "Set DJANGO_SECRET_KEY" in last_line(answer)


def test_a_secret_may_be_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("cs_from_the_file\n")
    environment = {key: value for key, value in PRODUCTION.items() if key != "WOOCOMMERCE_CONSUMER_SECRET"}

    found = setting("WOOCOMMERCE_CONSUMER_SECRET", **environment, WOOCOMMERCE_CONSUMER_SECRET_FILE=str(secret))

    assert found == "cs_from_the_file"


def test_a_missing_secret_file_is_named(tmp_path: Path) -> None:
    answer = load(**PRODUCTION, DATABASE_URL_FILE=str(tmp_path / "gone"))

    assert answer.returncode == 1
    assert last_line(answer) == (
        "django.core.exceptions.ImproperlyConfigured: "
        f"DATABASE_URL_FILE: No such file or directory: {tmp_path / 'gone'}"
    )


def test_a_secret_may_begin_with_a_dollar_sign() -> None:
    assert setting("WOOCOMMERCE_CONSUMER_SECRET", WOOCOMMERCE_CONSUMER_SECRET="$PATH") == "$PATH"


def test_an_empty_setting_is_none() -> None:
    assert setting("WOOCOMMERCE_URL", WOOCOMMERCE_URL="") == "http://127.0.0.1:8081"
    assert setting("EMBEDDED_STORE, settings.EMBEDDED_VALKEY", WOOCOMMERCE_URL="", REDIS_URL="") == "True True"
    assert setting("EMBEDDED_STORE", WOOCOMMERCE_URL="https://shop.test") == "False"
    assert setting("EMBEDDED_VALKEY", REDIS_URL="redis://localhost") == "False"


@pytest.mark.parametrize("address", ["http://shop.test", "ftp://shop.test", "shop.test", "http://127.0.0.1.shop.test"])
def test_keys_do_not_travel_in_the_clear(address: str) -> None:
    answer = manage("check", WOOCOMMERCE_URL=address)

    assert answer.returncode == 1
    assert "(refunds.E003) WOOCOMMERCE_URL must begin with https://" in answer.stderr


@pytest.mark.parametrize(
    "address", ["https://shop.test", "http://127.0.0.1:8081", "http://localhost", "http://[::1]:1"]
)
def test_stores_over_tls_or_on_this_machine_are_fine(address: str) -> None:
    assert manage("check", WOOCOMMERCE_URL=address).returncode == 0


def test_the_sandbox_is_not_installed_in_production() -> None:
    known = "[app for app in settings.INSTALLED_APPS if 'sandbox' in app], settings.SANDBOX"

    assert setting(f"SITE_URL, {known}") == "http://127.0.0.1:8000 ['portal.sandbox.apps.SandboxConfig'] True"
    assert setting(f"SITE_URL, {known}", **PRODUCTION) == "https://refunds.shop.test [] False"


@pytest.mark.parametrize("address", ["/_sandbox/mailbox/", "/styleguide/"])
def test_the_sandbox_has_no_address_in_production(address: str) -> None:
    resolve = f"import django; django.setup(); from django.urls import resolve; resolve('{address}')"

    in_sandbox = python("-c", resolve, DJANGO_SETTINGS_MODULE="portal.settings")
    in_production = python("-c", resolve, DJANGO_SETTINGS_MODULE="portal.settings", **PRODUCTION)

    assert in_sandbox.returncode == 0
    assert last_line(in_production).startswith("django.urls.exceptions.Resolver404")


def test_time_is_not_shortened_in_production() -> None:
    answer = load(**PRODUCTION, TIME_SCALE="0.5")

    assert answer.returncode == 1
    assert last_line(answer).startswith("django.core.exceptions.ImproperlyConfigured: TIME_SCALE is for tests.")


def test_sqlite_keeps_what_was_written_before_a_power_cut() -> None:
    options = setting("DATABASES['default']['OPTIONS']")

    assert options == str(
        {
            "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
            "transaction_mode": "IMMEDIATE",
            "timeout": 20,
        }
    )


def test_a_long_state_directory_gets_a_short_socket(tmp_path: Path) -> None:
    short, long = tmp_path / "s", tmp_path / ("long" * 30)

    assert setting("REDIS_URL", STATE_DIR=str(short)) == f"unix://{short}/valkey/valkey.sock"
    assert len(setting("REDIS_URL", STATE_DIR=str(long))) < len("unix://") + 100
    assert setting("REDIS_URL", STATE_DIR=str(long)) != setting("REDIS_URL", STATE_DIR=str(long) + "er")


def test_every_setting_is_explained() -> None:
    read = set(re.findall(r'(?:env\.\w+|required|given)\(\s*"([A-Z_]+)"', (ROOT / "portal/settings.py").read_text()))
    example = (ROOT / ".env.example").read_text()
    readme = (ROOT / "README.md").read_text()

    assert read > set(NEEDED)
    # gunicorn reads this one itself.
    assert set(re.findall(r"^#([A-Z_]+)=", example, re.MULTILINE)) == read | {"WEB_CONCURRENCY"}
    assert set(re.findall(r"^\| `([A-Z_]+)`", readme, re.MULTILINE)) == read | {"WEB_CONCURRENCY"}
