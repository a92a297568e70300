"""What Hyperliquid has and this exchange doesn't: spot markets, vaults, staking, outcomes, lending, TWAPs.

Clients ask for it all the same, so it is answered as for an account that never used it.
"""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_account
from core.paper.jsonio import Json, JsonObject, get_address, get_int, get_optional_int
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire

_USDC: JsonObject = {
    "name": "USDC",
    "szDecimals": 8,
    "weiDecimals": 8,
    "index": 0,
    "tokenId": "0x6d1e7cde53ba9467b783cb7c530ce054",
    "isCanonical": True,
    "evmContract": None,
    "fullName": None,
    "deployerTradingFeeShare": "0.0",
}

SPOT_META: JsonObject = {"universe": [], "tokens": [_USDC]}
"""The collateral is the one token."""

_REFERRAL_VOLUME_MICRO = 10_000_000_000
"""What an account has to trade before it may make a referral code: 10,000 USDC."""

_FOR_EVERYONE: dict[str, Json] = {
    "spotMeta": SPOT_META,
    "spotMetaAndAssetCtxs": [SPOT_META, []],
    "outcomeMeta": {"outcomes": [], "questions": []},
    "outcomeTemplates": [],
    "vaultSummaries": [],
    "validatorSummaries": [],
    "validatorL1Votes": [],
    "gossipRootIps": [],
    "allBorrowLendReserveStates": [],
}

_FOR_A_USER: dict[str, Json] = {
    "userVaultEquities": [],
    "leadingVaults": [],
    "delegations": [],
    "delegatorHistory": [],
    "delegatorRewards": [],
    "delegatorSummary": {
        "delegated": "0.0",
        "undelegated": "0.0",
        "totalPendingWithdrawal": "0.0",
        "nPendingWithdrawals": 0,
    },
    "userTwapSliceFills": [],
    "twapHistory": [],
    "userToMultiSigSigners": None,
    "isVip": False,
    "legalCheck": {"acceptedTerms": True, "userAllowed": True, "restrictions": "n"},
    "borrowLendUserState": {"tokenToState": [], "health": "healthy", "healthFactor": None},
}

_FOR_A_USER_AND_TIME: dict[str, Json] = {"userTwapSliceFillsByTime": [], "userBorrowLendInterest": []}


class Elsewhere:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def handlers(self) -> dict[str, Handler]:
        found: dict[str, Handler] = {
            "referral": self._referral,
            "preTransferCheck": self._transfer_check,
            "vaultDetails": _vault_details,
            "settledOutcome": _settled_outcome,
        }
        for name, answer in _FOR_EVERYONE.items():
            found[name] = _constant(answer)
        for name, answer in _FOR_A_USER.items():
            found[name] = _constant(answer, of_user=True)
        for name, answer in _FOR_A_USER_AND_TIME.items():
            found[name] = _constant(answer, of_user=True, with_times=True)
        return found

    def _referral(self, request: Request, _: int) -> Json:
        volume = get_account(request, self._venue).volume
        missing = _REFERRAL_VOLUME_MICRO - volume
        return {
            "referredBy": None,
            "cumVlm": micro_wire(volume),
            "unclaimedRewards": "0.0",
            "claimedRewards": "0.0",
            "builderRewards": "0.0",
            "referrerState": {"stage": "needToTrade", "data": {"required": micro_wire(missing)}}
            if missing > 0
            else {"stage": "needToCreateCode"},
            "rewardHistory": [],
            "tokenToState": [],
        }

    def _transfer_check(self, request: Request, _: int) -> Json:
        get_address(request, "source")
        is_known = self._venue.knows(get_address(request, "user"))
        return {"fee": "0.0", "isSanctioned": False, "userExists": is_known, "userHasSentTx": is_known}


def _constant(answer: Json, *, of_user: bool = False, with_times: bool = False) -> Handler:
    def handle(request: Request, _: int) -> Json:
        if of_user:
            get_address(request, "user")
        if with_times:
            get_int(request, "startTime")
            get_optional_int(request, "endTime")
        return answer

    return handle


def _vault_details(request: Request, _: int) -> Json:
    get_address(request, "vaultAddress")
    return None


def _settled_outcome(request: Request, _: int) -> Json:
    get_int(request, "outcome")
    return None
