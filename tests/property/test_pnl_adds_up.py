"""Whatever an account trades, and in whatever order its fills arrive: the five numbers add up to the change of its equity.

The judge is the paper exchange's own account: its cash, positions, fees and funding.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.clock import Instant
from core.domain.events import FillsCommitted, FundingCommitted, Quote
from core.domain.fills import Fill, Funding
from core.domain.orders import Side, Slot
from core.domain.pnl import Pnl
from core.engine.engine import Engine
from core.journal.batch import Anchor
from core.journal.reader import Restored
from core.paper.venue.positions import Position
from core.runtime.restore import build_engine, coin_config
from core.runtime.settings import Settings
from core.runtime.verify import verify_journal
from tests.unit.exchange.samples import ACCOUNT, BTC, NOW_MS, cloid, fill, order
from tests.unit.journal.desk import batch, opened, restored

COST = 840_000
"""What the opening position had cost a lot, price units."""

CELLS = 4
GENERATIONS = (1, 2)
_NOW = Instant(1_000, NOW_MS, NOW_MS)

trades = st.tuples(
    st.sampled_from(Side),
    st.integers(1, 60),
    st.integers(830_000, 850_000),
    st.sampled_from((*((g, c) for g in GENERATIONS for c in range(CELLS)), None)),
    st.integers(-(10**4), 10**5),
    st.sampled_from((0, 0, 1, 500)),
)
histories = st.lists(trades, min_size=1, max_size=40)


@dataclass
class Books:
    """What an exchange knows of the account: a position, cash, and every fill."""

    start_lots: int
    start_price: int
    position: Position = field(init=False)
    cash: int = 0
    """Micro-USDC, fees and funding included."""
    fees: int = 0
    fills: list[Fill] = field(default_factory=list)
    slots: dict[str, tuple[int, int, Side]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.position = Position(self.start_lots, self.start_lots * self.start_price)

    def trade(self, history: list[tuple[Any, ...]]) -> None:
        time_ms = NOW_MS
        for number, (side, lots, price, cell, fee, wait_ms) in enumerate(history, 1):
            time_ms += wait_ms
            change = self.position.trade(side, price, lots)
            self.cash -= side.sign * lots * price + fee
            self.fees += fee
            if cell is not None:
                self.slots[cloid(number)] = (*cell, side)
            self.fills.append(
                fill(
                    number,
                    time_ms=time_ms,
                    side=side,
                    lots=lots,
                    price=price,
                    start_lots=change.start_lots,
                    closed_pnl=Decimal(change.closed_pnl).scaleb(-6),
                    fee=Decimal(fee).scaleb(-6),
                    cloid=cloid(number) if cell is not None else None,
                    order_id=number,
                )
            )

    def matched(self) -> int:
        """Of each cell, by averages in exact fractions; the cell's own rounding may take one from each side."""
        sums: defaultdict[tuple[int, int], dict[Side, list[int]]] = defaultdict(
            lambda: {Side.BUY: [0, 0], Side.SELL: [0, 0]}
        )
        for each in self.fills:
            if each.cloid is not None:
                generation, cell, side = self.slots[each.cloid]
                sums[generation, cell][side][0] += each.lots
                sums[generation, cell][side][1] += each.lots * each.price
        total = 0
        for (bought, paid), (sold, got) in ((s[Side.BUY], s[Side.SELL]) for s in sums.values()):
            both = min(bought, sold)
            total += got * both // sold + (-paid * both) // bought if both else 0
        return total


@settings(max_examples=60, deadline=None)
@given(
    histories,
    st.integers(-40, 40),
    st.randoms(use_true_random=False),
    st.integers(839_000, 841_000),
    st.data(),
)
def test_the_five_numbers_are_the_change_of_equity_whatever_the_order_of_the_fills(
    history: list[tuple[Any, ...]], start_lots: int, random: Random, mark: int, data: st.DataObject
) -> None:
    books = Books(start_lots, COST)
    books.trade(history)
    arrived = [*books.fills, *random.sample(books.fills, len(books.fills) // 3)]
    random.shuffle(arrived)
    paid = data.draw(st.lists(st.decimals(-5, 5, places=6), max_size=4))
    payments = [Funding(ACCOUNT, "BTC", NOW_MS + n, usd, "0x0", "{}") for n, usd in enumerate(paid)]
    found = asyncio.run(_lived(books, arrived, payments, mark, random))
    value = books.position.lots * mark - start_lots * COST
    equity = Decimal(books.cash + value).scaleb(-6) + sum(paid, Decimal(0))
    for pnl in found:
        assert pnl.total == pnl.matched + pnl.inventory - pnl.fees + pnl.funding == equity
        assert pnl.fees == Decimal(books.fees).scaleb(-6)
        assert pnl.funding == sum(paid, Decimal(0))
        assert pnl.matched == Decimal(books.matched()).scaleb(-6)
        assert pnl.holding == Decimal(start_lots * (mark - COST)).scaleb(-6)


def _built(restored_: Restored) -> Engine:
    configs = {"BTC": coin_config(Settings.model_validate({}), BTC)}
    return build_engine(ACCOUNT, "1057a9ce", "b0070002", configs, restored_, _NOW)


async def _lived(
    books: Books, arrived: list[Fill], payments: list[Funding], mark: int, random: Random
) -> list[Pnl]:
    """The numbers of a run that takes the fills as they arrive, and of the start after it; the certificate holds."""
    anchor = Anchor(
        "BTC", books.start_lots, abs(books.start_lots) * COST, NOW_MS - 60_000, "opening position"
    )
    quote = Quote("BTC", mark - 1, mark + 1, NOW_MS)
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "journal.db"
        async with opened(path) as journal:
            sent = [
                order(side=side, cloid=id_, slot=Slot(generation, side, cell))
                for id_, (generation, cell, side) in books.slots.items()
            ]
            meta = {"account": ACCOUNT, "instance": "1057a9ce"}
            await journal.commit(batch(anchors=[anchor], orders=sent, meta=meta))
            live = _built(await restored(path))
            while arrived:
                count = random.randint(1, len(arrived))
                committed = await journal.commit(batch(fills=arrived[:count], funding=payments))
                arrived, payments = arrived[count:], []
                live.step(FillsCommitted(committed.new_fills, matched=committed.matched), _NOW)
                live.step(FundingCommitted(committed.new_funding), _NOW)
        after = _built(await restored(path))
        failed = {
            check.name: check.rows for check in verify_journal(path, True, NOW_MS).checks if not check.ok
        }
        assert "five numbers" not in failed, failed
    for engine in (live, after):
        engine.step(quote, _NOW)
    return [engine.coins["BTC"].pnl() for engine in (live, after)]
