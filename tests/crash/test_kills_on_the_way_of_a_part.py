"""``kill -9`` around the commit of a part closed at the market: its fill and what it took from cells are kept together."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from core.domain.orders import Order, OrderState, Purpose, Side, Slot
from core.failpoints import VARIABLE
from core.journal.journal import Journal
from tests.unit.exchange.samples import fill, order
from tests.unit.journal.desk import batch, grid, opened, restored, rows

BOUGHT = order(1, side=Side.BUY, lots=30, slot=Slot(1, Side.BUY, -1), state=OrderState.FILLED)
PART = order(2, side=Side.SELL, lots=20, slot=None, purpose=Purpose.REDUCE, state=OrderState.FILLED)
ROOT = Path(__file__).parents[2]


async def tell(journal: Journal, number: int, made: Order, start_lots: int) -> None:
    one = fill(number, cloid=made.cloid, side=made.side, lots=made.lots, start_lots=start_lots)
    await journal.commit(batch(fills=[one]))


async def life(path: Path) -> None:
    """One that is killed: at its fail point, or once the part is committed."""
    async with opened(path) as journal:
        await journal.commit(batch(grids=[grid(1)], orders=[BOUGHT, PART]))
        await tell(journal, 1, BOUGHT, 0)
        await tell(journal, 2, PART, 30)
        os.kill(os.getpid(), signal.SIGKILL)


@pytest.mark.parametrize(
    ("failpoint", "fills", "held"), [("fill_inserted:2", 1, 30), ("", 2, 10)], ids=["before", "after"]
)
async def test_a_part_and_what_it_took_from_its_cell_outlive_a_kill_together(
    tmp_path: Path, failpoint: str, fills: int, held: int
) -> None:
    path = tmp_path / "j.db"
    code = f"import asyncio, pathlib; from {__name__} import life; asyncio.run(life(pathlib.Path({str(path)!r})))"
    environment = {**os.environ, VARIABLE: failpoint, "PYTHONPATH": str(ROOT)}
    ended = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", code], env=environment, cwd=ROOT, timeout=60, check=False
    )
    assert ended.returncode == -signal.SIGKILL
    assert len(rows(path, "SELECT 1 FROM fills")) == fills
    assert (await restored(path)).coins["BTC"].traded == {-1: held}
    async with opened(path) as journal:
        await tell(journal, 2, PART, 30)  # read back, or told once more
    assert len(rows(path, "SELECT 1 FROM fills")) == 2
    assert (await restored(path)).coins["BTC"].traded == {-1: 10}
