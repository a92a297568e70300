"""Do the books balance?"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from core.domain.units import decimal_text, micro_to_usd, units_text
from core.paper.jsonio import JsonObject
from core.paper.venue.venue import Venue


@dataclass(frozen=True, slots=True)
class Audit:
    """Sums over all accounts, the market's and the backstop's too, fees and rounding. Every residual of sound books is 0."""

    positions: dict[str, int]
    """Lots by coin."""
    money: int
    """Cash, spot, fees and rounding less deposits, in micro-USDC."""
    open_interest: dict[str, int]
    """Lots by coin."""

    @property
    def is_balanced(self) -> bool:
        return not self.money and not any(self.positions.values())


def audit(venue: Venue) -> Audit:
    """Pure; linear in the number of accounts."""
    ledger = venue.ledger
    accounts = ledger.parties()
    return Audit(
        positions={coin: sum(account.lots(coin) for account in accounts) for coin in venue.instruments},
        money=sum(account.money - account.deposits for account in accounts)
        + ledger.counters.fees
        + ledger.counters.rounding,
        open_interest={coin: ledger.open_interest(coin) for coin in venue.instruments},
    )


def audit_row(venue: Venue) -> JsonObject:
    """As ``GET /paper/audit`` answers: canonical decimal strings, ``"0"`` where all is well."""
    found = audit(venue)
    coins = venue.instruments
    residual = sum(
        (abs(coins[coin].size_decimal(lots)) for coin, lots in found.positions.items()), start=Decimal(0)
    )
    return {
        "position_residual": decimal_text(residual),
        "money_residual": decimal_text(micro_to_usd(found.money)),
        "by_coin": {
            coin: {
                "residual": units_text(lots, coins[coin].sz_decimals),
                "open_interest": units_text(found.open_interest[coin], coins[coin].sz_decimals),
            }
            for coin, lots in found.positions.items()
        },
    }
