"""POST /exchange: from a signed envelope to an answer.

The order of checks is Hyperliquid's: shape (HTTP 422), the action's own nonce, signer, expiry, nonce, budget, then the whole
batch, then order by order. A refused nonce stays unused; any later refusal uses it up.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.paper.config import PaperConfig
from core.paper.jsonio import Json, MalformedRequestError
from core.paper.requests.account_actions import IsolatedMarginAction, TopUpIsolatedAction, TwapOrderAction
from core.paper.requests.account_api import AccountApi
from core.paper.requests.actions import (
    Action,
    CancelAction,
    LeverageAction,
    ModifyAction,
    NoopAction,
    PlaceAction,
    ScheduleCancelAction,
)
from core.paper.requests.envelope import Envelope
from core.paper.requests.signers import Authority, Signers
from core.paper.requests.trading import OK_DEFAULT, Trading, refusal
from core.paper.venue.budget import charge
from core.paper.venue.refusals import RefusedError
from core.paper.venue.venue import Venue

_MAX_ITEMS = 200
_EXPIRED_COST = 5


class ExchangeApi:
    def __init__(self, venue: Venue, config: PaperConfig) -> None:
        self._venue = venue
        self._has_limits = config.limits
        self._throttles_batches = config.requests.throttles_batches
        self._trading = Trading(venue)
        self._accounts = AccountApi(venue, config.requests)
        self.signers = Signers(venue)

    def check_assets(self, action: Action) -> None:
        """Raises ``MalformedRequestError``: an order, a leverage or a margin is for an asset that isn't listed.

        What Hyperliquid answers isn't known; a cancel of such an order finds none, like any other.
        """
        assets: Iterable[int] = ()
        match action:
            case PlaceAction():
                assets = (order.asset for order in action.orders)
            case ModifyAction():
                assets = (order.asset for _, order in action.modifies)
            case LeverageAction() | IsolatedMarginAction() | TopUpIsolatedAction():
                assets = (action.asset,)
            case TwapOrderAction():
                assets = (action.twap.asset,)
        for asset in assets:
            if self._venue.universe.by_asset(asset) is None:
                raise MalformedRequestError(f"no asset {asset}")

    def execute(self, envelope: Envelope, now_ms: int) -> Json:
        """Every refusal is an answer."""
        try:
            if envelope.has_nonce_mismatch:
                raise RefusedError("Nonce mismatch.")
            authority = self.signers.authorize(envelope, now_ms)
            self._admit(authority, envelope, now_ms)
            return self._act(authority, envelope, now_ms)
        except RefusedError as refused:
            return refusal(str(refused))

    def _admit(self, authority: Authority, envelope: Envelope, now_ms: int) -> None:
        account, action = authority.account, envelope.action
        weight = item_count(action)
        if envelope.expires_ms is not None and envelope.expires_ms < now_ms:
            account.requests += _EXPIRED_COST * weight
            self._venue.ledger.touch(account)
            raise RefusedError("Action already expired")
        self._venue.use_nonce(authority.signer, envelope.nonce, now_ms)
        if self._has_limits:
            charge(
                account,
                weight,
                now_ms,
                is_cancel=isinstance(action, CancelAction),
                throttles_batches=self._throttles_batches,
            )
        else:
            account.requests += weight
        self._venue.ledger.touch(account)
        if weight > _MAX_ITEMS:
            raise RefusedError(f"Signed action over weight limit of {_MAX_ITEMS}.")

    def _act(self, authority: Authority, envelope: Envelope, now_ms: int) -> Json:
        match action := envelope.action:
            case PlaceAction() | CancelAction() | ModifyAction() | LeverageAction() | ScheduleCancelAction():
                return self._trading.act(authority.account, action, now_ms)
            case NoopAction():
                return OK_DEFAULT
            case _:
                return self._accounts.act(authority, action, envelope.nonce, now_ms)


def item_count(action: Action) -> int:
    """How many items the address limit counts, at least 1."""
    match action:
        case PlaceAction():
            return max(1, len(action.orders))
        case CancelAction():
            return max(1, len(action.cancels))
        case ModifyAction():
            return max(1, len(action.modifies))
        case _:
            return 1
