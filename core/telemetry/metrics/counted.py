"""Counters of events, of this run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from core.telemetry.metrics.definition import Buckets, Metric, Row, Sample, Scene, Shown, Type
from core.telemetry.metrics.event_counts import PNL_ENDS, Counted
from core.view import Severity

_ERRORS = Shown(Row.SYSTEM_HEALTH, "Errors")
_WRITES = ("storage_failed",)

_COUNTED: tuple[tuple[Counted, str, Shown | None], ...] = (
    (
        Counted("orders_rejected_total", ("order_rejected",), (("coin", "coin"), ("reason", "cause"))),
        "Orders that the exchange refused. reason: one of the causes of docs/breakers.md",
        _ERRORS,
    ),
    (
        Counted("api_errors_total", ("api_error",), (("error_type", "cause"),)),
        "Requests without a usable answer, or refused as a whole",
        _ERRORS,
    ),
    (
        Counted("ws_gaps_total", ("ws_reconnected",), ()),
        "Times that the stream was gone and came back",
        _ERRORS,
    ),
    (
        Counted("ws_reconnect_rest_polls_total", ("ws_reconnected",), ()),
        "Reads of the fills that closed such a gap: each does, at once",
        None,
    ),
    (
        Counted("position_drift_detected_total", ("position_drift_detected",)),
        "Times that the ledger and the exchange were found to disagree, on two looks",
        Shown(Row.SYSTEM_HEALTH, "Position drift, times"),
    ),
    (
        Counted("position_drift_alerts_total", ("position_drift_detected",), least=Severity.CRIT),
        "Those of them of more than 1 %",
        Shown(Row.SYSTEM_HEALTH, "Position drift, times"),
    ),
    (
        Counted("reconciliation_corrections_total", ("adjustment_accepted",)),
        "Adjustments of the ledger that an operator has accepted: nothing else ever corrects it",
        None,
    ),
    (
        Counted("fill_sequence_gaps_total", ("fill_sequence_gap",)),
        "Fills that did not follow on the one before: one was missing, and was read at once",
        Shown(Row.FILL_CAPTURE, "Gaps in the chain of fills"),
    ),
    (
        Counted(
            "fill_timestamp_anomalies_total",
            ("fill_timestamp_anomaly",),
            (("coin", "coin"), ("type", "type")),
        ),
        "Fills whose time cannot be right",
        None,
    ),
    (
        Counted("unusual_pnl_fills_total", ("unusual_pnl_fill",)),
        "Fills that closed for more, or lost more, than max_single_fill_pnl",
        None,
    ),
    (
        Counted("fill_log_write_errors_total", _WRITES, ()),
        "Times that the journal could not be written. Nothing is lost: what came is held until it can",
        _ERRORS,
    ),
    (
        Counted("wal_write_errors_total", _WRITES, ()),
        "The same: the journal is the write-ahead log, too",
        None,
    ),
    (
        Counted("funding_paid_total", ("funding",), less="usd"),
        "Funding paid, what was received not deducted; gridbot_funding_paid has the balance",
        None,
    ),
    (
        Counted(
            "fills_from_reconciliation_total", ("fill",), only=("source", frozenset({"snapshot", "resolver"}))
        ),
        "Fills found by a read for an order in doubt, or in the snapshot of a new stream",
        Shown(Row.FILL_CAPTURE, "Fills found by reconciliation"),
    ),
    (Counted("bot_started_total", ("session_start",), ()), "Starts of this process: 1", None),
    (
        Counted("bot_stopped_total", ("stopping",), ()),
        "Stops that were asked for: 1 while it takes back what rests and ends",
        None,
    ),
    (
        Counted("exchange_cancels_total", ("order_cancelled",), (("coin", "coin"),)),
        "Orders that the exchange cancelled of its own accord",
        None,
    ),
    (
        Counted("halts_total", ("halt", "risk_halt"), ()),
        "Halts of a coin or of all",
        None,
    ),
)

_UNITS = {"funding_paid_total": "USD"}

COUNTED = tuple(counted for counted, _, _ in _COUNTED)


def _metric(counted: Counted, means: str, shown: Shown | None) -> Metric:
    labels = tuple(label for label, _ in counted.labels)

    def read(scene: Scene) -> Iterator[Sample]:
        found = scene.counts.of(counted.name)
        # From 0 on, so that the first one is an increase.
        known: Iterable[tuple[str, ...]] = ()
        if labels in ((), ("coin",)):
            known = [(coin.coin,) for coin in scene.snapshot.coins] if labels else [()]
        yield from ((each, found.pop(each, 0.0)) for each in known)
        yield from found.items()

    return Metric(counted.name, Type.COUNTER, means, read, labels, _UNITS.get(counted.name, ""), shown)


def _pnl(scene: Scene) -> Iterator[Sample]:
    for coin, (counts, total) in scene.counts.pnl().items():
        yield (coin,), Buckets(PNL_ENDS, counts, total)


METRICS = (
    *(_metric(*each) for each in _COUNTED),
    Metric(
        "fill_pnl",
        Type.HISTOGRAM,
        "What fills have closed for, gross of fees; those that opened are not in it. No sum: profits are of both signs",
        _pnl,
        ("coin",),
        "USD",
        Shown(Row.POSITION_PNL, "Profit of closing fills"),
    ),
)
