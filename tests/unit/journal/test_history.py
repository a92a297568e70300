from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from core.domain.effects import SaveHistory
from core.journal.writes import HISTORY_KEPT_MS
from core.view import HistoryPoint
from tests.unit.exchange.samples import NOW_MS
from tests.unit.journal.desk import batch, opened, restored


def _point(time_ms: int, total: str = "-12.345678") -> HistoryPoint:
    return HistoryPoint(time_ms, Decimal(total), 1.25, 7, 5)


async def test_the_course_comes_back_exactly_and_what_is_older_than_a_day_goes(tmp_path: Path) -> None:
    path = tmp_path / "j.db"
    old, kept, newest = (_point(NOW_MS - ago) for ago in (HISTORY_KEPT_MS + 1, HISTORY_KEPT_MS, 0))
    async with opened(path) as journal:
        for point in (old, kept, newest, _point(NOW_MS, "99")):
            written = batch()
            assert written.take(SaveHistory(point))
            assert not written.is_empty
            await journal.commit(written)
    assert (await restored(path)).history == [kept, newest], "the first word on a minute stands"
