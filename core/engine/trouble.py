"""What is wrong, and what an operator does about it: two sentences that stay apart until they are shown."""

from __future__ import annotations

from typing import NamedTuple


class Trouble(NamedTuple):
    what: str
    fix: str

    @property
    def text(self) -> str:
        return f"{self.what}: {self.fix}"


def of_settings(refusal: str) -> Trouble:
    """Of the text of a ``GridImpossibleError``, which ends with what to change."""
    what, _, fix = refusal.rpartition("; ")
    return Trouble(what, fix) if what else Trouble(refusal, "")
