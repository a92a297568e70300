"""One bot on one exchange in bad weather, killed again and again; then the weather clears and everything must be right."""

from __future__ import annotations

import json
import random
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.error import HTTPError

from core.runtime.control_client import ask
from tests.crash.bot import Bot
from tests.e2e.program import Exchange, Process, wait_until
from tests.soak.weather import weather

SPEED = 120.0
SETTLE_S = 60.0
"""Of the time asked for, this is kept for the end: the weather has cleared, the bot settles, halts, resumes and stops."""

LONG_LIVES = 0.15
SHORT_S, LONG_S = (0.1, 2.0), (6.0, 20.0)
"""How long lives are by chance from the moment on when they trade; scaled to the time that there is."""

STILLBORN = 0.2
"""So many are killed while they start."""

START_S = 20.0
"""A start that weather has made longer than this is killed, too."""

MANUAL_TRADES = 0.1
"""In so many of the lives somebody trades by hand."""

EXCUSED_S = 30.0
"""A bot that doesn't know yet of a trade by hand may quote past the cap; it knows by the next read of fills."""

EXPECTED_ALARMS = frozenset({"circuit_break", "grid_impossible"})
"""What weather may well raise. Halts, drifts, failed tasks and conflicting fills never come of it."""

PROGRESS_EVERY_S = 30.0

WEIGHED_AT = {0.1: "a tenth", 0.5: "half", 1.0: "the end"}
"""Of the weather: when the bot that trades then is weighed."""


@dataclass(frozen=True)
class Weight:
    """Resident memory of the bot that lived ``at_s`` into the weather, and had traded for ``age_s``."""

    at_s: float
    age_s: float
    mb: float


@dataclass
class Found:
    """What a run has seen; ``wrong`` is empty if all is well."""

    wrong: list[str] = field(default_factory=list)
    strikes: Counter[str] = field(default_factory=Counter)
    kills: int = 0
    manual_trades: int = 0
    manual_refusals: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    longest_life_s: float = 0.0
    rss_mb: float = 0.0
    """Of the bot at the end of its longest life."""
    weights: dict[float, Weight] = field(default_factory=dict)
    """By the share of the weather after which it was taken; all of one process only if nothing was killed between."""
    looks: int = 0
    summary: dict[str, Any] = field(default_factory=dict)


def growth_mb_per_hour(weights: dict[float, Weight]) -> float | None:
    """Of memory, between the first weight and the last; None of fewer than two."""
    taken = sorted(weights.values(), key=lambda weight: weight.at_s)
    if len(taken) < 2:
        return None
    return (taken[-1].mb - taken[0].mb) / (taken[-1].at_s - taken[0].at_s) * 3600


def run(home: Path, minutes: float, kills: int, seed: int) -> Found:
    """Bounded in time; every process that it starts has ended when it returns or raises."""
    found = Found()
    exchange = Exchange(home, SPEED, ("--no-limits",))
    try:
        bot = Bot(exchange, home)
        try:
            _Campaign(bot, random.Random(seed), found).run(minutes * 60 - SETTLE_S, kills)
        except AssertionError as error:
            found.wrong.append(f"{error}; the last life is in {bot.life.out}")
        finally:
            bot.end()
            found.looks = bot.watch.looks
            for life in bot.lives:
                found.events.update(str(row["event"]) for row in life.events() if "event" in row)
    finally:
        exchange.process.end()
    return found


class _Campaign:
    def __init__(self, bot: Bot, chance: random.Random, found: Found) -> None:
        self._bot, self._chance, self._found = bot, chance, found
        self._told_s = time.monotonic()
        self._began_s, self._weather_s = self._told_s, 0.0

    def run(self, weather_s: float, kills: int) -> None:
        exchange = self._bot.exchange
        exchange.set_faults(weather(self._chance, weather_s))
        self._live_and_die(weather_s, kills)
        for row in exchange.faults():
            self._found.strikes[row["kind"]] += row["strikes"]
        exchange.set_faults([])
        self._settle()

    def _live_and_die(self, weather_s: float, kills: int) -> None:
        """Scale what chance draws to the time that starts leave, however slow this machine is."""
        chance, began_s = self._chance, time.monotonic()
        self._began_s, self._weather_s = began_s, weather_s
        drawn = [chance.uniform(*(LONG_S if chance.random() < LONG_LIVES else SHORT_S)) for _ in range(kills)]
        starting_s = 0.0
        for number, life_s in enumerate(drawn):
            left_s = weather_s - (time.monotonic() - began_s)
            starts_s = starting_s / max(1, number) * (kills - number)
            scale = max(0.05, (left_s - starts_s) / sum(drawn[number:]))
            is_stillborn = (chance.random() < STILLBORN and kills > 1) or left_s < 0
            starting_s += self._live(life_s * scale, is_stillborn)
            self._tell_progress()

    def _live(self, life_s: float, is_stillborn: bool) -> float:
        """One life, from its start to its kill; how many seconds its start took."""
        began_s = time.monotonic()
        life = self._bot.start()
        trades, dies_after_s = self._chance.random() < MANUAL_TRADES, self._chance.uniform(0.1, 1.5)
        if is_stillborn:
            time.sleep(dies_after_s)
        else:
            self._wait_for_start(life)
        started_s = time.monotonic()
        if not is_stillborn:
            self._pass(life_s / 2, life.popen.pid, started_s)
            if trades:
                self._trade_by_hand()
            self._pass(life_s / 2, life.popen.pid, started_s)
            if life_s > self._found.longest_life_s:
                self._found.longest_life_s, self._found.rss_mb = life_s, _rss_mb(life.popen.pid)
            self._found.weights[1.0] = self._weight(life.popen.pid, started_s)
        assert life.popen.poll() is None, f"{life.name} ended by itself: {life.err.read_text()}"
        self._bot.kill()
        self._found.kills += 1
        return started_s - began_s

    @staticmethod
    def _wait_for_start(life: Process) -> None:
        """Until it trades, or weather has kept it from it for long."""
        deadline = time.monotonic() + START_S
        while not life.events("session_start") and time.monotonic() < deadline:
            time.sleep(0.05)

    def _trade_by_hand(self) -> None:
        """A small part of what either side has to spare, so that it alone breaks no cap."""
        self._bot.watch.excused_until = time.monotonic() + EXCUSED_S
        size = Decimal(self._chance.randint(10, 60)).scaleb(-5)
        try:
            self._bot.exchange.trade(self._bot.account, self._chance.choice("BA"), str(size))
        except HTTPError as refused:  # in the exchange's own words: nothing was traded
            self._found.manual_refusals[json.loads(refused.read())["error"]] += 1
        else:
            self._found.manual_trades += 1

    def _pass(self, seconds: float, pid: int, started_s: float) -> None:
        """Let it live on, and weigh it where that is due."""
        until_s = time.monotonic() + seconds
        while (left_s := until_s - time.monotonic()) > 0:
            time.sleep(min(1.0, left_s))
            share = (time.monotonic() - self._began_s) / self._weather_s
            for due in WEIGHED_AT:
                if due <= share and due not in self._found.weights:
                    self._found.weights[due] = self._weight(pid, started_s)

    def _weight(self, pid: int, started_s: float) -> Weight:
        now_s = time.monotonic()
        return Weight(now_s - self._began_s, now_s - started_s, _rss_mb(pid))

    def _tell_progress(self) -> None:
        if time.monotonic() - self._told_s > PROGRESS_EVERY_S:
            self._told_s = time.monotonic()
            fills = sum(self._bot.books.fills().values())
            print(f"{self._found.kills} kills, {fills} fills in the journal", flush=True)

    # -- the weather has cleared ------------------------------------------------------------------------------------

    def _settle(self) -> None:
        """I10: the grid is whole again soon. I9: a halt survives one more kill. Then the books are closed and compared."""
        bot = self._bot
        bot.start()
        bot.settles()
        self._command("halt")
        bot.life.stop(signal.SIGKILL)
        self._found.kills += 1
        bot.start()
        bot.life.wait_for("ws_ready")
        status = ask(bot.state, "status")["status"]
        assert status["halt_reason"] == "operator", f"the halt did not survive kill -9 (I9): {status}"
        assert not bot.resting(), "halted, and orders rest"
        self._command("resume")
        bot.is_whole()
        wait_until(self._is_calm, SETTLE_S, "drift 0 and nothing in doubt")
        code = bot.life.stop()
        assert code == 0, f"stopped with {code}: {bot.life.err.read_text()}"
        self._found.summary = bot.life.summary()["coins"][bot.books.coin]
        self._found.wrong += bot.wrong(EXPECTED_ALARMS)

    def _command(self, name: str) -> None:
        answer = ask(self._bot.state, name)
        assert answer["ok"], f"{name}: {answer['text']}"

    def _is_calm(self) -> bool:
        coin = ask(self._bot.state, "status")["status"]["coins"][self._bot.books.coin]
        return bool(coin["drift"] == "0")


def _rss_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmRSS:")]
    return int(line.split()[1]) / 1024
