"""Trade ids hide the order of trades from others, not from the exchange."""

from __future__ import annotations

from core.paper.venue.trade_ids import trade_id, trade_number

_FIRST = 1_757_015_216_253 << 8


def test_the_number_of_a_trade_can_be_told_from_its_id() -> None:
    numbers = list(range(_FIRST, _FIRST + 100))
    ids = [trade_id(number) for number in numbers]
    assert len(set(ids)) == len(ids)
    assert ids != sorted(ids)
    assert [trade_number(tid) for tid in ids] == numbers
