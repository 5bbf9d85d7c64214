"""The portal's settings as a real site runs them, without needing the secrets and the https of one."""

from portal.settings import *  # noqa: F403  # all of them, and a few otherwise

DEBUG = False
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.benchmarks.urls"
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = False
TEMPLATES[0]["DIRS"].append(BASE_DIR / "tests" / "benchmarks" / "templates")  # noqa: F405
STATICFILES_DIRS = []
STATIC_ROOT = BASE_DIR / "static"  # noqa: F405  # no copies are made for a benchmark
