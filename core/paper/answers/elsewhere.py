"""What Hyperliquid has and this exchange doesn't: spot markets, vaults, staking, outcomes, lending.

Clients ask for it all the same, so it is answered as for an account that never used it.
"""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_account
from core.paper.jsonio import (
    Json,
    JsonObject,
    MalformedRequestError,
    get_address,
    get_int,
    get_optional_int,
    get_str,
)
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

_AUCTION: JsonObject = {
    "startTimeSeconds": 0,
    "durationSeconds": 111_600,
    "startGas": "500.0",
    "currentGas": "500.0",
    "endGas": None,
}
"""Of the right to list something: over, with nobody having bid."""

_RESERVE: JsonObject = {
    "borrowYearlyRate": "0.0",
    "supplyYearlyRate": "0.0",
    "balance": "0.0",
    "utilization": "0.0",
    "oraclePx": "1.0",
    "ltv": "0.0",
    "totalSupplied": "0.0",
    "totalBorrowed": "0.0",
}

_USDC_DETAILS: JsonObject = {
    "name": "USDC",
    "maxSupply": "0.0",
    "totalSupply": "0.0",
    "circulatingSupply": "0.0",
    "szDecimals": 8,
    "weiDecimals": 8,
    "midPx": "1.0",
    "markPx": "1.0",
    "prevDayPx": "1.0",
    "genesis": None,
    "deployer": None,
    "deployGas": None,
    "deployTime": None,
    "seededUsdc": "0.0",
    "nonCirculatingUserBalances": [],
    "futureEmissions": "0.0",
}

_FOR_EVERYONE: dict[str, Json] = {
    "spotMeta": SPOT_META,
    "spotMetaAndAssetCtxs": [SPOT_META, []],
    "outcomeMeta": {"outcomes": [], "questions": [], "deployers": [], "feeScale": "1.0"},
    "outcomeTemplates": [],
    "vaultSummaries": [],
    "validatorSummaries": [],
    "validatorL1Votes": [],
    "gossipRootIps": [],
    "allBorrowLendReserveStates": [],
    "perpDeployAuctionStatus": _AUCTION,
    "spotPairDeployAuctionStatus": _AUCTION,
    "gossipPriorityAuctionStatus": [[], []],
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
    "userToMultiSigSigners": None,
    "isVip": False,
    "legalCheck": {"acceptedTerms": True, "userAllowed": True, "restrictions": "n"},
    "spotDeployState": {"states": [], "gasAuction": _AUCTION},
    "borrowLendUserState": {"tokenToState": [], "health": "healthy", "healthFactor": None},
}

_FOR_A_USER_AND_TIME: dict[str, Json] = {"userBorrowLendInterest": []}


class Elsewhere:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue

    def handlers(self) -> dict[str, Handler]:
        found: dict[str, Handler] = {
            "referral": self._referral,
            "preTransferCheck": self._transfer_check,
            "vaultDetails": _vault_details,
            "settledOutcome": _settled_outcome,
            "tokenDetails": _token_details,
            "borrowLendReserveState": lambda request, _: _of_usdc(request, _RESERVE),
            "alignedQuoteTokenInfo": lambda request, _: _of_usdc(request, None),
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


def _token_details(request: Request, _: int) -> Json:
    if get_str(request, "tokenId") != _USDC["tokenId"]:
        raise MalformedRequestError("no such token")
    return _USDC_DETAILS


def _of_usdc(request: Request, answer: Json) -> Json:
    """Raises ``MalformedRequestError`` for any other token."""
    if get_int(request, "token") != _USDC["index"]:
        raise MalformedRequestError("no such token")
    return answer
