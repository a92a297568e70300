"""The pictures of the docs: the real application, on canned Snapshots and a clock that stands still, drawn as text.

``make captures`` writes them between the markers of the pages; a test draws them again and compares. What trades in them is
invented, what draws them is not: every character comes from the screens themselves, at the size that is named.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from math import sin
from pathlib import Path

from core.view import HistoryPoint, Snapshot
from gridbot_tui.app import GridBotApp
from gridbot_tui.key_table import refreshed
from tests.tui.conftest import STILL
from tests.tui.factory import NOW_MS, FakeClock, FakeCore, drifting, halted, snapshot


@dataclass(frozen=True, slots=True)
class Capture:
    name: str
    size: tuple[int, int]
    shown: Callable[[], Snapshot]
    keys: tuple[str, ...] = ()


def _adds_up(shown: Snapshot) -> Snapshot:
    """One coin trades in the pictures: what the account's line says is what the panels below say of that coin."""
    coin = shown.coins[0]
    assert coin.mid is not None
    risk = replace(
        shown.risk,
        day_usd=coin.daily_usd,
        portfolio_notional_usd=max(coin.worst_long, coin.worst_short) * coin.mid,
        withdrawable_usd=shown.risk.account_value_usd * Decimal("0.766"),
    )
    return replace(shown, pnl=coin.pnl, risk=risk)


def _calm() -> Snapshot:
    """Nothing drifts, so no event of this picture says that something does."""
    shown = snapshot()
    return _adds_up(
        replace(shown, events=tuple(e for e in shown.events if e.name != "position_drift_detected"))
    )


def _drifts() -> Snapshot:
    return _adds_up(drifting())


def _with_a_course() -> Snapshot:
    began = NOW_MS // 60_000 - 480
    points = (
        HistoryPoint(
            60_000 * (began + n), Decimal(round(60 * sin(n / 70) + n / 8)), 2 + 2 * sin(n / 50), n % 5, n % 5
        )
        for n in range(481)
    )
    history, calm = tuple(points), _calm()
    return replace(calm, history=history, pnl=replace(calm.pnl, total_usd=history[-1].total_usd))


CAPTURES = (
    Capture("dashboard-80x24", (80, 24), _calm),
    Capture("alert-120x40", (120, 40), _drifts),
    Capture("phone-60x20", (60, 20), _drifts),
    Capture("runbook-80x24", (80, 24), _drifts, ("8",)),
    Capture("performance-80x24", (80, 24), _with_a_course, ("7",)),
    Capture("flatten-80x24", (80, 24), drifting, ("F",)),
    Capture("help-80x24", (80, 24), halted, ("question_mark",)),
)
PAGES: Mapping[Path, tuple[str, ...]] = {
    Path("README.md"): ("dashboard-80x24",),
    Path("docs/operator.md"): tuple(capture.name for capture in CAPTURES),
}


async def drawn(capture: Capture) -> list[str]:
    """The rows of the terminal, without colours."""
    core, clock = FakeCore(capture.shown()), FakeClock()
    app = GridBotApp(core, clock=clock, monotonic=clock, options=STILL)
    async with app.run_test(size=capture.size) as pilot:
        for key in capture.keys:
            await pilot.press(key)
            clock.now_ms += 400  # a dialog is deaf to what was typed before it was seen
            await pilot.pause()
        clock.now_ms = NOW_MS
        app.tick()
        await pilot.pause()
        width, height = capture.size
        rows = app.screen._compositor.render_strips()  # the same strips that go to the terminal
        assert len(rows) == height
        return ["".join(segment.text for segment in row)[:width].rstrip() for row in rows]


def block(rows: list[str]) -> Iterator[str]:
    yield "```"
    yield from rows
    yield "```"


def current(page: str, names: tuple[str, ...], pictures: Mapping[str, list[str]]) -> str:
    for name in names:
        page = refreshed(page, name, block(pictures[name]))
    return page


async def pictures() -> dict[str, list[str]]:
    return {capture.name: await drawn(capture) for capture in CAPTURES}


if __name__ == "__main__":
    # the pictures are of a terminal of 256 colours, whatever they are made in: with fewer, a dialog hides what is behind it
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "TEXTUAL_THEME", "TEXTUAL_FPS"):
        os.environ.pop(name, None)
    os.environ |= {"TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}
    made = asyncio.run(pictures())
    for path, wanted in PAGES.items():
        path.write_text(current(path.read_text(encoding="utf-8"), wanted, made), encoding="utf-8")
