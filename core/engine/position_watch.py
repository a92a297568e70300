"""One coin's position beside the exchange's: drift told, looked into, explained, halted on, or accepted by an operator."""

from __future__ import annotations

from core.domain.clock import Instant
from core.domain.commands import Command
from core.domain.effects import Effect, SaveAdjustment, notify
from core.engine.coin import Coin
from core.engine.explanation import Evidence, open_question
from core.engine.halts import HaltRule
from core.view import DRIFT_ALERT_PCT, DRIFT_HALT_PCT


def observe_position(coin: Coin, lots: int, venue_ms: int, asked_mono_ms: int) -> tuple[list[Effect], str]:
    """Hold the exchange's position against the ledger's; nothing overwrites the ledger.

    Returns effects, and why the coin must halt (empty if it needn't).
    """
    one_order = coin.grid.lots if coin.grid else 1
    before = coin.ledger.drift
    drift = coin.ledger.observe(lots, venue_ms, asked_mono_ms, one_order)
    instrument = coin.config.instrument
    out: list[Effect] = []
    if before.declared and not drift.declared:
        out.append(
            notify(
                "position_drift_resolved",
                "info",
                coin.name,
                position=instrument.size_text(lots),
                explanation=coin.evidence.found(),
            )
        )
    if drift.suspected_mono_ms and not before.suspected_mono_ms:
        coin.evidence = Evidence()
    if not drift.declared:
        coin.drift_explanation = ""
        return out, ""
    coin.drift_explanation = explain(coin)
    if not before.declared or before.lots != drift.lots:
        out.append(
            notify(
                "position_drift_detected",
                "crit" if drift.is_above(DRIFT_ALERT_PCT) else "warn",
                coin.name,
                drift=instrument.size_text(drift.lots),
                drift_pct=float(round(drift.pct, 4)),
                ledger=instrument.size_text(coin.ledger.lots),
                exchange=instrument.size_text(lots),
                explanation=coin.drift_explanation,
            )
        )
    if drift.is_above(DRIFT_HALT_PCT):
        return out, f"{HaltRule.DRIFT} of {drift.pct:.1f} % (limit {DRIFT_HALT_PCT} %)"
    return out, ""


def explain(coin: Coin) -> str:
    twice = coin.mid_twice
    return open_question(
        coin.ledger.drift,
        coin.ledger.breaks(),
        coin.config.instrument,
        twice // 2 if twice else 0,
        coin.foreign_orders,
        coin.evidence,
    )


def accept(coin: Coin, exchange_lots: int, command: Command, now: Instant) -> tuple[list[Effect], str]:
    """Make the exchange's position the ledger's by explicit adjustment rows; effects, and a sentence."""
    twice = coin.mid_twice
    price = twice // 2 if twice else int(coin.ledger.current.entry)
    explanation = coin.drift_explanation or explain(coin)
    proposed = coin.ledger.propose(
        exchange_lots, price, f"{command.id}:{coin.name}", command.asked_by, explanation, now
    )
    instrument = coin.config.instrument
    if not proposed:
        return (
            [],
            f"{coin.name}: nothing to accept, ledger and exchange both hold {instrument.size_text(exchange_lots)}",
        )
    coin.ledger.adjust(proposed, now)
    coin.drift_explanation, coin.chain_broken_mono_ms = "", 0
    coin.wants_new_grid = True  # what the cells held no longer adds up to the position
    total = instrument.size_text(sum(a.signed_lots for a in proposed))
    sentence = (
        f"{coin.name}: accepted an adjustment of {total}; ledger and exchange both hold "
        f"{instrument.size_text(exchange_lots)}"
    )
    told = notify(
        "adjustment_accepted",
        "warn",
        coin.name,
        adjustment=total,
        position=instrument.size_text(exchange_lots),
        by=command.asked_by,
        explanation=explanation,
    )
    return [*(SaveAdjustment(a) for a in proposed), *coin.ledger_rows(), told], sentence
