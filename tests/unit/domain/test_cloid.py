"""Client order ids say whose an order is, and are never mistaken."""

from __future__ import annotations

import pytest

from core.domain.cloid import CloidParts, make_cloid, parse_cloid

OURS = make_cloid("1057a9ce", "b0070001", 255)


def test_a_cloid_is_sixteen_bytes_that_tell_instance_boot_and_counter() -> None:
    assert OURS == "0x677264621057a9ceb0070001000000ff"
    assert parse_cloid(OURS) == CloidParts("1057a9ce", "b0070001", 255)


def test_a_cloid_is_recognised_in_whatever_case_the_venue_prints_it() -> None:
    assert parse_cloid("0x" + OURS[2:].upper()) == parse_cloid(OURS)


@pytest.mark.parametrize(
    "cloid",
    [
        None,
        "",
        "0x",
        OURS[:-1],
        OURS + "0",
        "0x48424f54534548554436306163343632",
        OURS[:-8] + "0000000g",
        OURS[:-8] + "0000_001",
        OURS[:-8] + " 0000001",
        OURS[:-8] + "+0000001",
        OURS[:10] + "not hex!" + OURS[18:],
    ],
    ids=repr,
)
def test_what_is_not_exactly_one_of_ours_is_foreign(cloid: str | None) -> None:
    assert parse_cloid(cloid) is None


@pytest.mark.parametrize(
    ("instance", "boot", "counter"),
    [("short", "b0070001", 1), ("1057a9ce", "b007", 1), ("1057a9ce", "b0070001", -1)],
)
def test_parts_that_do_not_fit_are_a_programmers_error(instance: str, boot: str, counter: int) -> None:
    with pytest.raises(AssertionError):
        make_cloid(instance, boot, counter)


def test_a_counter_that_would_wrap_is_a_programmers_error() -> None:
    with pytest.raises(AssertionError):
        make_cloid("1057a9ce", "b0070001", 2**32)
