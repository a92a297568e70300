"""Bell and title: noticed from another window, and never a nuisance once known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from core.view import AlertView, Severity, Snapshot
from gridbot_tui.alarm import Bell, Title, title_of
from tests.tui.conftest import Console
from tests.tui.factory import NOW_MS, drifting, halted, snapshot
from widgets.look import Look
from widgets.status_rows import alert_lines

MakeConsole = Callable[[Snapshot | None], Console]
CRIT = AlertView("position_drift", Severity.CRIT, "POSITION DRIFT 4.20% > 1%", "R", NOW_MS)
WARN = AlertView("api_errors", Severity.WARN, "API ERRORS 2 in a row", "", NOW_MS)


def seen(*alerts: AlertView, now_ms: int = NOW_MS) -> Look:
    return Look(snapshot(alerts=alerts, time_ms=now_ms), now_ms)


def test_it_rings_once_on_the_rising_edge_and_again_after_a_minute() -> None:
    bell = Bell()
    assert not bell.rings(seen(), 0)
    assert bell.rings(seen(CRIT), 1_000)
    assert not bell.rings(seen(CRIT), 1_500)
    assert not bell.rings(seen(CRIT), 60_999)
    assert bell.rings(seen(CRIT), 61_000)
    assert not bell.rings(seen(CRIT), 61_500)


def test_another_crit_alert_rings_of_itself_and_one_that_went_and_came_too() -> None:
    bell = Bell()
    other = replace(CRIT, id="ws_age")
    assert bell.rings(seen(CRIT), 0)
    assert bell.rings(seen(CRIT, other), 500)
    assert not bell.rings(seen(other), 1_000)
    assert bell.rings(seen(CRIT, other), 1_500)


def test_a_warning_never_rings() -> None:
    assert not Bell().rings(seen(WARN), 0)


def test_a_known_alert_is_silent_until_its_snooze_is_over() -> None:
    bell = Bell()
    known = replace(CRIT, snoozed_until_ms=NOW_MS + 900_000)
    assert bell.rings(seen(CRIT), 0)
    assert not bell.rings(seen(known), 60_000)
    assert not bell.rings(seen(known, now_ms=NOW_MS + 899_999), 899_999)
    assert bell.rings(seen(known, now_ms=NOW_MS + 900_000), 900_000)


def test_a_known_alert_keeps_its_line_says_so_and_stands_behind_a_new_one() -> None:
    known = replace(CRIT, snoozed_until_ms=NOW_MS + 900_000)
    line = "".join(span.text for span in alert_lines(seen(known), 80)[0])
    assert line.startswith(" ✖ known: POSITION DRIFT 4.20%")
    assert "! known" not in line
    new = replace(CRIT, id="ws_age", text="FEED SILENT")
    assert [alert.id for alert in seen(known, WARN, new).alerts] == ["ws_age", "position_drift", "api_errors"]


@pytest.mark.parametrize(
    ("look", "text"),
    [
        (Look(drifting(), NOW_MS), "✖ POSITION DRIFT 4.20% > 1% · GridBot BTC LIVE"),
        (Look(snapshot(), NOW_MS), "GridBot BTC PAPER"),
        (Look(halted(), NOW_MS), "■ HALTED GridBot BTC PAPER"),
        (Look(None, NOW_MS), "GridBot"),
    ],
)
def test_the_title_tells_the_story_from_another_window(look: Look, text: str) -> None:
    assert title_of(look)[1] == text


def test_the_title_is_written_when_it_changes_and_a_moving_number_at_most_every_ten_seconds() -> None:
    title = Title(is_ascii=False)
    assert title.update(seen(CRIT), 0) == "\x1b]0;✖ POSITION DRIFT 4.20% > 1% · GridBot BTC PAPER\x07"
    assert title.update(seen(CRIT), 500) == ""
    moved = replace(CRIT, text="POSITION DRIFT 5.00% > 1%")
    assert title.update(seen(moved), 9_999) == ""
    assert "5.00%" in title.update(seen(moved), 10_000)
    assert title.update(seen(), 10_500) == "\x1b]0;GridBot BTC PAPER\x07"


def test_no_text_from_outside_ends_the_title_or_leaves_ascii() -> None:
    nasty = replace(CRIT, text="evil\x07\x1b]0;mine")
    sequence = Title(is_ascii=True).update(seen(nasty), 0)
    assert sequence.count("\x07") == 1
    assert sequence.count("\x1b") == 1
    assert sequence.isascii()


async def test_the_application_rings_while_it_draws(
    console: MakeConsole, monkeypatch: pytest.MonkeyPatch
) -> None:
    it = console(snapshot())
    rung: list[int] = []
    monkeypatch.setattr(it.app, "bell", lambda: rung.append(it.clock()))
    async with it.app.run_test():
        it.core.snapshot = drifting()
        it.app.tick()
        it.app.tick()
        assert len(rung) == 1
