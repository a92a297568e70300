"""The actions of accounts: agents, sub-accounts, transfers, settings."""

from __future__ import annotations

from typing import assert_never

from core.paper.config import RequestSettings
from core.paper.jsonio import Json, JsonObject
from core.paper.requests.account_actions import (
    AccountAction,
    ApproveAgentAction,
    ApproveBuilderAction,
    ClassTransferAction,
    CreateSubAccountAction,
    IsolatedMarginAction,
    ReserveWeightAction,
    SendAssetAction,
    SetAbstractionAction,
    SetReferrerAction,
    SubAccountTransferAction,
    TopUpIsolatedAction,
    TwapCancelAction,
    TwapOrderAction,
    UsdSendAction,
    VaultTransferAction,
    WithdrawAction,
)
from core.paper.requests.signers import Authority
from core.paper.requests.trading import OK_DEFAULT
from core.paper.venue.refusals import RefusedError
from core.paper.venue.sub_accounts import check_owner
from core.paper.venue.venue import Venue

_TWAP_MINUTES = range(5, 1441)
_MAX_BUILDER_RATE = 100
"""In tenths of a basis point: 0.1 % on perps."""


class AccountApi:
    """Every method raises ``RefusedError``; nothing has changed then."""

    def __init__(self, venue: Venue, settings: RequestSettings) -> None:
        self._venue = venue
        self._settings = settings

    def act(self, authority: Authority, action: AccountAction, now_ms: int) -> Json:
        account = authority.account
        match action:
            case ApproveAgentAction():
                self._venue.agents.approve(account, action.agent, action.name, now_ms)
            case ApproveBuilderAction():
                if action.rate > _MAX_BUILDER_RATE:
                    raise RefusedError("Builder fee rate cannot exceed 0.1%")
                account.builder_fees[action.builder] = action.rate
            case CreateSubAccountAction():
                needed = self._settings.sub_account_volume_usd
                created = self._venue.create_sub_account(account, action.name, needed)
                return _data("createSubAccount", created.user)
            case SetReferrerAction():
                raise RefusedError("Referral code not registered")
            case VaultTransferAction():
                raise RefusedError(f"Vault not registered: {action.vault}")
            case TwapOrderAction():
                return _data("twapOrder", {"status": {"error": _twap_error(action)}})
            case TwapCancelAction():
                return _data("twapCancel", {"status": {"error": _NO_TWAP}})
            case SubAccountTransferAction():
                sender, receiver = account.user, action.sub_account
                if not action.is_deposit:
                    sender, receiver = receiver, sender
                raise RefusedError(f"Invalid sub-account transfer from {sender} to {receiver}")
            case IsolatedMarginAction() | TopUpIsolatedAction():
                raise RefusedError("Position does not use isolated margin.")
            case UsdSendAction() | WithdrawAction() | ClassTransferAction():
                raise RefusedError("Insufficient balance for withdrawal.")
            case ReserveWeightAction():
                if authority.is_agent:
                    raise RefusedError(f"Must deposit before performing actions. User: {authority.signer}")
                raise RefusedError("Insufficient balance for withdrawal.")
            case SendAssetAction():
                raise RefusedError("Insufficient balance for token transfer")
            case SetAbstractionAction():
                self._set_abstraction(authority, action)
            case _:
                assert_never(action)
        self._venue.ledger.touch(account)
        return OK_DEFAULT

    def _set_abstraction(self, authority: Authority, action: SetAbstractionAction) -> None:
        account = authority.account
        if action.user and action.user != account.user:
            found = self._venue.ledger.accounts.get(action.user)
            account = check_owner(authority.master, found, action.user)
        account.abstraction = action.abstraction
        self._venue.ledger.touch(account)


_NO_TWAP = "TWAP was never placed, already canceled, or filled."


def _twap_error(action: TwapOrderAction) -> str:
    """Hyperliquid takes 5 minutes to a day; here there are none."""
    if action.minutes not in _TWAP_MINUTES:
        return f"Invalid TWAP duration: {action.minutes} min(s)"
    return "TWAP orders are not available on this paper exchange."


def _data(kind: str, data: Json) -> JsonObject:
    return {"status": "ok", "response": {"type": kind, "data": data}}
