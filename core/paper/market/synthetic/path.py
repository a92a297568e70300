"""How a synthetic price moves: integers, and chance that comes from one seeded source.

A price is kept finer than a price unit by ``FINE``, so that moves of less than a unit add up. Moves are parts per million.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from random import Random

from core.paper.market.synthetic.kinds import Kind

FINE = 1024
PPM = 1_000_000

OPEN_MS = 40 * 60_000
CLOSED_MS = 20 * 60_000
_CLOSED_STEP_MS = 3_000
"""How often a closed market states its mark."""
_MARK_STEP_PPM = 2_000
_ORACLE_EVERY_MS = 3_000


@dataclass(frozen=True, slots=True)
class PathState:
    """Where a coin stands after a step. Prices are in 1/1024 price units."""

    number: int
    """Of the step."""
    at_ms: int
    """Market time from the start."""
    price: int
    anchor: int
    """What the price reverts to; the last trading price while it is closed."""
    drift: int = 0
    """Parts per million a step."""
    turn_ms: int = 0
    """When the drift turns, or the session opens or closes."""
    is_open: bool = True
    oracle: int = 0
    oracle_ms: int = 0


@dataclass(frozen=True, slots=True)
class Temper:
    """``noise`` is the standard deviation of a step in parts per million, ``every_ms`` the mean time between steps."""

    noise: int
    every_ms: int


TEMPERS = {
    Kind.REVERTING: Temper(55, 250),
    Kind.TRENDING: Temper(60, 300),
    Kind.JUMPS: Temper(50, 400),
    Kind.GAPS: Temper(70, 400),
    Kind.THIN: Temper(150, 1_000),
    Kind.SESSION: Temper(60, 600),
}


def first_state(kind: Kind, start: int) -> PathState:
    """``start`` in price units."""
    price = start * FINE
    turn_ms = OPEN_MS if kind is Kind.SESSION else 0
    return PathState(0, 0, price, price, turn_ms=turn_ms, oracle=price)


def next_state(kind: Kind, state: PathState, start: int, mark_bound: int, random: Random) -> PathState:
    """``mark_bound``: how far the mark of a closed market may go from the last price, in parts per million."""
    state = replace(state, number=state.number + 1)
    if not state.is_open:
        return _closed(state, mark_bound, random)
    temper = TEMPERS[kind]
    wait_ms = temper.every_ms // 2 + random.randrange(temper.every_ms)
    state = replace(
        state, at_ms=state.at_ms + wait_ms, price=_moved(state.price, _noise(random, temper.noise))
    )
    state = _MOVES[kind](state, start * FINE, random)
    if state.at_ms - state.oracle_ms < _ORACLE_EVERY_MS:
        return state
    index = _moved((state.oracle + 3 * state.price) // 4, _noise(random, 100))
    return replace(state, oracle=index, oracle_ms=state.at_ms)


def _noise(random: Random, deviation: int) -> int:
    """Nearly normal: four bytes' sum has a standard deviation of 148."""
    total = sum(random.getrandbits(32).to_bytes(4, "little"))
    return (total - 510) * deviation // 148


def _moved(price: int, ppm: int) -> int:
    return max(FINE, price + price * ppm // PPM)


def _sign(state: PathState, start: int, random: Random) -> int:
    """Either way; back to the middle from four times or a quarter of the start, so that no market runs away."""
    if state.price > 4 * start:
        return -1
    if 4 * state.price < start:
        return 1
    return 1 if random.getrandbits(1) else -1


def _revert(state: PathState, start: int, random: Random) -> PathState:
    return replace(state, price=state.price + (state.anchor - state.price) // 400)


def _trend(state: PathState, start: int, random: Random) -> PathState:
    if state.at_ms >= state.turn_ms:
        drift = _sign(state, start, random) * (8 + random.randrange(12))
        state = replace(state, drift=drift, turn_ms=state.at_ms + 120_000 + random.randrange(480_000))
    return replace(state, price=_moved(state.price, state.drift))


def _jump(state: PathState, start: int, random: Random) -> PathState:
    if random.randrange(400):
        return state
    size = _sign(state, start, random) * (5_000 + random.randrange(25_000))
    return replace(state, price=_moved(state.price, size))


def _gap(state: PathState, start: int, random: Random) -> PathState:
    state = _revert(state, start, random)
    if random.randrange(500):
        return state
    silence_ms = 20_000 + random.randrange(100_000)
    price = _moved(state.price, _sign(state, start, random) * (5_000 + random.randrange(15_000)))
    return replace(state, at_ms=state.at_ms + silence_ms, price=price, anchor=(state.anchor + price) // 2)


def _stay(state: PathState, start: int, random: Random) -> PathState:
    return state


def _trade_session(state: PathState, start: int, random: Random) -> PathState:
    if state.at_ms < state.turn_ms:
        return state
    return replace(state, is_open=False, anchor=state.price, turn_ms=state.turn_ms + CLOSED_MS)


def _closed(state: PathState, mark_bound: int, random: Random) -> PathState:
    """The price that is kept meanwhile is the mark; the oracle stands still, as there is nothing to read it from."""
    at_ms = state.at_ms + _CLOSED_STEP_MS
    if at_ms >= state.turn_ms:
        way = 1 if random.getrandbits(1) else -1
        price = _moved(state.price, way * (3_000 + random.randrange(17_000)))
        return replace(
            state,
            at_ms=at_ms,
            is_open=True,
            price=price,
            oracle=price,
            oracle_ms=at_ms,
            turn_ms=at_ms + OPEN_MS,
        )
    low, high = _moved(state.anchor, -mark_bound), _moved(state.anchor, mark_bound)
    return replace(
        state, at_ms=at_ms, price=min(high, max(low, _moved(state.price, _noise(random, _MARK_STEP_PPM))))
    )


_MOVES: dict[Kind, Callable[[PathState, int, Random], PathState]] = {
    Kind.REVERTING: _revert,
    Kind.TRENDING: _trend,
    Kind.JUMPS: _jump,
    Kind.GAPS: _gap,
    Kind.THIN: _stay,
    Kind.SESSION: _trade_session,
}
