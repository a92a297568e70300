"""The five numbers of one coin, computed again from its rows in two ways: from cash, and from the average entry."""

from __future__ import annotations

from decimal import Decimal

from core.domain.pnl import Cells, CellSums, Kept, Pnl, Stake, coin_pnl
from core.domain.units import decimal_text, micro_to_usd
from core.engine.certificate import Check, CoinProof


def prove_money(
    proof: CoinProof, kept: Kept | None, cells: Cells, adjustments_micro: int, funding: Decimal
) -> tuple[Pnl, Check]:
    """The five numbers at the price of the last fill, and whether all that makes them up holds.

    ``cells``: what the fills and their orders say. ``adjustments_micro``: what the adjustments that count would have brought in
    as trades at their prices.
    """
    check = Check("five numbers", proof.instrument.coin)
    matched = sum(sums.matched_micro for sums in cells.values())
    _compare_kept(check, kept, Kept(-proof.notional, matched, cells), has_fills=proof.fills > 0)
    start, now = Stake(proof.start.lots, proof.start.cost), Stake(proof.fold.lots, proof.fold.cost)
    price = Decimal(proof.last_price) if proof.last_price else None
    cash = adjustments_micro - proof.notional
    pnl = coin_pnl(start, now, price, cash, matched, proof.fold.fees, funding)
    unrealized = now.value_micro(price) - now.signed_cost
    averaged = proof.realized + unrealized + adjustments_micro + proof.adjusted_cost
    difference = pnl.trading - averaged.scaleb(-6)
    if difference:
        check.fail(
            f"matched and inventory are {decimal_text(pnl.trading)} USDC by the cash of all trades, "
            f"{decimal_text(difference)} more than realized and unrealized by average entry"
        )
    check.text = five_text(pnl) + (
        f", at the last fill's price {proof.instrument.price_text(proof.last_price)}" if price else ""
    )
    return pnl, check


def _compare_kept(check: Check, kept: Kept | None, counted: Kept, *, has_fills: bool) -> None:
    if kept is None:
        if has_fills:
            check.fail("no cash flow is kept, though it is stored with the first fill")
        return
    if kept.cash != counted.cash:
        check.fail(f"the cash flow kept is {_usd(kept.cash)}, that of the fills {_usd(counted.cash)} USDC")
    if kept.matched != counted.matched:
        check.fail(
            f"the matched profit kept is {_usd(kept.matched)}, that of the cells' fills {_usd(counted.matched)} USDC"
        )
    for cell in sorted({*kept.cells, *counted.cells}):
        if kept.cells.get(cell, CellSums()) != counted.cells.get(cell, CellSums()):
            check.fail(f"cell {cell[2]} of grid {cell[1]} has traded something else than is kept of it")


def five_text(pnl: Pnl) -> str:
    """``grid 1.5 + inventory -2 - fees 0.25 + funding 0 = total -0.75 USDC; just holding 0, against it -0.75``."""
    return (
        f"grid {decimal_text(pnl.matched)} + inventory {decimal_text(pnl.inventory)} - fees {decimal_text(pnl.fees)} "
        f"+ funding {decimal_text(pnl.funding)} = total {decimal_text(pnl.total)} USDC; just holding "
        f"{decimal_text(pnl.holding)}, against it {decimal_text(pnl.versus_holding)}"
    )


def _usd(micro: int) -> str:
    return decimal_text(micro_to_usd(micro))
