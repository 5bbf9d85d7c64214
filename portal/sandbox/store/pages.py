"""Pages that stand between a client and the JSON it expects: web servers, WordPress itself, firewalls, themes."""

from __future__ import annotations

from typing import Any

CRITICAL_ERROR = (
    "<p>There has been a critical error on this website.</p><p>"
    '<a href="https://wordpress.org/documentation/article/faq-troubleshooting/">Learn more about troubleshooting '
    "WordPress.</a></p>"
)
MAINTENANCE = "Briefly unavailable for scheduled maintenance. Check back in a minute."
DATABASE_DOWN = "Error establishing a database connection"
CHECKING_BROWSER = (
    "<!DOCTYPE html><html><head><title>Just a moment...</title></head>"
    "<body>Checking your browser before accessing the store.</body></html>"
)
FORBIDDEN = (
    "<!DOCTYPE html><html><head><title>Access denied</title></head>"
    "<body><h1>Sorry, you have been blocked</h1><p>This website is using a security service.</p></body></html>"
)
PHP_WARNING = (
    '<br />\n<b>Warning</b>:  Undefined array key "size" in '
    "<b>/srv/shop/wp-content/plugins/size-guide/size-guide.php</b> on line <b>42</b><br />\n"
)


def web_server(title: str, server: str = "nginx") -> str:
    """The page a web server shows when PHP behind it fails, or a limit is reached."""
    return (
        f"<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
        f"<hr><center>{server}</center>\r\n</body>\r\n</html>\r\n"
    )


def died(message: str) -> str:
    """WordPress' page when it gives up before it began."""
    return (
        "<!DOCTYPE html>\n<html dir='ltr'>\n<head>\n\t<meta charset=\"UTF-8\" />\n\t<title>WordPress</title>\n</head>\n"
        f'<body id="error-page">\n\t<div class="wp-die-message">{message}</div></body>\n</html>\n'
    )


def died_json(status: int, message: str) -> dict[str, Any]:
    return {"code": "wp_die", "message": message, "data": {"status": status}, "additional_errors": []}


def fatal(message: str, file: str, line: int) -> dict[str, Any]:
    """The answer after a PHP fatal error: WordPress' apology, with the error in it for whoever may read it."""
    error = {"type": 1, "message": f"Uncaught Error: {message} in {file}:{line}", "file": file, "line": line}
    data = {"status": 500, "error": error}
    return {"code": "internal_server_error", "message": CRITICAL_ERROR, "data": data, "additional_errors": []}


def theme(shop: str, heading: str, text: str = "") -> str:
    """A page of the shop's theme."""
    return (
        '<!DOCTYPE html>\n<html lang="en-US">\n<head>\n\t<meta charset="UTF-8" />\n'
        f"<title>{heading} &#8211; {shop}</title>\n</head>\n<body>\n"
        f'<header><a href="/">{shop}</a></header>\n<main>\n<h1>{heading}</h1>\n<p>{text}</p>\n</main>\n'
        "</body>\n</html>\n"
    )
