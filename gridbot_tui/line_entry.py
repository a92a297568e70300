"""One line that is typed, without a screen: what each key makes of it."""

from __future__ import annotations

MOST_CHARACTERS = 80


class LineEntry:
    """The cursor stays at the end: what is typed here is short, and begun anew sooner than edited."""

    def __init__(self, text: str = "", most: int = MOST_CHARACTERS) -> None:
        self.text = text
        self._most = most

    def press(self, key: str, character: str | None) -> bool:
        """Take a key; whether the text is another now."""
        before = self.text
        if key in ("backspace", "ctrl+h"):
            self.text = self.text[:-1]
        elif key == "ctrl+w":
            self.text = self.text.rstrip()
            self.text = self.text[: self.text.rfind(" ") + 1]
        elif key == "ctrl+u":
            self.text = ""
        elif character is not None:
            self._add(character)
        return self.text != before

    def paste(self, text: str) -> bool:
        """Take the first line of a paste; whether the text is another now."""
        before = self.text
        self._add(text.strip().partition("\n")[0])
        return self.text != before

    def _add(self, text: str) -> None:
        kept = "".join(character for character in text if character.isprintable())
        self.text = (self.text + kept)[: self._most]
