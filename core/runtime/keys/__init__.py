"""The signing key: where it comes from, where it is kept, and whose it is. No text here ever contains it."""

from __future__ import annotations

from core.runtime.keys.identity import Identity, account_hint, load_identity
from core.runtime.keys.sources import KeyQuery, Source, find_sources

__all__ = ["Identity", "KeyQuery", "Source", "account_hint", "find_sources", "load_identity"]
