"""What one run of the account's loop is made of."""

from __future__ import annotations

from dataclasses import dataclass

from core.exchange.market_data import MarketData
from core.exchange.nonces import NonceAllocator
from core.runtime.account_loop import AccountLoop
from core.runtime.control.server import ControlServer
from core.runtime.effects import EffectRunner
from core.runtime.margin_setup import MarginSetup
from core.runtime.storage import Storage
from core.runtime.withdrawal import Withdrawal


@dataclass(frozen=True, slots=True)
class Trade:
    """Put together once the account has been read, and taken apart in order."""

    loop: AccountLoop
    feed: MarketData
    runner: EffectRunner
    nonces: NonceAllocator
    withdrawal: Withdrawal
    storage: Storage
    control: ControlServer
    setup: MarginSetup
