"""The seed's three emergencies on the paper exchange, treated by what the runbook's page says and nothing else.

The keys and what is to be typed are read from the page. The exchange is the whole paper exchange, the core a real session.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from textual.pilot import Pilot

from core.domain.commands import Action, Command, Operator, Origin
from core.domain.events import CommandReceived
from core.domain.orders import Side
from core.paper.venue.positions import Position
from core.preview_view import PreviewView
from core.runtime.control.viewers import HOST
from core.runtime.core_port import NOBODY
from core.view import CommandView, RunState, Snapshot
from gridbot_tui.app import GridBotApp
from gridbot_tui.screens.dialog import Dialog
from gridbot_tui.screens.runbook import page
from tests.faults.world import World, living
from tests.tui.factory import preview_view
from widgets.line_panel import LinePanel
from widgets.runbook_page import Procedure, Step

DRIFTS, MISSING, COLLAPSES = page()[:3]
_TO_TYPE = re.compile(r"[Tt]ype (the coin|[A-Z]+)\b")
_VALUE = re.compile(r"gridbot set \w+ ([\d.]+%?)")
LOOKS_EVERY_S = 0.3
"""A screen drawn for each look takes the time that the exchange and the core need."""
_KEYS = {"!": "exclamation_mark", "/": "slash", ".": "full_stop", "%": "percent_sign"}


class WorldPort:
    """The core of a world as a screen in the same loop has it."""

    def __init__(self, world: World) -> None:
        self._world, self._count = world, 0

    def latest(self) -> Snapshot | None:
        return self._world.snapshot

    def submit(self, action: Action, coin: str = "", value: str = "", by: Operator = NOBODY) -> str | None:
        self._count += 1
        session = self._world.run.session
        command = Command(f"key-{self._count}", action, coin, Origin.TUI, value, by)
        session.inbox.force(CommandReceived(session.viewers.admit(HOST, command)))
        return command.id

    def preview(self, coin: str) -> PreviewView:
        return preview_view(coin)

    def wait_ended(self, timeout_s: float) -> bool:
        time.sleep(
            min(timeout_s, 0.02)
        )  # asked again at once, in a thread that the loop shares the processor with
        return False

    def request_stop(self) -> None:
        raise AssertionError("no step of the runbook stops the bot")

    def acting_refusal(self) -> str:
        return ""

    def link_trouble(self) -> str:
        return ""


@dataclass
class Operating:
    """Somebody who has the screen, the page and two hands."""

    world: World
    app: GridBotApp
    pilot: Pilot[None]

    async def opens_the_runbook(self, procedure: Procedure) -> None:
        await self.pilot.press("8")
        await self.sees(f" {procedure.title.upper()} ", "first")

    def text(self) -> str:
        return "\n".join(panel.text for panel in self.app.screen.query(LinePanel))

    async def sees(self, what: str, why: str = "") -> None:
        def shown() -> bool:
            self.app.tick()
            return what in self.text()

        try:
            await self.world.until(shown, f"{what!r} on the screen {why}", every_s=LOOKS_EVERY_S)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()}") from None

    async def does(self, step: Step) -> CommandView | None:
        """The key of the step, and what the step says is to be typed then; what came of it, if it acts."""
        before = {command.id for command in self.world.snapshot.commands}
        await self.pilot.press(_KEYS.get(step.key, step.key))
        if isinstance(self.app.screen, Dialog):
            await asyncio.sleep(0.45)  # it is deaf to what was typed before it was seen
            await self._answers(step)
        if not step.done:
            return None
        ended: CommandView = await self.world.until(
            lambda: self._ended(step, before), f"{step.title} has ended", 30, LOOKS_EVERY_S
        )
        return ended

    async def _answers(self, step: Step) -> None:
        if typed := _TO_TYPE.search(step.text):
            word = "btc" if typed[1] == "the coin" else typed[1]
            await self.pilot.press(*word, "enter")
        elif value := _VALUE.search(step.text):
            if step.done == Action.SET_LEVELS:
                await self.pilot.press("tab")
            await self.pilot.press(*(_KEYS.get(each, each) for each in value[1]))
            await self.sees("cancels", "it is looked at when typing rests")
            await self.pilot.press("enter")
            await self.sees("enter apply", "the change is shown before it is done")
            await asyncio.sleep(0.45)
            await self.pilot.press("enter")
        else:
            raise AssertionError(f"the page doesn't say what to answer: {step}")

    def _ended(self, step: Step, before: set[str]) -> CommandView | None:
        self.app.tick()
        found = [c for c in self.world.snapshot.commands if c.action == step.done and c.id not in before]
        return found[-1] if found and found[-1].status in ("done", "failed", "refused") else None


@asynccontextmanager
async def operating(world: World) -> AsyncIterator[Operating]:
    app = GridBotApp(WorldPort(world))
    async with app.run_test(size=(120, 60)) as pilot:
        yield Operating(world, app, pilot)


def _steps(procedure: Procedure) -> dict[str, Step]:
    return {step.title: step for step in procedure.steps}


async def test_a_position_that_no_fill_explains_is_accepted_and_the_grid_is_quoted_again(
    tmp_path: Path,
) -> None:
    async with living(tmp_path) as world:
        await world.start()
        world.watch.outside_breach = True
        price = world.mid()
        world.account.positions.setdefault("BTC", Position()).trade(
            Side.BUY, price, world.instrument().parse_size("0.004")
        )
        await world.until(lambda: world.coin().halt_reason.startswith("position drift"), "it halts", 40)
        async with operating(world) as operator:
            await operator.opens_the_runbook(DRIFTS)
            done = {}
            for title, step in _steps(DRIFTS).items():
                if title == "Resume" and world.snapshot.state is RunState.RUNNING:
                    continue
                done[title] = await operator.does(step)
                if title == "Look":
                    await operator.sees("position_drift_detected")
            await operator.sees("none [limit 1%]", "the drift is gone")
        statuses = {title: command.status for title, command in done.items() if command is not None}
        assert statuses == dict.fromkeys(
            [each.title for each in DRIFTS.steps if each.done and each.title in done], "done"
        )
        assert world.coin().position == Decimal("0.004")
        await world.until(world.is_whole, "the grid is quoted again")


async def test_fills_that_the_stream_loses_are_read_back_and_proved(tmp_path: Path) -> None:
    async with living(tmp_path) as world:
        await world.start()
        await world.faults({"kind": "ws_drop", "channel": "userFills"})
        world.hit(100)
        await world.struck()
        async with operating(world) as operator:
            await operator.pilot.press("8")
            steps = _steps(MISSING)
            await operator.does(steps["Look at the sources"])
            assert operator.app.current_mode == "fills"
            await operator.pilot.press("8")
            await world.faults()
            for title in ("Reconnect", "Poll", "Resync"):
                command = await operator.does(steps[title])
                assert command is not None
                assert command.status == "done", command
            await operator.sees("none [limit 1%]")
            await operator.sees("chain of fills whole")
        fills = world.coin().fills
        assert (fills.total, fills.from_rest) == (1, 1)
        await world.check()


async def test_a_grid_at_its_floor_is_widened_thinned_out_and_at_last_flattened(tmp_path: Path) -> None:
    async with living(
        tmp_path, num_grids=8, grid_spacing_pct=Decimal("0.0005"), min_edge_pct=Decimal("0.0005")
    ) as world:
        await world.start(resting=16)
        world.hit(200)
        await world.until(lambda: world.coin().fills.total, "something is held")
        async with operating(world) as operator:
            await operator.opens_the_runbook(COLLAPSES)
            steps = _steps(COLLAPSES)
            await operator.does(steps["Look"])
            await operator.sees("grid_compression_override")
            for title in ("Widen", "Thin out"):
                command = await operator.does(steps[title])
                assert command is not None
                assert command.status == "done", command
            await world.until(lambda: not world.coin().grid.compression, "no longer held at the floor")
            assert world.coin().grid.spacing_pct == 0.1
            assert world.coin().grid.levels_per_side == 5
            await world.until(world.is_whole, "the new grid rests")
            await operator.does(steps["Check"])
            await operator.pilot.press("escape")
            command = await operator.does(steps["Flatten"])
            assert command is not None
            assert "CONFIRMED FLAT" in command.text
        assert (world.lots(), world.ours()) == (0, [])
