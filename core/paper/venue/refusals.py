"""The refusal of a request as a whole."""

from __future__ import annotations


class RefusedError(Exception):
    """The text is Hyperliquid's; it goes into ``{"status":"err","response":…}``."""
