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
from core.paper.venue.accounts import Account
from core.paper.venue.modes import set_mode
from core.paper.venue.refusals import RefusedError
from core.paper.venue.sub_accounts import check_owner
from core.paper.venue.transfers import SPOT
from core.paper.venue.venue import Venue

_USDC = ("USDC", "USDC:0x6d1e7cde53ba9467b783cb7c530ce054")
_MAX_BUILDER_RATE = 100
"""In tenths of a basis point: 0.1 % on perps. Hyperliquid's words for more aren't known."""


class AccountApi:
    """Every method raises ``RefusedError``; nothing has changed then."""

    def __init__(self, venue: Venue, settings: RequestSettings) -> None:
        self._venue = venue
        self._settings = settings

    def act(self, authority: Authority, action: AccountAction, nonce: int, now_ms: int) -> Json:
        account, transfers = authority.account, self._venue.transfers
        self._venue.ledger.begin_block(now_ms)
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
                return _data("twapOrder", {"status": self._place_twap(account, action)})
            case TwapCancelAction():
                return _data("twapCancel", {"status": self._cancel_twap(account, action)})
            case IsolatedMarginAction():
                self._venue.update_isolated_margin(account.user, action.asset, action.micro)
            case TopUpIsolatedAction():
                self._venue.top_up_isolated_margin(account.user, action.asset, action.leverage)
            case SubAccountTransferAction():
                sub_account = self._sub_account(authority, action.sub_account)
                parties = (account, sub_account) if action.is_deposit else (sub_account, account)
                transfers.to_sub_account(*parties, action.micro)
            case ClassTransferAction():
                holder = self._holder(authority, action.sub_account)
                transfers.between_classes(holder, action.micro, to_perp=action.to_perp)
            case UsdSendAction():
                transfers.to_user(account, action.destination, action.micro)
            case WithdrawAction():
                transfers.withdraw(account, action.micro, nonce)
            case SendAssetAction():
                self._send_asset(authority, action, nonce)
            case ReserveWeightAction():
                if authority.is_agent:
                    raise RefusedError(f"Must deposit before performing actions. User: {authority.signer}")
                transfers.reserve_requests(account, action.weight)
            case SetAbstractionAction():
                self._set_abstraction(authority, action)
            case _:
                assert_never(action)
        self._venue.ledger.touch(account)
        return OK_DEFAULT

    def _place_twap(self, account: Account, action: TwapOrderAction) -> Json:
        try:
            return {"running": {"twapId": self._venue.twaps.place(account, action.twap)}}
        except RefusedError as refused:
            return {"error": str(refused)}

    def _cancel_twap(self, account: Account, action: TwapCancelAction) -> Json:
        try:
            self._venue.twaps.cancel(account, action.asset, action.twap_id)
        except RefusedError as refused:
            return {"error": str(refused)}
        return "success"

    def _send_asset(self, authority: Authority, action: SendAssetAction, nonce: int) -> None:
        if action.token not in _USDC:
            raise RefusedError(f"Unknown token {action.token}")
        if not {action.source_dex, action.destination_dex} <= {*self._venue.universe.dexs, SPOT}:
            raise RefusedError("Invalid perp DEX")
        master = authority.master
        if action.by_agent and action.destination not in (master.user, *master.sub_accounts):
            raise RefusedError("Agent can only send asset to same user or their sub-accounts.")
        self._venue.transfers.asset(
            self._holder(authority, action.sub_account),
            action.source_dex,
            action.destination,
            action.destination_dex,
            action.micro,
            nonce,
        )

    def _set_abstraction(self, authority: Authority, action: SetAbstractionAction) -> None:
        is_own = action.user in ("", authority.account.user)
        account = self._holder(authority, None if is_own else action.user)
        set_mode(self._venue.ledger, account, action.abstraction)

    def _holder(self, authority: Authority, sub_account: str | None) -> Account:
        return authority.account if sub_account is None else self._sub_account(authority, sub_account)

    def _sub_account(self, authority: Authority, address: str) -> Account:
        return check_owner(authority.master, self._venue.ledger.accounts.get(address), address)


def _data(kind: str, data: Json) -> JsonObject:
    return {"status": "ok", "response": {"type": kind, "data": data}}
