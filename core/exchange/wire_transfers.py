"""Rows of ``userNonFundingLedgerUpdates``: what each moved, and where.

A kind that isn't known, or a row of a known one that can't be read, is kept and told of, and holds up no other row.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from core.domain.transfers import SPOT, Transfer
from core.domain.units import parse_decimal
from core.exchange.wire import Json, WireError, decode, raw_text, text_of, time_of

Moves = tuple[tuple[str, Decimal], ...]

FIRST_DEX = ""
MICRO = Decimal("0.000001")

MOVES_NO_PERP_MONEY = frozenset(
    {"spotTransfer", "spotGenesis", "rewardsClaim", "cStakingTransfer", "liquidation"}
)
"""Kinds that leave the money of every dex as it is: what a liquidation costs its fills tell."""


def decode_transfer(row: Json, account: str) -> Transfer:
    """One row. Raises ``WireError`` only if it has no time, hash or kind."""

    def parse() -> Transfer:
        delta = row["delta"]
        kind = text_of(delta, "type")
        try:
            moves = _moves(kind, delta, account)
        except (KeyError, TypeError, ValueError):
            moves = None
        return Transfer(
            account=account,
            time_ms=time_of(row),
            hash=text_of(row, "hash"),
            kind=kind,
            moves=moves or (),
            raw=raw_text(row),
            understood=moves is not None,
        )

    return decode("userNonFundingLedgerUpdates", parse)


def _moves(kind: str, delta: Mapping[str, Json], account: str) -> Moves | None:
    """``None`` for a kind that isn't known."""
    match kind:
        case "deposit" | "vaultDistribution":
            return ((FIRST_DEX, _usd(delta, "usdc")),)
        case "withdraw":
            return ((FIRST_DEX, -_usd(delta, "usdc") - _usd(delta, "fee")),)
        case "accountClassTransfer":
            usd = _usd(delta, "usdc") if delta["toPerp"] is True else -_usd(delta, "usdc")
            return ((FIRST_DEX, usd), (SPOT, -usd))
        case "internalTransfer" | "subAccountTransfer":
            fee = _usd(delta, "fee") if "fee" in delta else Decimal(0)
            return _between(delta, account, _usd(delta, "usdc"), fee, FIRST_DEX, FIRST_DEX)
        case "send":
            if delta["token"] != "USDC":
                return ()
            fee = _usd(delta, "fee") if delta["feeToken"] in ("", "USDC") else Decimal(0)
            places = text_of(delta, "sourceDex"), text_of(delta, "destinationDex")
            return _between(delta, account, _usd(delta, "amount"), fee, *places)
        case "vaultDeposit" | "vaultCreate":
            return ((FIRST_DEX, -_usd(delta, "usdc")),)
        case "vaultWithdraw":
            return ((FIRST_DEX, _usd(delta, "netWithdrawnUsd")),)
        case _:
            return () if kind in MOVES_NO_PERP_MONEY else None


def _between(
    delta: Mapping[str, Json], account: str, usd: Decimal, fee: Decimal, source: str, target: str
) -> Moves:
    sent = text_of(delta, "user").lower() == account.lower()
    got = text_of(delta, "destination").lower() == account.lower()
    if not sent and not got:
        raise WireError("it is between two other accounts")
    return (*([(source, -usd - fee)] if sent else []), *([(target, usd)] if got else []))


def _usd(delta: Mapping[str, Json], name: str) -> Decimal:
    """To the micro-USDC: the exchange writes some amounts with float noise (``2703997.4500000002``)."""
    return parse_decimal(delta[name]).quantize(MICRO)
