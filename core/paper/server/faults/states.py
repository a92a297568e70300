"""Faults of the exchange itself: another clock, changed listings, post-only mode, expired agents, views that lag."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from core.paper.exchange import PaperExchange
from core.paper.faults.kinds import Kind, Place
from core.paper.faults.menu import Armed, FaultMenu
from core.paper.faults.spec import Fault, FaultError
from core.paper.jsonio import Json
from core.paper.market.listing import Rules
from core.paper.server.faults.lag import Past
from core.paper.venue.batch import Batch


def _mono_ms() -> float:
    return time.monotonic_ns() / 1e6


class StateFaults:
    """Windows open and close by themselves: ``refresh`` often."""

    def __init__(self, exchange: PaperExchange, menu: FaultMenu, clock_s: Callable[[], float]) -> None:
        self._exchange = exchange
        self._menu = menu
        self._clock_s = clock_s
        self._listed = {coin: listing.rules for coin, listing in exchange.market.universe.listings.items()}
        self._in_force: list[Armed] = []
        self._past: Past | None = None

    @property
    def is_timed(self) -> bool:
        """Whether there is anything to ``refresh``."""
        return bool(self._menu.at(Place.STATE) or self._past is not None)

    def check(self, faults: tuple[Fault, ...]) -> None:
        """Raises ``FaultError``: one of them names what this exchange doesn't have."""
        for number, fault in enumerate(faults, 1):
            if fault.kind in (Kind.META_CHANGE, Kind.DELIST):
                try:
                    self._changed(fault, self._listed)
                except FaultError as error:
                    raise FaultError(f"Entry {number} ({fault.kind}): {error}") from error

    def replaced(self) -> None:
        """The menu is a new one: what the old one had done ends."""
        self._in_force = []
        self._exchange.api.signers.is_expired = self._is_expired if self._menu.at(Place.SIGNER) else None
        self._watch()
        self._apply()
        self.refresh()

    def refresh(self) -> None:
        """Do what has come into force, undo what has ceased to be."""
        now_s = self._clock_s()
        still = [one for one in self._in_force if one.closes_s is None or now_s < one.closes_s]
        opening = [one for one in self._menu.at(Place.STATE) if not one.is_tried and one.opens_s <= now_s]
        for armed in opening:
            armed.is_tried = True
            if armed.draw(now_s):
                still.append(armed)
        if still != self._in_force:
            self._in_force = still
            self._apply()
        if self._past is not None:
            self._past.catch_up()

    def _apply(self) -> None:
        """Make the exchange what the faults in force say, and nothing else."""
        faults = [armed.fault for armed in self._in_force]
        self._exchange.set_skew(sum(fault.delay_ms for fault in faults if fault.kind is Kind.CLOCK_SKEW))
        venue = self._exchange.venue
        venue.post_only = any(fault.kind is Kind.POST_ONLY_MODE for fault in faults)
        wanted = dict(self._listed)
        for fault in faults:
            if fault.kind in (Kind.META_CHANGE, Kind.DELIST):
                rules = self._changed(fault, wanted)
                wanted[rules.coin] = rules
        for coin, rules in wanted.items():
            if venue.universe.listings[coin].rules != rules:
                venue.relist(rules, self._exchange.now_ms())
        self._exchange.settle()

    def _changed(self, fault: Fault, listed: Mapping[str, Rules]) -> Rules:
        coin = fault.coin if fault.coin is not None else next(iter(listed))
        rules = listed.get(coin)
        if rules is None:
            raise FaultError(f"coin is {coin!r}. Fix: one of {', '.join(listed)}.")
        if fault.kind is Kind.DELIST:
            return replace(rules, is_delisted=True)
        decimals = fault.sz_decimals if fault.sz_decimals is not None else max(0, rules.sz_decimals - 1)
        most = self._listed[coin].sz_decimals
        if decimals > most:
            raise FaultError(
                f"sz_decimals is {decimals}, but {coin} has {most} and can only become coarser. Fix: 0 to {most}."
            )
        return replace(rules, sz_decimals=decimals)

    def _is_expired(self, signer: str, user: str) -> bool:
        """An approved agent expires for good; an account's own key, which can't, is refused this time."""
        if not self._menu.strike(Place.SIGNER, lambda fault: fault.user in (None, signer, user)):
            return False
        venue = self._exchange.venue
        account = venue.agents.expire(signer, self._exchange.now_ms())
        if account is not None:
            venue.ledger.touch(account)
        return True

    def _watch(self) -> None:
        """Keep pictures of the accounts as long as anything may want to show them."""
        reach_ms = max((armed.fault.delay_ms for armed in self._menu.at(Place.ANSWER)), default=0)
        if self._past is not None:
            self._exchange.leave(self._on_batch)
            self._past = self._exchange.ask_in_the_past = None
        if reach_ms:
            self._past = Past(self._exchange.venue.ledger.accounts, reach_ms, _mono_ms)
            self._exchange.listen(self._on_batch)
            self._exchange.ask_in_the_past = self._ask

    def _on_batch(self, batch: Batch) -> None:
        assert self._past is not None
        self._past.note(
            {
                *batch.accounts,
                *(order.user for order in batch.orders.values()),
                *(f.user for f in batch.fills),
            }
            & self._exchange.venue.ledger.accounts.keys()
        )

    def _ask(self, request: object, now_ms: int) -> Json:
        """As ``Info.answer``, of an account as it was if a fault says so."""
        info = self._exchange.info
        lag_ms = self._lag_ms(request)
        user = request.get("user") if isinstance(request, dict) else None
        if not lag_ms or not isinstance(user, str) or self._past is None:
            return info.answer(request, now_ms)
        accounts = self._exchange.venue.ledger.accounts
        past = self._past.of(user.lower(), lag_ms)
        present = accounts.get(user.lower())
        if past is None or present is None:
            return info.answer(request, now_ms)
        accounts[past.user] = past
        try:
            return info.answer(request, now_ms - lag_ms)
        finally:
            accounts[past.user] = present

    def _lag_ms(self, request: object) -> int:
        if not isinstance(request, dict) or not isinstance(request.get("user"), str):
            return 0
        user, kind = request["user"].lower(), request.get("type")
        struck = self._menu.strike(
            Place.ANSWER, lambda fault: fault.user in (None, user) and fault.action in (None, kind)
        )
        return struck[0].fault.delay_ms if struck else 0
