"""The dashboard: made of the definitions, five rows, and every expression of it is of metrics that there are."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.dashboard import FILE, made
from tests.deploy.promql import SERVED, named, unserved
from tests.unit.telemetry.metrics.names import DASHBOARD_ROWS


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(FILE.read_text(encoding="utf-8"))["panels"]
    return found


def targets() -> list[dict[str, Any]]:
    return [target for panel in panels() for target in panel.get("targets", [])]


def asked() -> list[str]:
    """Every expression, with the dashboard's own variables in it."""
    return [target["expr"] for target in targets()]


def test_it_is_what_the_definitions_make() -> None:
    assert FILE.read_text(encoding="utf-8") == made(), "make dashboard"


def test_it_has_the_five_rows_with_what_was_asked_for_in_each() -> None:
    rows: list[set[str]] = []
    for panel in panels():
        if panel["type"] == "row":
            rows.append(set())
        else:
            rows[-1] |= {name for target in panel["targets"] for name in named(target["expr"])}
    assert len(rows) == 5
    for shown, wanted in zip(rows, DASHBOARD_ROWS.values(), strict=True):
        assert {f"gridbot_{name}" for name in wanted.split()} - shown == set()


@pytest.mark.parametrize("target", targets(), ids=lambda target: str(target["expr"])[:40])
def test_every_expression_parses_and_is_of_metrics_and_labels_that_are_served(target: dict[str, Any]) -> None:
    names = named(target["expr"])
    assert names
    assert unserved(target["expr"]) == set()
    labels = set.intersection(*(set(SERVED[name]) for name in names))
    assert set(re.findall(r"{{(\w+)}}", target["legendFormat"])) <= labels
    assert set(re.findall(r"(\w+)=~", target["expr"])) <= labels | {"instance"}


def test_limits_are_drawn_where_alerts_begin() -> None:
    by_title = {panel["title"]: panel for panel in panels()}
    for title, limit in (
        ("Position drift", 1),
        ("API errors in a row", 3),
        ("Age of the stream's last message", 20),
        ("Live share of fills", 0.95),
    ):
        steps = by_title[title]["fieldConfig"]["defaults"]["thresholds"]["steps"]
        assert steps[1]["value"] == limit, title
        assert (steps[0]["color"] == "red") == (title == "Live share of fills")


def test_no_two_panels_lie_on_each_other() -> None:
    places = [
        {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        for at in (panel["gridPos"] for panel in panels())
    ]
    assert sum(map(len, places)) == len(set().union(*places))
    assert max(x for place in places for x, _ in place) < 24
