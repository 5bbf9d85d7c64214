import os
from collections.abc import Iterable
from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")


def careful(application: WSGIApplication) -> WSGIApplication:
    """Takes out what Django believes of a visitor and then fails over, before it can make a page of it."""

    def called(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        environ["CONTENT_TYPE"] = _in_utf8(environ.get("CONTENT_TYPE", ""))
        # PostgreSQL keeps no NUL, not even to look for it. Addresses: as Django does with other bytes that are no text.
        environ["PATH_INFO"] = environ.get("PATH_INFO", "").replace("\0", "%00")
        environ["HTTP_COOKIE"] = environ.get("HTTP_COOKIE", "").replace(r"\000", "")
        return application(environ, start_response)

    return called


def _in_utf8(content_type: str) -> str:
    """Every form is UTF-8. `rot13` is no charset, but Python knows it by that name; `utf-16` is refused twice over."""
    parts = content_type.split(";")
    return ";".join(part for part in parts if not part.strip().lower().startswith("charset"))


application = careful(get_wsgi_application())
