#!/usr/bin/env python
import os
import sys

if sys.version_info < (3, 11):  # noqa: UP036 - the line below is for whoever tries it with an older one
    sys.exit("The portal needs Python 3.11 or newer. This is Python {}.{}.".format(*sys.version_info[:2]))

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
    try:
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] in ("portal", "refunds"):
            raise
        sys.exit(f"The module {error.name} is missing. `make install` installs all there is to install.")
