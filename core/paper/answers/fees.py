"""``userFees``: the schedule, the account's rates and its daily volume."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.paper.answers.arguments import Handler, Request, get_account
from core.paper.answers.tape import Tape
from core.paper.jsonio import Json, JsonObject
from core.paper.venue.accounts import Account
from core.paper.venue.fees import DAY_MS, KEPT_DAYS, RATE_DECIMALS, DayVolume, day_of, tier_for
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire, units_wire

_DAYS = KEPT_DAYS

_VIP_TIERS: list[Json] = [
    {"ntlCutoff": cutoff, "cross": cross, "add": add, "spotCross": spot_cross, "spotAdd": spot_add}
    for cutoff, cross, add, spot_cross, spot_add in (
        ("5000000.0", "0.0004", "0.00012", "0.0006", "0.0003"),
        ("25000000.0", "0.00035", "0.00008", "0.0005", "0.0002"),
        ("100000000.0", "0.0003", "0.00004", "0.0004", "0.0001"),
        ("500000000.0", "0.00028", "0.0", "0.00035", "0.0"),
        ("2000000000.0", "0.00026", "0.0", "0.0003", "0.0"),
        ("7000000000.0", "0.00024", "0.0", "0.00025", "0.0"),
    )
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
    "cross": "0.00045",
    "add": "0.00015",
    "spotCross": "0.0007",
    "spotAdd": "0.0004",
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
        account = get_account(request, self._venue)
        tier = tier_for(self._venue.ledger.volumes_of(account).days, day_of(now_ms))
        return {
            "dailyUserVlm": self._daily_volume(account, now_ms),
            "feeSchedule": _SCHEDULE,
            "userCrossRate": units_wire(tier.taker, RATE_DECIMALS),
            "userAddRate": units_wire(tier.maker, RATE_DECIMALS),
            "userSpotCrossRate": "0.0007",
            "userSpotAddRate": "0.0004",
            "activeReferralDiscount": "0.0",
            "trial": None,
            "feeTrialEscrow": "0.0",
            "nextTrialAvailableTimestamp": None,
            "stakingLink": None,
            "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
        }

    def _daily_volume(self, account: Account, now_ms: int) -> list[Json]:
        """Oldest day first; ``exchange`` is what all parties traded that day as far as the tape reaches."""
        today = datetime.fromtimestamp(now_ms / 1000, UTC).date()
        first = today - timedelta(days=_DAYS - 1)
        first_day = day_of(now_ms) - _DAYS + 1
        first_ms = first_day * DAY_MS
        days = self._venue.ledger.volumes_of(account).days
        volumes = [days.get(first_day + number, DayVolume()) for number in range(_DAYS)]
        traded = self._tape.micro_by_day(first_ms, now_ms, _DAYS)
        return [
            {
                "date": (first + timedelta(days=day)).isoformat(),
                "userCross": micro_wire(volumes[day].taken),
                "userAdd": micro_wire(volumes[day].made),
                "exchange": micro_wire(traded[day]),
            }
            for day in range(_DAYS)
        ]
