"""What can happen to an attached screen, in a real terminal: the terminal is given back, and reads what became of the bot.

The rows of docs/operator.md, "When an attached screen goes".
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.e2e import program
from tests.e2e.program import Exchange, Process, wait_until
from tests.e2e.terminal import Terminal

FAILS = """
import os, sys
from pathlib import Path
sys.argv[0] = "gridbot"
trigger = Path(os.environ["HOME"], "fail")
from gridbot_tui import app
if os.environ["FAULT"] == "css":
    app.GridBotApp.CSS = "Screen { no such thing"
beat = app.GridBotApp.beat
def spoilt(self):
    if trigger.exists():
        raise ZeroDivisionError("a bug [/] in the screen")
    return beat(self)
app.GridBotApp.beat = spoilt
from gridbot_tui.main import main
main()
"""


class Attached:
    """A screen in a terminal of its own, and the bot in another process."""

    def __init__(self, state: Path, bot: int, terminal: Terminal) -> None:
        self.state, self.bot, self.terminal = state, bot, terminal

    @property
    def job(self) -> int:
        """What the shell, or the terminal, has started: the keeper."""
        shell = self.terminal.process.pid
        if not self.terminal.is_shell:
            return shell
        (job,) = children(shell)
        return job

    @property
    def screen(self) -> int:
        (screen,) = children(self.job)
        return screen

    def ends(self, within_s: float = 15) -> int:
        return self.terminal.process.wait(within_s)

    def bot_trades_on(self) -> None:
        """The same process; a fill comes that wasn't there; and nobody looks on."""
        wait_until(lambda: not self.viewers(), 20, "the screen is gone")
        before = self.fills()
        wait_until(lambda: self.fills() > before, 40, "a fill")
        assert program.trading_pid(self.state) == self.bot

    def fills(self) -> int:
        return int(program.status(self.state)["coins"]["BTC"]["fills"])

    def viewers(self) -> list[str]:
        return list(program.status(self.state)["control"]["viewers"])

    def says_how_to_look_again(self) -> None:
        self.terminal.wait_for(f"s on as pid {self.bot}; `gridbot attach`")


Attach = Callable[..., Attached]


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def bot(tmp_path_factory: pytest.TempPathFactory, exchange: Exchange) -> Iterator[Process]:
    """One for all that happens to screens: it must still be there for the next."""
    process = started(tmp_path_factory.mktemp("bot"), exchange)
    yield process
    process.end()


def started(home: Path, exchange: Exchange) -> Process:
    process = Process(
        ("run", "--no-ui", "--exchange-url", exchange.url, "--state-dir", str(home / "state")), home
    )
    process.wait_for("ws_ready")
    return process


@pytest.fixture
def attach(home: Path) -> Iterator[Attach]:
    """Attach a screen to the instance of a process, and wait until it is drawn."""
    opened: list[Terminal] = []

    def attach_one(
        to: Process, in_shell: bool = False, fault: str = "", shows: str = "RUNNING", after: str = ""
    ) -> Attached:
        state = to.home / "state"
        terminal = Terminal(
            *(home, 80, 24, "attach", "--state-dir", str(state)),
            in_shell=in_shell,
            redirect=after,
            command=(sys.executable, "-c", FAILS) if fault else (),
            env={"FAULT": fault},
        )
        opened.append(terminal)
        terminal.wait_for(shows, 40)
        return Attached(state, program.trading_pid(state), terminal)

    yield attach_one
    for terminal in opened:
        terminal.end()


def left_by(attached: Attached, key: str) -> None:
    """Its dialog is deaf to what is typed before one can have read it."""
    attached.terminal.type(key)
    attached.terminal.wait_for("LEAVE THE SCREEN")

    def is_left() -> bool:
        if attached.terminal.process.poll() is None:
            attached.terminal.type("d")
        return attached.terminal.process.poll() is not None

    wait_until(is_left, 15, "it is left")


# -- signals -------------------------------------------------------------------------------------------------------


def test_a_killed_screen_gives_the_terminal_back_and_says_that_the_bot_runs_on(
    bot: Process, attach: Attach
) -> None:
    attached = attach(bot)
    screen = attached.screen
    os.kill(screen, signal.SIGKILL)
    assert attached.ends() == 128 + signal.SIGKILL
    attached.terminal.wait_for(f"SIGKILL killed the screen (pid {screen}) and nothing else")
    attached.says_how_to_look_again()
    attached.terminal.assert_given_back()
    attached.bot_trades_on()


@pytest.mark.parametrize("whom", ["job", "screen"])
@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_screen_alone_and_the_terminal_is_given_back(
    bot: Process, attach: Attach, number: int, whom: str
) -> None:
    attached = attach(bot)
    os.kill(attached.job if whom == "job" else attached.screen, number)
    assert attached.ends() == 0
    attached.says_how_to_look_again()
    attached.terminal.assert_given_back()
    attached.bot_trades_on()


@pytest.mark.parametrize("key", ["\x03", "Q"], ids=["ctrl+c", "Q"])
def test_a_key_asks_and_then_gives_the_terminal_back(bot: Process, attach: Attach, key: str) -> None:
    attached = attach(bot)
    left_by(attached, key)
    assert attached.ends() == 0
    attached.says_how_to_look_again()
    attached.terminal.assert_given_back()
    attached.bot_trades_on()


def test_nothing_suspends_an_attached_screen(bot: Process, attach: Attach) -> None:
    attached = attach(bot)
    attached.terminal.type("\x1a")
    for pid in (attached.job, attached.screen):
        os.kill(pid, signal.SIGTSTP)
    left_by(attached, "Q")
    assert attached.ends() == 0


# -- the terminal and the keeper -----------------------------------------------------------------------------------


def test_a_closed_window_ends_the_screen(bot: Process, attach: Attach) -> None:
    attached = attach(bot)
    screen = attached.screen
    attached.terminal.hang_up()
    assert attached.ends() == 0
    wait_until(lambda: not Path(f"/proc/{screen}").exists(), 15, "it has ended")
    attached.bot_trades_on()


def test_a_terminal_that_has_stalled_for_ever_is_left_at_a_signal(bot: Process, attach: Attach) -> None:
    attached = attach(bot)
    attached.terminal.stall()
    before = attached.fills()
    wait_until(lambda: attached.fills() > before + 2, 60, "fills while it stalls")
    os.kill(attached.job, signal.SIGTERM)
    assert attached.ends(20) == 0
    assert attached.terminal.is_echoing()
    attached.bot_trades_on()


def test_a_killed_keeper_ends_the_screen_and_the_shell_can_go_on(bot: Process, attach: Attach) -> None:
    attached = attach(bot, in_shell=True)
    screen = attached.screen
    os.kill(attached.job, signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{screen}").exists(), 20, "it has ended")
    attached.terminal.type("echo still-$((40+2))\r")
    attached.terminal.wait_for("still-42")
    attached.terminal.assert_screen_left()
    attached.bot_trades_on()


def test_in_the_background_nothing_is_drawn_and_a_sentence_says_why(bot: Process, attach: Attach) -> None:
    attached = attach(bot, in_shell=True, after="&", shows="leave out the &")
    assert "\x1b[?1049h" not in attached.terminal.sent()
    attached.terminal.type("wait $!; echo code=$?\r")
    attached.terminal.wait_for("code=2")
    attached.bot_trades_on()


# -- faults of the screen, the end of the bot ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "shows", "what"),
    [("beat", "RUNNING", "ZeroDivisionError"), ("css", "the screen failed", "TokenError")],
)
def test_a_screen_that_fails_says_so_in_its_exit_code_too(
    home: Path, bot: Process, attach: Attach, fault: str, shows: str, what: str
) -> None:
    attached = attach(bot, fault=fault, shows=shows)
    (home / "fail").touch()
    assert attached.ends() == 1
    attached.terminal.wait_for(f"the screen failed ({what}")
    attached.says_how_to_look_again()
    attached.terminal.assert_given_back()
    assert "Traceback" not in attached.terminal.text(), "its place is the file"
    assert what in (attached.state / "logs" / "screen-faults.txt").read_text()
    attached.bot_trades_on()


@pytest.mark.parametrize(("number", "how"), [(signal.SIGTERM, "has stopped"), (signal.SIGKILL, "has ended")])
def test_a_bot_that_ends_leaves_its_screen_up_until_it_is_left_and_the_shell_reads_what_to_do(
    home: Path, exchange: Exchange, attach: Attach, number: int, how: str
) -> None:
    own = started(home, exchange)
    try:
        attached = attach(own)
        own.stop(number)
        attached.terminal.wait_for("NO LINK")
        assert attached.terminal.process.poll() is None
        attached.terminal.type("Q")
        assert attached.ends() == 0
        attached.terminal.wait_for(f"detached: the instance {how}")
        said = attached.terminal.text()
        assert f"gridbot run --exchange-url {exchange.url} --state-dir" in said.replace("\r\n", "")
        attached.terminal.assert_given_back()
    finally:
        own.end()


def test_a_screen_that_is_killed_after_its_bot_does_not_say_that_a_bot_runs(
    home: Path, exchange: Exchange, attach: Attach
) -> None:
    own = started(home, exchange)
    try:
        attached = attach(own)
        own.stop(signal.SIGKILL)
        attached.terminal.wait_for("NO LINK")
        os.kill(attached.screen, signal.SIGKILL)
        assert attached.ends() == 128 + signal.SIGKILL
        attached.terminal.wait_for("no gridbot runs in")
        assert "runs on" not in attached.terminal.text()
        attached.terminal.assert_given_back()
    finally:
        own.end()
