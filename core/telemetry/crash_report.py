"""The report of a crash: what nobody expected, written down for whoever can mend it, where the operator gets one sentence.

A file of its own for each, for this user alone; of frames only their places, never their values; secrets masked.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
import traceback
from pathlib import Path

from core import VERSION
from core.redaction import redacted

KEPT = 20
"""Reports in a directory; the oldest go."""
LONGEST = 64 * 1024
"""Characters of a traceback; a longer one loses its middle."""


def write_crash(directory: Path, where: str, error: BaseException) -> str:
    """Write the report of ``error``, that ``where`` died of; its path, empty if the disk takes none."""
    now = time.time()
    stamp = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime(now))}.{int(now % 1 * 10**6):06}Z"
    text = redacted("\n".join(_lines(where, error, now))) + "\n"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = _write(directory / f"crash-{stamp}-{os.getpid()}.txt", text.encode("utf-8", "replace"))
        for old in reports(directory)[KEPT:]:
            old.unlink(missing_ok=True)
    except OSError:
        return ""
    return str(path)


def reports(directory: Path) -> list[Path]:
    """Those of a directory, the newest first."""
    return sorted(directory.glob("crash-*.txt"), reverse=True)


def write_crash_beside(directory: Path, where: str, error: BaseException) -> None:
    """Likewise, without waiting for the disk: there are orders to be taken back first."""
    threading.Thread(target=write_crash, args=(directory, where, error), name="crash", daemon=True).start()


def sentence(error: BaseException, path: str, where: str = "") -> str:
    """What the operator is told. ``path``: the report or its directory; ``where``: what failed, if that says more."""
    kept = f"its report is {path}" if path else "its report could not be written"
    at = f" in {where}" if where else ""
    said = redacted(str(error)).strip().splitlines()
    return (
        f"internal error{at}: {type(error).__name__}{': ' + said[0][:300] if said else ''}; {kept}; "
        "`gridbot support-bundle` packs it for a bug report"
    )


def _lines(where: str, error: BaseException, now: float) -> list[str]:
    told = "".join(traceback.format_exception(error))
    if len(told) > LONGEST:
        half = LONGEST // 2
        told = f"{told[:half]}\n[... {len(told) - 2 * half:,} characters ...]\n{told[-half:]}"
    return [
        f"gridbot {VERSION}, Python {platform.python_version()}, {platform.platform()}",
        f"{time.strftime('%Y-%m-%dT%H:%M:%SZ', time.gmtime(now))} pid {os.getpid()}: {where} failed",
        f"started as: {Path(sys.argv[0]).name} {' '.join(sys.argv[1:])}",
        "",
        told,
    ]


def _write(path: Path, content: bytes) -> Path:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
    return path
