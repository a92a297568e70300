"""Which option of the grid takes effect with which strategy, in one table. What is written and has none is refused.

The refusals, the table in ``docs/strategies.md`` and what must be written are all made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast, get_args

from core.runtime.settings.features import FeatureFields
from core.runtime.settings.grid import GridFields, Strategy
from core.runtime.settings.model import MAY_BE_OFF, Settings
from core.runtime.settings.problem import setting_text
from core.runtime.settings.sessions import SessionFields
from core.runtime.settings.watched import Watched

STRATEGY_NAMES: tuple[str, ...] = get_args(Strategy)


@dataclass(frozen=True, slots=True)
class Condition:
    """What else must be written for an option to take effect. ``text`` as in a sentence after "without"; empty: nothing helps."""

    holds: Callable[[Settings], bool]
    text: str = ""


def _exits(settings: Settings) -> str:
    return settings.on_range_exit or ("hold" if settings.default_strategy == "range" else "trail")


def _closes(settings: Settings) -> bool:
    return settings.session_calendar != "always"


def _widens_closed(settings: Settings) -> bool:
    return _closes(settings) and settings.closed_session == "widen"


def _renews_after_session(settings: Settings) -> bool:
    return _closes(settings) and settings.closed_session != "keep"


def _follows(settings: Settings) -> bool:
    return _exits(settings) == "trail" or settings.trailing_pct > 0


def _moves(settings: Settings) -> bool:
    return _follows(settings) and (settings.trailing_up or settings.trailing_down)


def _renews(settings: Settings) -> bool:
    return (
        _moves(settings)
        or _exits(settings) in ("reduce", "flatten")
        or settings.volatility_spacing
        or _renews_after_session(settings)
    )


def _measures(settings: Settings) -> bool:
    return settings.volatility_spacing or settings.vol_circuit_sigma > 0


ALWAYS = Condition(lambda _: True, "anything")
NEVER = Condition(lambda _: False)
TRAILS = Condition(lambda s: _exits(s) == "trail", 'on_range_exit = "trail"')
TRAILS_UP = Condition(lambda s: _exits(s) == "trail" and s.trailing_up, f"{TRAILS.text} and trailing_up")
TRAILS_DOWN = Condition(
    lambda s: _exits(s) == "trail" and s.trailing_down, f"{TRAILS.text} and trailing_down"
)
FOLLOWS = Condition(_follows, 'on_range_exit = "trail" or trailing_pct')
FOLLOWS_UP = Condition(lambda s: _follows(s) and s.trailing_up, f"{FOLLOWS.text}, and trailing_up")
FOLLOWS_DOWN = Condition(lambda s: _follows(s) and s.trailing_down, f"{FOLLOWS.text}, and trailing_down")
MAY_FOLLOW = Condition(lambda s: s.trailing_up or s.trailing_down, "trailing_up or trailing_down")
MOVES = Condition(
    lambda s: _moves(s) or s.volatility_spacing,
    'on_range_exit = "trail", trailing_pct or volatility_spacing',
)
MOVES_RANGE = Condition(lambda s: _exits(s) == "trail" and _moves(s), 'on_range_exit = "trail"')
WIDENS = Condition(lambda s: s.volatility_spacing, "volatility_spacing")
MEASURES = Condition(_measures, "volatility_spacing or vol_circuit_sigma")
CIRCUIT = Condition(lambda s: s.vol_circuit_sigma > 0, "vol_circuit_sigma")
LEANS = Condition(lambda s: s.trend_bias_max_pct > 0, "trend_bias_max_pct")
LOOKS = Condition(
    lambda s: _measures(s) or s.trend_bias_max_pct > 0,
    "volatility_spacing, vol_circuit_sigma or trend_bias_max_pct",
)
CLOSES = Condition(_closes, "a session_calendar")
WIDENS_CLOSED = Condition(_widens_closed, 'a session_calendar and closed_session = "widen"')
RENEWS = Condition(_renews, "anything that builds a second grid")
RENEWS_OR_WAITS = Condition(
    lambda s: _renews(s) or s.trigger_below > 0 or s.trigger_above > 0,
    "anything that builds a second grid, or a trigger",
)
RENEWS_BY_SESSION = Condition(
    _renews_after_session, "a session_calendar, with closed_session but keep, to build a second grid"
)
WIDENS_AND_RENEWS = Condition(
    lambda s: s.volatility_spacing and _renews_after_session(s),
    "volatility_spacing and a session_calendar with closed_session but keep",
)

TABLE: Mapping[str, tuple[Condition, Condition, Condition]] = {
    # option: (grid, range, endless)
    "range_low": (NEVER, ALWAYS, NEVER),
    "range_high": (NEVER, ALWAYS, NEVER),
    "grid_spacing_pct": (ALWAYS, NEVER, ALWAYS),
    "grid_spacing_max_pct": (ALWAYS, NEVER, ALWAYS),
    "reinvest": (RENEWS, RENEWS, RENEWS_BY_SESSION),
    "on_range_exit": (ALWAYS, ALWAYS, NEVER),
    "trailing_pct": (MAY_FOLLOW, NEVER, NEVER),
    "trailing_up": (FOLLOWS, TRAILS, NEVER),
    "trailing_down": (FOLLOWS, TRAILS, NEVER),
    "trailing_low": (FOLLOWS_DOWN, TRAILS_DOWN, NEVER),
    "trailing_high": (FOLLOWS_UP, TRAILS_UP, NEVER),
    "recenter_interval_sec": (MOVES, MOVES_RANGE, NEVER),
    "volatility_spacing": (ALWAYS, NEVER, ALWAYS),
    "loss_drift_tightening": (WIDENS, NEVER, WIDENS_AND_RENEWS),
    "trend_bias_max_pct": (RENEWS_OR_WAITS, NEVER, NEVER),
    "trend_fast_ema": (LEANS, NEVER, NEVER),
    "trend_slow_ema": (LEANS, NEVER, NEVER),
    "bar_sec": (LOOKS, CIRCUIT, MEASURES),
    "atr_length": (MEASURES, CIRCUIT, MEASURES),
    "ewma_alpha": (MEASURES, CIRCUIT, MEASURES),
    "init_vol_multiplier": (MEASURES, CIRCUIT, MEASURES),
    "closed_session": (CLOSES, CLOSES, CLOSES),
    "session_margin_min": (CLOSES, CLOSES, CLOSES),
    "closed_widen": (WIDENS_CLOSED, NEVER, WIDENS_CLOSED),
}
"""Options of ``OF_THE_GRID`` that aren't here take effect with every strategy."""

OF_THE_GRID = (
    *GridFields.model_fields,
    *FeatureFields.model_fields,
    *SessionFields.model_fields,
    "recenter_interval_sec",
)


def condition(name: str, strategy: str) -> Condition:
    """When an option takes effect with a strategy."""
    return TABLE[name][STRATEGY_NAMES.index(strategy)] if name in TABLE else ALWAYS


def may_have_effect(name: str, strategy: str) -> bool:
    """Whether anything that could be written beside it gives it one."""
    return condition(name, strategy) is not NEVER


@dataclass(frozen=True, slots=True)
class Idle:
    """A setting without effect: ``rule`` follows its name and value in a sentence, ``passes`` would pass."""

    name: str
    rule: str
    fix: str
    passes: str


def without_effect(
    settings: Settings, written: Iterator[str], without: frozenset[str] = frozenset()
) -> Iterator[Idle]:
    """Of the settings that are written, those that change nothing. One written as its default says what is so, and is fine.

    What can't be told because of a setting of ``without`` is passed over.
    """
    for name in written:
        if name not in TABLE or name in without or _says_what_is_so(settings, name):
            continue
        watched = Watched(settings)
        strategy = watched.default_strategy
        needs = condition(name, strategy)
        if not needs.holds(cast("Settings", watched)) and not watched.seen & without:
            yield _idle(settings, name, strategy, needs)


def _says_what_is_so(settings: Settings, name: str) -> bool:
    if name == "on_range_exit":
        default = Settings(default_strategy=settings.default_strategy)
        return _exits(settings) == _exits(default)
    value: Any = getattr(settings, name)
    return bool(value == Settings.model_fields[name].default)


def _idle(settings: Settings, name: str, strategy: str, needs: Condition) -> Idle:
    default = Settings.model_fields[name].default
    passes = setting_text(default, is_off=name in MAY_BE_OFF and default == 0)
    if name == "on_range_exit":
        passes = _exits(Settings(default_strategy=settings.default_strategy))
    rule = f" has no effect with strategy {strategy}"
    fix = f"take it away, or write {passes}"
    if needs.text:
        return Idle(name, f"{rule} without {needs.text}", f"write that too, or {fix}", passes)
    others = [each for each in STRATEGY_NAMES if may_have_effect(name, each)]
    return Idle(name, rule, f"{fix}; it has one with default_strategy = {' or '.join(others)}", passes)


def rows() -> Iterator[str]:
    """The table for the docs."""
    yield f"| option | {' | '.join(f'`{name}`' for name in STRATEGY_NAMES)} |"
    yield "|---" * (1 + len(STRATEGY_NAMES)) + "|"
    for name, needs in TABLE.items():
        cells = ["yes" if each is ALWAYS else f"with {each.text}" if each.text else "no" for each in needs]
        yield f"| `{name}` | {' | '.join(cells)} |"
