"""The brake on a loop of crashes: the start after too many comes up halted, watches, and says why."""

from __future__ import annotations

from tests.crash.bot import Bot
from tests.e2e.program import gridbot, status, wait_until

SPEED = 1


def test_a_start_after_three_that_did_not_end_in_order_halts_until_an_operator_resumes(bot: Bot) -> None:
    bot.settings["HL_CRASH_LOOP_STARTS"] = "3"
    bot.start()
    bot.is_whole()
    assert bot.life.stop() == 0
    for _ in range(3):
        bot.killed_at("boot_saved")
    bot.start()
    bot.life.wait_for("ws_ready")
    (halt,) = bot.life.events("risk_halt")
    assert str(halt["reason"]).startswith("crash_loop: 3 starts within 10 minutes")
    assert halt["level"] == "crit"
    assert status(bot.state.path)["halt_reason"] == halt["reason"]
    assert not bot.resting()
    bot.kill()

    bot.settings["HL_CRASH_LOOP_STARTS"] = "off"
    bot.start()
    bot.life.wait_for("ws_ready")
    assert status(bot.state.path)["halt_reason"] == halt["reason"], "no restart lifts it (I9)"
    wait_until(
        lambda: gridbot(bot.home, "resume", "--state-dir", str(bot.state.path)).returncode == 0, 15, "resumed"
    )
    bot.is_whole()
    assert bot.life.stop() == 0
    assert not bot.state.starts.exists(), "a stop in order begins the count anew"
    assert bot.wrong(frozenset({"risk_halt"})) == []
