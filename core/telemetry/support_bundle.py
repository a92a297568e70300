"""One file for a bug report: named parts, secrets masked, for its owner alone."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from core.redaction import redacted
from core.telemetry.crash_report import reports
from core.telemetry.log_files import NAME, closed_files

LOG_BYTES = 4 * 2**20
"""Of the log, from its end, over its files."""
REPORTS = 5

Part = Callable[[], str]


@dataclass(slots=True)
class Packed:
    """What is in a bundle, with sizes in bytes; and what could not be made, and why, which stands in its place there, too."""

    listed: list[tuple[str, int]] = field(default_factory=list)
    missing: dict[str, str] = field(default_factory=dict)


def pack(target: Path, parts: Mapping[str, Part], files: Mapping[str, Path]) -> Packed:
    """Write ``target``, whole or not at all. ``files`` go in as they are; nothing may write to them meanwhile.

    A part that can't be made says so in its place: a bundle is wanted most when much is broken. Raises ``OSError``.
    """
    partial = target.with_name(f"{target.name}.new")
    partial.unlink(missing_ok=True)
    fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    done = Packed()
    try:
        with os.fdopen(fd, "wb") as out, tarfile.open(fileobj=out, mode="w:gz") as tar:
            for name, part in parts.items():
                content = _made(name, part, done)
                entry = tarfile.TarInfo(f"gridbot-support/{name}")
                entry.size, entry.mode, entry.mtime = len(content), 0o600, int(time.time())
                tar.addfile(entry, io.BytesIO(content))
                done.listed.append((name, len(content)))
            for name, path in files.items():
                tar.add(path, f"gridbot-support/{name}", recursive=False)
                done.listed.append((name, path.stat().st_size))
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return done


def _made(name: str, part: Part, done: Packed) -> bytes:
    try:
        text = redacted(part())
    except Exception as error:  # whatever is broken is what the bundle is for
        done.missing[name] = redacted(f"could not be made: {type(error).__name__}: {error}")
        text = done.missing[name] + "\n"
    return text.encode("utf-8", "replace")


def log_parts(logs: Path) -> dict[str, Part]:
    """The end of the log, newest file first, and what crashed."""
    found: dict[str, Part] = {}
    left = LOG_BYTES
    for path in (logs / NAME, *(each.path for each in closed_files(logs))):
        if path.is_file() and left > 0:
            size = min(path.stat().st_size, left)
            left -= size
            found[f"logs/{path.name}"] = partial(_end, path, size)
    for path in (*reports(logs)[:REPORTS], logs / "screen-faults.txt"):
        if path.is_file():
            found[f"logs/{path.name}"] = partial(_end, path, LOG_BYTES)
    return found


def _end(path: Path, size: int) -> str:
    """The last so many bytes, from a line's beginning on."""
    with path.open("rb") as file:
        start = max(path.stat().st_size - size, 0)
        file.seek(start)
        content = file.read(size)
    return (content.partition(b"\n")[2] if start else content).decode("utf-8", "replace")
