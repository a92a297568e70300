"""What an operator asked for that can't be. It loads nothing: the first picture of a start waits for it."""

from __future__ import annotations


class UsageError(Exception):
    """The operator asked for something that can't be; the text says what would work. Exit code 2."""
