"""The engine of a start: as the journal left it, with the settings of now, and the row of this boot."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping

from core import VERSION
from core.domain.clock import Instant
from core.domain.effects import Notify, notify
from core.domain.instrument import Instrument
from core.engine.engine import Engine
from core.journal.journal import Batch
from core.journal.reader import Restored
from core.runtime.crash_loop import brake
from core.runtime.plan import RunPlan
from core.runtime.restore import (
    LAST_COINS,
    account_limits,
    build_engine,
    coin_config,
    risk_coins,
    set_thresholds,
)


def boot_engine(
    plan: RunPlan, restored: Restored, instruments: Mapping[str, Instrument], now: Instant
) -> tuple[Engine, Batch, list[Notify]]:
    """With the batch to be committed before anything else, and what is to be told once it is. Raises ``UsageError``."""
    boot = secrets.token_hex(4)
    configs = {coin: coin_config(plan.settings.by_coin[coin], instruments[coin]) for coin in instruments}
    instance = restored.meta["instance"]
    limits = account_limits(plan.settings.common)
    engine = build_engine(plan.identity.account, instance, boot, configs, restored, now, limits)
    set_thresholds(engine, plan.settings.common)
    before, coins = restored.meta.get(LAST_COINS), risk_coins(configs)
    batch = Batch(
        now.wall_ms,
        boots=[(boot, os.getpid(), VERSION)],
        # A kill between a fill's commit and that of what follows from it has left the stored position behind.
        positions=[coin.position_row() for coin in engine.coins.values()],
        revoked=[each.id for coin in engine.coins.values() for each in coin.ledger.needless_at_start],
        meta={LAST_COINS: coins},
    )
    told = brake(engine, plan.brake, batch)
    if before is not None and before != coins:
        told.append(notify("limits_measured_anew", "warn", "", before=before, now=coins))
    return engine, batch, told
