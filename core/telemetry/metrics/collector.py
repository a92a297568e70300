"""From the definitions to Prometheus' text: families are made of the newest Snapshot when somebody asks, and kept nowhere."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import accumulate

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.registry import Collector

from core.telemetry.metrics.definition import Buckets, Metric, Scene, Type
from core.telemetry.metrics.registry import METRICS

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class SceneCollector(Collector):
    """``scene``: what there is now; ``None`` before the first Snapshot, and then there are no samples."""

    def __init__(self, scene: Callable[[], Scene | None]) -> None:
        self._scene = scene

    def describe(self) -> list[Family]:
        return []

    def collect(self) -> Iterator[Family]:
        scene = self._scene()
        if scene is not None:
            yield from (_family(metric, scene) for metric in METRICS)


def exposition(scene: Callable[[], Scene | None]) -> Callable[[], bytes]:
    """What makes the whole text, those of the process itself (``process_*``) included. No registry is shared."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(SceneCollector(scene))
    ProcessCollector(registry=registry)
    return lambda: generate_latest(registry)


def _family(metric: Metric, scene: Scene) -> Family:
    help_ = f"{metric.means} ({metric.unit})" if metric.unit else metric.means
    match metric.type:
        case Type.GAUGE:
            return _filled(GaugeMetricFamily(metric.full_name, help_, labels=metric.labels), metric, scene)
        case Type.COUNTER:
            return _filled(CounterMetricFamily(metric.full_name, help_, labels=metric.labels), metric, scene)
        case Type.HISTOGRAM:
            family = HistogramMetricFamily(metric.full_name, help_, labels=metric.labels)
            for labels, value in metric.read(scene):
                assert isinstance(value, Buckets), f"{metric.name} is a histogram"
                sums = accumulate(value.counts)
                ends = (*map(_end, value.ends), "+Inf")
                family.add_metric(labels, buckets=list(zip(ends, sums, strict=True)), sum_value=value.total)
            return family


def _filled(family: GaugeMetricFamily | CounterMetricFamily, metric: Metric, scene: Scene) -> Family:
    for labels, value in metric.read(scene):
        assert not isinstance(value, Buckets), f"{metric.name} is no histogram"
        family.add_metric(labels, float(value))
    return family


def _end(end: float) -> str:
    return f"{end:.10g}" if end % 1 else f"{end:.1f}"
