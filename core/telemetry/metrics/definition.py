"""What a metric is: a name, what it means, and how its samples are read of a scene. Nothing here knows Prometheus' library."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from core.telemetry.alerting.outbox import Delivered
from core.telemetry.metrics.event_counts import EventCounts
from core.view import CoinView, Snapshot, SpreadView

PREFIX = "gridbot_"


class Type(StrEnum):
    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Row(StrEnum):
    """A row of the dashboard."""

    POSITION_PNL = "position_pnl"
    FILL_CAPTURE = "fill_capture"
    GRID_HEALTH = "grid_health"
    SYSTEM_HEALTH = "system_health"
    RISK = "risk"


@dataclass(frozen=True, slots=True)
class Telling:
    """How the telling itself goes: what became of alerts, and by path how many answers of this server failed."""

    delivered: tuple[Delivered, ...] = ()
    failed: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Scene:
    """What is read: the newest Snapshot, what was counted of the events of this run, and what the host says."""

    snapshot: Snapshot
    counts: EventCounts
    now_ms: int
    """Wall clock: ages are to it."""
    journal_bytes: int | None = 0
    """None: a part of it can't be measured."""
    version: str = ""
    telling: Telling = field(default_factory=Telling)


@dataclass(frozen=True, slots=True)
class Buckets:
    """The value of a histogram: ``ends`` in the metric's own unit, counts as in a ``SpreadView``, the sum of all values."""

    ends: tuple[float, ...]
    counts: tuple[int, ...]
    total: float


Value = float | int | Buckets
Sample = tuple[tuple[str, ...], Value]
"""The values of the labels, and the metric's."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Where the dashboard shows it: metrics of one title share a panel. ``limit``: not well above, or if ``is_least`` below."""

    row: Row
    title: str
    limit: float | None = None
    is_least: bool = False


@dataclass(frozen=True, slots=True)
class Metric:
    """``name`` as it is scraped, without the prefix. ``unit`` is for people: percent, USD, coin, s; empty for none."""

    name: str
    type: Type
    means: str
    read: Callable[[Scene], Iterable[Sample]]
    labels: tuple[str, ...] = ()
    unit: str = ""
    shown: Shown | None = None

    @property
    def full_name(self) -> str:
        return f"{PREFIX}{self.name}"


def of_account(
    name: str,
    means: str,
    value: Callable[[Snapshot], float | None],
    unit: str = "",
    shown: Shown | None = None,
    kind: Type = Type.GAUGE,
) -> Metric:
    """One value, of the whole account; ``None``: no sample."""

    def read(scene: Scene) -> Iterator[Sample]:
        if (found := value(scene.snapshot)) is not None:
            yield (), float(found)

    return Metric(name, kind, means, read, (), unit, shown)


def by_age(
    name: str, means: str, stamp_ms: Callable[[Snapshot], int], shown: Shown | None = None, unit: str = "s"
) -> Metric:
    """Seconds since a time of the Snapshot, by this host's clock; no sample before there is one."""

    def read(scene: Scene) -> Iterator[Sample]:
        if stamp := stamp_ms(scene.snapshot):
            yield (), max(scene.now_ms - stamp, 0) / 1000

    return Metric(name, Type.GAUGE, means, read, (), unit, shown)


def by_coin(
    name: str,
    means: str,
    value: Callable[[CoinView], float | None],
    unit: str = "",
    shown: Shown | None = None,
    kind: Type = Type.GAUGE,
) -> Metric:
    """One value of each coin; ``None``: no sample of that coin."""

    def read(scene: Scene) -> Iterator[Sample]:
        for coin in scene.snapshot.coins:
            if (found := value(coin)) is not None:
                yield (coin.coin,), float(found)

    return Metric(name, kind, means, read, ("coin",), unit, shown)


def buckets(spread: SpreadView, ends: tuple[int, ...], scale: float) -> Buckets:
    """``scale``: what one of the spread's units is in the metric's."""
    counts = spread.counts or (0,) * (len(ends) + 1)
    return Buckets(tuple(end * scale for end in ends), counts, spread.total * scale)


def spread(
    name: str,
    means: str,
    found: Callable[[Snapshot], SpreadView],
    ends: tuple[int, ...],
    scale: float,
    unit: str = "",
    shown: Shown | None = None,
) -> Metric:
    """A histogram of the account."""

    def read(scene: Scene) -> Iterator[Sample]:
        yield (), buckets(found(scene.snapshot), ends, scale)

    return Metric(name, Type.HISTOGRAM, means, read, (), unit, shown)
