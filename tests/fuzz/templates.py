"""Sound requests, of every kind that there is, for mutations to begin with."""

from __future__ import annotations

from random import Random
from typing import Any

USERS = tuple("0x" + f"{number:02x}" * 20 for number in range(0xA1, 0xA5))
"""Few, so that what is kept of accounts stays small."""
CLOID = "0x" + "5a" * 16


def order(dice: Random) -> dict[str, Any]:
    kind: dict[str, Any] = {"limit": {"tif": dice.choice(("Alo", "Ioc", "Gtc"))}}
    if dice.random() < 0.2:
        kind = {"trigger": {"isMarket": True, "triggerPx": "100000", "tpsl": dice.choice(("tp", "sl"))}}
    price = str(dice.choice((90_000, 100_000, 109_755, 110_000, 120_000)))
    size = dice.choice(("0.001", "0.01", "0.1", "1"))
    row = {"a": 0, "b": dice.random() < 0.5, "p": price, "s": size, "r": dice.random() < 0.2, "t": kind}
    return {**row, "c": CLOID} if dice.random() < 0.3 else row


def action(dice: Random) -> dict[str, Any]:
    """An L1 action."""
    orders = [order(dice) for _ in range(1 + dice.randrange(3))]
    return dice.choice(
        (
            {
                "type": "order",
                "orders": orders,
                "grouping": dice.choice(("na", "na", "normalTpsl", "positionTpsl")),
            },
            {"type": "order", "orders": orders, "grouping": "na", "builder": {"b": USERS[0], "f": 10}},
            {"type": "cancel", "cancels": [{"a": 0, "o": 1}, {"a": 0, "o": 2}]},
            {"type": "cancelByCloid", "cancels": [{"asset": 0, "cloid": CLOID}]},
            {"type": "modify", "oid": CLOID, "order": orders[0]},
            {"type": "batchModify", "modifies": [{"oid": 1, "order": orders[0]}]},
            {"type": "updateLeverage", "asset": 0, "isCross": True, "leverage": 7},
            {"type": "updateIsolatedMargin", "asset": 0, "isBuy": True, "ntli": 1_000_000},
            {"type": "topUpIsolatedOnlyMargin", "asset": 0, "leverage": "2"},
            {"type": "scheduleCancel", "time": 2_000_000_000_000},
            {"type": "createSubAccount", "name": "one"},
            {"type": "subAccountTransfer", "subAccountUser": USERS[0], "isDeposit": True, "usd": 1_000_000},
            {"type": "vaultTransfer", "vaultAddress": USERS[0], "isDeposit": True, "usd": 1_000_000},
            {"type": "setReferrer", "code": "ABC"},
            {"type": "reserveRequestWeight", "weight": 10},
            {"type": "agentSetAbstraction", "abstraction": "u"},
            {"type": "agentEnableDexAbstraction"},
            {"type": "twapOrder", "twap": {"a": 0, "b": True, "s": "0.1", "r": False, "m": 5, "t": False}},
            {"type": "twapCancel", "a": 0, "t": 1},
            {"type": "noop"},
        )
    )


def user_action(dice: Random) -> dict[str, Any]:
    """A user-signed action; nobody has signed it."""
    head = {"signatureChainId": "0x66eee", "hyperliquidChain": "Testnet"}
    kind = dice.choice(
        (
            {"type": "approveAgent", "agentAddress": USERS[0], "agentName": "bot", "nonce": 1},
            {"type": "approveBuilderFee", "maxFeeRate": "0.01%", "builder": USERS[0], "nonce": 1},
            {"type": "usdSend", "destination": USERS[0], "amount": "1", "time": 1},
            {"type": "usdClassTransfer", "amount": "1", "toPerp": True, "nonce": 1},
            {"type": "withdraw3", "destination": USERS[0], "amount": "1", "time": 1},
            {"type": "userSetAbstraction", "user": USERS[0], "abstraction": "unifiedAccount", "nonce": 1},
            {
                "type": "sendAsset",
                "destination": USERS[0],
                "sourceDex": "",
                "destinationDex": "xyz",
                "token": "USDC",
                "amount": "1",
                "fromSubAccount": "",
                "nonce": 1,
            },
        )
    )
    return {**kind, **head}


def envelope(dice: Random) -> dict[str, Any]:
    """With a signature that recovers nobody, or somebody new."""
    signature = (
        {"r": "0x1", "s": "0x2", "v": 27} if dice.random() < 0.02 else {"r": "0x0", "s": "0x0", "v": 27}
    )
    body = user_action(dice) if dice.random() < 0.3 else action(dice)
    return {"action": body, "nonce": 1_700_000_000_000, "signature": signature, "vaultAddress": None}


def info(kind: str, dice: Random) -> dict[str, Any]:
    """A question with every argument that any of them takes."""
    return {
        "type": kind,
        "user": dice.choice(USERS),
        "coin": "BTC",
        "dex": "",
        "oid": dice.choice((1, CLOID)),
        "id": 1,
        "startTime": 0,
        "endTime": None,
        "nSigFigs": dice.choice((None, 2, 5)),
        "mantissa": None,
        "aggregateByTime": False,
        "builder": USERS[0],
        "req": {"coin": "BTC", "interval": "1h", "startTime": 0, "endTime": 2_000_000_000_000},
    }


def frame(channels: tuple[str, ...], kinds: tuple[str, ...], dice: Random) -> dict[str, Any]:
    """What a WebSocket client says."""
    subscription = {
        "type": dice.choice(channels),
        "coin": "BTC",
        "user": dice.choice(USERS),
        "interval": "1m",
        "dex": "",
        "nSigFigs": dice.choice((None, 3)),
        "aggregateByTime": False,
    }
    payload = info(dice.choice(kinds), dice)
    return dice.choice(
        (
            {"method": "ping"},
            {"method": "subscribe", "subscription": subscription},
            {"method": "unsubscribe", "subscription": subscription},
            {"method": "post", "id": 1, "request": {"type": "info", "payload": payload}},
            {"method": "post", "id": 2, "request": {"type": "action", "payload": envelope(dice)}},
        )
    )


def control(dice: Random) -> tuple[str, str, Any]:
    """Method, path and body for the control plane."""
    user = dice.choice(USERS)
    return dice.choice(
        (
            ("POST", "/paper/fund", {"user": user, "usd": dice.choice((1, "2.5"))}),
            (
                "POST",
                "/paper/trade",
                {"user": user, "coin": "BTC", "side": dice.choice("BA"), "size": "0.001"},
            ),
            (
                "POST",
                "/paper/faults",
                [{"kind": "ws_drop", "probability": 0.5, "channel": "nothing", "seed": 1}],
            ),
            ("GET", f"/paper/truth?user={user}", None),
            ("GET", "/paper/audit", None),
            ("GET", "/paper/faults", None),
        )
    )
