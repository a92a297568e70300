"""A synthetic market: several coins, each on its own path, all of it determined by one seed.

Chance is drawn anew for every ``_BLOCK`` steps of a coin. So a place is a few numbers (where the block began, how far it has
come), and whoever resumes there walks on exactly as if nothing had happened.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from random import Random

from core.domain.instrument import Instrument
from core.paper.jsonio import MalformedRequestError, as_list, as_object, dumps, get_int, loads
from core.paper.market.listing import FIRST_DEX, Universe
from core.paper.market.step import MarketStep
from core.paper.market.synthetic.books import BookMaker
from core.paper.market.synthetic.kinds import SyntheticCoin
from core.paper.market.synthetic.path import FINE, PPM, PathState, first_state, next_state

_BLOCK = 256
_DEPTH_EVERY = 4
"""Steps between two full books; the quote comes with every step."""


class CoinWalk:
    """One coin: the step that it has taken last, and the one that it takes next."""

    def __init__(self, coin: SyntheticCoin, instrument: Instrument, seed: int) -> None:
        self._coin = coin
        self._instrument = instrument
        self._seed = seed
        self._start = instrument.parse_price(coin.start)
        self._mark_bound = PPM // (2 * instrument.max_leverage)
        self._maker = BookMaker(instrument, coin.kind, seed)
        self._begin(first_state(coin.kind, self._start))

    @property
    def next_ms(self) -> int:
        return self._next.at_ms

    @property
    def last_ms(self) -> int:
        return self._last.at_ms

    def scene(self) -> MarketStep:
        state = self._last
        if not state.is_open:
            return self._closed(state)
        return MarketStep(
            self._instrument.coin,
            (),
            self._maker.depth(state),
            self._maker.quote(state),
            state.oracle // FINE,
            self._mark(state),
        )

    def advance(self) -> MarketStep:
        before, state = self._last, self._next
        step = self._closed(state) if not state.is_open else self._traded(before, state)
        self._forward()
        return step

    @property
    def place(self) -> list[int]:
        """How many steps of the block have been taken, and the state that it began with."""
        return [self._last.number - self._block.number, *map(int, astuple(self._block))]

    def resume(self, place: list[int]) -> None:
        """Raises ``ValueError`` if it can't be a place."""
        taken, *values = place
        if len(values) != len(fields(PathState)) or not 0 <= taken < _BLOCK or values[0] % _BLOCK:
            raise ValueError(f"{place} is no place")
        number, at_ms, price, anchor, drift, turn_ms, is_open, oracle, oracle_ms = values
        if min(price, anchor, oracle) < FINE:
            raise ValueError(f"{place} has no price")
        self._begin(PathState(number, at_ms, price, anchor, drift, turn_ms, bool(is_open), oracle, oracle_ms))
        for _ in range(taken):
            self.advance()

    def _begin(self, state: PathState) -> None:
        """Stand at the first state of a block."""
        self._block = self._last = state
        self._random = self._dice(state.number)
        self._plan()

    def _forward(self) -> None:
        if self._next.number % _BLOCK == 0:
            self._begin(self._next)
        else:
            self._last = self._next
            self._plan()

    def _plan(self) -> None:
        self._next = next_state(self._coin.kind, self._last, self._start, self._mark_bound, self._random)

    def _dice(self, number: int) -> Random:
        return Random(f"{self._seed} {self._instrument.coin} {number}")

    def _traded(self, before: PathState, state: PathState) -> MarketStep:
        opens = not before.is_open
        trades = () if opens else self._maker.trades(before, state, self._random)
        has_depth = opens or state.number % _DEPTH_EVERY == 0
        has_news = state.oracle_ms == state.at_ms
        return MarketStep(
            self._instrument.coin,
            trades,
            self._maker.depth(state) if has_depth else None,
            self._maker.quote(state),
            state.oracle // FINE if has_news else None,
            self._mark(state) if has_news else None,
        )

    def _closed(self, state: PathState) -> MarketStep:
        oracle, mark = state.oracle // FINE, state.price // FINE
        return MarketStep(self._instrument.coin, (), None, None, oracle, mark, is_open=False)

    def _mark(self, state: PathState) -> int | None:
        """The deployer of a builder dex states the mark; elsewhere it is the venue's to work out."""
        return None if self._coin.rules.dex == FIRST_DEX else state.price // FINE


class Synthetic:
    """Never ends. Two with the same coins and seed are the same, step by step."""

    hidden_depth = False
    notes: tuple[str, ...] = ()
    warning = ""
    has_ended = False
    progress: float | None = None
    laps = 0

    def __init__(self, coins: tuple[SyntheticCoin, ...], seed: int) -> None:
        self._seed = seed
        self._coins = coins
        self.universe = Universe.of(coin.rules for coin in coins)
        self._walks = self._new_walks()
        self._at_ms = 0

    @property
    def name(self) -> str:
        coins = ",".join(f"{coin.rules.coin}={coin.kind}" for coin in self._coins)
        return f"synthetic:{coins} seed {self._seed}"

    def scene(self) -> tuple[MarketStep, ...]:
        return tuple(walk.scene() for walk in self._walks.values())

    def wait_ms(self) -> int | None:
        return min(walk.next_ms for walk in self._walks.values()) - self._at_ms

    def advance(self) -> MarketStep:
        walk = min(self._walks.values(), key=lambda walk: walk.next_ms)
        self._at_ms = walk.next_ms
        return walk.advance()

    @property
    def place(self) -> str:
        return dumps(
            {"at_ms": self._at_ms, "walks": {coin: walk.place for coin, walk in self._walks.items()}}
        )

    def resume(self, place: str) -> None:
        walks = self._new_walks()
        try:
            saved = as_object(loads(place))
            at_ms, places = get_int(saved, "at_ms"), as_object(saved.get("walks"))
            for coin, walk in walks.items():
                walk.resume([_integer(value) for value in as_list(places.get(coin))])
        except (MalformedRequestError, ValueError):
            return
        if (
            not max(walk.last_ms for walk in walks.values())
            <= at_ms
            <= min(w.next_ms for w in walks.values())
        ):
            return
        self._walks, self._at_ms = walks, at_ms

    def _new_walks(self) -> dict[str, CoinWalk]:
        return {
            coin.rules.coin: CoinWalk(coin, self.universe.instruments[coin.rules.coin], self._seed)
            for coin in self._coins
        }


def _integer(value: object) -> int:
    if not isinstance(value, int):
        raise ValueError(f"{value!r} is not an integer")
    return value
