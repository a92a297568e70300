"""``kill -9`` while something is held: a price that runs through the stop leaves nothing, nor what the bids add on the way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.crash.bot import Bot
from tests.e2e.program import Exchange, post, wait_until

PRICE, FALLEN, STOP = 110_000, 104_000, 107_000
CALM_BARS, BARS = 30, 120
SPEED = 60
"""A minute of the market in a second: calm for half a minute, then it falls, and stays there for longer than the test lasts."""

STARTED_MS = 1_756_944_000_000


def falling_market(directory: Path) -> Path:
    """One-minute candles that stand still, fall through the stop within one bar, and stand still."""
    path = directory / "hl_BTC_1m.csv"
    rows = ["t,o,h,l,c,v"]
    for bar in range(BARS):
        before = PRICE if bar <= CALM_BARS else FALLEN
        after = PRICE if bar < CALM_BARS else FALLEN
        rows.append(f"{STARTED_MS + bar * 60_000},{before},{before},{after},{after},0.5")
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def falling(tmp_path: Path) -> Iterator[Exchange]:
    market = falling_market(tmp_path)
    running = Exchange(tmp_path, SPEED, ("--no-limits", "--market", f"replay:{market}"))
    yield running
    running.process.end()


def mark(exchange: Exchange) -> float:
    meta, contexts = post(f"{exchange.url}/info", {"type": "metaAndAssetCtxs"})
    index = [entry["name"] for entry in meta["universe"]].index("BTC")
    return float(contexts[index]["markPx"])


def stops(bot: Bot) -> list[dict[str, Any]]:
    return [order for order in bot.truth()["orders"] if order["isTrigger"]]


def test_a_killed_bot_leaves_a_stop_and_the_price_that_runs_through_it_leaves_no_position(
    falling: Exchange, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    bot = Bot(falling, home)
    bot.settings |= {"HL_STOP_LOSS_LOW": str(STOP), "HL_GRID_SPACING_PCT": "0.004", "HL_TRAILING_PCT": "0.5"}
    try:
        bot.start()
        bot.is_whole()
        falling.trade(bot.account, "B", "0.005")
        wait_until(lambda: bool(stops(bot)), 10, "a stop rests for what was bought")
        (stop,) = stops(bot)
        assert (stop["side"], float(stop["triggerPx"]), stop["reduceOnly"]) == ("A", STOP, True)
        bot.kill()
        assert mark(falling) > STOP, "the market fell before the test was ready"
        held = float(bot.truth()["positions"]["BTC"])
        bids = [order for order in bot.resting() if order["side"] == "B"]
        assert bids, "they will trade on the way down"
        wait_until(lambda: mark(falling) < STOP, 60, "the price runs through the stop")
        wait_until(lambda: not bot.truth()["positions"], 5, "the position is gone")
        fills = [fill for fill in bot.truth()["fills"] if fill.get("cloid") == stop["cloid"]]
        assert sum(float(fill["sz"]) for fill in fills) > held, "and what the bids added with it"
        assert not stops(bot)
        bot.start()
        bot.life.wait_for("risk_halt")
        assert bot.life.events("risk_halt")[0]["reason"].startswith("stop_loss: the stop at 107000")
        assert bot.life.stop() == 3, "a rule had halted it"
        assert not [*bot.watch.breaches, *bot.books.differences(bot.truth(), bot.life.summary())]
    finally:
        bot.end()
