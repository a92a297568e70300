"""``userFees``: the schedule, the account's rates and its daily volume."""

from __future__ import annotations

from datetime import date, timedelta

from core.domain.clock import DAY_MS
from core.paper.answers.arguments import Handler, Request, get_account
from core.paper.answers.tape import Tape
from core.paper.jsonio import Json, JsonObject
from core.paper.venue.fees import KEPT_DAYS, RATE_DECIMALS, TIERS, DayVolume, day_of, tier_for
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire, units_wire

_EPOCH = date(1970, 1, 1)
_SPOT_RATES = (
    ("0.0007", "0.0004"),
    ("0.0006", "0.0003"),
    ("0.0005", "0.0002"),
    ("0.0004", "0.0001"),
    ("0.00035", "0.0"),
    ("0.0003", "0.0"),
    ("0.00025", "0.0"),
)
"""Taker and maker, by tier. Nothing here pays them."""


def _rate(rate: int) -> str:
    return units_wire(rate, RATE_DECIMALS)


_VIP_TIERS: list[Json] = [
    {
        "ntlCutoff": micro_wire(tier.above_micro),
        "cross": _rate(tier.taker),
        "add": _rate(tier.maker),
        "spotCross": spot_taker,
        "spotAdd": spot_maker,
    }
    for tier, (spot_taker, spot_maker) in zip(TIERS[1:], _SPOT_RATES[1:], strict=True)
]
_MAKER_TIERS: list[Json] = [
    {"makerFractionCutoff": cutoff, "add": add}
    for cutoff, add in (("0.005", "-0.00001"), ("0.015", "-0.00002"), ("0.03", "-0.00003"))
]
_STAKING_TIERS: list[Json] = [
    {"bpsOfMaxSupply": stake, "discount": discount}
    for stake, discount in (
        ("0.0", "0.0"),
        ("0.0001", "0.05"),
        ("0.001", "0.1"),
        ("0.01", "0.15"),
        ("0.1", "0.2"),
        ("1.0", "0.3"),
        ("5.0", "0.4"),
    )
]
_SCHEDULE: JsonObject = {
    "cross": _rate(TIERS[0].taker),
    "add": _rate(TIERS[0].maker),
    "spotCross": _SPOT_RATES[0][0],
    "spotAdd": _SPOT_RATES[0][1],
    "tiers": {"vip": _VIP_TIERS, "mm": _MAKER_TIERS},
    "referralDiscount": "0.04",
    "stakingDiscountTiers": _STAKING_TIERS,
}


class Fees:
    def __init__(self, venue: Venue, tape: Tape) -> None:
        self._venue = venue
        self._tape = tape

    def handlers(self) -> dict[str, Handler]:
        return {"userFees": self._user_fees}

    def _user_fees(self, request: Request, now_ms: int) -> Json:
        """Of the first dex; a builder's dex scales the rates."""
        days = self._venue.ledger.volumes_of(get_account(request, self._venue)).days
        tier = tier_for(days, day_of(now_ms))
        spot_taker, spot_maker = _SPOT_RATES[TIERS.index(tier)]
        return {
            "dailyUserVlm": self._daily_volume(days, now_ms),
            "feeSchedule": _SCHEDULE,
            "userCrossRate": _rate(tier.taker),
            "userAddRate": _rate(tier.maker),
            "userSpotCrossRate": spot_taker,
            "userSpotAddRate": spot_maker,
            "activeReferralDiscount": "0.0",
            "trial": None,
            "feeTrialEscrow": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
        }

    def _daily_volume(self, days: dict[int, DayVolume], now_ms: int) -> list[Json]:
        """Oldest day first; ``exchange`` is what all parties traded that day as far as the tape reaches."""
        today = day_of(now_ms)
        first = today - KEPT_DAYS + 1
        traded = self._tape.micro_by_day(first * DAY_MS, now_ms, KEPT_DAYS)
        rows: list[Json] = []
        for day in range(first, today + 1):
            volume = days.get(day, DayVolume())
            rows.append(
                {
                    "date": (_EPOCH + timedelta(days=day)).isoformat(),
                    "userCross": micro_wire(volume.taken),
                    "userAdd": micro_wire(volume.made),
                    "exchange": micro_wire(traded[day - first]),
                }
            )
        return rows
