"""The journal as a run begins with it: opened, of this network and account, and with an anchor for every coin."""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping
from dataclasses import replace

from core.domain.effects import Tell
from core.domain.instrument import Instrument
from core.engine.engine import Engine
from core.exchange.reads import Reads
from core.exchange.venue_clock import VenueClock
from core.failpoints import failpoint
from core.journal.journal import Batch, Journal
from core.journal.reader import JournalReader, Restored
from core.journal.schema import ForeignJournalError, StorageError, prepare
from core.runtime.comeback import fills_to_take_back, funding_marks
from core.runtime.heartbeat import Beat
from core.runtime.plan import RunPlan
from core.runtime.reach import dex_of
from core.runtime.restore import Opening, open_position
from core.runtime.storage import RESERVE_BYTES, Reserve


async def open_journal(
    plan: RunPlan, journal: Journal, reserve: Reserve, clock: VenueClock, base_url: str, tell: Tell
) -> None:
    """Raises ``StorageError``, and ``ForeignJournalError`` if it belongs to another network or account."""
    path = plan.state.journal
    try:
        reserve.make()
    except OSError as error:
        raise StorageError(
            f"{plan.state.path} has no room for {plan.state.reserve} of {RESERVE_BYTES // 2**20} MiB "
            f"({error.strerror}); free disk space, then start again"
        ) from error
    await prepare(path)
    failpoint("migrated")
    await journal.open()
    meta = await JournalReader(path).meta()
    fresh = {"network": plan.network, "account": plan.identity.account, "exchange_url": plan.exchange_url}
    for name in ("network", "account"):
        if meta.get(name, fresh[name]) != fresh[name]:
            await journal.close()
            raise ForeignJournalError(
                f"the state dir {plan.state.path} belongs to {name} {meta[name]}, not {fresh[name]}; "
                "name another with --state-dir"
            )
    if meta and meta.get("exchange_url") != plan.exchange_url:
        tell("exchange_changed", "warn", before=meta.get("exchange_url") or "embedded", now=base_url)
    instance = meta.get("instance") or plan.state.read_instance() or secrets.token_hex(4)
    await journal.commit(Batch(clock.now().wall_ms, meta={**fresh, "instance": instance}))
    try:
        plan.state.keep_instance(instance)
    except OSError as error:  # the journal has it: only a rebuild would miss it
        tell("instance_not_kept", "warn", reason=f"{plan.state.instance}: {error}")


async def count_as_before(
    plan: RunPlan, journal: Journal, instruments: dict[str, Instrument], clock: VenueClock
) -> dict[str, Instrument]:
    """The instruments with lots as this journal counts them: in the ``szDecimals`` by which it first knew the coin."""
    meta = await JournalReader(plan.state.journal).meta()
    fresh = {
        key: str(instrument.sz_decimals)
        for name, instrument in instruments.items()
        if (key := decimals_key(name)) not in meta
    }
    if fresh:
        await journal.commit(Batch(clock.now().wall_ms, meta=fresh))
    return as_counted(meta, instruments)


def as_counted(meta: Mapping[str, str], instruments: Mapping[str, Instrument]) -> dict[str, Instrument]:
    """The instruments as a journal with that ``meta`` counts their lots, whatever the exchange's ``szDecimals`` are by now."""
    return {
        name: replace(
            instrument, sz_decimals=int(meta.get(decimals_key(name), instrument.sz_decimals))
        ).traded_with(instrument.sz_decimals)
        for name, instrument in instruments.items()
    }


def decimals_key(coin: str) -> str:
    return f"size_decimals:{coin}"


async def restore_journal(
    plan: RunPlan, journal: Journal, reads: Reads, instruments: dict[str, Instrument], clock: VenueClock
) -> Restored:
    """What it holds of these coins. One that it sees for the first time begins at the exchange's position; one that is traded
    again is told what came meanwhile.
    """
    reader, account = JournalReader(plan.state.journal), plan.identity.account
    restored = await reader.restore(account, list(instruments))
    unseen = [name for name, rows in restored.coins.items() if rows.anchor is None]
    back = await fills_to_take_back(reader, account, restored, instruments)
    marks = funding_marks(restored)
    if not unseen and not back and not marks:
        return restored
    openings: list[Opening] = [await open_position(reads, instruments[name]) for name in unseen]
    anchors = [opening.anchor for opening in openings]
    batch = Batch(
        clock.now().venue_ms,
        anchors=anchors,
        fills=[*back, *(fill for opening in openings for fill in opening.fills)],
        meta=marks,
        positions=[opening.position for opening in openings],
    )
    if not restored.cursor_ms and anchors:
        batch.meta["fill_cursor_ms"] = str(min(anchor.time_ms for anchor in anchors))
    failpoint("anchor_read")
    await journal.commit(batch)
    return await reader.restore(account, list(instruments))


def first_beat(plan: RunPlan, engine: Engine) -> Beat:
    """What another process must know to take this run's orders back."""
    return Beat(
        mark=engine.boot,
        pid=os.getpid(),
        network=plan.network,
        account=plan.identity.account,
        instance=engine.instance,
        url=plan.exchange_url,
        dex=dex_of(plan),
    )
