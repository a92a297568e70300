"""Reading a list of faults: what is meant is taken, all else is refused with the fix."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from core.paper.config import PaperConfig, PaperError
from core.paper.faults.kinds import CHANNELS, COMMON_FIELDS, RULES, Kind
from core.paper.faults.spec import FaultError, parse_faults, read_faults
from core.paper.server.http import PaperServer
from core.paper.server.subscriptions import Channel


@pytest.mark.parametrize("kind", Kind)
def test_a_kind_needs_nothing_but_its_name_and_shows_every_field_it_has(kind: Kind) -> None:
    (fault,) = parse_faults([{"kind": kind.value}])
    assert fault.kind is kind
    assert fault.row().keys() == COMMON_FIELDS | RULES[kind].fields
    assert parse_faults([fault.row()]) == (fault,), "what is shown can be sent back"


def test_the_channels_are_those_of_the_exchanges_own_frames() -> None:
    answers = {"error", "pong", "post", "subscriptionResponse"}
    assert answers | {"user" if c is Channel.USER_EVENTS else c.value for c in Channel} == CHANNELS


def test_every_field_is_taken_as_given() -> None:
    row = {
        "kind": "ws_corrupt",
        "probability": 0.25,
        "count": 3,
        "after_s": 1.5,
        "for_s": 60,
        "seed": 9,
        "channel": "userEvents",
        "user": "0x" + "AB" * 20,
        "scope": "all",
        "mode": "garble",
    }
    (fault,) = parse_faults([row])
    assert fault.row() == {**row, "channel": "user", "user": "0x" + "ab" * 20}


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({}, "Faults are a list. Fix: "),
        (None, "Faults are a list. Fix: "),
        ([7], "Entry 1 is not an object. Fix: "),
        ([{"kind": "ws_drop"}, {}], "Entry 2: there is no kind None. Fix: one of ws_drop, "),
        ([{"kind": ["ws_drop"]}], "Entry 1: there is no kind"),
        (
            [{"kind": "ws_drop", "action": "order"}],
            "(ws_drop): it has no action. Fix: its fields are after_s, channel",
        ),
        ([{"kind": "ws_drop", "probability": 1.5}], "probability is 1.5. Fix: a number from 0 to 1."),
        ([{"kind": "ws_drop", "probability": True}], "probability is True. Fix: "),
        ([{"kind": "ws_drop", "probability": "1"}], "probability is '1'. Fix: "),
        ([{"kind": "ws_drop", "count": 0}], "count is 0. Fix: a whole number from 1 "),
        ([{"kind": "ws_drop", "count": 1.0}], "count is 1.0. Fix: "),
        ([{"kind": "ws_drop", "for_s": 0}], "for_s is 0. Fix: a number above 0 "),
        ([{"kind": "ws_drop", "after_s": -1}], "after_s is -1. Fix: a number from 0 "),
        ([{"kind": "ws_drop", "seed": -1}], "seed is -1. Fix: "),
        ([{"kind": "ws_drop", "channel": "userFill"}], "channel is 'userFill'. Fix: one of "),
        ([{"kind": "ws_drop", "user": "me"}], "user is 'me'. Fix: an address"),
        ([{"kind": "ws_drop", "scope": "some"}], "scope is 'some'. Fix: one of each, all."),
        ([{"kind": "ws_corrupt", "mode": "burn"}], "mode is 'burn'. Fix: one of truncate, "),
        ([{"kind": "ws_close", "code": 1}], "code is 1. Fix: "),
        (
            [{"kind": "http_500", "action": "/paper/truth"}],
            "action is '/paper/truth'. Fix: a path is one of ",
        ),
        ([{"kind": "http_500", "action": ""}], "action is ''. Fix: "),
        ([{"kind": "rest_lag", "action": "/info"}], "action is '/info'. Fix: an info type."),
        ([{"kind": "http_delay", "delay_ms": -1}], "delay_ms is -1. Fix: a whole number from 0 "),
        ([{"kind": "http_delay", "delay_ms": 2**70}], "delay_ms is 1180591620717411303424. Fix: "),
        ([{"kind": "http_status", "status": 99}], "status is 99. Fix: "),
        ([{"kind": "meta_change", "sz_decimals": 9}], "sz_decimals is 9. Fix: "),
        ([{"kind": "delist", "coin": " "}], "coin is ' '. Fix: a name."),
        ([{"kind": "ws_drop"}] * 1001, "1001 faults are too many. Fix: "),
    ],
)
def test_what_cannot_be_meant_is_refused_with_the_entry_and_the_fix(value: Any, words: str) -> None:
    with pytest.raises(FaultError) as refused:
        parse_faults(value)
    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "is not JSON"),
        ('[{"kind": "ws_drop"}, {"kind": "nope"}]', "faults.json: Entry 2: there is no kind 'nope'"),
    ],
)
def test_a_file_is_named_with_its_entry(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "faults.json"
    path.write_text(text)
    with pytest.raises(FaultError) as refused:
        read_faults(path)
    assert words in str(refused.value)
    with pytest.raises(FaultError, match=r"none.json can't be read .* Fix: "):
        read_faults(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "delist", "coin": "NOPE"}, r"Faults: Entry 1 \(delist\): coin is 'NOPE'. Fix: one of "),
        ({"kind": "meta_change", "sz_decimals": 6}, "BTC has 5 and can only become coarser. Fix: 0 to 5."),
    ],
)
async def test_a_coin_that_is_not_listed_keeps_the_server_from_starting(
    row: dict[str, Any], words: str
) -> None:
    with pytest.raises(PaperError, match=words):
        await PaperServer(PaperConfig(faults=parse_faults([row]))).start()
