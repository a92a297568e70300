"""The certificate of a whole journal: in order it is verified, and each thing put out of order is named."""

from __future__ import annotations

import json
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest

from core.domain.orders import Side
from core.journal import files
from core.journal.schema import MIGRATIONS, ForeignJournalError, StorageError
from core.runtime.verify import Certificate, verify_journal
from tests.unit.exchange.samples import NOW_MS, cloid
from tests.unit.runtime.kept_journal import Trades, alter, write_journal

FILLS = 120


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "journal.db"
    write_journal(path, Trades().some(FILLS), external=frozenset({7, 8}))
    return path


def verify(path: Path, is_running: bool = False) -> Certificate:
    return verify_journal(path, is_running, NOW_MS + 10**7)


def failed(found: Certificate) -> dict[str, str]:
    """The first row of each check that failed."""
    return {check.name: check.rows[0] for check in found.checks if not check.ok}


def test_a_journal_in_order_is_verified_with_its_numbers(journal: Path) -> None:
    found = verify(journal)
    assert failed(found) == {}
    assert found.verdict() == f"VERIFIED: {FILLS} fills of 1 coin, each counted exactly once"
    assert [check.name for check in found.checks] == [
        *("file", "keys", "raw", "chain", "position", "counters", "checkpoint", "pnl", "five numbers"),
        "orders",
    ]
    numbers = found.coins["BTC"]
    assert (numbers["fills"], numbers["external"], numbers["anchor"], numbers["orders"]) == (120, 2, "0", 118)


def test_the_five_numbers_add_up(journal: Path) -> None:
    found = verify(journal)
    named = ("matched_pnl", "inventory_pnl", "fees", "funding", "total_pnl")
    matched, inventory, fees, funding, total = (Decimal(found.coins["BTC"][name]) for name in named)
    assert total == matched + inventory - fees + funding
    assert matched != 0
    assert inventory != 0
    assert fees != 0
    (text,) = (check.text for check in found.checks if check.name == "five numbers")
    assert text.startswith(
        f"grid {matched:f} + inventory {inventory:f} - fees {fees:f} + funding 0 = total {total:f} "
    )


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("UPDATE money SET cash = cash + 1", "the cash flow kept is "),
        ("UPDATE money SET matched = matched - 1", "the matched profit kept is "),
        ("UPDATE cells SET bought = bought + 1", "cell 1 of grid 1 has traded something else"),
        (
            "INSERT INTO cells VALUES ('BTC', 3, -2, 5, 5, 0, 0)",
            "cell -2 of grid 3 has traded something else",
        ),
        ("DELETE FROM money", "no cash flow is kept"),
    ],
)
def test_money_that_is_not_that_of_the_fills_is_named(journal: Path, sql: str, says: str) -> None:
    alter(journal, sql)
    found = failed(verify(journal))
    assert set(found) == {"five numbers"}
    assert found["five numbers"].startswith(says)


def test_an_adjustment_counts_as_a_trade_at_its_price(tmp_path: Path) -> None:
    """Ten lots bought at 84,000.0, four of them gone without a fill at 85,000.0, the rest sold there."""
    path, trades = tmp_path / "journal.db", Trades()
    bought = trades.fill(Side.BUY, 10, 840_000, NOW_MS)
    trades.position.trade(Side.SELL, 850_000, 4)
    sold = trades.fill(Side.SELL, 6, 850_000, NOW_MS + 2)
    write_journal(path, [bought, sold])
    alter(
        path,
        "INSERT INTO adjustments VALUES ('a', 'BTC', ?, 10, 6, 850000, ?, 'tui', '', NULL)",
        NOW_MS + 1,
        NOW_MS + 1,
    )
    found = verify(path)
    assert "five numbers" not in failed(found)
    numbers = found.coins["BTC"]
    trading = Decimal(numbers["matched_pnl"]) + Decimal(numbers["inventory_pnl"])
    assert (trading, numbers["realized_pnl"]) == (Decimal("0.1"), "0.06")


def test_an_opening_position_is_where_the_fold_starts(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write_journal(path, Trades(start_lots=250).some(FILLS), start=250)
    found = verify(path)
    assert failed(found) == {}
    assert found.coins["BTC"]["anchor"] == "0.0025"


def test_the_json_is_one_object_with_every_check(journal: Path) -> None:
    plain = json.loads(json.dumps(verify(journal).as_dict()))
    assert plain["verified"] is True
    assert set(plain["checks"][0]) == {"coin", "name", "ok", "failures", "text", "rows"}


def test_the_text_says_each_check_in_words_and_the_verdict_last(journal: Path) -> None:
    alter(journal, "DELETE FROM fills WHERE trade_id = 50")
    lines = verify(journal).as_text().splitlines()
    assert any(line.startswith("✔ ok   BTC keys: 119 fills") for line in lines)
    assert any(line.startswith("✘ FAIL BTC chain: ") for line in lines)
    assert lines[-1].startswith("NOT VERIFIED: ")
    assert "gap between" in lines[-1]


def test_a_fill_that_was_deleted_is_a_gap(journal: Path) -> None:
    alter(journal, "DELETE FROM fills WHERE trade_id = 50")
    found = failed(verify(journal))
    assert set(found) >= {"chain", "position", "counters", "orders"}
    assert "is missing" in found["chain"]
    assert "119 and 0 are there" in found["position"]


def test_the_newest_fill_deleted_is_no_gap_but_the_ledger_had_counted_it(journal: Path) -> None:
    alter(journal, f"DELETE FROM fills WHERE trade_id = {FILLS}")
    found = failed(verify(journal))
    assert "chain" not in found
    assert {"position", "counters"} <= set(found)


def test_a_fill_that_is_there_twice_is_named(journal: Path) -> None:
    columns = (
        "account, coin, time_ms, trade_id, discriminator, order_id, cloid, side, price, lots, start_lots, closed_pnl, fee, "
        "fee_token, crossed, direction, hash, source, external, received_ms, raw, kind"
    )
    told = columns.replace("discriminator,", "'again',", 1)
    alter(journal, f"INSERT INTO fills ({columns}) SELECT {told} FROM fills WHERE trade_id = 30")
    found = failed(verify(journal))
    assert {"keys", "chain", "counters", "orders"} <= set(found)
    assert "fill 30 of order 1030" in found["keys"]


def test_a_key_that_is_not_that_of_its_content_is_named(journal: Path) -> None:
    alter(journal, "UPDATE fills SET discriminator = 'x' WHERE trade_id = 30")
    assert set(failed(verify(journal))) == {"keys"}


def test_the_same_key_twice_is_named_where_nothing_enforces_it(journal: Path) -> None:
    alter_pragma(
        journal,
        "CREATE TABLE plain AS SELECT * FROM fills",
        "INSERT INTO plain SELECT * FROM fills WHERE trade_id = 30",
        "DROP TABLE fills",
        "ALTER TABLE plain RENAME TO fills",
    )
    assert failed(verify(journal))["keys"].endswith("is there twice")


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("price", "price + 1"),
        ("lots", "lots + 1"),
        ("side", "CASE side WHEN 'buy' THEN 'sell' ELSE 'buy' END"),
        ("time_ms", "time_ms + 1"),
        ("trade_id", "999999"),
        ("order_id", "order_id + 1"),
        ("start_lots", "start_lots + 1"),
        ("closed_pnl", "'12.5'"),
        ("fee", "'9'"),
        ("cloid", "NULL"),
    ],
)
def test_a_value_that_was_altered_is_named_beside_what_the_exchange_sent(
    journal: Path, column: str, value: str
) -> None:
    alter(journal, f"UPDATE fills SET {column} = {value} WHERE trade_id = 60")
    row = failed(verify(journal))["raw"]
    assert f"{column} " in row
    assert "sent was" in row


@pytest.mark.parametrize("raw", ["", "{}", "[]", '{"coin":"BTC"}', '{"coin":"ETH"}', "\udcff"])
def test_what_the_exchange_sent_must_still_be_there(journal: Path, raw: str) -> None:
    alter(journal, "UPDATE fills SET raw = ? WHERE trade_id = 60", raw.encode("utf-8", "replace").decode())
    assert set(failed(verify(journal))) == {"raw"}


def test_the_first_fills_altered_alike_still_leave_the_decimals_known(journal: Path) -> None:
    alter(journal, "UPDATE fills SET raw = '{}' WHERE trade_id < 10")
    (check,) = [check for check in verify(journal).checks if not check.ok]
    assert (check.name, check.failures, len(check.rows)) == ("raw", 9, 5)


def test_a_position_without_a_fill_is_told_in_coins(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write_journal(path, [], start=2_448)
    alter(path, "INSERT INTO meta (key, value) VALUES ('size_decimals:BTC', '5')")
    found = verify(path)
    (position,) = (check.text for check in found.checks if check.name == "position")
    assert position.startswith("the fold is 0.02448")
    assert (found.coins["BTC"]["anchor"], found.coins["BTC"]["position"]) == ("0.02448", "0.02448")


def test_what_the_ledger_held_is_held_against_the_fold_of_the_same_fills(journal: Path) -> None:
    alter(journal, "UPDATE positions SET lots = lots + 1")
    assert set(failed(verify(journal))) == {"position"}


def test_a_position_stored_a_while_ago_is_held_against_the_fold_of_that_while(journal: Path) -> None:
    sql = "(SELECT sum(CASE side WHEN 'buy' THEN lots ELSE -lots END) FROM fills WHERE id <= 100)"
    alter(journal, f"UPDATE positions SET fills = 100, lots = {sql}")
    assert failed(verify(journal)) == {}
    alter(journal, "UPDATE positions SET fills = 99")
    assert set(failed(verify(journal))) == {"position"}


def test_before_the_first_fill_no_position_need_be_stored_and_after_it_one_must_be(tmp_path: Path) -> None:
    fresh, traded = tmp_path / "fresh.db", tmp_path / "traded.db"
    write_journal(fresh, [])
    write_journal(traded, Trades().some(1))
    for path in (fresh, traded):
        alter(path, "DELETE FROM positions")
    assert verify(fresh).verified
    assert any("not stored yet" in check.text for check in verify(fresh).checks if check.name == "position")
    assert set(failed(verify(traded))) == {"position"}


def test_adjustments_are_links_of_the_chain_as_long_as_they_count(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    trades = Trades()
    before = trades.fill(Side.BUY, 30, 840_000, NOW_MS)
    unseen = trades.fill(Side.BUY, 12, 840_000, NOW_MS + 10)
    after = trades.fill(Side.BUY, 30, 840_000, NOW_MS + 20)
    write_journal(path, [before, after])
    insert = "INSERT INTO adjustments VALUES ('a1', 'BTC', ?, 30, 42, 840000, ?, 'cli', 'none', NULL)"
    alter(path, insert, unseen.time_ms, unseen.time_ms)
    alter(path, "UPDATE positions SET lots = 72, adjustments = 1")
    assert failed(verify(path)) == {}
    alter(path, "UPDATE adjustments SET revoked_ms = ?", NOW_MS + 2 * 10**9)
    found = failed(verify(path))
    assert set(found) == {"chain"}, "it counted when the position was stored"
    assert "0.00012 is missing" in found["chain"]
    alter(path, "UPDATE positions SET time_ms = ?", NOW_MS + 3 * 10**9)
    assert set(failed(verify(path))) == {"chain", "position"}


def test_a_counter_that_counts_something_else_is_named(journal: Path) -> None:
    alter(journal, "UPDATE counters SET value = value + 3 WHERE name = 'maker'")
    assert failed(verify(journal)) == {"counters": "maker: 123 are stored, 120 counted"}


def test_a_checkpoint_of_another_fold_is_named(journal: Path) -> None:
    alter(journal, "INSERT INTO checkpoints VALUES ('BTC', ?, 1, 2, '3', '4')", NOW_MS + 3_000)
    assert set(failed(verify(journal))) == {"checkpoint"}


def test_fills_without_an_anchor_are_not_verified(journal: Path) -> None:
    alter(journal, "DELETE FROM anchors")
    assert "no anchor" in failed(verify(journal))["chain"]


def test_fills_of_another_account_are_named(journal: Path) -> None:
    alter(journal, "UPDATE fills SET account = '0xother' WHERE trade_id = 3")
    assert "1 fills belong to another account" in failed(verify(journal))["keys"]


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE fills SET external = 1 WHERE trade_id = 40", "is marked external, but order"),
        ("UPDATE fills SET external = 0 WHERE trade_id = 7", "has no order, and isn't marked external"),
        ("UPDATE orders SET lots = lots - 1 WHERE order_id = 1040", "more than the"),
        ("UPDATE orders SET lots = lots + 1 WHERE order_id = 1040", "lots of "),
        ("UPDATE orders SET state = 'rejected' WHERE order_id = 1040", "(rejected): its fills add up to"),
        (
            "UPDATE orders SET final_filled = 1, state = 'cancelled' WHERE order_id = 1040",
            "the exchange said 1",
        ),
        ("UPDATE orders SET side = 'neither' WHERE order_id = 1040", "but its order is a neither of BTC"),
        ("UPDATE orders SET coin = 'ETH' WHERE order_id = 1040", "of ETH"),
    ],
)
def test_orders_and_fills_that_contradict_each_other_are_named(journal: Path, sql: str, words: str) -> None:
    alter(journal, sql)
    checks = [check for check in verify(journal).checks if not check.ok and check.coin == "BTC"]
    assert words in " ".join(row for check in checks if check.name == "orders" for row in check.rows)


def test_an_order_that_was_ended_with_fewer_fills_than_its_status_says_is_told_and_no_failure(
    journal: Path,
) -> None:
    reason = "ended with fewer fills than its status says"
    alter(
        journal,
        "UPDATE orders SET state = 'cancelled', lots = lots + 5, final_filled = lots + 5, reason = ? WHERE order_id = 1040",
        reason,
    )
    found = verify(journal)
    assert failed(found) == {}
    assert "1 ended with fewer fills than their status said" in found.checks[-1].text


def test_what_a_node_said_before_the_last_fills_came_is_outdone_by_them(journal: Path) -> None:
    alter(journal, "UPDATE orders SET final_filled = 1 WHERE order_id = 1040")
    assert failed(verify(journal)) == {}


def test_an_order_in_doubt_is_unsettled_if_nobody_is_there_to_settle_it(journal: Path) -> None:
    alter(
        journal,
        "INSERT INTO orders SELECT ?, coin, purpose, generation, slot_side, slot_index, side, price, lots, tif, reduce_only, "
        "created_ms, expires_ms, ledger_version, 'sent', NULL, NULL, '', 0 FROM orders WHERE order_id = 1040",
        cloid(9_999),
    )
    stopped, running = verify(journal), verify(journal, is_running=True)
    assert stopped.verified
    assert running.verified
    assert stopped.coins["BTC"]["unsettled"] == 1
    assert "unsettled: 1" in stopped.checks[-1].text
    assert running.coins["BTC"]["unsettled"] == 0


def test_a_journal_without_any_coin_is_verified_and_says_that_there_is_nothing(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    write_journal(path, [])
    alter(path, "DELETE FROM anchors")
    alter(path, "DELETE FROM positions")
    assert verify(path).verdict() == "VERIFIED: 0 fills of 0 coins, each counted exactly once"


def test_nothing_is_written_into_the_journal(journal: Path) -> None:
    before = journal.read_bytes()
    verify(journal)
    assert journal.read_bytes() == before


def test_a_journal_in_a_directory_that_cannot_be_written_is_read(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect = files._connect

    def refused_unless_immutable(uri: str, any_thread: bool) -> sqlite3.Connection:
        if "immutable=1" not in uri:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(uri, any_thread)

    monkeypatch.setattr(files, "_connect", refused_unless_immutable)
    with pytest.raises(StorageError, match="cannot be read"):  # somebody may be writing it just now
        verify(journal)
    monkeypatch.setattr("os.access", lambda *_: False)
    assert verify(journal).verified
    Path(f"{journal}-wal").write_bytes(b"a log that must not be passed over")
    with pytest.raises(StorageError, match="cannot be read"):
        verify(journal)


@pytest.mark.parametrize("change", [-1, 1])
def test_a_journal_of_another_version_is_refused_in_a_sentence(journal: Path, change: int) -> None:
    alter_pragma(journal, f"PRAGMA user_version = {len(MIGRATIONS) + change}")
    with pytest.raises(StorageError, match=r"(newer|older) GridBot \(schema \d+\)"):
        verify(journal)


def test_another_programs_database_is_refused(journal: Path) -> None:
    alter_pragma(journal, "PRAGMA application_id = 7")
    with pytest.raises(ForeignJournalError, match="not GridBot's journal"):
        verify(journal)


def test_a_file_that_was_cut_is_unreadable_or_found_damaged(journal: Path) -> None:
    whole = journal.read_bytes()
    journal.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(StorageError, match="cannot be read"):
        verify(journal)


def test_a_broken_index_is_damage(journal: Path) -> None:
    """The unique key is only as good as its index: SQLite's own check looks at both."""
    alter_pragma(
        journal,
        "PRAGMA writable_schema = ON",
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM "
        "sqlite_schema WHERE name = 'fills_by_cloid') WHERE name = 'orders_by_oid'",
    )
    with_damage = verify(journal)
    assert "file" in failed(with_damage)


def alter_pragma(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for sql in statements:
        db.execute(sql)
    db.commit()
    db.close()


def test_fills_whose_stamps_are_wrong_stand_where_they_came_beside_one_that_was_late(tmp_path: Path) -> None:
    trades = Trades()
    one, two, three, four, five, six, seven = (
        trades.fill(side, 5, 840_000, NOW_MS + at_ms)
        for side, at_ms in (
            *((Side.BUY, 100), (Side.SELL, 200), (Side.BUY, 300)),
            *((Side.BUY, 500), (Side.BUY, 440), (Side.BUY, 450), (Side.BUY, 600)),
        )
    )
    late = trades.fill(Side.SELL, 20, 840_000, NOW_MS + 700)
    path = tmp_path / "journal.db"
    write_journal(path, [one, three, two, four, five, six, seven, late])
    found = verify(path)
    assert failed(found) == {}
    (chain,) = [check for check in found.checks if check.name == "chain"]
    assert "2 stand where they came" in chain.text
