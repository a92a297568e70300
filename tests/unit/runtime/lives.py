"""An engine on a journal, life after life: what a kill leaves is what was committed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from core.domain.effects import Effect
from core.domain.events import FillsCommitted
from core.domain.fills import Fill
from core.engine.coin_config import CoinConfig
from core.journal.journal import Anchor, Batch, Journal
from core.journal.reader import JournalReader
from core.runtime.restore import build_engine
from tests.unit.engine.builders import ACCOUNT, INSTANCE, VENUE_0, Bench, coin_config


@dataclass
class Lives:
    """Of the coin SOL. ``bench`` is the present life's."""

    journal: Journal
    path: Path
    config: CoinConfig = field(default_factory=coin_config)
    bench: Bench = field(default_factory=Bench)
    _count: int = 0

    async def begin(self, position: int = 0) -> Bench:
        """The first life, or the next one after a kill."""
        if not self._count:
            anchor = Anchor("SOL", position, 0, VENUE_0, "opening position")
            await self.journal.commit(Batch(VENUE_0, anchors=[anchor]))
        self._count += 1
        rows = await JournalReader(self.path).restore(ACCOUNT, ["SOL"])
        boot, ms = f"b007{self._count:04x}", self.bench.ms + 60_000
        before = self.bench
        self.bench = Bench(before.engine, ms)
        engine = build_engine(ACCOUNT, INSTANCE, boot, {"SOL": self.config}, rows, self.bench.now)
        self.bench.engine, self.bench._oid = engine, before._oid
        return self.bench

    async def keep(self, effects: Iterable[Effect]) -> None:
        """Commit the rows of a step."""
        batch = Batch(self.bench.now.venue_ms)
        for effect in effects:
            batch.take(effect)
        await self.journal.commit(batch)

    async def commit(self, *fills: Fill) -> FillsCommitted:
        """Fills as they reach the journal; what the engine is told of them, if it lives."""
        done = await self.journal.commit(Batch(self.bench.now.venue_ms, fills=list(fills)))
        return FillsCommitted(done.new_fills, done.duplicates, matched=done.matched)
