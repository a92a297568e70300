"""What is a URL of HTTP: a scheme, a host, and a port that can be."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit


def split_http_url(text: str) -> SplitResult | None:
    """``None`` if it is none."""
    try:
        parts = urlsplit(text)
        is_one = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        return None
    return parts if is_one else None
