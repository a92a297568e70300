"""A spacing or a number of levels as typed: what it means, and the sentence for what means nothing or too much."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.runtime.statedir import UsageError
from gridbot_tui.grid_values import Knob, stepped, value_of


@pytest.mark.parametrize(
    ("knob", "text", "value"),
    [
        (Knob.SPACING, "0.25%", "0.0025"),
        (Knob.SPACING, " 0.25 % ", "0.0025"),
        (Knob.SPACING, "0,25%", "0.0025"),
        (Knob.SPACING, "0.0025", "0.0025"),
        (Knob.SPACING, "5%", "0.05"),
        (Knob.SPACING, "Default", "default"),
        (Knob.LEVELS, "20", "20"),
        (Knob.LEVELS, "007", "7"),
        (Knob.LEVELS, "default", "default"),
    ],
)
def test_what_is_typed_goes_to_the_core_as_it_takes_it(knob: Knob, text: str, value: str) -> None:
    assert value_of(knob, text) == value


@pytest.mark.parametrize(
    ("knob", "text", "sentence"),
    [
        (Knob.SPACING, "", "'' is no spacing; write 0.25% or default"),
        (Knob.SPACING, "0.25", "0.25 without a sign would be 25.00 %; write 0.25% for percent"),
        (Knob.SPACING, "wide", "'wide' is no spacing; write 0.25% or default"),
        (Knob.SPACING, "0%", "'0%' is no spacing; write 0.25% or default"),
        (Knob.SPACING, "-1%", "'-1%' is no spacing; write 0.25% or default"),
        (Knob.SPACING, "100%", "100% is more than any grid; write a spacing such as 0.25%"),
        (Knob.LEVELS, "0", "'0' is no number of levels; write 1 to 500 (a side), or default"),
        (Knob.LEVELS, "1.5", "'1.5' is no number of levels; write 1 to 500 (a side), or default"),
        (Knob.LEVELS, "10%", "'10%' is no number of levels; write 1 to 500 (a side), or default"),
        (Knob.LEVELS, "²", "'²' is no number of levels; write 1 to 500 (a side), or default"),
    ],
)
def test_what_means_nothing_gets_a_sentence(knob: Knob, text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        value_of(knob, text)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(
    ("knob", "text", "present", "up", "down"),
    [
        (Knob.SPACING, "", "0.05", "0.06%", "0.04%"),
        (Knob.SPACING, "0.1%", "0.05", "0.12%", "0.08%"),
        (Knob.SPACING, "nonsense", "0.15", "0.2%", "0.12%"),
        (Knob.SPACING, "default", "0.07", "0.08%", "0.06%"),
        (Knob.LEVELS, "", "15", "16", "14"),
        (Knob.LEVELS, "1", "15", "2", "1"),
        (Knob.LEVELS, "500", "15", "500", "499"),
    ],
)
def test_a_step_goes_from_what_is_typed_else_from_what_holds(
    knob: Knob, text: str, present: str, up: str, down: str
) -> None:
    assert stepped(knob, text, Decimal(present), up=True) == up
    assert stepped(knob, text, Decimal(present), up=False) == down
