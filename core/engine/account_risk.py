"""Limits of the whole account, judged on what its coins have made: realized - fees + funding + unrealized at the mid.

Not on equity: a deposit or a withdrawal is neither profit nor loss, so it moves no high and no day. A limit must be passed for
``HOLD_MS`` before it counts: one odd quote halts nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache

from core.domain.clock import DAY_MS, Instant
from core.domain.effects import Effect, SaveDay, SavePnlPeak, notify
from core.engine.halts import HaltRule, rule_of
from core.engine.steady_mid import HOLD_MS

_FIRST_DAY = date(1970, 1, 1)

SAVE_PEAK_EVERY_MS = 10_000
"""A high that a kill takes away is at most so old."""

WARN_SHARE = Decimal(2) / 3
"""Of the limit of the drawdown: past it there is a warning."""


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """Fractions of the account, and USD (a loss is negative); ``None``: no limit."""

    max_drawdown: Decimal | None = None
    max_unrealized: Decimal | None = None
    daily_stop: Decimal | None = None
    daily_take: Decimal | None = None


@dataclass(frozen=True, slots=True)
class AccountLook:
    """The account at one moment, in USD: its value, the profit of all its coins so far, and what of it is unrealized.

    ``made_today``: since 00:00 UTC, unrealized included; without what a position carried over had made before a first look.
    """

    value: Decimal
    pnl: Decimal
    unrealized: Decimal
    made_today: Decimal


def day_name(venue_ms: int) -> str:
    """``2026-01-30``, UTC."""
    return _name_of(venue_ms // DAY_MS)


@lru_cache(maxsize=8)
def _name_of(day: int) -> str:
    """Of the so many-th day since 1970: asked for at each step, and another once a day."""
    return (_FIRST_DAY + timedelta(days=day)).isoformat()


def is_day(day: str, now: Instant) -> bool:
    """Whether that day goes on: also on a clock that was set back, but a day far ahead is of a clock that was wrong."""
    return day_name(now.venue_ms) <= day <= day_name(now.venue_ms + DAY_MS)


@dataclass(slots=True)
class AccountRisk:
    """What was highest, where the day began, and since when a limit is passed."""

    limits: AccountLimits = field(default_factory=AccountLimits)
    peak: Decimal | None = None
    """The highest profit so far; ``None`` before the first look."""
    day: str = ""
    day_start: Decimal = Decimal(0)
    """The profit at 00:00 UTC of ``day``, or when it was first looked at on that day, less what had been realized on it."""
    now: AccountLook | None = None
    """The last look."""
    may_judge: bool = False
    """The fills that were missed before the start have been read: until then a profit may be that of a position long closed."""
    _passed_since_ms: dict[HaltRule, int] = field(default_factory=dict)
    """Of each limit that is passed now."""
    _has_warned: bool = False
    _saved_peak: Decimal | None = None
    _saved_peak_ms: int = 0

    # -- the numbers --------------------------------------------------------------------------------------------

    @property
    def drawdown_usd(self) -> Decimal:
        """What has been lost since the highest profit; never negative."""
        return self.peak - self.now.pnl if self.now is not None and self.peak is not None else Decimal(0)

    @property
    def high_usd(self) -> Decimal:
        """What the account would be worth at its highest profit, with the money that is in it now."""
        return (self.now.value if self.now else Decimal(0)) + self.drawdown_usd

    @property
    def drawdown(self) -> Decimal:
        """As a fraction of that."""
        return self.drawdown_usd / self.high_usd if self.high_usd > 0 else Decimal(0)

    @property
    def unrealized_loss(self) -> Decimal:
        """As a fraction of what the account is worth without it; 0 for a gain."""
        if self.now is None or self.now.unrealized >= 0:
            return Decimal(0)
        return -self.now.unrealized / max(self.now.value - self.now.unrealized, Decimal(1))

    @property
    def day_pnl(self) -> Decimal:
        """Since 00:00 UTC, unrealized included."""
        return self.now.pnl - self.day_start if self.now is not None else Decimal(0)

    # -- the judgement ------------------------------------------------------------------------------------------

    def look(self, seen: AccountLook, now: Instant) -> tuple[list[Effect], str]:
        """Take one look; rows and events, and why everything must halt (empty if it needn't)."""
        self.now = seen
        out: list[Effect] = [*self._begin_day(seen, now), *self._raise_peak(seen.pnl, now), *self._warn()]
        reasons = self.reasons()
        since = self._passed_since_ms
        self._passed_since_ms = {rule: since.get(rule, now.mono_ms) for rule in reasons}
        held = (
            reason for rule, reason in reasons.items() if now.mono_ms - self._passed_since_ms[rule] >= HOLD_MS
        )
        return out, next(held, "")

    def reasons(self) -> dict[HaltRule, str]:
        """The limits that the last look is past, with their numbers; the gravest first."""
        limits, found = self.limits, dict[HaltRule, str]()
        if limits.max_drawdown is not None and self.drawdown >= limits.max_drawdown:
            found[HaltRule.DRAWDOWN] = (
                f"{self.drawdown_usd:.2f} USD below the highest profit, {_pct(self.drawdown)} of the account "
                f"(limit {_pct(limits.max_drawdown)})"
            )
        if limits.max_unrealized is not None and self.unrealized_loss > limits.max_unrealized:
            found[HaltRule.UNREALIZED] = (
                f"the open positions have lost {_pct(self.unrealized_loss)} of the account "
                f"(limit {_pct(limits.max_unrealized)})"
            )
        today = f"{self.day_pnl:.2f} USD since 00:00 UTC"
        if limits.daily_stop is not None and self.day_pnl <= limits.daily_stop:
            found[HaltRule.DAILY_LOSS] = f"{today} (limit {limits.daily_stop})"
        if limits.daily_take is not None and self.day_pnl >= limits.daily_take:
            found[HaltRule.DAILY_TAKE] = f"{today} (limit {limits.daily_take})"
        return {rule: f"{rule}: {words}" for rule, words in found.items()}

    def resume_refusal(self, halted: str) -> str:
        """Why a halt for one of these limits can't be lifted yet; empty if it can."""
        # To resume after a drawdown is to measure the next one from here; nothing else that is past is passed over.
        present = {rule: reason for rule, reason in self.reasons().items() if rule is not HaltRule.DRAWDOWN}
        if not halted or not present:
            return ""
        rule, reason = next(iter(present.items()))
        if rule in (HaltRule.DAILY_LOSS, HaltRule.DAILY_TAKE):
            return f"{reason}; it counts anew at 00:00 UTC, or change the limit and restart"
        return f"{reason}; reduce the position, or change the limit and restart"

    def resumed(self, halted: str, now: Instant) -> list[Effect]:
        """An operator has lifted a halt: a drawdown is measured anew from here."""
        is_past = HaltRule.DRAWDOWN in (rule_of(halted), *self.reasons())
        if self.now is None or not is_past:
            return []
        lost, self.peak, self._has_warned = self.drawdown_usd, self.now.pnl, False
        self._saved_peak, self._saved_peak_ms = self.peak, now.mono_ms
        return [
            SavePnlPeak(self.peak),
            notify("drawdown_accepted", "warn", "", lost_usd=f"{lost:.2f}", pnl_usd=f"{self.peak:.2f}"),
        ]

    def _begin_day(self, seen: AccountLook, now: Instant) -> list[Effect]:
        if is_day(self.day, now):
            return []
        day = day_name(now.venue_ms)
        self.day, self.day_start = day, seen.pnl - seen.made_today
        return [SaveDay(day, self.day_start, seen.value)]

    def _raise_peak(self, pnl: Decimal, now: Instant) -> list[Effect]:
        if self.peak is None or pnl > self.peak:
            self.peak = pnl
        is_due = self._saved_peak is None or now.mono_ms - self._saved_peak_ms >= SAVE_PEAK_EVERY_MS
        if self.peak == self._saved_peak or not is_due:
            return []
        self._saved_peak, self._saved_peak_ms = self.peak, now.mono_ms
        return [SavePnlPeak(self.peak)]

    def _warn(self) -> list[Effect]:
        limit = self.limits.max_drawdown
        if limit is None:
            return []
        was, self._has_warned = self._has_warned, self.drawdown >= limit * WARN_SHARE
        if was or not self._has_warned:
            return []
        return [
            notify(
                "drawdown_warning",
                "warn",
                "",
                drawdown_pct=float(round(100 * self.drawdown, 2)),
                limit_pct=float(round(100 * limit, 2)),
                lost_usd=f"{self.drawdown_usd:.2f}",
            )
        ]


def _pct(fraction: Decimal) -> str:
    return f"{100 * fraction:.2f} %"
