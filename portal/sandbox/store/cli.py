"""The store as a process: one set of options for `manage.py sandbox_store` and `python -m portal.sandbox.store`."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

from .journal import InUse
from .server import SandboxStore

_ROOT = Path(__file__).resolve().parents[3]
_SETTINGS = ("currency", "decimals", "timezone", "home_url", "legacy", "permalinks", "plain", "gateway_delay",
             "race_window")  # fmt: skip


def add_arguments(parser: argparse.ArgumentParser) -> None:
    state = Path(os.environ.get("STATE_DIR") or _ROOT / ".state")
    add = parser.add_argument
    add("--port", type=int, default=int(os.environ.get("SANDBOX_STORE_PORT") or 8081))
    add("--host", default="127.0.0.1")
    add("--orders", type=Path, metavar="FILE", help="a JSON list of orders as GET /orders returns them")
    add("--directory", type=Path, default=state / "store", help="where the journal is (default: %(default)s)")
    add("--fresh", action="store_true", help="forget the journal and start anew")
    add("--plain", action="store_true", help="as a shop without TLS: Basic is not even looked at")
    add("--currency", default="EUR")
    add("--decimals", type=int, default=2)
    add("--decimal-separator", default=".")
    add("--posts", action="store_true", help="orders in posts instead of order tables")
    add("--timezone", default="Europe/Berlin")
    add("--home-url", default="", help="the address the shop gives as its own")
    add("--legacy", choices=("off", "posts", "hpos"), default="off", help="the old wc-api/v3 dialect")
    add("--permalinks", choices=("pretty", "plain"), default="pretty")
    add("--no-woocommerce", action="store_true", help="the plugin is switched off")
    add(
        "--no-number-search", action="store_true", help="the search does not find order numbers that differ from the id"
    )
    add("--gateway-delay", type=float, default=0.0, metavar="SECONDS")
    add("--race-window", type=float, default=0.02, metavar="SECONDS", help="between amount check and saved row")


def run(options: argparse.Namespace) -> int:
    """Serves until SIGTERM or SIGINT and returns the exit code. What is wrong at the start is one line on stderr."""
    ended_by = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, ended_by)
    try:
        store = _store(options)
        address = store.start()
    except InUse:
        return _refused(f"Another sandbox store is at work in {options.directory}.")
    except OSError as error:
        return _refused(f"The sandbox store cannot listen on {options.host}:{options.port}: {error.strerror}.")
    except ValueError as error:
        return _refused(str(error))
    print(f"Sandbox store: {address} ({len(store.shop.books.orders)} orders, state in {options.directory})", flush=True)
    signal.sigwait(ended_by)
    store.stop()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m portal.sandbox.store", description=__doc__)
    add_arguments(parser)
    return run(parser.parse_args())


def _store(options: argparse.Namespace) -> SandboxStore:
    settings = {name: getattr(options, name) for name in _SETTINGS}
    return SandboxStore(
        options.directory,
        port=options.port,
        host=options.host,
        orders=_orders_in(options.orders) if options.orders else None,
        fresh=options.fresh,
        decimal_separator=options.decimal_separator,
        thousand_separator="." if options.decimal_separator == "," else ",",
        order_tables=not options.posts,
        woocommerce=not options.no_woocommerce,
        number_search=not options.no_number_search,
        **settings,
    )


def _orders_in(file: Path) -> list[dict[str, Any]]:
    """Raises `ValueError` with a line to read where the file is not a list of orders."""
    try:
        given = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"Cannot read orders from {file}: {error}") from error
    if not isinstance(given, list) or not all(isinstance(order, dict) for order in given):
        raise ValueError(f"{file} is not a JSON list of orders.")
    return given


def _refused(line: str) -> int:
    print(line, file=sys.stderr, flush=True)
    return 1
