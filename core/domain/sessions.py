"""When the market behind a coin trades: calendars of sessions. Pure: the venue's time in, the session around it out.

A stock perp can be quoted round the clock, and what it follows is not: outside the exchange's hours its price is old, or made
by few. The hours and holidays are rules, not a table, so that no year runs out; a day that the exchange closes for once (a day
of mourning, a storm) is in no rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from core.domain.clock import DAY_MS

HOUR_MS = 3_600_000
MINUTE_MS = 60_000
NEVER_MS = 2**62
"""Later than any time that is asked for."""

JUNETEENTH_SINCE = 2022
"""The first year in which the stock exchanges kept it."""

_OPENS_MS, _CLOSES_MS, _CLOSES_EARLY_MS = (
    9 * HOUR_MS + 30 * MINUTE_MS,
    16 * HOUR_MS,
    13 * HOUR_MS,
)
"""After midnight in New York."""


@dataclass(frozen=True, slots=True)
class Session:
    """Open, or closed, from ``since_ms`` (inclusive) to ``until_ms`` (exclusive), venue time. ``why`` says what it is, for the
    eye: ``regular hours``, ``early close``, ``overnight``, ``weekend``, or the holiday's name.
    """

    is_open: bool
    since_ms: int
    until_ms: int
    why: str

    def __contains__(self, ms: int) -> bool:
        return self.since_ms <= ms < self.until_ms


Calendar = Callable[[int], Session]
"""From the venue's time in milliseconds UTC to the session around it."""


def clock_text(ms: int) -> str:
    """The time of day, as in ``12:03:07 UTC``."""
    seconds = ms // 1000 % 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02} UTC"


def utc_text(ms: int) -> str:
    """``2026-11-30 14:30 UTC``."""
    return f"{datetime.fromtimestamp(ms // 1000, UTC):%Y-%m-%d %H:%M} UTC"


def always(ms: int) -> Session:
    """A market that never closes."""
    return Session(True, 0, NEVER_MS, "round the clock")


def us_equities(ms: int) -> Session:
    """Regular hours of NYSE and Nasdaq: 9:30 to 16:00 in New York, 13:00 on three days a year, by their rules for holidays and
    by the daylight saving time in force since 2007. Earlier years are computed by the same rules, which were others then.
    """
    day = _date_of(ms)
    hours = _hours(day)  # a session never spans midnight UTC
    if hours is not None and hours[0] <= ms < hours[1]:
        return Session(True, *hours, "early close" if _closes_early(day) else "regular hours")
    before, after = day, day
    while (last := _hours(before)) is None or last[1] > ms:
        before -= timedelta(days=1)
    while (following := _hours(after)) is None or following[0] <= ms:
        after += timedelta(days=1)
    return Session(False, last[1], following[0], _why_closed(before, after))


CALENDARS: dict[str, Calendar] = {"always": always, "us_equities": us_equities}
"""By the name that settings use."""


# -- days of the stock exchanges --------------------------------------------------------------------------------------


def _date_of(ms: int) -> date:
    return date(1970, 1, 1) + timedelta(days=ms // DAY_MS)


def _ms_of(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_MS


def _hours(day: date) -> tuple[int, int] | None:
    """Open and close in milliseconds UTC; ``None`` on a day without trading."""
    if day.weekday() >= 5 or day in us_holidays(day.year):
        return None
    midnight = _ms_of(day) + (4 if _has_daylight_saving(day) else 5) * HOUR_MS
    return midnight + _OPENS_MS, midnight + (_CLOSES_EARLY_MS if _closes_early(day) else _CLOSES_MS)


def _has_daylight_saving(day: date) -> bool:
    """At the hours of trading: from the second Sunday of March to the first of November."""
    return _nth(day.year, 3, 6, 2) <= day < _nth(day.year, 11, 6, 1)


def _closes_early(day: date) -> bool:
    """At 13:00: before Independence Day, after Thanksgiving and before Christmas, if that day trades at all."""
    if day.weekday() >= 5 or day in us_holidays(day.year):
        return False
    after_thanksgiving = _nth(day.year, 11, 3, 4) + timedelta(days=1)
    return (day.month, day.day) in ((7, 3), (12, 24)) or day == after_thanksgiving


def _why_closed(before: date, after: date) -> str:
    """Between the sessions of two days: the first holiday among the days, or the weekend, or just the night."""
    between = [before + timedelta(days=n) for n in range(1, (after - before).days)]
    named = [us_holidays(day.year)[day] for day in between if day in us_holidays(day.year)]
    if named:
        return named[0]
    return "weekend" if between else "overnight"


@lru_cache(maxsize=64)
def us_holidays(year: int) -> dict[date, str]:
    """Weekdays of a year on which NYSE and Nasdaq don't trade at all, with their names.

    NYSE rule 7.2: a holiday on a Sunday is kept on Monday; one on a Saturday on Friday, unless that ends a month or a year, so
    that New Year's Day on a Saturday is not kept.
    """
    fixed = {
        "New Year's Day": date(year, 1, 1),
        "Independence Day": date(year, 7, 4),
        "Christmas Day": date(year, 12, 25),
    }
    if year >= JUNETEENTH_SINCE:
        fixed["Juneteenth"] = date(year, 6, 19)
    found = {
        _nth(year, 1, 0, 3): "Martin Luther King, Jr. Day",
        _nth(year, 2, 0, 3): "Washington's Birthday",
        _easter(year) - timedelta(days=2): "Good Friday",
        _last_monday_of_may(year): "Memorial Day",
        _nth(year, 9, 0, 1): "Labor Day",
        _nth(year, 11, 3, 4): "Thanksgiving Day",
    }
    for name, day in fixed.items():
        kept = day + timedelta(days={5: -1, 6: 1}.get(day.weekday(), 0))
        if kept.year == year:
            found[kept] = name
    return found


def _nth(year: int, month: int, weekday: int, count: int) -> date:
    """The ``count``-th such weekday (Monday is 0) of a month."""
    first = date(year, month, 1)
    return first + timedelta(days=(weekday - first.weekday()) % 7 + 7 * (count - 1))


def _last_monday_of_may(year: int) -> date:
    last = date(year, 5, 31)
    return last - timedelta(days=last.weekday())


def _easter(year: int) -> date:
    """Easter Sunday of the Gregorian calendar (the anonymous algorithm of 1876)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    m = (32 + 2 * e + 2 * i - h - k) % 7
    n = (a + 11 * h + 22 * m) // 451
    month, day = divmod(h + m - 7 * n + 114, 31)
    return date(year, month, day + 1)
