"""Damaged texts are damaged, each in its way, and the same by seed."""

from __future__ import annotations

from random import Random

import orjson
import pytest

from core.paper.faults.damage import damage

_TEXT = '{"channel":"userFills","data":{"user":"0x12","fills":[{"px":"1.0","tid":7},{"px":"2.0","tid":8}]}}'


@pytest.mark.parametrize("mode", ["truncate", "garble", "types", "short", None])
def test_what_comes_out_differs_and_depends_on_the_seed_alone(mode: str | None) -> None:
    for seed in range(50):
        first = damage(_TEXT, mode, Random(seed))
        assert first != _TEXT
        assert first == damage(_TEXT, mode, Random(seed))
        first.encode()


@pytest.mark.parametrize("text", ["", "x", "null", "[]", "{}", "not json", '"pong"'])
@pytest.mark.parametrize("mode", ["truncate", "garble", "types", "short"])
def test_whatever_is_damaged_something_comes_out(text: str, mode: str) -> None:
    assert damage(text, mode, Random(1)) != text or not text


def test_a_row_fewer_is_still_json() -> None:
    counts = {len(orjson.loads(damage(_TEXT, "short", Random(s)))["data"]["fills"]) for s in range(9)}
    assert counts == {1}


def test_a_value_of_another_type_is_still_json_of_the_same_shape() -> None:
    for seed in range(50):
        found = orjson.loads(damage(_TEXT, "types", Random(seed)))
        assert found.keys() == {"channel", "data"}
        assert found != orjson.loads(_TEXT)


def test_a_number_never_becomes_another_number_which_nobody_could_find_out() -> None:
    """A trade by another id is another trade to whoever reads it, and would be counted beside the true one."""
    numbers = [
        row["tid"]
        for seed in range(400)
        for row in orjson.loads(damage(_TEXT, "types", Random(seed)))["data"].get("fills") or []
        if isinstance(row, dict)
    ]
    assert {number for number in numbers if type(number) is int} == {7, 8}
