"""What an operator notices while looking elsewhere: the bell, and the terminal's title."""

from __future__ import annotations

from core.view import RunState, Severity
from widgets.fields import glyph
from widgets.look import Look
from widgets.plain_glyphs import to_ascii

AGAIN_MS = 60_000
"""A crit alert that nobody has acknowledged rings again after so long."""
_TITLE_MS = 10_000
"""The title of one alert is written anew at most so often, however fast its number moves."""
_MOST = 48


class Bell:
    """Rings on the rising edge of a crit alert, and again every minute until each is acknowledged. ``mono_ms`` is monotonic."""

    def __init__(self) -> None:
        self._rang_ms: dict[str, int] = {}

    def rings(self, look: Look, mono_ms: int) -> bool:
        """Whether to ring now, once for all of them."""
        loud = {
            alert.id for alert in look.alerts if alert.severity is Severity.CRIT and not look.is_known(alert)
        }
        self._rang_ms = {known: at for known, at in self._rang_ms.items() if known in loud}
        due = [each for each in loud if mono_ms - self._rang_ms.get(each, -AGAIN_MS) >= AGAIN_MS]
        if due:
            self._rang_ms = dict.fromkeys(loud, mono_ms)
        return bool(due)


class Title:
    """``✖ POSITION DRIFT 4.20% · GridBot BTC LIVE``, to be written when it changes."""

    def __init__(self, is_ascii: bool) -> None:
        self._is_ascii = is_ascii
        self._about = ""
        self._written = ""
        self._written_ms = 0

    def update(self, look: Look, mono_ms: int) -> str:
        """The OSC 0 to write now, empty if there is nothing new."""
        about, text = title_of(look)
        if text == self._written:
            return ""
        if about == self._about and mono_ms - self._written_ms < _TITLE_MS:
            return ""
        self._about, self._written, self._written_ms = about, text, mono_ms
        return f"\x1b]0;{to_ascii(text) if self._is_ascii else text}\x07"


def title_of(look: Look) -> tuple[str, str]:
    """What the title is about, without its numbers, and its text. Nothing from outside can end the sequence early."""
    network = "LIVE" if look.network == "mainnet" else look.network.upper()
    name = " ".join(word for word in ("GridBot", look.coin.coin if look.coin else "", network) if word)
    worst = next((a for a in look.alerts if a.severity is not Severity.INFO), None)
    if worst is not None:
        lead, about = f"{glyph(worst.severity)} {worst.text[:_MOST]} · ", f"{worst.id} {worst.severity}"
    elif look.state in (RunState.HALTED, RunState.DEAD):
        lead, about = f"■ {look.state.value.upper()} ", look.state.value
    else:
        lead, about = "", ""
    text = "".join(c if c.isprintable() else "?" for c in f"{lead}{name}")
    return f"{about} {name}", text
