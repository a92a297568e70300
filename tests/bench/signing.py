"""From orders to the signed body of their request, beside libsecp256k1 alone and the official SDK; and that nothing differs.

An order is ours as the engine gives it to the router; the SDK gets the dictionaries that it would make of it. Both end with the
bytes that are posted. ``staged``: written and hashed already, as while the intents are being committed.
"""

from __future__ import annotations

import gc
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import orjson
from coincurve._libsecp256k1 import ffi, lib
from eth_account import Account
from hyperliquid.utils.signing import sign_l1_action

from core.domain.orders import Order, Side, Tif
from core.exchange.action_bytes import ActionWriter, Encoded
from core.exchange.actions import Action, cancel_action, modify_action, order_action
from core.exchange.signing import Signer, native_fault
from tests.bench.report import Row, row
from tests.unit.exchange.samples import INSTRUMENTS, KEY, NOW_MS, order

_ROUNDS, _SLOW_ROUNDS = 100, 10
_TURNS, _SLOW_TURNS = 20, 3
_COMPARED = 10_000
_EXPIRES_MS = NOW_MS + 5_000


def rows() -> list[Row]:
    assert not native_fault(), native_fault()
    gc.collect()
    gc.disable()
    try:
        return [*_speed(), _differing()]
    finally:
        gc.enable()


def _orders(count: int) -> list[Order]:
    sides = Side.BUY, Side.SELL
    return [order(n, price=839_500 + 10 * n, lots=30, side=sides[n % 2], tif=Tif.ALO) for n in range(count)]


def _speed() -> list[Row]:
    took, installed = _interleaved(_works(), _ROUNDS), _as_installed()
    rows = [
        _beside(name, took[work], "libsecp256k1 alone", took["bare"], goal)
        for name, work, goal in (
            ("1 order", "1", 1 / 1.25),
            ("1 order, staged", "1 staged", None),
            ("40 orders of known levels", "40", 1 / 1.9),
            ("40 orders of new levels", "40 new", None),
            ("40 orders, staged", "40 staged", 1 / 1.2),
        )
    ]
    for name, work, goals in (
        ("1 order", "1", (13, 100)),
        ("40 orders of known levels", "40", (None, None)),
    ):
        theirs = took[f"{work} SDK"], installed[f"{work} SDK"]
        for baseline, there, goal in zip(("SDK, coincurve", "SDK, as installed"), theirs, goals, strict=True):
            rows.append(_beside(name, took[work], baseline, there, goal))
    return rows


def _beside(name: str, ours: float, baseline: str, there: float, goal: float | None) -> Row:
    return row(f"{name}: signed body", ours, "µs", baseline, there, goal, less_is_better=True)


def _interleaved(works: dict[str, Callable[[int], object]], rounds: int) -> dict[str, float]:
    """Processor microseconds of one call, the median of rounds in which all have their turn."""
    took: dict[str, list[float]] = {name: [] for name in works}
    for number in range(rounds):
        for name, work in works.items():
            turns = _SLOW_TURNS if "SDK" in name else _TURNS
            work(number)
            started = time.thread_time()
            for turn in range(turns):
                work(turn)
            took[name].append((time.thread_time() - started) / turns * 1e6)
    return {name: median(times) for name, times in took.items()}


def _works() -> dict[str, Callable[[int], object]]:
    """Each takes the number of its turn."""
    signer, writer, wallet = Signer(KEY, is_mainnet=True), ActionWriter(INSTRUMENTS), Account.from_key(KEY)
    one, many = _orders(1), _orders(40)
    staged = {count: signer.prepare(writer.orders(batch)) for count, batch in ((1, one), (40, many))}
    actions = {count: order_action(batch, INSTRUMENTS) for count, batch in ((1, one), (40, many))}
    return {
        "bare": _bare(),
        "1": lambda turn: signer.body(writer.orders(one), NOW_MS + turn, _EXPIRES_MS),
        "1 staged": lambda turn: staged[1].body(NOW_MS + turn, _EXPIRES_MS),
        "40": lambda turn: signer.body(writer.orders(many), NOW_MS + turn, _EXPIRES_MS),
        "40 staged": lambda turn: staged[40].body(NOW_MS + turn, _EXPIRES_MS),
        "40 new": lambda turn: signer.body(
            ActionWriter(INSTRUMENTS).orders(many), NOW_MS + turn, _EXPIRES_MS
        ),
        "1 SDK": lambda turn: _sdk_body(wallet, actions[1], NOW_MS + turn, _EXPIRES_MS, None, True),
        "40 SDK": lambda turn: _sdk_body(wallet, actions[40], NOW_MS + turn, _EXPIRES_MS, None, True),
    }


def _bare() -> Callable[[int], object]:
    """The one call that no signature can do without, as coincurve's binding has it."""
    context = lib.secp256k1_context_create(1)
    lib.secp256k1_context_randomize(context, bytes(range(32)))
    signature, secret = ffi.new("secp256k1_ecdsa_recoverable_signature *"), bytes.fromhex(KEY[2:])
    digest, sign, nothing = bytes(range(32)), lib.secp256k1_ecdsa_sign_recoverable, ffi.NULL
    return lambda _: sign(context, signature, digest, secret, nothing, nothing)


def _as_installed() -> dict[str, float]:
    """Of the SDK without coincurve, which it doesn't ask for: eth_keys then signs in plain Python. In a process of its own."""
    told = subprocess.run(
        [sys.executable, "-c", "from tests.bench.signing import sdk_alone; sdk_alone()"],
        env={**os.environ, "ECC_BACKEND_CLASS": "eth_keys.backends.NativeECCBackend"},
        check=True,
        capture_output=True,
    )
    found: dict[str, float] = orjson.loads(told.stdout)
    return found


def sdk_alone() -> None:
    """Print what the SDK takes by the backend that the environment names."""
    works = {name: work for name, work in _works().items() if "SDK" in name}
    print(orjson.dumps(_interleaved(works, _SLOW_ROUNDS)).decode())


def _sdk_body(
    wallet: Any, action: Action, nonce: int, expires: int | None, vault: str | None, is_mainnet: bool
) -> bytes:
    signature = sign_l1_action(wallet, action, vault, nonce, expires, is_mainnet)
    return orjson.dumps(
        {
            "action": action,
            "nonce": nonce,
            "signature": signature,
            "vaultAddress": vault,
            "expiresAfter": expires,
        }
    )


def _differing() -> Row:
    """Over random batches of orders, cancels and changes, on both networks, with and without a vault and an expiry."""
    chance, wallet = random.Random(1), Account.from_key(KEY)
    signers = [Signer(KEY, is_mainnet) for is_mainnet in (False, True)]
    writer = ActionWriter(INSTRUMENTS)
    differing = 0
    for _ in range(_COMPARED):
        encoded, action = _any_action(writer, chance)
        is_mainnet, nonce = chance.random() < 0.5, chance.randrange(2**63)
        expires = chance.choice([None, chance.randrange(2**63)])
        vault = chance.choice([None, f"0x{chance.randrange(2**160):040x}"])
        theirs = _sdk_body(wallet, action, nonce, expires, vault, is_mainnet)
        differing += signers[is_mainnet].body(encoded, nonce, expires, vault) != theirs
    name = f"requests that differ from the SDK's, of {_COMPARED:,}"
    return Row(
        name=name,
        value=differing,
        unit="",
        baseline="",
        baseline_value=None,
        ratio=None,
        goal=None,
        met=not differing,
    )


def _any_action(writer: ActionWriter, chance: random.Random) -> tuple[Encoded, Action]:
    """As the router writes it, and as the dictionary that the SDK takes."""
    orders = [
        order(
            chance.randrange(2**32),
            coin=chance.choice(list(INSTRUMENTS)),
            side=chance.choice(list(Side)),
            price=chance.randrange(1, 10**7),
            lots=chance.randrange(1, 10**7),
            tif=chance.choice(list(Tif)),
            reduce_only=chance.random() < 0.2,
            trigger=chance.randrange(1, 10**7) if chance.random() < 0.1 else 0,
            order_id=chance.randrange(1, 2**53),
        )
        for _ in range(chance.choice([1, 1, 2, 5, 40]))
    ]
    match chance.randrange(3):
        case 0:
            return writer.orders(orders), order_action(orders, INSTRUMENTS)
        case 1:
            cloids = [(each.coin, each.cloid) for each in orders]
            return writer.cancels(cloids), cancel_action(cloids, INSTRUMENTS)
        case _:
            pairs = list(zip(orders, reversed(orders), strict=True))
            return writer.modifies(pairs), modify_action(pairs, INSTRUMENTS)
