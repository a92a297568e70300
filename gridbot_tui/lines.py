"""Lines on standard output, for whoever pipes them on, and sentences on standard error."""

from __future__ import annotations

import sys
import threading

from core.printable import printable
from core.redaction import redacted

_stdout_lock = threading.Lock()


def print_line(text: str) -> None:
    """One whole line, whichever thread it comes from. JSON stays what it is: all of ``json_line`` prints."""
    with _stdout_lock:
        sys.stdout.write(printable(text) + "\n")
        sys.stdout.flush()


def tell(text: str) -> None:
    """A sentence to whoever sits before the command, on stderr; no secret is in it."""
    sys.stderr.write(f"gridbot: {printable(redacted(text))}\n")
    sys.stderr.flush()
