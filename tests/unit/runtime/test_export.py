"""An export is the journal's rows, each once, in files that any spreadsheet reads, and says what it doesn't know."""

from __future__ import annotations

import csv
import json
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from core.domain.fills import Fill, ForeignFill, Funding
from core.domain.orders import Side
from core.domain.transfers import Transfer
from core.domain.units import decimal_text
from core.journal.backup import back_up_earlier, earlier_beside
from core.journal.earlier import Shown, keep_earlier, read_earlier
from core.journal.errors import ForeignJournalError, StorageError
from core.runtime.export.export import WHAT, Exported, export
from core.runtime.export.files import Table
from core.runtime.export.period import FOREVER_MS, Period, period_of
from core.runtime.history_import import Imported
from core.runtime.statedir import StateDir
from core.runtime.usage import UsageError
from core.runtime.verify import verify_journal
from gridbot_tui.cli import run_cli
from tests.unit.exchange.samples import ACCOUNT, NOW_MS, fill_row
from tests.unit.runtime.kept_journal import Trades, alter, write_journal

BUY, SELL = Side.BUY, Side.SELL
ANCHOR_MS = NOW_MS - 60_000


@pytest.fixture
def state(tmp_path: Path) -> StateDir:
    found = StateDir(tmp_path / "state")
    found.prepare()
    return found


def read(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def exported(state: StateDir, tmp_path: Path, period: Period = Period(), name: str = "out") -> Exported:  # noqa: B008
    return export(state, tmp_path / name, period, WHAT)


def total(rows: list[dict[str, str]], column: str) -> Decimal:
    return sum((Decimal(row[column]) for row in rows), Decimal(0))


def told(row: dict[str, Any]) -> ForeignFill:
    return ForeignFill(ACCOUNT, row["coin"], row["time"], row["tid"], row["oid"], json.dumps(row))


def before(*trades: tuple[Side, int, int, int], start_lots: int = 0) -> list[ForeignFill]:
    """Fills of BTC from before the journal, as the exchange shows them: side, lots, price, ms before the anchor."""
    desk = Trades(start_lots=start_lots)
    rows = [desk.fill(side, lots, price, ANCHOR_MS - ago) for side, lots, price, ago in trades]
    return [
        ForeignFill(ACCOUNT, "BTC", row.time_ms, 900 + number, row.order_id, row.raw)
        for number, row in enumerate(rows)
    ]


def test_each_fill_is_one_row_and_the_gains_are_those_that_verify_proves(
    state: StateDir, tmp_path: Path
) -> None:
    fills = list(Trades().some(200))
    write_journal(state.journal, fills, external=frozenset({3, 4}))
    done = exported(state, tmp_path)
    rows = read(done.output / "fills.csv")
    assert len(rows) == done.files["fills.csv"] == 200
    assert {row["trade_id"] for row in rows} == {str(fill.trade_id) for fill in fills}
    assert [row["trade_id"] for row in rows if row["external"] == "yes"] == ["3", "4"]
    by_id: dict[str, Fill] = {str(fill.trade_id): fill for fill in fills}
    for row, following in pairwise(rows):
        assert int(row["time_ms"]) <= int(following["time_ms"])
        signed = Decimal(row["size"]) * (1 if row["side"] == "buy" else -1)
        assert Decimal(row["start_position"]) + signed == Decimal(following["start_position"])
        assert Decimal(row["notional_usd"]) * 10**6 == abs(by_id[row["trade_id"]].cash_micro)
        assert row["size"] == decimal_text(Decimal(row["size"]))
    (coin,) = verify_journal(state.journal, False, NOW_MS).coins.values()
    average = read(done.output / "gains-average.csv")
    assert total(average, "gain_usd") == Decimal(coin["realized_pnl"])
    assert total(rows, "closed_pnl_usd") == Decimal(coin["exchange_pnl"])
    assert total(read(done.output / "fees.csv"), "fee") == Decimal(coin["fees"])
    closed = total(read(done.output / "gains-fifo.csv"), "size")
    assert closed == total(average, "size")
    assert done.reconciles
    assert "residual 0" in done.text


def test_the_files_are_rfc_4180_for_their_owner_alone(state: StateDir, tmp_path: Path) -> None:
    write_journal(state.journal, Trades().some(5))
    odd = Transfer(ACCOUNT, NOW_MS, "0x1", 'bor"row,\nmuch', (), "{}", understood=False)
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, transfers=[odd]))
    done = exported(state, tmp_path)
    raw = (done.output / "transfers.csv").read_bytes()
    assert raw.startswith(b"time_utc,time_ms,kind,place,usd,understood,hash,origin\r\n2026-01-30T")
    assert b',"bor""row,\nmuch",,,no,0x1,exchange\r\n' in raw
    assert done.output.stat().st_mode & 0o077 == 0
    assert {path.stat().st_mode & 0o177 for path in done.output.iterdir()} == {0}
    assert sorted(path.name for path in done.output.iterdir()) == sorted(
        [*(name for files in WHAT.values() for name in files), "summary.csv", "summary.txt"]
    )
    assert any("1 transfers are not understood" in note for note in done.notes)


def test_no_name_from_outside_is_a_formula_and_numbers_stay(tmp_path: Path) -> None:
    table = Table(tmp_path / "t.csv", ("a",))
    for text in ('=HYPERLINK("x")', "+1+1", "-2-3", "@SUM(A1)", "\t=1", "-1.5", "-1e-7", "@107"):
        table.add((text,))
    table.finish()
    with (tmp_path / "t.csv").open(newline="") as file:
        cells = [row[0] for row in csv.reader(file)][1:]
    assert cells == ['\'=HYPERLINK("x")', "'+1+1", "'-2-3", "'@SUM(A1)", "'\t=1", "-1.5", "-1e-7", "@107"]


def test_the_parts_of_a_year_are_the_year(state: StateDir, tmp_path: Path) -> None:
    fills = list(Trades().some(60))
    write_journal(state.journal, fills)
    middle = fills[30].time_ms
    whole = exported(state, tmp_path)
    parts = [
        exported(state, tmp_path, period, name)
        for name, period in (("one", Period(0, middle)), ("two", Period(middle, FOREVER_MS)))
    ]
    for name in ("fills.csv", "gains-fifo.csv", "gains-average.csv", "fees.csv"):
        assert [row for part in parts for row in read(part.output / name)] == read(whole.output / name)
    last = [read(each.output / "summary.csv")[-1] for each in (*parts, whole)]
    for column in ("gains_fifo_usd", "gains_average_usd", "fees_usd", "cash_change_usd", "fills"):
        assert Decimal(last[0][column]) + Decimal(last[1][column]) == Decimal(last[2][column])
    years = [read(each.output / "summary.csv")[0] for each in (*parts, whole)]
    assert (years[0]["year"], years[0]["coin"]) == ("2026", "BTC")
    assert years[0]["closing_position"] == years[1]["opening_position"]
    assert years[0]["closing_cost_fifo_usd"] == years[1]["opening_cost_fifo_usd"]


def test_history_from_before_the_anchor_is_told_apart_and_its_cost_is_carried_over(
    state: StateDir, tmp_path: Path
) -> None:
    """10 lots bought at 83,000.0 before the journal, which knows the average alone."""
    desk = Trades(start_lots=10)
    write_journal(state.journal, [desk.fill(SELL, 10, 850_000, NOW_MS)], start=10)
    alone = exported(state, tmp_path, name="alone")
    assert [row["entry_usd"] for row in read(alone.output / "gains-fifo.csv")] == ["8.4"]
    assert any("with 0.0001 held" in note for note in alone.notes)
    assert any("gridbot import-history" in note for note in alone.notes)
    keep_earlier(
        state.earlier, ACCOUNT, Shown(NOW_MS, before((BUY, 4, 830_000, 9_000), (BUY, 6, 820_000, 5_000)))
    )
    done = exported(state, tmp_path)
    rows = read(done.output / "fills.csv")
    assert [row["origin"] for row in rows] == ["exchange", "exchange", "journal"]
    gains = read(done.output / "gains-fifo.csv")
    assert [(row["entry_price"], row["size"], row["entry_usd"], row["gain_usd"]) for row in gains] == [
        ("83000", "0.00004", "3.32", "0.08"),
        ("82000", "0.00006", "4.92", "0.18"),
    ]
    assert any("nothing before 2026-01-30T" in note for note in done.notes)
    assert verify_journal(state.journal, False, NOW_MS).verified, "the ledger has seen nothing of it"


def test_what_is_missing_before_the_journal_is_one_trade_that_says_so(
    state: StateDir, tmp_path: Path
) -> None:
    desk = Trades(start_lots=10)
    write_journal(state.journal, [desk.fill(SELL, 10, 850_000, NOW_MS)], start=10)
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, before((BUY, 4, 830_000, 9_000))))
    done = exported(state, tmp_path)
    assert [(row["kind"], row["size"]) for row in read(done.output / "fills.csv")] == [
        ("trade", "0.00004"),
        ("missing", "0.00006"),
        ("trade", "0.0001"),
    ]
    assert done.reconciles
    assert any("fills are missing, from 0.00004 to 0.0001" in note for note in done.notes)
    (row,) = [row for row in read(done.output / "summary.csv") if row["year"] == "all"]
    assert row["adjusted_usd"] == "-5.04"


def test_a_row_that_both_tell_is_there_once_also_if_the_journal_lacks_it(
    state: StateDir, tmp_path: Path
) -> None:
    write_journal(state.journal, [Trades().fill(BUY, 3, 840_000, NOW_MS)])
    funding = Funding(ACCOUNT, "BTC", NOW_MS, Decimal("-0.1"), "0x0", "{}")
    earlier_one = Funding(ACCOUNT, "DOGE", NOW_MS - 10**7, Decimal("0.25"), "0x0", "{}")
    alter(state.journal, "INSERT INTO funding VALUES (?, 'BTC', ?, '-0.1', '0x0', 0, '{}')", ACCOUNT, NOW_MS)
    eth = fill_row(8, NOW_MS + 6, coin="ETH", px="3000.0", sz="0.01", side="A", fee="0.03")
    spot = fill_row(9, NOW_MS + 7, coin="@107", px="40.1234567", sz="2.0")
    alter(
        state.journal,
        "INSERT INTO foreign_fills VALUES (1, ?, 'ETH', ?, 8, ?, 0, ?)",
        *(ACCOUNT, NOW_MS + 6, eth["oid"], json.dumps(eth)),
    )
    own = [told(fill_row(1, NOW_MS)), told(eth), told(spot), told(fill_row(77, NOW_MS + 50))]
    for _ in range(2):
        keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, own, [funding, earlier_one]))
    done = exported(state, tmp_path)
    rows = read(done.output / "fills.csv")
    assert [(row["coin"], row["kind"]) for row in rows] == [
        ("BTC", "trade"),
        ("ETH", "trade"),
        ("@107", "other"),
        ("BTC", "trade"),
    ]
    assert [row["origin"] for row in rows] == ["journal", "journal", "exchange", "exchange"]
    assert [(row["coin"], row["usd"], row["origin"]) for row in read(done.output / "funding.csv")] == [
        ("DOGE", "0.25", "exchange"),
        ("BTC", "-0.1", "journal"),
    ]
    assert done.reconciles
    assert len(read_earlier(state.earlier, ACCOUNT).looks) == 2


def set_aside(state: StateDir, *fills: Fill) -> None:
    """As a run leaves them that trades another coin."""
    for fill in fills:
        alter(
            state.journal,
            "INSERT INTO foreign_fills (account, coin, time_ms, trade_id, order_id, received_ms, raw) "
            "VALUES (?, 'BTC', ?, ?, ?, 0, ?)",
            *(ACCOUNT, fill.time_ms, fill.trade_id, fill.order_id, fill.raw),
        )


def test_fills_of_a_coin_from_when_it_was_not_traded_here_are_in_every_sum_once(
    state: StateDir, tmp_path: Path
) -> None:
    """Bought 10 while it was traded; sold 6 by an order that was kept, and 4 by hand, while it wasn't; bought 3 after that."""
    desk = Trades()
    bought = desk.fill(BUY, 10, 840_000, NOW_MS)
    kept = desk.fill(SELL, 6, 850_000, NOW_MS + 5)
    by_hand = desk.fill(SELL, 4, 860_000, NOW_MS + 5, cloid=None)
    again = desk.fill(BUY, 3, 840_000, NOW_MS + 9)
    write_journal(state.journal, [bought, again])
    alter(state.journal, "UPDATE orders SET order_id = ? WHERE order_id = ?", kept.order_id, again.order_id)
    alter(state.journal, "INSERT INTO cash_marks VALUES (?, '', ?, '1000')", ACCOUNT, ANCHOR_MS)
    set_aside(state, bought, kept, by_hand)
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, [told(json.loads(f.raw)) for f in (bought, by_hand)]))
    done = exported(state, tmp_path)
    rows = read(done.output / "fills.csv")
    assert [row["trade_id"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["external"] for row in rows] == ["no", "no", "yes", "no"]
    assert {row["origin"] for row in rows} == {"journal"}
    assert len(read(done.output / "fees.csv")) == 4
    (row,) = [row for row in read(done.output / "summary.csv") if row["coin"] == "BTC"]
    assert (row["fills"], row["closing_position"]) == ("4", "0.00003")
    assert (row["gains_fifo_usd"], row["exchange_pnl_usd"]) == ("0.14", "0.14")
    assert row["trades_cash_usd"] == "-2.38"
    fees = sum((fill.fee for fill in (bought, kept, by_hand, again)), Decimal(0))
    assert f"{decimal_text(Decimal('997.62') - fees)} at the end" in done.text
    assert not any("fills are missing" in note for note in done.notes)


def test_all_years_begin_with_what_the_first_held_and_end_with_what_the_last_did(
    state: StateDir, tmp_path: Path
) -> None:
    desk, year_ms = Trades(), 366 * DAY_MS
    bought = [desk.fill(BUY, 10, 840_000, NOW_MS + n * year_ms) for n in (0, 1, 3)]
    write_journal(state.journal, [*bought, desk.fill(SELL, 5, 850_000, NOW_MS + 3 * year_ms + 9)])
    exported(state, tmp_path)
    columns = (
        "opening_cost_fifo_usd",
        "closing_cost_fifo_usd",
        "opening_cost_average_usd",
        "closing_cost_average_usd",
    )
    sums = {
        row["year"]: [row[name] for name in columns]
        for row in read(tmp_path / "out" / "summary.csv")
        if not row["coin"]
    }
    assert sums == {
        "2026": ["0", "8.4", "0", "8.4"],
        "2027": ["8.4", "16.8", "8.4", "16.8"],
        "2029": ["16.8", "21", "16.8", "21"],
        "all": ["0", "21", "0", "21"],
    }
    later = exported(state, tmp_path, Period(NOW_MS + 9), "later")
    (row,) = [row for row in read(later.output / "summary.csv") if row["year"] == "all"]
    assert [row[name] for name in columns] == ["8.4", "21", "8.4", "21"]
    assert later.reconciles


def test_what_an_accepted_adjustment_stands_for_is_not_counted_once_more(
    state: StateDir, tmp_path: Path
) -> None:
    desk = Trades()
    bought, sold = desk.fill(BUY, 10, 840_000, NOW_MS), desk.fill(SELL, 6, 850_000, NOW_MS + 5)
    write_journal(state.journal, [bought])
    insert = "INSERT INTO adjustments VALUES ('a1', 'BTC', ?, 10, 4, 845000, ?, 'cli', 'none', NULL)"
    alter(state.journal, insert, NOW_MS + 9, NOW_MS + 9)
    set_aside(state, sold)
    done = exported(state, tmp_path)
    assert [row["kind"] for row in read(done.output / "fills.csv")] == ["trade", "adjustment"]
    assert any("1 fills from when it wasn't traded here are left out" in note for note in done.notes)


def test_the_cash_that_was_noted_is_carried_to_both_ends_of_the_period(
    state: StateDir, tmp_path: Path
) -> None:
    """1,000.5 before all; 30 lots bought for 25.2, a fee of 0.003627 each; 100 paid in."""
    desk = Trades()
    write_journal(
        state.journal, [desk.fill(BUY, 30, 840_000, NOW_MS), desk.fill(SELL, 30, 850_000, NOW_MS + 9)]
    )
    alter(state.journal, "INSERT INTO cash_marks VALUES (?, '', ?, '1000.5')", ACCOUNT, ANCHOR_MS)
    deposit = Transfer(ACCOUNT, NOW_MS + 20, "0x1", "deposit", (("", Decimal(100)),), "{}")
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, transfers=[deposit]))
    done = exported(state, tmp_path, Period(NOW_MS + 1))
    assert "Cash: 975.296373 at the beginning, 1100.792746 at the end" in done.text
    (row,) = read(done.output / "transfers.csv")
    assert (row["place"], row["usd"]) == ("perp", "100")


@pytest.mark.parametrize("mode", ["standard", "unified"])
def test_the_cash_of_a_unified_account_is_not_the_dexs_own(
    state: StateDir, tmp_path: Path, mode: str
) -> None:
    write_journal(state.journal, Trades().some(5))
    alter(state.journal, "INSERT INTO cash_marks VALUES (?, '', ?, '0')", ACCOUNT, ANCHOR_MS)
    alter(state.journal, "INSERT INTO meta (key, value) VALUES ('account_mode', ?)", mode)
    text = exported(state, tmp_path).text
    says = "Cash: not judged: the account is in the unified mode, where a dex's own cash isn't all that trades there"
    assert (says in text, "at the beginning" in text) == (mode == "unified", mode == "standard")


def test_nothing_is_written_over_unless_asked_and_nothing_is_left_of_a_failure(
    state: StateDir, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_journal(state.journal, Trades().some(5))
    done = exported(state, tmp_path)
    with pytest.raises(UsageError, match=r"holds fills\.csv, .* already; .*--overwrite"):
        exported(state, tmp_path)
    kept = (done.output / "fills.csv").read_bytes()

    def fails(*_: object) -> Iterator[str]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("core.runtime.export.tables.fee_cells", fails)
    with pytest.raises(Exception, match="free disk space"):
        export(state, done.output, Period(), WHAT, overwrite=True)
    assert (done.output / "fills.csv").read_bytes() == kept
    assert not list(done.output.glob("*.partial"))


def test_the_command_takes_a_year_or_days_and_tells_what_it_wrote(
    state: StateDir, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_journal(state.journal, Trades().some(5))
    named = ["--state-dir", str(state.path)]
    asked = ["export", "--output", str(tmp_path / "a"), "--year", "2026", "--what", "fees", "--json", *named]
    assert run_cli(asked) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["ok"], set(found["files"])) == (True, {"fees.csv", "summary.csv", "summary.txt"})
    assert run_cli(["export", "--output", str(tmp_path / "b"), "--to", "2025-12-31", *named]) == 0
    assert "fills.csv (0 rows)" in capsys.readouterr().out
    assert run_cli(asked) == 2
    assert run_cli(["export", "--output", str(tmp_path / "c"), "--from", "tomorrow", *named]) == 2
    assert "'tomorrow' is no day and no time; write 2026-01-31" in capsys.readouterr().err
    assert run_cli(["import-history", *named]) == 5
    assert "embedded exchange, which runs only while the bot does" in capsys.readouterr().err


DAY_MS = 86_400_000


@pytest.mark.parametrize(
    ("asked", "period"),
    [
        (("", "", None), Period()),
        (("1970-01-02", "1970-01-02", None), Period(DAY_MS, 2 * DAY_MS)),
        (("1970-01-02T01:00", "1970-01-02T02:00+01:00", None), None),
        (("1970-01-02T01:00", "1970-01-02T02:30", None), Period(DAY_MS + 3_600_000, DAY_MS + 9_000_000)),
        (("", "", 1971), Period(365 * DAY_MS, 730 * DAY_MS)),
        (("1970-01-02", "", 1971), None),
        (("1970-01-03", "1970-01-02", None), None),
        (("", "1970-02-30", None), None),
        (("", "", 12), None),
    ],
)
def test_a_period_is_days_as_a_whole_times_to_the_millisecond_or_a_year(
    asked: tuple[str, str, int | None], period: Period | None
) -> None:
    if period is not None:
        assert period_of(*asked) == period
    else:
        with pytest.raises(UsageError):
            period_of(*asked)


def test_a_history_that_the_exchange_cuts_off_says_so(state: StateDir, tmp_path: Path) -> None:
    write_journal(state.journal, [Trades().fill(BUY, 3, 840_000, NOW_MS)])
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, before((BUY, 4, 830_000, 9_000))))
    (note,) = [note for note in exported(state, tmp_path, name="one").notes if "nothing before" in note]
    assert "10,000" not in note
    alter(state.earlier, "UPDATE looks SET fills = 10000")
    (note,) = [note for note in exported(state, tmp_path, name="two").notes if "nothing before" in note]
    assert note.endswith("and no more than its newest 10,000 fills: older ones may have been")
    shown = Imported(1, 10_000, 0, 0, NOW_MS, 2)
    assert "It shows no more than the newest 10,000: older ones may have been." in shown.text
    assert "2 rows can't be read" in shown.text


def test_a_file_of_the_past_that_is_not_ours_or_newer_is_refused(state: StateDir) -> None:
    state.earlier.write_bytes(b"a letter to my grandmother" * 99)
    with pytest.raises(StorageError, match="cannot be used"):
        read_earlier(state.earlier, ACCOUNT)
    state.earlier.unlink()
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS))
    alter_version(state.earlier, "user_version = 99")
    with pytest.raises(StorageError, match="newer GridBot"):
        keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS))
    alter_version(state.earlier, "application_id = 1")
    with pytest.raises(ForeignJournalError, match="is not GridBot's"):
        keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS))


def alter_version(path: Path, pragma: str) -> None:
    db = sqlite3.connect(path)
    db.execute(f"PRAGMA {pragma}")
    db.close()


def test_an_import_that_was_killed_half_way_is_as_if_it_had_not_begun(
    state: StateDir, tmp_path: Path
) -> None:
    """Its rows had reached the file: whoever reads it next must undo them, or nothing could be read of it any more."""
    keep_earlier(state.earlier, ACCOUNT, Shown(NOW_MS, before((BUY, 4, 830_000, 9_000))))
    with closing(sqlite3.connect(state.earlier, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN IMMEDIATE")
        db.executemany(
            "INSERT INTO foreign_fills (account, coin, time_ms, trade_id, order_id, received_ms, raw) "
            "VALUES (?, 'BTC', ?, 1, 1, 0, '{}')",
            [(ACCOUNT, number) for number in range(3_000)],
        )
        killed = StateDir(tmp_path / "killed")
        killed.prepare()
        for name in ("", "-journal"):
            shutil.copy(f"{state.earlier}{name}", f"{killed.earlier}{name}")
        db.execute("ROLLBACK")
    for name in ("", "-journal"):
        shutil.copy(f"{killed.earlier}{name}", tmp_path / f"copy{name}")
    back_up_earlier(tmp_path / "copy", tmp_path / "backup.db")
    assert len(read_earlier(earlier_beside(tmp_path / "backup.db"), ACCOUNT).fills) == 1
    assert len(read_earlier(killed.earlier, ACCOUNT).fills) == 1
    killed.earlier.write_bytes(b"")
    assert read_earlier(killed.earlier, ACCOUNT).fills == []
