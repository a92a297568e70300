"""Which procedure of the runbook is needed now, and how badly: by the alerts, and by what has none."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from core.view import DRIFT_HALT, RunState, Severity
from widgets.fields import worst
from widgets.look import Look
from widgets.runbook_values import coins_of, fill_ratio, is_halted, recent_sources

_DRIFT = ("drift:",)
_FILLS = ("chain:", "fill_source")
_GRID = ("grid:", "one_sided:")
_EXCHANGE = ("ws_age", "position_unread", "breaker:", "engine_silent", "weight", "requests")
_HALT = ("halt",)
_HALT_ORDERS = ("halt_orders:",)
_OF_A_PROCEDURE = (*_DRIFT, *_FILLS, *_GRID, *_EXCHANGE, *_HALT)


def _raised(look: Look, prefixes: tuple[str, ...]) -> Severity | None:
    found = [each.severity for each in look.alerts if each.id.startswith(prefixes)]
    return worst(tuple(found)) if found else None


def _drifting(look: Look) -> Severity | None:
    if any(coin.halt_reason.startswith(DRIFT_HALT) for coin in coins_of(look)):
        return Severity.CRIT
    return _raised(look, _DRIFT)


def _fills_missing(look: Look) -> Severity | None:
    ratio = fill_ratio(look).severity
    late = Severity.WARN if recent_sources(look).severity is Severity.WARN else None
    raised = _raised(look, _FILLS)
    if raised is not None:
        return raised
    return Severity.WARN if late and ratio in (Severity.WARN, Severity.CRIT) else None


def _collapsed(look: Look) -> Severity | None:
    compressed = any(coin.grid.compression for coin in coins_of(look))
    return _raised(look, _GRID) or (Severity.WARN if compressed else None)


def _exchange_down(look: Look) -> Severity | None:
    return _raised(look, _EXCHANGE)


def _halted(look: Look) -> Severity | None:
    """Under a drift, which names its own way out of the halt."""
    if not is_halted(look) or look.state is RunState.FLATTENING:
        return None
    return _raised(look, _HALT_ORDERS) or Severity.WARN


def _flattening(look: Look) -> Severity | None:
    return Severity.CRIT if look.state is RunState.FLATTENING else None


def _other(look: Look) -> Severity | None:
    found = [each.severity for each in look.alerts if not each.id.startswith(_OF_A_PROCEDURE)]
    return worst(tuple(found)) if found else None


CONDITIONS: Mapping[str, Callable[[Look], Severity | None]] = {
    "drift": _drifting,
    "fills": _fills_missing,
    "grid": _collapsed,
    "flattening": _flattening,
    "exchange": _exchange_down,
    "halted": _halted,
    "other": _other,
}
"""How badly a procedure is needed now; ``None``: not at all."""
