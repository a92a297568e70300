"""Accounts that approve agents on a paper exchange, over the wire, with keys that are thrown away."""

from __future__ import annotations

import itertools
import secrets
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import aiohttp
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.utils import signing

from core.exchange.signing import Signer
from core.runtime.keys import Identity
from core.runtime.plan import RunPlan
from tests.unit.runtime.stage import plan

DAY_MS = 86_400_000
_nonces = itertools.count(time.time_ns() // 10**6)


def now_ms() -> int:
    return time.time_ns() // 10**6


@dataclass
class Wallet:
    """An account, or an agent of one."""

    key: str = field(default_factory=lambda: "0x" + secrets.token_hex(32), repr=False)

    @property
    def address(self) -> str:
        return self.local.address.lower()

    @property
    def local(self) -> LocalAccount:
        return cast(LocalAccount, Account.from_key(self.key))

    @property
    def signer(self) -> Signer:
        return Signer(self.key, False)

    async def act(self, http: aiohttp.ClientSession, url: str, action: dict[str, Any]) -> dict[str, Any]:
        """One action of the account's own, signed as the SDK does."""
        nonce = next(_nonces)
        if action["type"] == "approveAgent":
            action = {**action, "nonce": nonce}
            signature = signing.sign_agent(self.local, action, False)
        else:
            signature = signing.sign_l1_action(self.local, action, None, nonce, None, False)
        body = {"action": action, "nonce": nonce, "signature": signature}
        async with http.post(f"{url}/exchange", json=body) as answer:
            told: dict[str, Any] = await answer.json()
        return told

    async def approve(
        self,
        http: aiohttp.ClientSession,
        url: str,
        agent: Wallet | None,
        name: str = "grid",
        left_ms: int = 0,
    ) -> dict[str, Any]:
        """``left_ms``: how long it is to last, 0 for the exchange's own 90 days; no agent: remove the one of that name."""
        until = f" valid_until {now_ms() + left_ms}" if left_ms else ""
        address = "0x" + "0" * 40 if agent is None else agent.address
        action = {"type": "approveAgent", "agentAddress": address, "agentName": f"{name}{until}"}
        return await self.act(http, url, action)


def plan_of_agent(directory: Path, url: str, account: Wallet, agent: Wallet, *coins: str) -> RunPlan:
    """A run whose actions an agent signs for an account."""
    return replace(plan(directory, url, *coins), identity=Identity(account.address, agent.signer))
