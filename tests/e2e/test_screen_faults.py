"""P21: whatever the screen dies of, trading goes on; it is drawn again, and at last done without. In a real process."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.program import Exchange, wait_until
from tests.e2e.survival import bot_in_terminal

PROGRAM = """
import os, sys
from pathlib import Path
from typing import Any
sys.argv[0] = "gridbot"
trigger = Path(os.environ["HOME"], "fail")

def spoilt(kind):
    from gridbot_tui import app
    from gridbot_tui.screens.dashboard import DashboardScreen
    from widgets.panels import StatusLine

    def fail(*_):
        if trigger.exists():
            if kind == "once":
                trigger.unlink()
            raise ZeroDivisionError("a bug [/] in the screen")

    if kind == "css":
        app.GridBotApp.CSS = "Screen { no such thing"
        return
    if kind == "none":
        return
    place, name = {
        "widget": (StatusLine, "lines"),
        "once": (StatusLine, "lines"),
        "render": (StatusLine, "row"),
        "screen": (DashboardScreen, "show_each"),
        "action": (app.GridBotApp, "action_perform"),
        "timer": (app.GridBotApp, "beat"),
    }.get(kind, (None, ""))
    if kind == "worker":
        whole = app.GridBotApp.beat
        def beat(self):
            if trigger.exists():
                self.run_worker(fail, thread=True)
            return whole(self)
        app.GridBotApp.beat = beat
        return
    before = getattr(place, name)
    def patched(self, *given):
        fail()
        return before(self, *given)
    setattr(place, name, patched)

from gridbot_tui import screen_life
draw = screen_life.ScreenLife._draw
def drawn(self, notice):
    spoilt(os.environ["FAULT"])
    os.environ["FAULT"] = "none" if os.environ["FAULT"] == "css" else os.environ["FAULT"]
    return draw(self, notice)
screen_life.ScreenLife._draw = drawn
from gridbot_tui.main import main
main()
"""


def spoilt(fault: str) -> dict[str, Any]:
    return {"command": (sys.executable, "-c", PROGRAM), "env": {"FAULT": fault}}


def events(home: Path, name: str) -> int:
    return (home / "state" / "logs" / "gridbot.log").read_text().count(f'"event":"{name}"')


@pytest.mark.parametrize("fault", ["widget", "render", "screen", "timer", "worker", "action"])
def test_a_screen_that_fails_again_and_again_is_done_without_and_the_bot_trades_on(
    home: Path, exchange: Exchange, fault: str
) -> None:
    with bot_in_terminal(home, exchange, **spoilt(fault)) as bot:
        bot.terminal.wait_for("RUNNING")
        pid = bot.pid
        (home / "fail").touch()

        def is_over() -> bool:
            if fault == "action" and bot.terminal.process.poll() is None:
                bot.terminal.type("t")
            return bot.terminal.process.poll() is not None

        wait_until(is_over, 40, "the screen is given up")
        assert bot.terminal.process.returncode == 0
        bot.terminal.wait_for("detached (the screen failed 3 times")
        bot.terminal.wait_for("gridbot attach")
        bot.terminal.assert_given_back()
        assert "Traceback" not in bot.terminal.text(), "its place is the file, without the values"
        assert "ZeroDivisionError" in (home / "state" / "logs" / "screen-faults.txt").read_text()
        bot.trades_on()
        assert bot.pid == pid
        assert events(home, "screen_failed") == 3
        assert events(home, "screen_detached") == 1


def test_a_screen_that_fails_once_is_drawn_again_and_says_so(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, **spoilt("once")) as bot:
        bot.terminal.wait_for("RUNNING")
        (home / "fail").touch()
        bot.terminal.wait_for("The screen failed and was drawn again")
        bot.terminal.wait_for("RUNNING")
        bot.trades_on()
        assert bot.terminal.stop() == 0
        assert events(home, "screen_failed") == 1


def test_a_fault_of_what_draws_the_screens_gives_the_terminal_back(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, **spoilt("unknown")) as bot:
        assert bot.terminal.process.wait(30) == 0
        bot.terminal.wait_for("the screen failed: AttributeError")
        bot.trades_on()


def test_styles_that_cannot_be_read_cost_the_screen_and_nothing_else(home: Path, exchange: Exchange) -> None:
    with bot_in_terminal(home, exchange, **spoilt("css")) as bot:
        assert bot.terminal.process.wait(30) == 0
        bot.terminal.wait_for("the screen failed 3 times")
        bot.trades_on()
