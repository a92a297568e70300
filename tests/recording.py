"""The bundled recording, read once in a process: it never changes, and to read it takes longer than most tests."""

from __future__ import annotations

import functools

from core.paper.market import load
from core.paper.market.recording import Recording, load_recording

_bundled = functools.cache(load_recording)


def load_kept(target: str) -> Recording:
    """As ``load_recording``; the bundled one from memory, after the first time."""
    return _bundled(target) if target == "bundled" else load_recording(target)


def keep() -> None:
    """Let every market of this process, and of those that are forked from it, have it from memory."""
    load.load_recording = load_kept  # type: ignore[attr-defined]
    load_kept("bundled")
