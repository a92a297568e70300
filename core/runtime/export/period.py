"""From when until when, in UTC, as an operator writes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from core.engine.certificate import utc_text
from core.runtime.usage import UsageError

FOREVER_MS = 2**62


@dataclass(frozen=True, slots=True)
class Period:
    """``from_ms <= time < until_ms``, UTC milliseconds."""

    from_ms: int = 0
    until_ms: int = FOREVER_MS

    def holds(self, time_ms: int) -> bool:
        return self.from_ms <= time_ms < self.until_ms

    @property
    def text(self) -> str:
        begins = utc_text(self.from_ms) if self.from_ms else "the beginning"
        ends = utc_text(self.until_ms) if self.until_ms < FOREVER_MS else "now"
        return f"from {begins} until {ends}"


def period_of(from_: str, to: str, year: int | None) -> Period:
    """A day or time from which on, a day (all of it) or time (which is no longer in it) to which, or a year.

    Raises:
        UsageError: none of them, two that contradict each other, or nothing in between.
    """
    if year is not None:
        if from_ or to:
            raise UsageError("--year is a period by itself; leave out --from and --to, or --year")
        if not 1970 <= year < 9999:
            raise UsageError(f"--year {year} is no year; write one such as --year 2026")
        return Period(_ms(datetime(year, 1, 1, tzinfo=UTC)), _ms(datetime(year + 1, 1, 1, tzinfo=UTC)))
    period = Period(_ms(_begin(from_, "--from")) if from_ else 0, _ms(_end(to, "--to")) if to else FOREVER_MS)
    if period.from_ms >= period.until_ms:
        raise UsageError(f"--from {from_} isn't before --to {to}; the earlier one comes first")
    return period


def year_of(time_ms: int) -> int:
    return datetime.fromtimestamp(time_ms / 1000, UTC).year


def _begin(text: str, flag: str) -> datetime:
    return _read(text, flag)[0]


def _end(text: str, flag: str) -> datetime:
    at, is_day = _read(text, flag)
    return at + timedelta(days=1) if is_day else at


def _read(text: str, flag: str) -> tuple[datetime, bool]:
    """The moment, and whether it was written as a day."""
    try:
        if len(text) == len("2026-01-31"):
            day = date.fromisoformat(text)
            return datetime(day.year, day.month, day.day, tzinfo=UTC), True
        at = datetime.fromisoformat(text)
        return (at if at.tzinfo else at.replace(tzinfo=UTC)), False
    except (ValueError, OverflowError):
        raise UsageError(
            f"{flag} {text!r} is no day and no time; write 2026-01-31, or 2026-01-31T14:00 (UTC)"
        ) from None


def _ms(at: datetime) -> int:
    return (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)
