"""Settings that know what was asked of them, so that a rule needn't name what it reads."""

from __future__ import annotations

from typing import Any

from core.runtime.settings.model import Settings


class Watched:
    """Reads like ``Settings``; ``seen`` are the names that were read."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.seen: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        self.seen.add(name)
        return getattr(self._settings, name)
