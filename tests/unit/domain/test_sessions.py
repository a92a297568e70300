"""The calendar of the stock exchanges, held against what they published and against the zone database."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from core.domain.sessions import CALENDARS, always, us_equities, us_holidays, utc_text

NEW_YORK = ZoneInfo("America/New_York")

PUBLISHED = {
    2021: "01-01 01-18 02-15 04-02 05-31 07-05 09-06 11-25 12-24",
    2022: "01-17 02-21 04-15 05-30 06-20 07-04 09-05 11-24 12-26",
    2023: "01-02 01-16 02-20 04-07 05-29 06-19 07-04 09-04 11-23 12-25",
    2024: "01-01 01-15 02-19 03-29 05-27 06-19 07-04 09-02 11-28 12-25",
    2025: "01-01 01-20 02-17 04-18 05-26 06-19 07-04 09-01 11-27 12-25",
    2026: "01-01 01-19 02-16 04-03 05-25 06-19 07-03 09-07 11-26 12-25",
}
"""Full-day closings as NYSE published them (nyse.com, Holidays & Trading Hours, the lists of these years)."""

EARLY = {
    2021: "11-26",
    2022: "11-25",
    2023: "07-03 11-24",
    2024: "07-03 11-29 12-24",
    2025: "07-03 11-28 12-24",
    2026: "11-27 12-24",
}
"""Days that closed, or close, at 13:00 in New York, from the same lists."""


def days(year: int, text: str) -> list[date]:
    return [date.fromisoformat(f"{year}-{day}") for day in text.split()]


def new_york_ms(day: date, hour: int, minute: int = 0) -> int:
    return round(datetime(day.year, day.month, day.day, hour, minute, tzinfo=NEW_YORK).timestamp() * 1000)


def utc_ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


@pytest.mark.parametrize("year", PUBLISHED)
def test_the_holidays_are_those_that_the_exchange_published(year: int) -> None:
    assert sorted(us_holidays(year)) == days(year, PUBLISHED[year])


@pytest.mark.parametrize("year", PUBLISHED)
def test_every_day_of_a_published_year_has_its_hours_in_new_york(year: int) -> None:
    holidays, early = days(year, PUBLISHED[year]), days(year, EARLY[year])
    day = date(year, 1, 1)
    while day.year == year:
        noon = us_equities(new_york_ms(day, 12))
        trades = day.weekday() < 5 and day not in holidays
        assert noon.is_open is trades, day
        if trades:
            close = new_york_ms(day, 13 if day in early else 16)
            assert (noon.since_ms, noon.until_ms) == (new_york_ms(day, 9, 30), close), day
            assert noon.why == ("early close" if day in early else "regular hours"), day
        day += timedelta(days=1)


@pytest.mark.parametrize("year", range(2007, 2041))
def test_daylight_saving_begins_and_ends_as_the_zone_database_has_it(year: int) -> None:
    day = date(year, 1, 1)
    while day.year == year:
        session = us_equities(new_york_ms(day, 12))
        if session.is_open:
            assert session.since_ms == new_york_ms(day, 9, 30), day
        day += timedelta(days=1)


def test_sessions_follow_each_other_without_a_gap_or_an_overlap() -> None:
    ms, end = utc_ms("2021-11-01"), utc_ms("2028-02-01")
    before = us_equities(ms)
    while ms < end:
        ms = before.until_ms
        following = us_equities(ms)
        assert following.since_ms == ms
        assert following.is_open is not before.is_open
        assert us_equities(ms - 1) == before
        assert us_equities(following.until_ms - 1) == following
        before = following


@pytest.mark.parametrize(
    ("moment", "until", "why"),
    [
        ("2026-03-05T21:00:00", "2026-03-06 14:30 UTC", "overnight"),
        ("2026-03-06T21:00:00", "2026-03-09 13:30 UTC", "weekend"),
        ("2026-03-07T15:00:00", "2026-03-09 13:30 UTC", "weekend"),
        ("2026-11-25T21:30:00", "2026-11-27 14:30 UTC", "Thanksgiving Day"),
        ("2026-11-27T18:00:00", "2026-11-30 14:30 UTC", "weekend"),
        ("2026-04-02T20:00:00", "2026-04-06 13:30 UTC", "Good Friday"),
        ("2026-12-24T18:00:00", "2026-12-28 14:30 UTC", "Christmas Day"),
        ("2021-12-31T21:00:00", "2022-01-03 14:30 UTC", "weekend"),
    ],
)
def test_a_closed_market_says_why_and_when_it_opens(moment: str, until: str, why: str) -> None:
    session = us_equities(utc_ms(moment))
    assert not session.is_open
    assert (utc_text(session.until_ms), session.why) == (until, why)


def test_a_new_years_day_on_a_saturday_is_not_kept_on_the_friday_before_it() -> None:
    assert us_equities(utc_ms("2021-12-31T15:00:00")).is_open
    assert us_equities(utc_ms("2010-12-31T15:00:00")).is_open


def test_juneteenth_is_kept_from_2022_on() -> None:
    assert us_equities(utc_ms("2020-06-19T15:00:00")).is_open
    assert not us_equities(utc_ms("2024-06-19T15:00:00")).is_open


def test_a_market_without_hours_is_open_at_any_time() -> None:
    session = always(utc_ms("2026-12-25T03:00:00"))
    assert session.is_open
    assert utc_ms("2200-01-01") in session
    assert set(CALENDARS) == {"always", "us_equities"}
