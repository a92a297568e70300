"""What each request weighs, judged by the documentation's table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from core.exchange.weight_window import PER_MINUTE
from core.exchange.weights import ROWS_PER_WEIGHT, WEIGHTS, action_weight, read_weight, rows_weight
from core.paper.server.ip_limits import answer_weight, exchange_weight, info_weight

TABLE: dict[str, Any] = json.loads((Path(__file__).parent / "data" / "hyperliquid_weights.json").read_text())
LIGHT, HEAVY = TABLE["info"]["2"], TABLE["info"]["60"]
PER_ITEMS: dict[str, list[str]] = TABLE["additional_weight_per_items_returned"]


@pytest.mark.parametrize("kind", TABLE["documented_info_requests"])
def test_every_documented_question_weighs_what_the_documentation_says(kind: str) -> None:
    told = 2 if kind in LIGHT else 60 if kind in HEAVY else 20
    assert read_weight(kind) == told
    assert info_weight({"type": kind}) == told, "the paper exchange counts alike"


@pytest.mark.parametrize(
    ("kind", "items"), [(kind, int(items)) for items, kinds in PER_ITEMS.items() for kind in kinds]
)
def test_so_many_rows_of_an_answer_cost_one_more(kind: str, items: int) -> None:
    assert rows_weight(kind, []) == 0
    for whole in (1, 2, 100):
        assert rows_weight(kind, [{}] * (whole * items)) == whole
    assert rows_weight(kind, [{}] * (items + 1)) == 2, "never less than the exchange may count"


def test_nothing_is_lighter_or_dearer_than_the_documentation_has_it() -> None:
    assert {kind for kind, weight in WEIGHTS.items() if weight == 2} == set(LIGHT)
    assert {kind for kind, weight in WEIGHTS.items() if weight != 2} == set(HEAVY)
    documented = {kind for kinds in PER_ITEMS.values() for kind in kinds}
    assert set(ROWS_PER_WEIGHT) == documented | {"userNonFundingLedgerUpdates"}
    assert TABLE["rest_weight_per_minute"] == PER_MINUTE


def test_a_question_nobody_knows_weighs_as_all_others() -> None:
    assert read_weight("aQuestionOfTomorrow") == 20
    assert rows_weight("aQuestionOfTomorrow", [{}] * 1_000) == 0
    assert rows_weight("userFills", {"error": "no list"}) == 0


@pytest.mark.parametrize(("items", "weight"), [(1, 1), (39, 1), (40, 2), (79, 2), (80, 3), (200, 6)])
def test_an_action_weighs_one_and_one_more_for_every_forty_items(items: int, weight: int) -> None:
    assert action_weight(items) == weight == 1 + items // 40
    assert exchange_weight({"action": {"orders": [{}] * items}}) == weight


@pytest.mark.parametrize("rows", [0, 1, 19, 20, 21, 500, 2_000])
def test_we_never_count_less_than_the_paper_exchange_does(rows: int) -> None:
    for kind in (*ROWS_PER_WEIGHT, "meta"):
        assert rows_weight(kind, [{}] * rows) >= answer_weight({"type": kind}, [{}] * rows)
