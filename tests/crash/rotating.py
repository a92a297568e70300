"""A bot whose actions an agent signs for its account, and agents that are approved, revoked and put in each other's place."""

from __future__ import annotations

import itertools
import secrets
import time
from typing import Any

from eth_account import Account
from hyperliquid.utils import signing

from core.exchange.signing import Signer
from core.failpoints import VARIABLE
from core.runtime.keys.places import KeyPlace
from core.runtime.private_file import write_private
from tests.crash.bot import Bot
from tests.e2e.program import Process, post

_nonces = itertools.count(time.time_ns() // 10**6)


def new_key() -> str:
    return "0x" + secrets.token_hex(32)


def address_of(key: str) -> str:
    return Signer(key, False).address


class AgentBot(Bot):
    """The key that other bots sign with is the account's own here, and stays with the test."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.rotations: list[Process] = []
        self.wallet = Account.from_key(self.settings.pop("HL_AGENT_KEY"))
        self.file = self.home / "agent.key"
        self.settings |= {"HL_USER_ADDRESS": self.account, "HL_KEY_FILE": str(self.file)}
        self.place = KeyPlace("paper", self.account, self.file)
        self.exchange.fund(self.account, "10000")
        first = new_key()
        write_private(self.file, first)
        self.approve(address_of(first), "one")

    @property
    def present(self) -> str:
        """The address of the key that a start finds."""
        return address_of(self.file.read_text().strip())

    def approve(self, agent: str, name: str) -> None:
        """As the account's owner does on the exchange's page."""
        nonce = next(_nonces)
        action = {"type": "approveAgent", "agentAddress": agent, "agentName": name, "nonce": nonce}
        signature = signing.sign_agent(self.wallet, action, False)
        told = post(
            f"{self.exchange.url}/exchange", {"action": action, "nonce": nonce, "signature": signature}
        )
        assert told["status"] == "ok", told

    def revoke(self, name: str) -> None:
        self.approve("0x" + "0" * 40, name)

    def begin_rotation(self, name: str) -> str:
        """The new key is kept beside the present one and approved, and no more; its address."""
        key = new_key()
        self.place.keep_next(key)
        self.approve(address_of(key), name)
        return address_of(key)

    def rotate(self, failpoint: str = "", wait: str = "10m") -> Process:
        """``gridbot keys rotate``, as a process that has begun."""
        arguments = (
            *("keys", "rotate", "--network", "paper", "--exchange-url", self.exchange.url),
            *("--state-dir", str(self.state.path), "--wait", wait),
        )
        env = {**self.settings, **({VARIABLE: failpoint} if failpoint else {})}
        rotating = Process(arguments, self.home, env, name=f"rotate{next(_nonces)}")
        self.rotations.append(rotating)
        return rotating

    def log(self) -> list[Any]:
        """What the operator's log has of who signs, and what asked."""
        return self.books.rows("SELECT outcome, origin FROM actions WHERE action = 'rotate_key' ORDER BY id")

    def end(self) -> None:
        super().end()
        for each in self.rotations:
            each.end()
