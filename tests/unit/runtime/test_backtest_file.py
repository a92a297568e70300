from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core.runtime.backtest_file import MOST_BYTES, read_backtest
from core.view import BacktestView

GOOD = {
    "name": "september",
    "from_ms": 1_000,
    "to_ms": 3_601_000,
    "total_usd": "12.50",
    "max_drawdown_pct": 3.5,
    "fills": 200,
    "makers": 190,
}


def test_a_result_is_read_as_the_docs_have_it(tmp_path: Path) -> None:
    file = tmp_path / "backtest.json"
    file.write_text(json.dumps({**GOOD, "anything": "else"}))
    assert read_backtest(file) == BacktestView("september", 1_000, 3_601_000, Decimal("12.50"), 3.5, 200, 190)


def test_without_a_file_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert read_backtest(tmp_path / "backtest.json") == BacktestView()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "Invalid JSON"),
        (json.dumps({**GOOD, "fills": -1}), "fills: Input should be greater than or equal to 0"),
        (json.dumps({**GOOD, "total_usd": "NaN"}), "total_usd: "),
        (json.dumps({"name": "x"}), "from_ms: Field required"),
        (" " * (MOST_BYTES + 1), "more than 100000 bytes"),
    ],
)
def test_what_is_no_result_is_said_and_stops_nothing(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "backtest.json"
    file.write_text(text)
    found = read_backtest(file)
    assert not found.name
    assert found.error.startswith("backtest.json")
    assert said in found.error
