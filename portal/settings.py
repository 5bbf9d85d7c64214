"""One settings file, read from the environment.

With nothing set, everything runs on this machine: SQLite, an embedded Valkey, the sandbox store and a mailbox page.
With `DJANGO_DEBUG=off` it refuses to start until each secret of a production site is there, and names the missing one.
Every secret may also be given as `NAME_FILE`, the path of a file that holds it.
"""

import sys
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import environ
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from portal.embedded import valkey_socket

BASE_DIR = Path(__file__).resolve().parent.parent

if (BASE_DIR / ".env").exists():
    environ.Env.read_env(BASE_DIR / ".env")
env = environ.FileAwareEnv()

DEBUG = env.bool("DJANGO_DEBUG", default=True)
SANDBOX = DEBUG
"""The sandbox store, mailbox and tour exist only where this is true. They are not even installed in production."""

STATE_DIR = Path(env.str("STATE_DIR", default=str(BASE_DIR / ".state"))).absolute()
"""Where a site without PostgreSQL and Redis keeps its files: database, Valkey, sandbox store."""


def required(name: str, sandbox: str) -> str:
    """The value of a setting that production must be given and the sandbox has a default for. Empty is not given."""
    value = given(name) or (sandbox if DEBUG else "")
    if not value:
        raise ImproperlyConfigured(f"Set {name} (or {name}_FILE): with DJANGO_DEBUG off it has no default.")
    return value


def given(name: str) -> str:
    """The value of `name`, or what is in the file that `name`_FILE names, without the line's end. Empty if neither."""
    try:
        # Not env.str: it takes a password that begins with a dollar sign for the name of another variable.
        value: str = env.ENVIRON.get(name, "")
    except OSError as error:
        raise ImproperlyConfigured(f"{name}_FILE: {error.strerror}: {error.filename}") from error
    return value.strip()


# --- Django ----------------------------------------------------------------------------------------------------------

SECRET_KEY = required("DJANGO_SECRET_KEY", sandbox="sandbox-only-not-a-secret")
PORT = env.int("PORT", default=8000)
SITE_URL = required("SITE_URL", sandbox=f"http://127.0.0.1:{PORT}").rstrip("/")
ALLOWED_HOSTS = env.list(
    "DJANGO_ALLOWED_HOSTS", default=["127.0.0.1", "localhost"] if DEBUG else [urlsplit(SITE_URL).hostname or ""]
)
CSRF_TRUSTED_ORIGINS = env.list("DJANGO_CSRF_TRUSTED_ORIGINS", default=[])

INSTALLED_APPS = [
    "refunds.apps.RefundsConfig",
    *(["portal.sandbox.apps.SandboxConfig"] if SANDBOX else []),
    "refunds.apps.RefundsAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "axes",
    "csp",
    "django_otp",
    "django_otp.plugins.otp_static",
    "django_otp.plugins.otp_totp",
    "django_rq",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "refunds.admin.sessions.StaffSession",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "portal.urls"
WSGI_APPLICATION = "portal.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "admin:login"

# --- Log-in of staff -------------------------------------------------------------------------------------------------

AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
STAFF_TWO_FACTOR = env.str("STAFF_TWO_FACTOR", default="optional")
"""`required`: who has no second factor is led to set one up, and reaches nothing else."""
if STAFF_TWO_FACTOR not in ("optional", "required"):
    raise ImproperlyConfigured(f"STAFF_TWO_FACTOR is optional or required, not {STAFF_TWO_FACTOR!r}.")
STAFF_IDLE_MINUTES = env.int("STAFF_IDLE_MINUTES", default=120)
STAFF_SESSION_HOURS = env.int("STAFF_SESSION_HOURS", default=12)
"""Somebody who does nothing for so many minutes is logged out, and everybody after so many hours."""
AXES_FAILURE_LIMIT = env.int("STAFF_LOCK_AFTER", default=5)
STAFF_LOCK_ADDRESS_AFTER = env.int("STAFF_LOCK_ADDRESS_AFTER", default=50)
"""Wrong passwords for one name from one address; and from one address for all names, as in an office."""
AXES_COOLOFF_TIME = timedelta(minutes=env.int("STAFF_LOCK_MINUTES", default=15))
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_HANDLER = "refunds.admin.guard.Guard"
AXES_CLIENT_IP_CALLABLE = "refunds.admin.guard.counted_address"
AXES_LOCKOUT_CALLABLE = "refunds.admin.guard.locked"
AXES_RESET_ON_SUCCESS = True
# The page says until when it is locked: what is tried meanwhile must not make it longer.
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_ENABLE_ACCESS_FAILURE_LOG = True
AXES_ENABLE_ADMIN = False
OTP_TOTP_ISSUER = f"Refunds {urlsplit(SITE_URL).hostname}"

# --- Database: SQLite embedded, PostgreSQL in production -------------------------------------------------------------

DATABASES = {
    "default": env.db_url_config(required("DATABASE_URL", sandbox=f"sqlite:///{STATE_DIR / 'portal.sqlite3'}"))
}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        # A write-ahead that a power cut can forget is no write-ahead: FULL, not NORMAL.
        "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;",
        # A transaction takes the write lock at its start; otherwise readers that turn writers fail as "locked".
        "transaction_mode": "IMMEDIATE",
        "timeout": 20,
    }
DATABASES["default"]["CONN_MAX_AGE"] = 600
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True

# --- Queues: a job is only a nudge, the row is the instruction -------------------------------------------------------

REDIS_URL = required("REDIS_URL", sandbox=f"unix://{valkey_socket(STATE_DIR)}")
EMBEDDED_VALKEY = DEBUG and not given("REDIS_URL")
RQ_QUEUES = {
    name: {"URL": REDIS_URL, "DEFAULT_TIMEOUT": 200, "SERIALIZER": "rq.serializers.JSONSerializer"}
    for name in ("payouts", "messages")
}
RQ = {
    "COMMIT_MODE": "auto",
    "JOB_CLASS": "refunds.dispatch.AllowedJob",
    "WORKER_CLASS": "refunds.dispatch.PortalWorker",
}
RQ_SHOW_ADMIN_LINK = False

# --- The store -------------------------------------------------------------------------------------------------------

SANDBOX_STORE_PORT = env.int("SANDBOX_STORE_PORT", default=8081)
WOOCOMMERCE_URL = required("WOOCOMMERCE_URL", sandbox=f"http://127.0.0.1:{SANDBOX_STORE_PORT}").rstrip("/")
EMBEDDED_STORE = DEBUG and not given("WOOCOMMERCE_URL")
WOOCOMMERCE_CONSUMER_KEY = required("WOOCOMMERCE_CONSUMER_KEY", sandbox="ck_sandbox")
WOOCOMMERCE_CONSUMER_SECRET = required("WOOCOMMERCE_CONSUMER_SECRET", sandbox="cs_sandbox")
WOOCOMMERCE_API = env.str("WOOCOMMERCE_API", default="wc/v3")
WOOCOMMERCE_CA_BUNDLE = env.str("WOOCOMMERCE_CA_BUNDLE", default="")

# --- Refunds ---------------------------------------------------------------------------------------------------------

APPROVAL_HOLD = env.int("APPROVAL_HOLD", default=3 if SANDBOX else 30)
"""Seconds in which an approval can be taken back before anything is sent."""
TIME_SCALE = env.float("TIME_SCALE", default=1.0)
"""Tests and chaos runs shorten all waiting times together by this factor. Refused in production."""
if TIME_SCALE != 1 and not DEBUG:
    raise ImproperlyConfigured("TIME_SCALE is for tests. Remove it: with DJANGO_DEBUG off all waiting times are real.")

# --- Mail ------------------------------------------------------------------------------------------------------------

EMAIL_URL = required("EMAIL_URL", sandbox="mailbox")
if EMAIL_URL == "mailbox":
    EMAIL_BACKEND = "portal.sandbox.mailbox.MailboxBackend"
else:
    vars().update(environ.Env.email_url_config(EMAIL_URL))
EMAIL_TIMEOUT = 20
DEFAULT_FROM_EMAIL = required("DEFAULT_FROM_EMAIL", sandbox="Sandbox Shop <refunds@shop.example>")
STAFF_EMAIL = required("STAFF_EMAIL", sandbox="after-sales@shop.example")

# --- Language and time -----------------------------------------------------------------------------------------------

LANGUAGE_CODE = env.str("LANGUAGE_CODE", default="en")
LANGUAGES = [("en", "English"), ("de", "Deutsch"), ("zh-hans", "简体中文"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "refunds" / "locale"]
TIME_ZONE = env.str("TIME_ZONE", default="UTC")
USE_TZ = True

# --- Files -----------------------------------------------------------------------------------------------------------

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "photos": {
        "BACKEND": "django.core.files.storage.FileSystemStorage",
        "OPTIONS": {"location": env.str("PHOTO_DIR", default=str(STATE_DIR / "photos")), "base_url": None},
    },
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG

# --- Security --------------------------------------------------------------------------------------------------------

CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [SELF],
        "object-src": [NONE],
        "base-uri": [NONE],
        "frame-ancestors": [NONE],
        "form-action": [SELF],
    }
}
TRUSTED_PROXY_HOPS = env.int("TRUSTED_PROXY_HOPS", default=0)
"""How many proxies of our own stand in front. The visitor's address is taken from what the outermost of them saw."""
# Not "no-referrer": browsers then send "Origin: null" with every form, and the CSRF check refuses it.
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_AGE = max(8, STAFF_SESSION_HOURS) * 60 * 60
CSRF_COOKIE_HTTPONLY = True
if not DEBUG:
    SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=True)
    # Load balancers and monitoring ask from inside, over plain http.
    SECURE_REDIRECT_EXEMPT = [r"^readyz$", r"^healthz$"]
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SECURE_HSTS_SECONDS = 365 * 24 * 60 * 60
    SECURE_HSTS_INCLUDE_SUBDOMAINS = True
    SECURE_HSTS_PRELOAD = True
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SESSION_COOKIE_NAME = "__Host-sessionid"
    CSRF_COOKIE_NAME = "__Host-csrftoken"

METRICS_TOKEN = env.str("METRICS_TOKEN", default="")
"""Who sends it as a bearer token may read /metrics. Without one there is no such page."""

# --- Logs: ids only, never a key, a code or an address ---------------------------------------------------------------

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name} {message}", "style": "{"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line", "stream": sys.stderr}},
    "root": {"handlers": ["stderr"], "level": env.str("LOG_LEVEL", default="INFO")},
    "loggers": {
        # Django's own handlers would print everything a second time.
        "django": {"handlers": [], "level": "INFO"},
        # A page that does not exist is nothing to report.
        "django.request": {"level": "ERROR"},
        # It would print names and addresses. They are on the page of log-ins.
        "axes": {"level": "CRITICAL"},
    },
}
