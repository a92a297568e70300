"""The sizes at which a screen changes: each gives it a class, and ``gridbot.tcss`` does the rest."""

from __future__ import annotations

WIDTHS: list[tuple[int, str]] | None = [
    (0, "-tiny"),
    (60, "-cramped"),
    (80, "-narrow"),
    (110, "-medium"),
    (170, "-wide"),
]
HEIGHTS: list[tuple[int, str]] | None = [
    (0, "-flat"),
    (15, "-low"),
    (24, "-short"),
    (34, "-tall"),
    (46, "-high"),
]
