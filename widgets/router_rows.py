"""The risk screen's block on the way to the exchange: what it still takes of us, and how long that lasts."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from core.view import BudgetMode, DeadManState, Severity
from widgets import formats
from widgets.fields import SEVERITY_INKS, glyph, title_line, worst
from widgets.ink import Ink, Line, clean, dimmed, fit, line
from widgets.limit_rows import LABEL_WIDTH, VALUE_WIDTH, Limit, limit_line
from widgets.look import STALE_S, Look

if TYPE_CHECKING:
    from core.view import BudgetView, DeadManView, LatencyView, Snapshot, StageView

Row = tuple[Severity, Line]

_MODES = {
    BudgetMode.NORMAL: Severity.INFO,
    BudgetMode.THINNING: Severity.WARN,
    BudgetMode.ONE_PER_10S: Severity.CRIT,
}


def router_lines(look: Look, width: int, height: int) -> list[Line]:
    """Without room for all, the last of the least grave go first."""
    rows = _rows(look, width)
    room = max(height - 1, 0)
    kept = sorted(sorted(range(len(rows)), key=lambda at: (-rows[at][0].rank, at))[:room])
    shown = [rows[at][1] for at in kept]
    if look.snapshot_age_s >= STALE_S:
        shown = [dimmed(row) for row in shown]
    grave = worst(tuple(severity for severity, _ in rows))
    return [title_line("Order router", grave, look.snapshot_age_s, width), *shown]


def _rows(look: Look, width: int) -> list[Row]:
    snapshot = look.snapshot
    if snapshot is None:
        return []
    *left, sent = budget_rows(snapshot.budget, look.now_ms, width)
    switch = dead_man_row(snapshot, look.now_ms, width)
    return [*left, switch, *latency_rows(snapshot.latency, width), sent]


def budget_rows(budget: BudgetView, now_ms: int, width: int) -> list[Row]:
    return [
        _weight_row(budget, now_ms, width),
        _requests_row(budget, width),
        _lasts_row(budget, width),
        _sent_row(budget, width),
    ]


def _weight_row(budget: BudgetView, now_ms: int, width: int) -> Row:
    """What the exchange takes of this address within a minute."""
    if not budget.ip_limit:
        return fact_row("IP weight", "not known yet", "", width)
    left, limit = budget.ip_left, budget.ip_limit
    used = min(max(1 - left / limit, 0.0), 1.0)
    paused_s = (budget.paused_until_ms - now_ms) / 1_000
    if paused_s > 0:
        held = f"{formats.age(paused_s)}: {budget.paused_why}"
        return Severity.WARN, limit_line(Limit("IP weight", "PAUSED", held, used, Severity.WARN), width)
    grade = Severity.WARN if left <= budget.ip_reserve else Severity.INFO
    whose = "" if budget.is_shared else ", alone"
    shown = Limit("IP weight", f"{left:,} left", f"{limit:,}/min{whose}", used, grade)
    return grade, limit_line(shown, width)


def _requests_row(budget: BudgetView, width: int) -> Row:
    """What it takes of the account in its life, by what it has traded."""
    if not budget.address_cap:
        return fact_row("Requests", "not read yet", "", width)
    grade = _MODES[budget.mode]
    used = min(max(budget.address_used / budget.address_cap, 0.0), 1.0)
    shown = Limit("Requests", f"{budget.address_left:,} left", f"of {budget.address_cap:,}", used, grade)
    return grade, limit_line(shown, width)


def _lasts_row(budget: BudgetView, width: int) -> Row:
    """How long they last at the present churn, and what is done about it."""
    if not budget.address_cap:
        return fact_row("Lasts", "not known yet", "", width)
    hours = budget.hours_to_empty
    value = "all day" if hours is None else formats.age(3_600 * hours)
    grade = _MODES[budget.mode]
    return fact_row("Lasts", value, _MODE_WORDS[budget.mode], width, grade)


_MODE_WORDS = {
    BudgetMode.NORMAL: "at this churn",
    BudgetMode.THINNING: "thinning: moves wait longer",
    BudgetMode.ONE_PER_10S: "ONE ORDER PER 10 S",
}


def _sent_row(budget: BudgetView, width: int) -> Row:
    note = f"{budget.actions_last_hour:,} within the hour"
    if budget.address_cap:
        note += f"; {budget.cancels_left:,} cancels left"
    return fact_row("Sent", f"{budget.actions_last_min:,} a minute", note, width)


def dead_man_row(snapshot: Snapshot, now_ms: int, width: int) -> Row:
    """The exchange's own switch, which takes the stops, too; where it is off, who takes the grid back instead, if anybody."""
    if snapshot.dead_man.state is DeadManState.OFF:
        return fact_row("Dead man", "off", watchdog_words(snapshot), width)
    grade, value, note = _switch_words(snapshot.dead_man, now_ms)
    return fact_row("Dead man", value, note, width, grade)


def watchdog_words(snapshot: Snapshot) -> str:
    """Nothing guards that isn't seen to run: who reads that it does starts none."""
    if snapshot.is_embedded:
        return "the paper exchange ends with the bot"
    if snapshot.watchdog_pid is None:
        return "no watchdog: start `gridbot watchdog`"
    return f"watchdog pid {snapshot.watchdog_pid or 'unknown'} guards"


def _switch_words(switch: DeadManView, now_ms: int) -> tuple[Severity | None, str, str]:
    left_s = (switch.armed_until_ms - now_ms) / 1_000
    armed = f"fires in {formats.age(left_s)}, stops too" if left_s > 0 else "not armed"
    match switch.state:
        case DeadManState.OFF:
            return None, "off", ""
        case DeadManState.ASKED:
            return None, "asked", armed
        case DeadManState.ARMED if left_s > 0:
            return Severity.INFO, "ARMED", f"{armed}; at most {switch.firings_left} left today"
        case DeadManState.ARMED:
            return Severity.CRIT, "LAPSED", f"its time has passed: {switch.text or 'no answer'}"
        case DeadManState.NOT_ELIGIBLE:
            traded = "" if switch.traded_usd is None else f"{switch.traded_usd:,.0f} of "
            return (
                Severity.WARN,
                "NOT ELIGIBLE",
                f"traded {traded}{switch.required_usd or 1_000_000:,.0f} USD",
            )
        case DeadManState.REFUSED:
            return Severity.WARN, "REFUSED", f"{armed}: {switch.text}"
        case DeadManState.FIRED:
            return (
                Severity.CRIT,
                "FIRED",
                f"all orders were cancelled; at most {switch.firings_left} left today",
            )
        case _:
            assert_never(switch.state)


def latency_rows(latency: LatencyView, width: int) -> list[Row]:
    """What is ours of an order's way, from the tick to the wire, and what is the exchange's."""
    stages = {stage.name: stage for stage in latency.stages}
    answered = stages.get("wire_to_ack")
    then = f"; {formats.micros(answered.p50_us)} to the ack" if answered and answered.count else ""
    return [
        _stage_row("Tick to wire", stages.get("tick_to_wire"), width, then),
        _stage_row("Wire to ack", answered, width),
    ]


def _stage_row(label: str, stage: StageView | None, width: int, then: str = "") -> Row:
    if stage is None or not stage.count:
        return fact_row(label, "–", "no order yet", width)
    p99, worst_us = formats.micros(stage.p99_us), formats.micros(stage.worst_us)
    note = f"p99 {p99}, worst {worst_us}, of {stage.count:,}{then}"
    return fact_row(label, formats.micros(stage.p50_us), note, width)


def fact_row(label: str, value: str, note: str, width: int, severity: Severity | None = None) -> Row:
    """A row without a bar, in the columns of those that have one."""
    mark = glyph(severity) if severity is not None else " "
    ink = SEVERITY_INKS[severity or Severity.INFO]
    shown = Ink.TEXT if severity in (None, Severity.INFO) else ink
    made = line(
        (f" {label:<{LABEL_WIDTH}}", Ink.LABEL),
        (f"{mark} ", ink),
        (f"{clean(value):>{VALUE_WIDTH}}  ", shown),
        (clean(note), Ink.LABEL),
    )
    return severity or Severity.INFO, fit(made, width)
