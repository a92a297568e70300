from __future__ import annotations

import pytest

from widgets.ink import Ink, Span, changed_columns, clean, cut, fit, justify, line, plain, width_of, wrapped


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        ("plain", "plain"),
        ("two\nlines\tand a tab", "two lines and a tab"),
        ("\x1b[31mred\x07", "?[31mred?"),
        ("right\u202eto left", "right?to left"),
        ("zero\u200bwidth", "zero?width"),
        ("wide 漢", "wide ?"),
        ("[bold]not markup[/]", "[bold]not markup[/]"),
        ("✓ ▲ ✖ ● ■ ▶ ▼ █ ░ ◄ … ·", "✓ ▲ ✖ ● ■ ▶ ▼ █ ░ ◄ … ·"),
    ],
)
def test_text_from_outside_is_one_visible_cell_per_character(text: str, drawn: str) -> None:
    assert clean(text) == drawn


def test_a_line_is_cleaned_span_by_span_and_drops_empty_ones() -> None:
    assert line("a\n", ("", Ink.WARN), ("b", Ink.WARN)) == (Span("a "), Span("b", Ink.WARN))


@pytest.mark.parametrize("width", range(12))
def test_a_fitted_line_is_exactly_as_wide_as_asked(width: int) -> None:
    assert width_of(fit(line("four", ("more", Ink.OK)), width)) == width


def test_a_line_that_does_not_fit_says_so_with_an_ellipsis() -> None:
    assert plain(fit(line("four", ("more", Ink.OK)), 6)) == "fourm…"


def test_a_cut_line_says_nothing() -> None:
    assert plain(cut(line("four", ("more", Ink.OK)), 6)) == "fourmo"


def test_left_survives_when_right_has_no_room() -> None:
    assert plain(justify(line("left"), line("right"), 10)) == "left right"
    assert plain(justify(line("left"), line("right"), 9)) == "left     "


def test_only_the_columns_that_differ_count_as_changed() -> None:
    old, new = line("price 64,233.1 size"), line("price 64,240.1 size")
    assert changed_columns(old, new) == (10, 12)
    assert changed_columns(old, old) is None


def test_a_change_of_colour_alone_is_a_change() -> None:
    assert changed_columns(line("ab"), line("a", ("b", Ink.CRIT))) == (1, 2)


def test_the_same_cells_in_other_spans_are_no_change() -> None:
    assert changed_columns(line("ab"), line("a", "b")) is None


@pytest.mark.parametrize("width", range(8, 40))
def test_a_wrapped_line_keeps_its_words_and_indents_all_rows_but_the_first(width: int) -> None:
    text = " ✖ a position drifts by more than was allowed, incomprehensibilities included  ! known"
    rows = [plain(row) for row in wrapped(line((text, Ink.ALARM)), width, 3)]
    assert all(len(row) <= width for row in rows)
    assert all(row.startswith("   ") for row in rows[1:])
    assert "".join(rows).replace(" ", "") == text.replace(" ", "")
