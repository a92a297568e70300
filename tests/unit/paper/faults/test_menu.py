"""Which event is struck: by seed, within the window, so often and no oftener."""

from __future__ import annotations

from typing import Any

from core.paper.faults.kinds import Place
from core.paper.faults.menu import FaultMenu
from core.paper.faults.spec import Fault, parse_faults


class Clock:
    def __init__(self) -> None:
        self.now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


def _menu(*rows: dict[str, Any]) -> tuple[FaultMenu, Clock]:
    clock = Clock()
    menu = FaultMenu(clock)
    menu.replace(parse_faults(list(rows)))
    return menu, clock


def _any(_: Fault) -> bool:
    return True


def _pattern(menu: FaultMenu, events: int = 200) -> list[list[str]]:
    return [[armed.fault.kind.value for armed in menu.strike(Place.FRAME, _any)] for _ in range(events)]


def test_the_same_faults_and_events_give_the_same_strikes() -> None:
    rows = ({"kind": "ws_drop", "probability": 0.3, "seed": 5}, {"kind": "ws_duplicate", "probability": 0.5})
    first = _pattern(_menu(*rows)[0])
    assert first == _pattern(_menu(*rows)[0])
    assert first != _pattern(_menu({**rows[0], "seed": 6}, rows[1])[0])
    struck = sum(1 for kinds in first if kinds == ["ws_drop"])
    assert 40 <= struck <= 80, "about three in ten"


def test_two_faults_of_one_seed_do_not_strike_in_step() -> None:
    row = {"kind": "ws_delay", "probability": 0.5}
    both = [len(struck) for struck in _pattern(_menu(row, row)[0])]
    assert {0, 1, 2} == set(both)


def test_a_count_and_a_window_bound_the_strikes() -> None:
    menu, clock = _menu({"kind": "ws_drop", "count": 2, "after_s": 10, "for_s": 5})
    (row,) = menu.rows()
    assert (row["state"], row["strikes"], row["left"]) == ("waiting", 0, 2)
    assert not menu.strike(Place.FRAME, _any)
    clock.now_s += 10
    assert menu.strike(Place.FRAME, _any)
    (row,) = menu.rows()
    assert (row["state"], row["strikes"], row["left"], row["left_s"]) == ("active", 1, 1, 5.0)
    assert menu.strike(Place.FRAME, _any)
    assert not menu.strike(Place.FRAME, _any), "spent"
    assert menu.rows()[0]["state"] == "over"


def test_a_window_closes_though_strikes_are_left() -> None:
    menu, clock = _menu({"kind": "ws_drop", "count": 2, "for_s": 5})
    clock.now_s += 5
    assert not menu.strike(Place.FRAME, _any)
    (row,) = menu.rows()
    assert (row["state"], row["left"], row["left_s"]) == ("over", 2, 0.0)


def test_what_does_not_match_does_not_draw() -> None:
    row = {"kind": "ws_drop", "probability": 0.5, "seed": 3}
    menu, _ = _menu(row)
    mixed = []
    for number in range(100):
        found = menu.strike(Place.FRAME, lambda _, even=number % 2 == 0: even)  # type: ignore[misc]
        if number % 2 == 0:
            mixed.append(bool(found))
        else:
            assert not found
    assert mixed == [bool(found) for found in _pattern(_menu(row)[0], 50)]


def test_a_delay_goes_with_one_other_fault_and_the_first_of_those_wins() -> None:
    menu, _ = _menu({"kind": "ws_delay"}, {"kind": "ws_drop"}, {"kind": "ws_duplicate"})
    assert _pattern(menu, 1) == [["ws_delay", "ws_drop"]]
    assert [row["strikes"] for row in menu.rows()] == [1, 1, 0]


def test_with_scope_all_one_draw_is_for_everyone() -> None:
    menu, _ = _menu({"kind": "ws_drop", "probability": 0.5, "scope": "all"})
    for _ in range(50):
        shared: dict[int, bool] = {}
        assert len({bool(menu.strike(Place.FRAME, _any, shared)) for _ in range(4)}) == 1
    assert 0 < int(menu.rows()[0]["strikes"] or 0) < 50


def test_an_empty_list_clears() -> None:
    menu, _ = _menu({"kind": "ws_drop"})
    assert menu.is_armed
    menu.replace(())
    assert not menu.is_armed
    assert menu.rows() == []
