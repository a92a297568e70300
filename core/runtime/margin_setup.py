"""Before the first order: the account's mode is known here, and each coin's leverage and margin mode are as configured.

Set, and read back. A position that the exchange margins otherwise refuses the start, unless ``adopt`` takes it as it is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from core.domain.effects import Notify, Severity, notify
from core.domain.instrument import Instrument
from core.domain.margin import AccountMode, Leverage, MarginMode, account_mode, whole_leverage
from core.exchange.order_router import OrderRouter
from core.exchange.reads import Reads
from core.exchange.rest import RestError
from core.exchange.wire import WireError
from core.runtime.settings import Settings
from core.runtime.statedir import UsageError

T = TypeVar("T")

ATTEMPTS = 15
PAUSE_S = 1.0
"""What can't be read, or isn't what was set, is asked about so often before the start is given up."""


async def patiently(work: Callable[[], Awaitable[T]]) -> T:
    """The answer to an idempotent question, asked again while there is none. Raises ``RestError``."""
    for _ in range(ATTEMPTS - 1):
        try:
            return await work()
        except (RestError, WireError):
            await asyncio.sleep(PAUSE_S)
    try:
        return await work()
    except WireError as error:
        raise RestError(f"the exchange's answer could not be understood: {error}") from error


async def read_mode(reads: Reads) -> AccountMode:
    """Raises ``UsageError`` for a mode whose equity and margin aren't known here, once two answers in a row name it: one may be
    damaged.
    """
    abstraction, before = await patiently(reads.abstraction), ""
    while (mode := account_mode(abstraction)) is None and abstraction != before:
        await asyncio.sleep(PAUSE_S)
        abstraction, before = await patiently(reads.abstraction), abstraction
    if mode is None:
        raise UsageError(
            f"the account is in the mode {abstraction}, whose equity and margin this version can't reckon; switch it to the "
            "standard or the unified mode on the exchange, or trade from another account"
        )
    return mode


def wanted_leverage(settings: Settings, instrument: Instrument) -> Leverage:
    """What the exchange is to be set to. Raises ``UsageError`` for what it can't be."""
    coin, value = instrument.coin, whole_leverage(settings.leverage)
    mode = MarginMode(settings.margin_mode)
    if value > instrument.max_leverage:
        raise UsageError(
            f"leverage {settings.leverage} is above the {instrument.max_leverage} that {coin} may have; lower leverage "
            "(HL_LEVERAGE) to that or less"
        )
    if mode is MarginMode.CROSS and instrument.only_isolated:
        raise UsageError(
            f"{coin} allows isolated margin alone; write margin_mode = isolated (HL_MARGIN_MODE)"
        )
    return Leverage(mode, value)


@dataclass(frozen=True, slots=True)
class _Found:
    """Of one coin: what the exchange has, what is configured, and if they differ whether a position stands at the former."""

    found: Leverage
    wanted: Leverage
    is_held: bool = False
    conflict: str = ""
    """Why the bot can't start, with every way out; empty if it can."""


def _key(coin: str) -> str:
    """As TOML wants it in the name of a table."""
    return coin if coin.isalnum() else f'"{coin}"'


class MarginSetup:
    """Of one account's coins."""

    def __init__(self, reads: Reads, router: OrderRouter, tell: Callable[[Notify], None]) -> None:
        self._reads, self._router, self._tell = reads, router, tell

    async def prepare(self, coins: Sequence[tuple[Settings, Instrument]]) -> dict[str, Leverage]:
        """What the exchange is set to for each coin now. Nothing is set before all are known to be free of conflicts, and one
        refusal names all that aren't. Raises ``UsageError`` and ``RestError``.
        """
        found = {each.coin: await self._look(settings, each) for settings, each in coins}
        conflicts = [f"{look.conflict}" for look in found.values() if look.conflict]
        if conflicts:
            raise UsageError("; ".join(conflicts))
        return {coin: await self._settle(coin, look) for coin, look in found.items()}

    async def _look(self, settings: Settings, instrument: Instrument) -> _Found:
        coin, wanted = instrument.coin, wanted_leverage(settings, instrument)
        if settings.leverage != wanted.value:
            reason = f"the exchange takes whole numbers and is set to {wanted.value}; {settings.leverage} sizes the grid"
            self._tell(notify("leverage_rounded_up", "warn", coin, reason=reason))
        found = await patiently(lambda: self._reads.leverage(coin))
        if found == wanted:
            return _Found(found, wanted)
        seen = await patiently(self._reads.account)
        is_held = bool(dict(seen.positions).get(coin, 0))
        if not is_held or settings.adopt:
            return _Found(found, wanted, is_held)
        conflict = (
            f"{coin} has an open position at {found}, and {wanted} is configured: close it, or configure "
            f"margin_mode = {found.mode.value} and leverage = {found.value}, or start with --adopt (HL_ADOPT) to keep it so, "
            f"or write adopt = true under [coins.{_key(coin)}] to keep this one so"
        )
        return _Found(found, wanted, is_held, conflict)

    async def _settle(self, coin: str, look: _Found) -> Leverage:
        if look.found != look.wanted and not look.is_held:
            return await self._set(coin, look.wanted)
        self._told("leverage_adopted" if look.is_held else "leverage_kept", coin, look.found)
        return look.found

    async def _set(self, coin: str, wanted: Leverage) -> Leverage:
        """Set until it is read back: the request may be lost, and the read may be late."""
        refusal = ""
        for _ in range(ATTEMPTS):
            try:
                refusal = await self._router.set_leverage(coin, wanted)
                if await self._reads.leverage(coin) == wanted:
                    self._told("leverage_set", coin, wanted)
                    return wanted
            except (RestError, WireError) as error:
                refusal = str(error)
            await asyncio.sleep(PAUSE_S)
        raise UsageError(
            f"{coin} could not be set to {wanted}: {refusal or 'the exchange shows something else'}; cancel what rests of "
            f"{coin} on the exchange, or configure what it is set to, then start again"
        )

    def _told(self, name: str, coin: str, leverage: Leverage) -> None:
        severity: Severity = "warn" if name == "leverage_adopted" else "info"
        self._tell(notify(name, severity, coin, margin_mode=leverage.mode.value, leverage=leverage.value))
