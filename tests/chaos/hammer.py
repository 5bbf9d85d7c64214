"""Does everything at once to some cases, again and again, until they are refunded: approves, pays, looks.

    python -m tests.chaos.hammer --within 60 --user 1 5 6

Says "ready", waits for a line, and begins. Prints every error that is not a plain refusal; exits 1 if there was one.
"""

from __future__ import annotations

import argparse
import importlib
import sys

import django


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos.hammer")
    parser.add_argument("--within", type=float, default=60)
    parser.add_argument("--user", type=int, required=True)
    parser.add_argument("cases", type=int, nargs="+")
    options = parser.parse_args()
    django.setup()
    # Only now: its models need the settings.
    blows = importlib.import_module("tests.chaos.blows")
    print("ready", flush=True)
    sys.stdin.readline()
    errors = blows.strike_until_refunded(options.cases, user_pk=options.user, within=options.within)
    print("\n".join(errors))
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
