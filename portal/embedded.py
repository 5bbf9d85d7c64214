"""Where the embedded Valkey listens. Kept apart from `portal.sandbox`, because the settings need it first of all."""

import hashlib
import os
import tempfile
from pathlib import Path

LONGEST = 100
"""Bytes. A unix socket's path may have 107; a longer one is cut off silently and nobody finds it."""


def valkey_socket(state_dir: Path) -> Path:
    """The socket in `state_dir`, or, where that path is too long, in a short directory that only we may enter."""
    socket = state_dir.absolute() / "valkey" / "valkey.sock"
    if len(os.fsencode(socket)) < LONGEST:
        return socket
    name = hashlib.sha256(os.fsencode(state_dir.absolute())).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"refund-portal-{os.getuid()}" / f"{name}.sock"
