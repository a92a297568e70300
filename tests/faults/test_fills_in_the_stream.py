"""Fills that the stream loses, repeats, shuffles or brings late (F1-F3, F6, F13, F15, F16)."""

from __future__ import annotations

from tests.faults.world import World


async def test_f16_a_fill_that_the_stream_leaves_out_is_named_by_the_next_one_and_read_back(
    world: World,
) -> None:
    await world.start()
    await world.faults({"kind": "ws_drop", "channel": "userFills", "count": 1})
    world.hit(100)
    await world.struck()
    world.hit(100)
    await world.until(lambda: world.told("fill_sequence_gap"), "the gap is named")
    truth = await world.check("fill_sequence_gap", "fill_chain_whole")
    assert len(truth["fills"]) == 2
