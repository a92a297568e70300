"""The journal held against what the exchange shows: each difference is named, in both directions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from core.domain.cloid import make_cloid
from core.domain.events import RemoteOrder
from core.domain.fills import Fill
from core.domain.orders import Side
from core.exchange.reads import Page, Reads
from core.journal.certificate import read_evidence
from core.runtime import verify_online
from core.runtime.statedir import StateDir
from core.runtime.verify import verify_journal
from core.runtime.verify_online import OVERLAP_MS, History, Look, add_online_checks
from tests.unit.exchange.samples import BTC, NOW_MS, cloid
from tests.unit.runtime.kept_journal import Trades, alter, write_journal


@pytest.fixture
def fills() -> list[Fill]:
    return list(Trades().some(40))


@pytest.fixture
def journal(tmp_path: Path, fills: list[Fill]) -> Path:
    path = tmp_path / "journal.db"
    write_journal(path, fills)
    return path


def look(fills: list[Fill], **changes: Any) -> Look:
    """The exchange as it is when the journal is right."""
    lots = fills[-1].end_lots
    shown = Look({"BTC": lots}, {"BTC": lots}, fills[-1].time_ms + 10, tuple(fills), ())
    return replace(shown, **changes)


def failed(path: Path, shown: Look) -> dict[str, list[str]]:
    with read_evidence(path) as evidence:
        anchor = evidence.anchor("BTC")
        assert anchor is not None
        checks = [*shown.compare(evidence, BTC, anchor), shown.compare_orders(evidence)]
    return {check.name: check.rows for check in checks if not check.ok}


def test_what_agrees_is_no_failure(journal: Path, fills: list[Fill]) -> None:
    assert failed(journal, look(fills)) == {}


def test_a_position_that_moved_between_the_two_looks_is_explained_by_either(
    journal: Path, fills: list[Fill]
) -> None:
    assert failed(journal, look(fills, before={"BTC": 999_999})) == {}
    assert set(failed(journal, look(fills, before={"BTC": 1}, after={"BTC": 2}))) == {"online position"}


def test_a_fill_that_only_the_exchange_has_is_named(journal: Path, fills: list[Fill]) -> None:
    alter(journal, "DELETE FROM fills WHERE trade_id = 20")
    found = failed(journal, look(fills))
    assert set(found) == {"online position", "online fills"}
    assert "fill 20 of order 1020" in found["online fills"][0]


def test_fills_from_when_the_coin_was_not_traded_here_are_in_the_journal(
    journal: Path, fills: list[Fill]
) -> None:
    """The last two are held aside; of one that the ledger counts, too, nothing is counted twice."""
    for fill in (fills[3], *fills[-2:]):
        alter(
            journal,
            "INSERT INTO foreign_fills (account, coin, time_ms, trade_id, order_id, received_ms, raw) "
            "VALUES (?, 'BTC', ?, ?, ?, 0, ?)",
            *(fill.account, fill.time_ms, fill.trade_id, fill.order_id, fill.raw),
        )
    for fill in fills[-2:]:
        alter(journal, "DELETE FROM fills WHERE trade_id = ?", fill.trade_id)
    assert failed(journal, look(fills)) == {}
    assert (
        "the exchange doesn't list it" in failed(journal, look([*fills[:-2], fills[-1]]))["online fills"][0]
    )


def test_a_fill_that_only_the_journal_has_is_named(journal: Path, fills: list[Fill]) -> None:
    shown = look([fill for fill in fills if fill.trade_id != 20])
    (row,) = failed(journal, shown)["online fills"]
    assert "fill 20 at" in row
    assert "the exchange doesn't list it" in row


def test_fills_from_before_the_anchor_are_not_the_journals(journal: Path, fills: list[Fill]) -> None:
    earlier = replace(fills[0], trade_id=777, time_ms=NOW_MS - 90_000)
    assert failed(journal, look([earlier, *fills])) == {}


def test_what_the_exchange_no_longer_lists_is_not_asked_for(
    journal: Path, fills: list[Fill], monkeypatch: pytest.MonkeyPatch
) -> None:
    newest = [fill for fill in fills if fill.time_ms >= fills[25].time_ms]
    assert set(failed(journal, look(newest))) == {"online fills"}
    monkeypatch.setattr(verify_online, "REACHABLE_FILLS", len(newest) + 1)
    assert set(failed(journal, look(newest))) == {"online fills"}
    assert failed(journal, look(newest, foreign_ms=(newest[-1].time_ms,))) == {}, (
        "fills in other coins count, too"
    )


def test_a_row_that_could_not_be_understood_may_be_a_missing_fill(journal: Path, fills: list[Fill]) -> None:
    assert "could not be understood" in failed(journal, look(fills, undecodable=1))["online fills"][0]


def test_without_any_fill_the_position_is_the_anchors(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write_journal(path, [], start=250)
    shown = Look({"BTC": 250}, {"BTC": 250}, NOW_MS, (), ())
    assert failed(path, shown) == {}
    assert set(failed(path, replace(shown, before={}, after={}))) == {"online position"}


def test_an_adjustment_that_is_newer_than_every_listed_fill_counts(journal: Path, fills: list[Fill]) -> None:
    end, late_ms = fills[-1].end_lots, fills[-1].time_ms + 60_000
    insert = "INSERT INTO adjustments VALUES ('a1', 'BTC', ?, ?, ?, 840000, ?, 'cli', 'none', NULL)"
    alter(journal, insert, late_ms, end, end + 50, late_ms)
    now = {"BTC": end + 50}
    assert failed(journal, look(fills, before=now, after=now)) == {}


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (cloid(3), "rests, but its row says filled"),
        (cloid(999), "rests, but has no row"),
        (make_cloid("0badc0de", "b0070001", 3), "belongs to another instance, 0badc0de"),
    ],
)
def test_an_order_with_our_tag_must_have_a_row_that_lives(
    journal: Path, fills: list[Fill], name: str, words: str
) -> None:
    resting = RemoteOrder("BTC", name, 5, Side.BUY, 839_000, 30, False)
    (row,) = failed(journal, look(fills, orders=(resting,)))["online orders"]
    assert words in row
    alter(journal, "UPDATE orders SET state = 'open' WHERE cloid = ?", cloid(3))
    assert (failed(journal, look(fills, orders=(resting,))) == {}) == (name == cloid(3))


def test_foreign_orders_are_nobodys_concern(journal: Path, fills: list[Fill]) -> None:
    theirs = (
        RemoteOrder("BTC", None, 5, Side.BUY, 1, 1, False),
        RemoteOrder("BTC", "0x" + "12" * 16, 6, Side.BUY, 1, 1, False),
    )
    assert failed(journal, look(fills, orders=theirs)) == {}


def test_a_journal_that_holds_no_coin_yet_is_compared_with_nothing_and_says_so(tmp_path: Path) -> None:
    state = StateDir(tmp_path)
    state.prepare()
    write_journal(state.journal, [])
    alter(state.journal, "DELETE FROM anchors")
    alter(state.journal, "DELETE FROM positions")
    alter(state.journal, "UPDATE meta SET value = 'http://127.0.0.1:9' WHERE key = 'exchange_url'")
    found = verify_journal(state.journal, False, NOW_MS)
    assert found.verified
    add_online_checks(found, state)
    assert not found.verified
    assert "start the bot once" in found.verdict()


class Listing:
    """Stands in for the reads: what the exchange lists, in pages of one."""

    def __init__(self, fills: list[Fill]) -> None:
        self.fills = fills
        self.asked: list[int] = []

    async def fills_since(self, since_ms: int) -> AsyncIterator[Page]:
        self.asked.append(since_ms)
        for fill in self.fills:
            if fill.time_ms >= since_ms:
                yield Page((fill,), fill.time_ms)


async def test_a_second_look_reads_the_last_minute_alone_and_forgets_nothing() -> None:
    first = next(Trades().some(1))
    fills = [replace(first, trade_id=n, time_ms=first.time_ms + n * 30_000) for n in range(9)]
    listing, history = Listing(fills[:7]), History(first.time_ms)
    await history.read(cast("Reads", listing))
    late = replace(fills[6], trade_id=77)
    listing.fills = [*fills[2:], late]
    await history.read(cast("Reads", listing))
    assert set(history.fills.values()) == {*fills, late}
    assert listing.asked == [first.time_ms, fills[6].time_ms - OVERLAP_MS]
