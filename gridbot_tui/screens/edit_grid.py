"""Another spacing or number of levels: typed or stepped, shown by the core as orders, and applied by a second enter:
the first one after typing only ever looks, whatever stands there by then.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from textual import events

from core.domain.commands import Action
from core.runtime.statedir import UsageError
from core.view import CoinView, CommandStatus, CommandView
from gridbot_tui.grid_values import Knob, stepped, value_of
from gridbot_tui.line_entry import LineEntry
from gridbot_tui.screens.dialog import Answer, Dialog
from gridbot_tui.screens.typed_guard import DEAF_MS
from widgets.box_rows import paragraph
from widgets.ink import Ink, Line, line
from widgets.look import Look
from widgets.status_rows import network_name

QUIET_MS = 500
"""What is typed is previewed when nothing more has been typed for so long."""
FRESH_MS = 10_000
"""The market moves on: an older preview is looked at again before it is applied."""

Ask = Callable[[Action, str, str], str | None]
"""Hand the core a preview of an action, a coin and a value; the id of the command, ``None`` if it takes none now."""


@dataclass(frozen=True, slots=True)
class _Preview:
    """What was asked for, and of which grid."""

    value: str
    command_id: str
    grid: tuple[int, str]
    text: str = ""
    status: CommandStatus | None = None
    """``None`` until it is answered."""
    answered_ms: int = 0


class EditGridDialog(Dialog):
    """``YES`` means ``knob.action`` with ``value``: both stand here then."""

    INK = Ink.WARN
    TAKES_TEXT = True

    def __init__(self, fresh: Callable[[], Look], now_ms: Callable[[], int], coin: str, ask: Ask) -> None:
        super().__init__(fresh, now_ms)
        self.coin, self._ask = coin, ask
        self.knob = Knob.SPACING
        self.entry = LineEntry(most=16)
        self.value = ""
        self._notice = ""
        self._preview: _Preview | None = None
        self._typed_ms: int | None = None
        self._enter_ms: int | None = None
        """When enter was last pressed; ``None`` since what was typed last."""

    # -- what it shows ------------------------------------------------------------------------------------------

    def title_text(self, look: Look) -> str:
        network = network_name(look.snapshot.network) if look.snapshot is not None else ""
        return f"▲ EDIT GRID {self.coin} — {network}"

    def body(self, look: Look, width: int) -> list[Line]:
        coin = self._live(look)
        if coin is None:
            return paragraph("The core no longer reports this coin.", width, Ink.CRIT)
        rows = paragraph(
            f"Now {coin.grid.spacing_pct:g} % apart, {coin.grid.levels_per_side} levels a side",
            width,
            Ink.LABEL,
        )
        if coin.grid.override:
            rows += paragraph(f"OVERRIDE {coin.grid.override}; default takes it away", width, Ink.WARN)
        unit = "a side" if self.knob is Knob.LEVELS else "" if self.entry.text else "such as 0.25%"
        rows.append(
            line(
                (f"{self.knob.value:<8} ", Ink.STRONG),
                (f"{self.entry.text}▏", Ink.STRONG),
                (f"  {unit}", Ink.LABEL),
            )
        )
        return [*rows, *self._told(width)]

    def _told(self, width: int) -> list[Line]:
        notice = paragraph(f"▲ {self._notice}", width, Ink.WARN) if self._notice else []
        if self._preview is not None and self._preview.status:
            return [*paragraph(self._preview.text, width), *notice]
        if notice:
            return notice
        if self._preview is None:
            return paragraph("up and down step, or type; default is as configured", width, Ink.LABEL)
        return paragraph("Asking the core what it would do …", width, Ink.LABEL)

    def foot(self) -> Line:
        enter = " apply · " if self._is_ready and self._enter_ms is not None else " look · "
        keys = (
            ("enter", Ink.KEY),
            enter,
            ("tab", Ink.KEY),
            f" {self.knob.other.value} · ",
            ("esc", Ink.KEY),
            " leave",
        )
        return line(*keys)

    @property
    def _is_ready(self) -> bool:
        return self._preview is not None and self._preview.status is CommandStatus.DONE

    def _live(self, look: Look) -> CoinView | None:
        coins = look.snapshot.coins if look.snapshot is not None else ()
        return next((coin for coin in coins if coin.coin == self.coin), None)

    # -- what it asks -------------------------------------------------------------------------------------------

    def show(self, look: Look) -> None:
        self._take_answer(look)
        if self._typed_ms is not None and self.now_ms() - self._typed_ms >= QUIET_MS:
            self._look_up(look)
        super().show(look)

    def _take_answer(self, look: Look) -> None:
        asked = self._preview
        if asked is None or asked.status or look.snapshot is None:
            return
        found = next((c for c in look.snapshot.commands if c.id == asked.command_id), None)
        if found is not None and found.status is not CommandStatus.RUNNING:
            self._answered(asked, found)

    def _answered(self, asked: _Preview, found: CommandView) -> None:
        if found.status is CommandStatus.DONE:
            self._preview = _Preview(
                asked.value, asked.command_id, asked.grid, found.text, found.status, self.now_ms()
            )
        else:
            self._preview, self._notice = None, found.text

    def _look_up(self, look: Look, notice: str = "") -> None:
        """Ask for the preview of what is typed, or say what is wrong with it."""
        self._typed_ms, self._preview, self._notice = None, None, notice
        coin = self._live(look)
        if not self.entry.text.strip():
            self._notice = "type a value, or step with up and down"
            return
        try:
            value = value_of(self.knob, self.entry.text)
        except UsageError as error:
            self._notice = str(error)
            return
        command_id = self._ask(self.knob.preview, self.coin, value) if coin is not None else None
        if coin is None or command_id is None:
            self._notice = "the engine takes no command now (inbox full, or it has ended)"
            return
        self._preview = _Preview(value, command_id, _grid_of(coin))

    # -- keys ---------------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        event.stop()
        event.prevent_default()
        look = self.fresh()
        self._take_answer(look)
        match event.key:
            case "escape":
                self.dismiss(Answer.NO)
                return
            case "enter":
                self._enter(look)
            case "tab" | "shift+tab":
                self.knob = self.knob.other
                self.entry = LineEntry(most=16)
                self._forget()
            case "up" | "down":
                self._step(look, up=event.key == "up")
            case key if self.entry.press(key, event.character):
                self._forget()
                self._typed_ms = self.now_ms()
        if self.is_current:
            super().show(look)

    def _forget(self) -> None:
        self._preview, self._notice, self._typed_ms, self._enter_ms = None, "", None, None

    def _step(self, look: Look, up: bool) -> None:
        if (coin := self._live(look)) is None:
            return
        is_spacing = self.knob is Knob.SPACING
        present = Decimal(str(coin.grid.spacing_pct if is_spacing else coin.grid.levels_per_side))
        self.entry = LineEntry(stepped(self.knob, self.entry.text, present, up), most=16)
        self._forget()
        self._typed_ms = self.now_ms()

    def _enter(self, look: Look) -> None:
        """Applies what has been read: shown for a while, by an enter that is neither the first nor the repeat of a held key."""
        preview, coin, now_ms = self._preview, self._live(look), self.now_ms()
        before_ms, self._enter_ms = self._enter_ms, now_ms
        if preview is None or coin is None:
            self._look_up(look)
        elif not preview.status:
            return  # the answer is on its way
        elif now_ms - preview.answered_ms >= FRESH_MS or preview.grid != _grid_of(coin):
            self._look_up(look, "the grid may stand otherwise by now: looked again, enter once more")
        elif before_ms is None or now_ms - max(preview.answered_ms, before_ms) < DEAF_MS:
            self._notice = "read it, then enter once more applies it"
        else:
            self.value = preview.value
            self.dismiss(Answer.YES)


def _grid_of(coin: CoinView) -> tuple[int, str]:
    """What a preview holds for: of another grid, or another override, it would be another one."""
    return coin.grid.generation, coin.grid.override
