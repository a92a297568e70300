"""An operator's action as a sentence: who, from where, by which key, with what value, what came of it."""

from __future__ import annotations

import pytest

from core.telemetry.event_words import detail_of

WHOLE = {
    "action": "set_levels",
    "origin": "tui",
    "value": "4",
    "user": "alice",
    "client": "203.0.113.7",
    "tty": "pts/3",
    "via": "key E",
    "outcome": "done",
    "text": "SOL: levels 3 -> 4 a side",
    "id": "0a1b",
    "before": "as configured",
    "after": "4 levels a side",
}


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        (
            {},
            "set_levels 4 by alice@pts/3 from 203.0.113.7 (key E) done: SOL: levels 3 -> 4 a side"
            " [as configured -> 4 levels a side]",
        ),
        (
            {"value": "", "client": "", "before": "", "after": "", "action": "poll", "text": "6 seen, 0 new"},
            "poll by alice@pts/3 (key E) done: 6 seen, 0 new",
        ),
        (
            {"user": "", "tty": "", "client": "", "via": "", "before": "", "after": "", "origin": "risk"},
            "set_levels 4 by risk done: SOL: levels 3 -> 4 a side",
        ),
    ],
    ids=["over ssh", "at the console", "a rule"],
)
def test_an_operators_action_is_one_sentence(changed: dict[str, str], sentence: str) -> None:
    assert detail_of("operator", {**WHOLE, **changed}) == sentence


def test_what_the_sentence_has_no_place_for_is_told_after_it() -> None:
    assert detail_of("operator", {**WHOLE, "odd": "x"}).endswith("[as configured -> 4 levels a side] odd=x")
