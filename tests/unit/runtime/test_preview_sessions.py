"""A preview names the sessions of a market that closes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from core.runtime.preview.sessions import as_dict, as_lines
from core.runtime.settings import Settings
from gridbot_tui.cli import run_cli


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def settings(**written: Any) -> Settings:
    return Settings(**written)


STOCK = settings(session_calendar="us_equities", session_margin_min=Decimal(15))


def test_an_open_market_says_when_it_closes_for_how_long_and_what_happens_then() -> None:
    assert as_lines(STOCK, ms("2026-11-25T16:00")) == [
        "sessions of us_equities: open now, closed (Thanksgiving Day) from 2026-11-25 21:00 UTC to 2026-11-27 14:30 UTC; "
        "from 15 min before each close: reduce: only what reduces the position is quoted, and it is closed bit by bit"
    ]


def test_a_closed_market_says_when_it_opens() -> None:
    (line,) = as_lines(STOCK, ms("2026-11-28T16:00"))
    assert "closed now (weekend) until 2026-11-30 14:30 UTC, then open until 2026-11-30 21:00 UTC" in line


def test_a_widened_grid_says_by_how_much() -> None:
    wide = settings(session_calendar="us_equities", closed_session="widen", closed_widen=Decimal("2.50"))
    assert as_lines(wide, ms("2026-11-25T16:00"))[0].endswith("widen: its lines move apart by 2.5")


def test_the_object_has_the_times(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    found = as_dict(STOCK, ms("2026-11-25T16:00"))
    assert found is not None
    assert (found["is_open"], found["until_ms"]) == (True, ms("2026-11-25T21:00"))
    assert found["next"] == {"is_open": False, "why": "Thanksgiving Day", "until_ms": ms("2026-11-27T14:30")}
    monkeypatch.setenv("HL_SESSION_CALENDAR", "us_equities")
    assert run_cli(["preview", "--json"]) == 0
    (coin,) = json.loads(capsys.readouterr().out)["coins"]
    assert (coin["session"]["calendar"], coin["session"]["policy"]) == ("us_equities", "reduce")
    assert run_cli(["preview"]) == 0
    assert "sessions of us_equities: " in capsys.readouterr().out


def test_a_market_that_never_closes_has_none() -> None:
    assert as_lines(settings(), 0) == []
    assert as_dict(settings(), 0) is None
