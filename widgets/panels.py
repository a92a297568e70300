"""The dashboard's widgets: each a LinePanel over one pure function."""

from __future__ import annotations

from collections.abc import Callable

from widgets.box_rows import toast_lines
from widgets.event_rows import event_lines
from widgets.fields import Age, Field, panel_lines
from widgets.ink import Line
from widgets.ladder_rows import ladder_lines
from widgets.line_panel import LinePanel
from widgets.look import Look
from widgets.phone_rows import phone_lines
from widgets.status_rows import alert_lines, footer_line, is_live, status_line, too_small_lines
from widgets.strip_rows import order_lines, profit_lines

TOAST_WIDTH = 56
TALL = 34
OTHER_ALERTS = 3
"""A terminal of so many rows has one each for so many alerts beside the worst."""


class FieldPanel(LinePanel):
    """A titled panel of fields; ``age_s`` says how old what it shows is."""

    def __init__(
        self,
        title: str,
        fields: Callable[[Look], list[Field]],
        age_s: Callable[[Look], float],
        others: Callable[[Look], tuple[Age, ...]] = lambda _: (),
        *,
        id: str,  # noqa: A002
    ) -> None:
        super().__init__(id=id)
        self._title = title
        self._fields = fields
        self._age_s = age_s
        self._others = others

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return panel_lines(
            self._title, self._fields(look), self._age_s(look), width, height, self._others(look)
        )


class Phone(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return phone_lines(look, width, height)


class ProfitStrip(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return profit_lines(look, width, height)


class NearestOrders(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return order_lines(look, width, height)


class Ladder(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return ladder_lines(look, width, height)


class EventTail(LinePanel):
    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return event_lines(look, width, height)


class StatusLine(LinePanel):
    def show(self, look: Look) -> None:
        self.set_class(is_live(look), "-live")
        super().show(look)

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return [status_line(look, width)]


class AlertLine(LinePanel):
    """There only while there is an alert, and as high as it needs to be; on a tall terminal the next ones stand under it."""

    _rows = 1

    def show(self, look: Look) -> None:
        self.set_class(bool(look.alerts), "-raised")
        rows = len(self.lines(look, self.app.size.width, 0))
        if rows and self._rows != rows:
            self._rows = rows
            self.styles.height = rows
        super().show(look)

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return alert_lines(look, width, others=OTHER_ALERTS if self.app.size.height >= TALL else 0)


class KeyFooter(LinePanel):
    _made_for: tuple[object, ...] = ()
    _made_line: Line = ()

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        made_for = look.hints, look.view_only, width
        if made_for != self._made_for:
            self._made_for, self._made_line = made_for, footer_line(look, width)
        return [self._made_line]


class TooSmall(LinePanel):
    """What a terminal too small for a dashboard shows instead."""

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return too_small_lines(*self.app.size)


class ToastBox(LinePanel):
    """As high as its toasts, and gone without any."""

    _rows = 0

    def show(self, look: Look) -> None:
        rows = toast_lines(look.toasts, min(TOAST_WIDTH, self.app.size.width))
        self.display = bool(rows)
        if rows and self._rows != len(rows):
            self._rows = len(rows)
            self.styles.height = len(rows)
        super().show(look)

    def lines(self, look: Look, width: int, height: int) -> list[Line]:
        return toast_lines(look.toasts, width)
