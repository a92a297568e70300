"""The five numbers computed again in two ways; the judge is what the exchange says it paid out on recorded fills."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from core.domain.instrument import Instrument
from core.domain.pnl import CellSums, Kept
from core.engine.certificate import CoinProof
from core.engine.fold import Fold
from core.engine.money_proof import prove_money
from tests.unit.engine.mainnet import Chain, chains


def proven(chain: Chain, start: Fold) -> CoinProof:
    proof = CoinProof(Instrument(chain[0].coin, 0, 0, 1), start, 0, None)
    for each in chain:
        proof.take([each], each.time_ms)
    proof.finish()
    return proof


def test_on_recorded_fills_trading_is_what_the_exchange_paid_out_and_what_is_still_open() -> None:
    """``closedPnl`` of each fill of the mainnet, and the rest at its entry; each is cut to a micro-USDC and a whole tick."""
    closing = 0
    for chain in chains():
        first = chain[0]
        start = Fold(first.start_lots, abs(first.start_lots) * first.price)
        if start.lots:
            continue  # the entry of what was held before isn't told, so its profits aren't comparable
        proof = proven(chain, start)
        pnl, check = prove_money(proof, None, {}, 0, Decimal(0))
        assert [row for row in check.rows if "no cash flow is kept" not in row] == []
        paid_out = sum((fill.closed_pnl for fill in chain), Decimal(0))
        unrealized = proof.fold.unrealized_micro(Decimal(proof.last_price)).scaleb(-6)
        compared = proof.compared
        bound = Decimal(compared.bound + abs(compared.cut)).scaleb(-6)
        assert abs(pnl.trading - paid_out - unrealized) <= bound
        assert pnl.fees == sum((fill.fee for fill in chain if fill.fee_token == "USDC"), Decimal(0))
        closing += compared.closing
    assert closing > 10


def test_what_is_kept_must_be_what_the_fills_say() -> None:
    chain = next(each for each in chains() if not each[0].start_lots)
    proof = proven(chain, Fold())
    right = Kept(-proof.notional, 0, {})
    assert prove_money(proof, right, {}, 0, Decimal(0))[1].ok
    for wrong in (
        replace(right, cash=right.cash + 1),
        replace(right, matched=1),
        replace(right, cells={("X", 1, 0): CellSums(1, 1)}),
        None,
    ):
        assert not prove_money(proof, wrong, {}, 0, Decimal(0))[1].ok


@pytest.mark.parametrize("off", [1, -1])
def test_cash_that_does_not_fit_the_entry_is_named(off: int) -> None:
    chain = next(each for each in chains() if not each[0].start_lots)
    proof = proven(chain, Fold())
    proof.fold = replace(proof.fold, cost=proof.fold.cost + off, lots=proof.fold.lots or 1)
    _, check = prove_money(proof, Kept(-proof.notional), {}, 0, Decimal(0))
    assert "more than realized and unrealized by average entry" in " ".join(check.rows)
