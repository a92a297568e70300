"""Numbers, ages and names as an operator reads them. Every function is total: odd input gives odd text, no error."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

NOTHING = "n/a"
DAY_MS = 86_400_000


def price(value: Decimal, decimals: int) -> str:
    """With thousands separators and fixed decimals; 0 means that no price is known."""
    return f"{value:,.{decimals}f}" if value else NOTHING


def quantity(value: Decimal, signed: bool = False) -> str:
    """Exact, without trailing zeros; ``signed`` puts a ``+`` before what is above 0."""
    text = f"{value:,f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    if not value:
        return "0"
    return f"+{text}" if signed and value > 0 else text


def decimals_of(value: Decimal) -> int:
    """How many decimals its canonical text has."""
    text = quantity(value)
    return len(text.partition(".")[2])


def usd(value: Decimal, signed: bool = False, cents: bool = True) -> str:
    sign = "-" if value < 0 else "+" if signed and value > 0 else ""
    return f"{sign}${abs(value):,.{2 if cents else 0}f}"


def percent(value: float, digits: int = 2) -> str:
    return f"{value:.{digits}f}%"


def age(seconds: float) -> str:
    """``0.4s``, ``27s``, ``3m12s``, ``2h05m``, ``4d``; never negative."""
    seconds = max(seconds, 0.0)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    whole = int(seconds)
    if whole < 60:
        return f"{whole}s"
    if whole < 3_600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86_400:
        return f"{whole // 3_600}h{whole // 60 % 60:02d}m"
    return f"{whole // 86_400}d"


def cause(reason: str) -> str:
    """``HTTP 502: gone`` of ``https://api.example/info answered HTTP 502: gone``: the address takes all the room."""
    return _WHERE.sub("", reason)


_WHERE = re.compile(r"^https?://\S+ (?:answered )?")


def micros(us: int) -> str:
    """``850 µs``, ``1.2 ms``, ``24 ms``; a second and more as an age."""
    if us < 1_000:
        return f"{us} µs"
    if us < 9_950:
        return f"{us / 1_000:.1f} ms"
    return f"{us / 1_000:.0f} ms" if us < 999_500 else age(us / 1_000_000)


def utc_clock(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%H:%M:%SZ")


def utc_second(time_ms: int) -> str:
    """Of any day: ``2026-11-30 14:30:05Z``."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def utc_minute(time_ms: int) -> str:
    """Of another day, too: ``11-30 14:30``."""
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%m-%d %H:%M")


def short_account(account: str) -> str:
    return f"{account[:4]}…{account[-2:]}" if len(account) > 8 else account


def short_coin(coin: str) -> str:
    """Without the dex in front: ``xyz:TSLA`` is ``TSLA``."""
    return coin.rpartition(":")[2]
