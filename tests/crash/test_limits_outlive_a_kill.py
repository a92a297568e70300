"""``kill -9`` around a limit: what the day has lost, the highest profit and the halt count on in the next life."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.crash.bot import Bot
from tests.e2e.program import status, wait_until

LIMIT = Decimal(-12)
SIZE = "0.02"
"""Bought and sold at the market it costs two USD of fees and spread, and leaves nothing held."""


def day_pnl(bot: Bot) -> Decimal:
    return Decimal(str(status(bot.state.path)["risk"]["day_usd"]))


def fills(bot: Bot) -> int:
    return int(status(bot.state.path)["coins"]["BTC"]["fills"])


def rows(bot: Bot) -> list[tuple[Any, ...]]:
    """Where the days began; the highest profit may still rise, so it is compared by itself."""
    return bot.books.rows("SELECT day, pnl FROM days ORDER BY day")


def peak(bot: Bot) -> Decimal:
    ((found,),) = bot.books.rows("SELECT value FROM meta WHERE key = 'pnl_peak'")
    return Decimal(found)


def loses(bot: Bot, until: Decimal) -> None:
    def has_lost() -> bool:
        if day_pnl(bot) <= until:
            return True
        before = fills(bot)
        for side in "BA":
            bot.exchange.trade(bot.account, side, SIZE)
        wait_until(lambda: fills(bot) >= before + 2, 10, "what was traded by hand is counted")
        return False

    wait_until(has_lost, 30, f"the day has lost {until}")


def test_a_day_that_loses_half_before_a_kill_and_half_after_it_halts_and_stays_halted_after_another(
    bot: Bot,
) -> None:
    bot.settings |= {"HL_DAILY_PNL_STOP": str(LIMIT), "HL_GRID_SPACING_PCT": "0.004"}
    bot.start()
    bot.is_whole()
    wait_until(lambda: bool(rows(bot)), 10, "the day has its row")
    loses(bot, LIMIT / 2)
    bot.kill()
    began, highest = rows(bot), peak(bot)
    bot.start()
    bot.is_whole()
    wait_until(lambda: day_pnl(bot) < LIMIT / 3, 10, "what was lost before the kill counts on")
    assert day_pnl(bot) > LIMIT, "and is not yet all of it"
    loses(bot, LIMIT)
    bot.life.wait_for("risk_halt")
    wait_until(lambda: not bot.resting(), 10, "nothing of ours rests")
    assert rows(bot) == began
    assert peak(bot) >= highest
    known = bot.books.cloids()
    bot.kill()
    bot.start()
    bot.life.wait_for("ws_ready")
    found = status(bot.state.path)
    assert found["halted"]
    assert str(found["halt_reason"]).startswith("daily_pnl_stop: ")
    assert rows(bot) == began
    assert not bot.resting()
    assert bot.books.cloids() == known, "it placed nothing"
    assert bot.life.stop() == 3, "a rule had halted it"
