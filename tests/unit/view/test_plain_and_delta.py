"""The view goes out as JSON and comes back equal, whole or as what changed."""

from __future__ import annotations

import dataclasses
import types
import typing
from decimal import Decimal
from enum import StrEnum
from random import Random
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.preview_view import PreviewView
from core.view import EventView, LevelState, Severity, Snapshot, from_plain, shape_of, to_plain
from core.view.delta import delta, patched
from tests.tui.factory import preview_view, snapshot


def wire(value: Any) -> Any:
    """As the socket carries it."""
    return orjson.loads(orjson.dumps(value, default=str))


TEXTS = ("", "BTC", "\x00\n\u2028", "é\U0001f980[/]", '"\\')
WHOLE = (0, 1, -1, 7, 2**53, -(2**53))
FLOATS = (0.0, -0.0, 1.5, 5e-324, -1.7976931348623157e308, 0.1)
DECIMALS = tuple(map(Decimal, ("0", "0.000000", "1.50", "-0.000001", "1E+3", "123456789012.345678")))


def any_of(hint: Any, chance: Random) -> Any:
    """A value of an annotation, by the annotation alone."""
    if dataclasses.is_dataclass(hint) and isinstance(hint, type):
        known = typing.get_type_hints(hint)
        return hint(**{f.name: any_of(known[f.name], chance) for f in dataclasses.fields(hint)})
    arguments = typing.get_args(hint)
    if typing.get_origin(hint) is tuple:
        if arguments[-1] is Ellipsis:
            return tuple(any_of(arguments[0], chance) for _ in range(chance.choice((0, 1, 1, 2, 3))))
        return tuple(any_of(each, chance) for each in arguments)
    if isinstance(hint, types.UnionType):
        return any_of(chance.choice(arguments), chance)
    if isinstance(hint, type) and issubclass(hint, StrEnum):
        return chance.choice(list(hint))
    plain: dict[Any, typing.Sequence[Any]] = {
        str: TEXTS,
        int: WHOLE,
        float: FLOATS,
        bool: (False, True),
        Decimal: DECIMALS,
        type(None): (None,),
    }
    return chance.choice(plain[hint])


def pairs(seed: int) -> typing.Iterator[tuple[Snapshot, Snapshot]]:
    """Snapshots, and each with a few of its fields made anew."""
    chance = Random(seed)
    known = typing.get_type_hints(Snapshot)
    for _ in range(20):
        first = any_of(Snapshot, chance)
        names = chance.sample(sorted(known), chance.randrange(len(known)))
        yield first, dataclasses.replace(first, **{name: any_of(known[name], chance) for name in names})


@pytest.mark.parametrize("seed", range(5))
def test_any_snapshot_comes_back_equal_from_its_json(seed: int) -> None:
    for first, second in pairs(seed):
        for each in (first, second):
            assert from_plain(Snapshot, wire(each)) == each
            assert from_plain(Snapshot, wire(to_plain(each))) == each


@pytest.mark.parametrize("seed", range(5))
def test_a_snapshot_and_the_delta_to_any_other_make_that_other(seed: int) -> None:
    strange = any_of(Snapshot, Random(-seed))
    for first, second in pairs(seed):
        for before, after in ((first, second), (first, strange), (strange, first), (first, first)):
            patch = delta(before, after)
            assert (patch is None) == (before == after)
            if patch is not None:
                assert patched(before, wire(patch)) == after


@pytest.mark.parametrize("name", [f.name for f in dataclasses.fields(Snapshot)])
def test_one_changed_field_goes_alone(name: str) -> None:
    chance = Random(name)
    kind = typing.get_type_hints(Snapshot)[name]
    for _ in range(10):
        first = any_of(Snapshot, chance)
        changed: Any = {name: any_of(kind, chance)}
        second = dataclasses.replace(first, **changed)
        patch = delta(first, second)
        assert (patch is None) == (first == second)
        if patch is not None:
            assert set(patch[1]) == {name}
            assert patched(first, wire(patch)) == second


def events(first: int, last: int) -> tuple[EventView, ...]:
    return tuple(EventView(n, n, Severity.INFO, "fill", "BTC", f"number {n}") for n in range(first, last))


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_a_ring_that_moved_on_comes_over_as_its_tail(a: int, b: int, c: int, d: int) -> None:
    old, new = events(min(a, b), max(a, b)), events(min(c, d), max(c, d))
    patch = delta(old, new)
    if patch is not None:
        assert patched(old, wire(patch), tuple[EventView, ...]) == new


def test_a_ring_that_got_two_sends_two() -> None:
    patch = delta(events(0, 200), events(2, 202))
    assert patch == ["+", 2, 198, events(200, 202)]


def test_a_pair_of_which_only_the_number_changes_comes_over_as_a_number() -> None:
    kind = tuple[tuple[str, Decimal], ...]
    old, new = (("PURR", Decimal(1)), ("HYPE", Decimal(2))), (("PURR", Decimal(3)), ("HYPE", Decimal(2)))
    patch = delta(old, new)
    assert patch is not None
    (purr, _) = patched(old, wire(patch), kind)
    assert purr == ("PURR", Decimal(3))
    assert isinstance(purr[1], Decimal)


def test_a_day_is_not_taken_for_the_dollars_that_look_like_it() -> None:
    kind = tuple[tuple[int, Decimal], ...]
    old, new = ((7, Decimal(8)),), ((8, Decimal(1)),)
    patch = delta(old, new)
    assert patch is not None
    (first,) = patched(old, wire(patch), kind)
    assert [type(each) for each in first] == [int, Decimal]


def test_the_last_of_a_list_may_change_while_another_comes() -> None:
    old = events(0, 100)
    new = (*old[1:99], dataclasses.replace(old[99], detail="counted"), *events(100, 101))
    assert delta(old, new) == ["+", 1, 98, new[98:]]


def test_one_level_of_the_ladder_sends_one_field_of_one_level() -> None:
    first = snapshot()
    (coin,) = first.coins
    levels = list(coin.grid.levels)
    levels[4] = dataclasses.replace(levels[4], state=LevelState.MISSING)
    second = dataclasses.replace(
        first,
        coins=(dataclasses.replace(coin, grid=dataclasses.replace(coin.grid, levels=tuple(levels))),),
    )
    patch = wire(delta(first, second))
    one_level = ["@", {"4": ["~", {"state": ["=", "missing"]}]}]
    assert patch == ["~", {"coins": ["@", {"0": ["~", {"grid": ["~", {"levels": one_level}]}]}]}]
    assert patched(first, patch) == second


def test_a_preview_comes_back_equal_too() -> None:
    found = preview_view("BTC")
    assert from_plain(PreviewView, wire(found)) == found


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {},
        {"version": 1},
        {**wire(snapshot()), "state": "asleep"},
        {**wire(snapshot()), "version": "1"},
    ],
    ids=["null", "list", "empty", "one field", "unknown word", "text for a number"],
)
def test_what_is_no_snapshot_is_refused_with_a_value_error(broken: Any) -> None:
    with pytest.raises(ValueError, match=r"Snapshot|asleep"):
        from_plain(Snapshot, broken)


@pytest.mark.parametrize(
    "patch",
    [
        [], ["?"], ["~", {"no_field": ["=", 1]}], ["~", {"events": ["+", 0, 99, []]}], ["@", {"0": ["=", 1]}],
        ["~", {"coins": ["@", {"7": ["=", {}]}]}],
    ],
    ids=str,
)  # fmt: skip
def test_a_patch_that_does_not_fit_is_refused_with_a_value_error(patch: list[Any]) -> None:
    with pytest.raises(ValueError, match=r"patch|keeps"):
        patched(snapshot(), patch)


def test_the_shape_names_the_fields_and_words_of_all_that_is_in_it() -> None:
    @dataclasses.dataclass(frozen=True, slots=True)
    class One:
        price: Decimal

    @dataclasses.dataclass(frozen=True, slots=True)
    class Other:
        price: float

    assert shape_of(One) != shape_of(Other)
    assert shape_of(Snapshot) == shape_of(Snapshot) != shape_of(PreviewView)
    assert len(shape_of(Snapshot)) == 12
