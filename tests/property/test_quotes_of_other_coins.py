"""A coin that is left out of another one's quote would have done nothing: in any weather the engine does, and is, what it
does and is when it looks at every coin.
"""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, fields, replace
from decimal import Decimal
from typing import Any

import pytest

from core.domain.effects import AskOrderStatus, Cancel, Effect, Modify, Place, SaveFeatures, SaveGrid
from core.domain.events import PlaceOutcome, Resting, Tick
from core.domain.grid import PPB
from core.domain.instrument import Instrument
from core.engine import acting
from core.engine import engine as engine_module
from core.engine.coin import Coin
from core.engine.engine import Engine
from core.engine.fold import Fold
from core.engine.grid_settings import RangeExit, Trailing
from core.engine.protection import UNCOVERED_MS
from core.engine.shadow_ledger import ShadowLedger
from core.engine.side_caps import PortfolioLimits
from core.engine.steady_mid import HOLD_MS
from core.engine.vitals import SLOW_COMMIT_MS, SLOW_FOR_MS
from tests.property.test_every_grid_in_a_storm import KINDS, SKEWS
from tests.property.test_grid_interleavings import WEIGHTS
from tests.unit.engine.builders import MID, cancelled, coin_config, of_kind, placed, quote, update
from tests.unit.engine.storm import CHANGES, Storm

SEED, THINGS = 0, 30

_OTHER = Instrument("ETH", 6, 2, 20)
_MEMOS = {"next_cloid", "still_until_mono_ms", "filtered", "caps", "velocity", "deferrals"}
"""What is remembered to decide faster, or is cut to what still counts when it's looked at."""

_LIMITS = PortfolioLimits(Decimal(2_000), Decimal("0.9"), Decimal("0.01"))


@dataclass
class Watched:
    """A storm over SOL in an engine that trades another coin, too, whose quotes come in between."""

    storm: Storm
    is_checked: bool = True
    """Whether the storm's own rules are; they know no stops."""
    compared: int = 0
    left_out: int = 0

    def __post_init__(self) -> None:
        engine, venue = self.storm.bench.engine, self.storm.venue
        config = replace(coin_config(_OTHER), recenter_interval_ms=10**9)
        engine.coins[_OTHER.coin] = Coin(config, ShadowLedger(_OTHER.coin, Fold()), engine.next_cloid)
        take = venue.take
        # The storm's exchange knows SOL alone: what the other coin places rests nowhere, and is heard of by no read.
        venue.take = lambda effects: take([e for e in effects if not _is_of_the_other(e)])  # type: ignore[method-assign]
        effects = self.storm.bench.step(quote(coin=_OTHER.coin))
        venue.take(effects)
        venue.take(self.storm.bench.rest([o for o in placed(effects) if o.coin == _OTHER.coin]))

    def lose_an_order_of_the_other(self) -> None:
        """A quote of it places another one, 0.2 s later."""
        bench = self.storm.bench
        if live := bench.engine.coins[_OTHER.coin].live_grid_orders():
            bench.step(PlaceOutcome(tuple((o.cloid, Resting(bench.next_oid())) for o in live)))
            self.storm.venue.take(bench.step(update(live[0], "canceled", live[0].lots)))

    def quote_the_other(self, after_ms: int) -> list[Effect]:
        """What comes of it, but for what is written of the market."""
        bench = self.storm.bench
        bench.ms += after_ms
        event = quote(coin=_OTHER.coin)
        looked, twin = list[str](), copy.deepcopy(bench.engine)
        for coin in twin.coins.values():
            coin.still_until_mono_ms = 0
        look = acting.act

        def noted(engine: Engine, coin: Coin, *rest: Any) -> list[Effect]:
            looked.append(coin.name)
            return look(engine, coin, *rest)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(engine_module, "act", noted)
            effects = bench.step(event)
        assert effects == twin.step(event, bench.now)
        assert _state(bench.engine) == _state(twin)
        self.compared += 1
        self.left_out += "SOL" not in looked
        self.storm.venue.take(effects)
        return [each for each in effects if not isinstance(each, SaveFeatures)]

    def weather(self, chance: random.Random, things: int) -> None:
        names = [*Storm.names(), *CHANGES]
        for name in chance.choices(names, [WEIGHTS.get(name, 2) for name in names], k=things):
            self._happens(name, chance.randrange(10_000))
            if name == Storm.the_operator_sets_a_spacing.__name__:
                self._happens("a_moment_passes", 0)  # set between two events here; a command is one
            if not chance.randrange(3):
                self.lose_an_order_of_the_other()
            for _ in range(chance.choice([0, 1, 2])):
                self.quote_the_other(chance.choice([0, 0, 1, 7, 40, 300, 1_100, 3_000]))

    def _happens(self, name: str, which: int) -> None:
        if self.is_checked:
            self.storm.do(name, which)
        else:
            getattr(self.storm, name)(which)


def _is_of_the_other(effect: Effect) -> bool:
    match effect:
        case Place(orders) | Cancel(orders):
            return orders[0].coin == _OTHER.coin
        case Modify():
            return effect.orders[0].coin == _OTHER.coin
        case AskOrderStatus(coin):
            return coin == _OTHER.coin
        case _:
            return False


def _state(engine: Engine) -> dict[str, Any]:
    coin = engine.coins["SOL"]
    return {each.name: getattr(coin, each.name) for each in fields(coin) if each.name not in _MEMOS}


@pytest.mark.parametrize("kind", KINDS)
def test_over_every_kind_of_grid(kind: str) -> None:
    chance = random.Random(f"{kind} {SEED}")
    watched = Watched(Storm(chance.randint(100, 400), changes=KINDS[kind]))
    watched.weather(chance, THINGS)
    assert watched.compared > THINGS // 2


@pytest.mark.parametrize(
    ("skew", "on_exit"),
    [("soft", RangeExit.HOLD), ("one-sided", RangeExit.TRAIL), ("hard", RangeExit.REDUCE)],
)
def test_over_a_grid_that_leans_and_that_the_price_leaves(skew: str, on_exit: RangeExit) -> None:
    chance = random.Random(f"{skew} {SEED}")
    watched = Watched(Storm(400, chance.randint(-50, 50), skew=SKEWS[skew], on_exit=on_exit))
    watched.storm.bench.engine.portfolio_limits = _LIMITS
    watched.weather(chance, THINGS)
    assert watched.compared > THINGS // 2


@pytest.mark.parametrize("limits", [PortfolioLimits(), _LIMITS])
def test_over_a_grid_with_a_stop_and_limits_of_speed(limits: PortfolioLimits) -> None:
    chance = random.Random(f"stop {SEED}")
    watched = Watched(Storm(400, 40), is_checked=False)
    engine, coin = watched.storm.bench.engine, watched.storm.bench.coin
    engine.portfolio_limits = limits
    coin.config = replace(coin.config, stop_low=MID * 8 // 10, stop_high=MID * 12 // 10)
    coin.velocity.max_orders, coin.velocity.max_lots = 24, 600
    watched._happens("a_moment_passes", 0)
    watched.weather(chance, THINGS)
    assert watched.compared > THINGS // 2


def _resting(**changes: Any) -> Watched:
    watched = Watched(Storm(400, changes=changes))
    watched.storm.end()
    return watched


def test_a_grid_that_rests_is_left_out() -> None:
    watched = _resting()
    for after_ms in range(20):
        assert watched.quote_the_other(after_ms) == []
    assert watched.left_out == watched.compared == 20


def test_a_grid_that_has_become_old_enough_follows_the_price_at_the_next_quote_of_any_coin() -> None:
    watched = _resting(trailing=Trailing(reach_ppb=PPB // 100))
    bench = watched.storm.bench
    bench.coin.grid_since_mono_ms = bench.now.mono_ms
    bench.step(quote(MID * 1_015 // 1_000))
    watched.quote_the_other(1)
    assert watched.quote_the_other(1_500) == []
    assert watched.left_out == 2
    assert of_kind(SaveGrid, watched.quote_the_other(499))


def test_what_a_slow_disk_has_stopped_goes_on_at_the_next_quote_of_any_coin() -> None:
    watched = _resting()
    bench = watched.storm.bench
    bench.step(Tick(bench.now.wall_ms, 1.0, SLOW_COMMIT_MS + 1))
    watched.quote_the_other(SLOW_FOR_MS - 1)
    assert bench.coin.idle_reason
    watched.quote_the_other(1)
    assert not bench.coin.idle_reason
    assert watched.left_out == 0


def test_a_stop_that_is_missing_for_too_long_takes_orders_back_at_the_next_quote_of_any_coin() -> None:
    watched = Watched(Storm(400, 40), is_checked=False)
    watched.storm.venue.settle()
    bench = watched.storm.bench
    bench.coin.config = replace(bench.coin.config, stop_low=MID * 8 // 10)
    (stop,) = placed(bench.after(1))
    assert stop.trigger
    assert watched.quote_the_other(UNCOVERED_MS - 1) == []
    assert cancelled(watched.quote_the_other(1))


def test_the_end_of_a_leaving_is_seen_at_the_next_quote_of_any_coin() -> None:
    watched = Watched(Storm(400, 40, on_exit=RangeExit.REDUCE))
    watched.storm.end()
    bench = watched.storm.bench
    bench.step(quote(MID * 975 // 1_000))
    assert bench.coin.leaving.side
    watched.quote_the_other(HOLD_MS - 1)
    assert not bench.coin.closing_lots
    watched.quote_the_other(1)
    assert bench.coin.closing_lots
