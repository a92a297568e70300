"""Plain HTTP to a paper exchange, with the SDK's signing functions but none of its classes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import requests
from eth_account import Account
from eth_account.signers.local import LocalAccount
from hyperliquid.utils.signing import sign_l1_action

from core.paper.config import PaperConfig
from core.paper.embedded import EmbeddedExchange

STILL = PaperConfig(speed=1e-6, limits=False)
"""A market that stands still."""

_nonces = itertools.count(int(time.time() * 1000))


def new_wallet() -> LocalAccount:
    wallet: LocalAccount = Account.create()
    return wallet


@contextmanager
def running(config: PaperConfig = STILL, **changes: Any) -> Iterator[str]:
    exchange = EmbeddedExchange(replace(config, **changes))
    try:
        yield exchange.start()
    finally:
        exchange.stop()


def info(url: str, **request: Any) -> Any:
    answer = requests.post(f"{url}/info", json=request, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def envelope(wallet: LocalAccount, action: dict[str, Any], **changes: Any) -> dict[str, Any]:
    nonce = changes.pop("nonce", None) or next(_nonces)
    expires = changes.get("expiresAfter")
    signature = sign_l1_action(wallet, action, None, nonce, expires, changes.pop("is_mainnet", False))
    return {"action": action, "nonce": nonce, "signature": signature, "vaultAddress": None, **changes}


def act(url: str, wallet: LocalAccount, action: dict[str, Any], **changes: Any) -> Any:
    answer = requests.post(f"{url}/exchange", json=envelope(wallet, action, **changes), timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def order(is_buy: bool, price: str, size: str, tif: str = "Gtc", **changes: Any) -> dict[str, Any]:
    return {"a": 0, "b": is_buy, "p": price, "s": size, "r": False, "t": {"limit": {"tif": tif}}, **changes}


def place(url: str, wallet: LocalAccount, *orders: dict[str, Any]) -> list[Any]:
    action = {"type": "order", "orders": list(orders), "grouping": "na"}
    answer = act(url, wallet, action)
    assert answer["status"] == "ok", answer
    statuses: list[Any] = answer["response"]["data"]["statuses"]
    return statuses


def until(condition: Callable[[], Any], timeout_s: float = 10.0) -> Any:
    """What ``condition`` returned, once it is true."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline, "it didn't happen in time"
        time.sleep(0.01)
    return found
