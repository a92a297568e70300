"""The file of what screens died of, beside the log: the newest of it, however often a screen fails."""

from __future__ import annotations

import os
import re
import time
import traceback
from pathlib import Path

NAME = "screen-faults.txt"
LARGEST = 256 * 1024
"""Bytes. What would make it larger takes the place of the oldest."""
LONGEST = 32 * 1024
"""Characters of one traceback; a longer one loses its middle."""

_BEGINS = re.compile(rb"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ fault ", re.MULTILINE)


def write_down(logs: Path, error: BaseException, times: int, now_s: float) -> str:
    """Keep its traceback; the file's path, empty if it can't be written. ``now_s`` is the wall clock's.

    Its frames' values are left out: they may be secrets.
    """
    from core.redaction import redacted  # the first picture needs none of it

    when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s))
    entry = (
        f"{when} fault {times}\n{redacted(_shortened(''.join(traceback.format_exception(error))))}\n".encode(
            "utf-8", "replace"
        )
    )
    file = logs / NAME
    try:
        if _size(file) + len(entry) > LARGEST:
            _keep_newest(file, LARGEST // 2)
        with open(file, "ab") as end:
            end.write(entry)
    except OSError:
        return ""  # whoever asks tells the fault in another way, too
    return str(file)


def _shortened(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    half = LONGEST // 2
    return f"{text[:half]}\n[… {len(text) - 2 * half:,} characters …]\n{text[-half:]}"


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _keep_newest(file: Path, size: int) -> None:
    """Whole entries, at most ``size`` bytes of them; a kill leaves the old file or the new one."""
    with open(file, "rb") as old:
        old.seek(-min(size, _size(file)), os.SEEK_END)
        kept = old.read()
    first = _BEGINS.search(kept)
    partial = file.with_name(f"{NAME}.{os.getpid()}")
    try:
        partial.write_bytes(kept[first.start() :] if first else b"")
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)
