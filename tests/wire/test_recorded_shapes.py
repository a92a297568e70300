"""Every recorded payload against what this exchange writes: the same fields, the same JSON types.

Where they differ the case says so, with the reason: fields that came or went since the recording was made, or were cut from it.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.wire.lived_paper import CLOIDS, Paper
from tests.wire.shapes import differences, shape

RECORDED = Path(__file__).parent / "data" / "recorded"


_LATER = "came after the recording was made"
_GONE = "went after the recording was made"
_NULL = "we write null, which strict readers ask for, where it was left out"
_CUT = "left out by the recording's owner"
_EMPTY = "nothing of the kind exists on this exchange"
_OWN = "happened to have none"


@dataclass(frozen=True)
class Case:
    """``known`` are the differences that there should be, each with its reason."""

    name: str
    ask: Callable[[Paper], Any]
    known: dict[str, str]

    @property
    def recorded(self) -> Any:
        return _values_of_mids(self.name, orjson.loads((RECORDED / f"{self.name}.json").read_bytes()))

    def ours(self, paper: Paper) -> Any:
        return _values_of_mids(self.name, orjson.loads(orjson.dumps(self.ask(paper))))


def _values_of_mids(name: str, value: Any) -> Any:
    """A map by coin has no fields in common with another: the values alone are compared."""
    match name:
        case "info_allMids__sdk":
            return list(value.values())
        case "ws_allmids__nautilus":
            return {**value, "data": {"mids": list(value["data"]["mids"].values())}}
        case _:
            return value


def _info(kind: str, **request: Any) -> Callable[[Paper], Any]:
    return lambda paper: paper.info(kind, **request)


def _mine(kind: str, **request: Any) -> Callable[[Paper], Any]:
    return lambda paper: paper.mine(kind, **request)


def _ws(channel: str, word: str = "", part: str = "") -> Callable[[Paper], Any]:
    """The first frame of a channel that has a word in it."""

    def ask(paper: Paper) -> Any:
        found = next(frame for frame in paper.heard(channel) if word in str(frame))
        return found[part] if part else found

    return ask


def _filled(paper: Paper) -> Any:
    return paper.order(0, "99000", "0.001", "Ioc", is_buy=False)


def _resting(paper: Paper) -> Any:
    return paper.order(0, "98000", "0.001", "Gtc", is_buy=True)


def _small(paper: Paper) -> Any:
    return paper.order(0, "98000", "0.00001", "Gtc", is_buy=True)


def _increasing(paper: Paper) -> Any:
    return paper.order(0, "103000", "0.001", "Gtc", is_buy=False, r=True)


def _too_many(paper: Paper) -> Any:
    return paper.act({"type": "cancel", "cancels": [{"a": 0, "o": oid} for oid in range(1, 202)]})


def _all(reason: str, *found: str) -> dict[str, str]:
    return dict.fromkeys(found, reason)


_TRIGGER_FIELDS = [f"+[].{name}" for name in ("triggerCondition", "isTrigger", "triggerPx", "isPositionTpsl")]

CASES = [
    Case("exchange_cancel_mixed__observed", lambda paper: paper.cancelled, {}),
    Case("exchange_cancel_over_200__observed", _too_many, {}),
    Case("exchange_order_error_minNotional__observed", _small, {}),
    Case("exchange_order_error_reduceOnly__observed", _increasing, {}),
    Case("exchange_order_filled__docs", _filled, {}),
    Case("exchange_order_reduceOnly_shrunk_fill__observed", _filled, {}),
    Case("exchange_order_resting__docs", _resting, {}),
    Case("exchange_rate_limited__observed", _too_many, {}),
    Case("info_activeAssetData__docs", _mine("activeAssetData", coin="BTC"), {}),
    Case("info_allMids__sdk", _info("allMids"), {}),
    Case(
        "info_all_perp_metas_non_usdc_collateral__nautilus",
        _info("allPerpMetas"),
        _all(_CUT, "+[].universe[].marginTableId", "+[].universe[].lastGrowthModeChangeTime")
        | _all(
            _OWN,
            "+[].universe[].isDelisted",
            "+[].universe[].marginMode",
            "+[].universe[].onlyIsolated",
        ),
    ),
    Case(
        "info_candleSnapshot__sdk",
        _info("candleSnapshot", req={"coin": "BTC", "interval": "1h", "startTime": 0, "endTime": None}),
        {},
    ),
    Case(
        "info_clearinghouseState__sdk",
        _mine("clearinghouseState", dex=""),
        _all(_GONE, "-.assetPositions[].position.maxTradeSzs")
        | _all(_OWN, "+.assetPositions[].position.leverage.rawUsd")
        | _all(
            _LATER,
            "+.assetPositions[].position.cumFunding",
            "+.assetPositions[].position.maxLeverage",
            "+.crossMaintenanceMarginUsed",
            "+.time",
        ),
    ),
    Case("info_clearinghouseState_isolated__docs", _mine("clearinghouseState"), {}),
    Case(
        "info_clearinghouse_state_negative_total_raw_usd__nautilus",
        _mine("clearinghouseState"),
        _all(_CUT, "+.crossMaintenanceMarginUsed", "+.marginSummary"),
    ),
    Case("info_delegatorHistory__sdk", _mine("delegatorHistory"), _all(_EMPTY, "-[]")),
    Case("info_extraAgents__sdk", _mine("extraAgents"), {}),
    Case(
        "info_frontendOpenOrders__sdk",
        _mine("frontendOpenOrders"),
        _all(_LATER, "+[].cloid", "+[].children[].cloid"),
    ),
    Case(
        "info_frontendOpenOrders_reduceOnly_shrunk__observed",
        _mine("frontendOpenOrders"),
        _all(_CUT, *_TRIGGER_FIELDS, "+[].children", "+[].timestamp"),
    ),
    Case("info_fundingHistory_noEnd__sdk", _info("fundingHistory", coin="BTC", startTime=0), {}),
    Case(
        "info_fundingHistory_withEnd__sdk",
        _info("fundingHistory", coin="BTC", startTime=0, endTime=2**41),
        {},
    ),
    Case("info_funding_history__nautilus", _info("fundingHistory", coin="BTC", startTime=0), {}),
    Case("info_historicalOrders__sdk", _mine("historicalOrders"), {}),
    Case("info_l2Book__sdk", _info("l2Book", coin="BTC"), {}),
    Case("info_l2_book_btc__nautilus", _info("l2Book", coin="BTC"), _all(_CUT, "+.levels[][].n")),
    Case("info_l2_book_snapshot__nautilus", _info("l2Book", coin="BTC"), _all(_CUT, "+.levels[][].n")),
    Case(
        "info_meta__sdk",
        _info("meta"),
        _all(_OWN, "+.universe[].isDelisted")
        | _all(_LATER, "+.collateralToken", "+.marginTables", "+.universe[].marginTableId"),
    ),
    Case(
        "info_meta_perp_sample__nautilus",
        _info("meta", dex=""),
        _all("null there, absent in every real answer", "-.universe[].onlyIsolated")
        | _all(_CUT, "+.collateralToken", "+.marginTables", "+.universe[].marginTableId"),
    ),
    Case(
        "info_openOrders__sdk",
        _mine("openOrders", dex=""),
        _all(_LATER, "+[].cloid", "+[].origSz", "+[].reduceOnly"),
    ),
    Case("info_orderStatus__docs", _mine("orderStatus", oid=CLOIDS[0]), {}),
    Case(
        "info_perpDexs__docs",
        _info("perpDexs"),
        _all(
            _LATER,
            "+[].subDeployers",
            "+[].deployerFeeScale",
            "+[].lastDeployerFeeScaleChangeTime",
            "+[].assetToFundingInterestRate",
        ),
    ),
    Case("info_portfolio__sdk", _mine("portfolio"), {}),
    Case(
        "info_recent_trades_btc__nautilus",
        _info("recentTrades", coin="BTC"),
        {"[].users[]: text/hex": "names stand for addresses there"},
    ),
    Case("info_spot_clearinghouse_state__nautilus", _mine("spotClearinghouseState"), {}),
    Case(
        "info_spot_meta_non_usdc_collateral__nautilus",
        _info("spotMeta"),
        _all(_CUT, "+.tokens[].deployerTradingFeeShare", "+.tokens[].evmContract", "+.tokens[].fullName"),
    ),
    Case(
        "info_userFees__docs",
        _mine("userFees"),
        _all("the documentation's name", "-.feeTrialReward")
        | _all("the name in live answers", "+.feeTrialEscrow")
        | _all(_EMPTY, "-.stakingLink.stakingUser", "-.stakingLink.type"),
    ),
    *(
        Case(name, _mine(name.split("_")[1], startTime=0, endTime=None), _all(_LATER, *later))
        for later in [("+[].tid", "+[].feeToken", "+[].twapId", "+[].cloid")]
        for name in ("info_userFills__sdk", "info_userFillsByTime__sdk")
    ),
    Case("info_user_fills_dust_conversion__nautilus", _mine("userFills"), _all(_OWN, "+[].cloid")),
    Case("info_userFunding_noEnd__sdk", _mine("userFunding", startTime=0), {}),
    Case(
        "info_userFunding_withEnd__sdk",
        _mine("userFunding", startTime=0, endTime=2**41),
        {},
    ),
    Case(
        "info_userNonFundingLedgerUpdates_noEnd__sdk",
        _mine("userNonFundingLedgerUpdates", startTime=0, endTime=None),
        {},
    ),
    Case(
        "info_userNonFundingLedgerUpdates_withEnd__sdk",
        _mine("userNonFundingLedgerUpdates", startTime=0, endTime=1),
        {},
    ),
    Case("info_userRateLimit__docs", _mine("userRateLimit"), {}),
    Case("info_userRateLimit__sdk", _mine("userRateLimit"), _all(_LATER, "+.nRequestsSurplus")),
    Case("info_userRole__sdk", _mine("userRole"), {}),
    Case("info_userTwapSliceFills__sdk", _mine("userTwapSliceFills"), {}),
    Case("info_userVaultEquities__sdk", _mine("userVaultEquities"), _all(_EMPTY, "-[]")),
    Case("ws_all_dexs_asset_ctxs__nautilus", _ws("allDexsAssetCtxs"), {}),
    Case("ws_allmids__nautilus", _ws("allMids"), {}),
    Case("ws_book_data__nautilus", _ws("l2Book", part="data"), {}),
    Case("ws_orderUpdates_canceled__hummingbot", _ws("orderUpdates", "canceled"), {}),
    Case(
        "ws_orderUpdates_reduceOnlyCanceled_item__observed",
        lambda paper: next(
            row
            for frame in paper.heard("orderUpdates")
            for row in frame["data"]
            if row["status"] == "reduceOnlyCanceled"
        ),
        _all(_CUT, "+.order.timestamp") | _all(_NULL, "+.order.cloid"),
    ),
    Case("ws_trades_2023__hummingbot", _ws("trades"), _all(_LATER, "+.data[].tid", "+.data[].users")),
    Case("ws_user_fill_liquidation__nautilus", _ws("user"), _all(_EMPTY, "-.data.fills[].liquidation")),
    Case("ws_user_fills_0__nautilus_inline", _ws("user"), {}),
    Case("ws_user_fills_1__nautilus_inline", _ws("user"), _all(_EMPTY, "-.data.fills[].builderFee")),
    Case(
        "ws_user_fills_2023__hummingbot",
        _ws("user"),
        _all(_GONE, "-.data.fills[].liquidationMarkPx")
        | _all(
            _LATER,
            "+.data.fills[].tid",
            "+.data.fills[].feeToken",
            "+.data.fills[].twapId",
            "+.data.fills[].cloid",
        ),
    ),
]


@pytest.fixture(scope="module")
def paper() -> Paper:
    return Paper()


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_ours_has_the_recorded_shape(paper: Paper, case: Case) -> None:
    assert differences(case.recorded, case.ours(paper)) == case.known.keys()


def test_every_recording_is_held_against_ours() -> None:
    assert sorted(case.name for case in CASES) == sorted(path.stem for path in RECORDED.glob("*.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_field_that_is_lost_renamed_or_retyped_would_be_found(paper: Paper, case: Case) -> None:
    """The judge is judged: every field that both sides have is damaged in turn."""
    recorded, ours = case.recorded, case.ours(paper)
    common = [path for path in _object_fields(recorded) if path in _object_fields(ours)]
    for path in common:
        is_needed = shape(recorded).is_always_there(path)
        for damage in (_drop, _rename, _retype) if is_needed else (_rename, _retype):
            harmed = copy.deepcopy(ours)
            _harm(harmed, path, damage)
            assert differences(recorded, harmed) != case.known.keys(), (path, damage.__name__)


def _object_fields(value: Any, path: str = "") -> list[str]:
    """The paths of all fields that hold something, lists taken as one."""
    match value:
        case dict():
            inner = [p for key, item in value.items() for p in _object_fields(item, f"{path}.{key}")]
            return [f"{path}.{key}" for key, item in value.items() if item is not None] + inner
        case list():
            return list(dict.fromkeys(p for item in value for p in _object_fields(item, f"{path}[]")))
        case _:
            return []


def _harm(value: Any, path: str, damage: Callable[[dict[str, Any], str], None], here: str = "") -> None:
    if isinstance(value, list):
        for item in value:
            _harm(item, path, damage, f"{here}[]")
    elif isinstance(value, dict):
        for key in list(value):
            if f"{here}.{key}" == path:
                damage(value, key)
            else:
                _harm(value[key], path, damage, f"{here}.{key}")


def _drop(row: dict[str, Any], key: str) -> None:
    del row[key]


def _rename(row: dict[str, Any], key: str) -> None:
    row[f"{key}s"] = row.pop(key)


def _retype(row: dict[str, Any], key: str) -> None:
    row[key] = {"text": row[key]}
