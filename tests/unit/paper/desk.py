"""Signed requests to a small market, without a wire and with a clock that stands still until moved."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

from eth_account.signers.local import LocalAccount
from hyperliquid.utils import signing

from core.paper.config import PaperConfig
from core.paper.market.step import MarketStep
from core.paper.requests.envelope import decode_envelope
from core.paper.requests.exchange_api import ExchangeApi
from core.paper.venue import accounts
from core.paper.venue.audit import audit
from core.paper.venue.venue import Venue
from tests.unit.paper.still import StandingMarket
from tests.unit.paper.world import FUNDS_MICRO, NOW_MS, UNIVERSE, World, quote

NOBODY = "0x" + "0" * 40
OK = {"status": "ok", "response": {"type": "default"}}
_SIGN = {
    "approveAgent": signing.sign_agent,
    "approveBuilderFee": signing.sign_approve_builder_fee,
    "usdSend": signing.sign_usd_transfer_action,
    "withdraw3": signing.sign_withdraw_from_bridge_action,
    "spotSend": signing.sign_spot_transfer_action,
    "usdClassTransfer": signing.sign_usd_class_transfer_action,
    "sendAsset": signing.sign_send_asset_action,
    "userSetAbstraction": signing.sign_user_set_abstraction_action,
    "userDexAbstraction": signing.sign_user_dex_abstraction_action,
}
NOOP: dict[str, Any] = {"type": "noop"}


def address(wallet: LocalAccount) -> str:
    return str(wallet.address).lower()


def refused(text: str) -> dict[str, str]:
    return {"status": "err", "response": text}


def orders(*wires: dict[str, Any]) -> dict[str, Any]:
    return {"type": "order", "orders": list(wires), "grouping": "na"}


class QuotedMarket(StandingMarket):
    """1 BTC bid at 100000 and 1 BTC asked at 100010."""

    universe = UNIVERSE
    hidden_depth = True

    def scene(self) -> tuple[MarketStep, ...]:
        return (MarketStep("BTC", (), None, quote(100_000, "1", 100_010, "1")),)


@dataclass
class Desk:
    """The World's market behind POST /exchange."""

    config: PaperConfig = field(default_factory=PaperConfig)
    now_ms: int = NOW_MS
    world: World = field(init=False)
    api: ExchangeApi = field(init=False)

    def __post_init__(self) -> None:
        opens = self.config.open_accounts
        self.world = World(Venue(UNIVERSE, FUNDS_MICRO, NOW_MS, opens_accounts=opens))
        self.api = ExchangeApi(self.world.venue, self.config)
        self._nonces = itertools.count(NOW_MS)

    @property
    def venue(self) -> Venue:
        return self.world.venue

    def account(self, wallet: LocalAccount) -> accounts.Account:
        return self.venue.see(address(wallet))

    def body(self, wallet: LocalAccount, action: dict[str, Any], **changes: Any) -> dict[str, Any]:
        """A signed request, as the SDK makes it. ``nonce``, ``vaultAddress`` and ``expiresAfter`` are signed, too."""
        nonce = changes.pop("nonce", None) or next(self._nonces)
        vault, expires = changes.get("vaultAddress"), changes.get("expiresAfter")
        if action["type"] in _SIGN:
            action = dict(action)
            action.setdefault(
                "time" if action["type"] in ("usdSend", "withdraw3", "spotSend") else "nonce", nonce
            )
            signature = _SIGN[action["type"]](wallet, action, False)
        else:
            signature = signing.sign_l1_action(wallet, action, vault, nonce, expires, False)
        return {"action": action, "nonce": nonce, "signature": signature, **changes}

    def act(self, wallet: LocalAccount, action: dict[str, Any], **changes: Any) -> Any:
        return self.send(self.body(wallet, action, **changes))

    def send(self, body: dict[str, Any]) -> Any:
        answer = self.api.execute(decode_envelope(body), self.now_ms)
        self.world.venue.take_batch()
        assert audit(self.venue).is_balanced
        return answer

    def place(self, wallet: LocalAccount, *wires: dict[str, Any], **changes: Any) -> list[Any]:
        answer = self.act(wallet, orders(*wires), **changes)
        assert answer["status"] == "ok", answer
        statuses: list[Any] = answer["response"]["data"]["statuses"]
        return statuses

    def approval(self, agent: LocalAccount | None, name: str = "") -> dict[str, Any]:
        """Of no agent: the removal of the one of that name."""
        named = NOBODY if agent is None else agent.address
        return {"type": "approveAgent", "agentAddress": named, "agentName": name}

    def approve(self, wallet: LocalAccount, agent: LocalAccount | None, name: str = "") -> Any:
        return self.act(wallet, self.approval(agent, name))
