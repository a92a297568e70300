"""Lines on standard output, for whoever pipes them on."""

from __future__ import annotations

import sys
import threading

_stdout_lock = threading.Lock()


def print_line(text: str) -> None:
    """One whole line, whichever thread it comes from."""
    with _stdout_lock:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
