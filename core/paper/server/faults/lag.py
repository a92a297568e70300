"""Views that lag behind the matching engine: accounts as they were a while ago."""

from __future__ import annotations

import copy
from collections import deque
from collections.abc import Callable
from dataclasses import fields, is_dataclass
from typing import Any

from core.paper.venue.accounts import Account

_STEPS = 200
"""A lag is true to a two-hundredth of itself, which bounds what is kept of an account that changes all the time."""
_SHALLOW = frozenset({"terminal_orders", "fills", "slice_fills", "history"})
"""Their rows never change again."""


class Past:
    """Accounts as they were, up to ``reach_ms`` ago. ``now_ms`` is monotonic."""

    def __init__(self, accounts: dict[str, Account], reach_ms: int, now_ms: Callable[[], float]) -> None:
        self._accounts = accounts
        self._reach_ms = reach_ms
        self._step_ms = reach_ms / _STEPS
        self._now_ms = now_ms
        self._kept: dict[str, deque[tuple[float, Account]]] = {}
        self._changed: set[str] = set()
        for user in accounts:
            self._keep(user, now_ms())

    def note(self, users: set[str]) -> None:
        """They have just changed."""
        self._changed |= users
        self.catch_up()

    def catch_up(self) -> None:
        """Keep the present of those that have changed, unless their last picture is too new for another."""
        now_ms = self._now_ms()
        for user in list(self._changed):
            kept = self._kept.get(user)
            if kept is None or now_ms - kept[-1][0] >= self._step_ms:
                self._keep(user, now_ms)
                self._changed.discard(user)

    def of(self, user: str, ago_ms: int) -> Account | None:
        """As it was, or as it was first seen; None if it never was."""
        self.catch_up()
        then = self._now_ms() - ago_ms
        kept = self._kept.get(user)
        if kept is None:
            return None
        return next((account for at_ms, account in reversed(kept) if at_ms <= then), kept[0][1])

    def _keep(self, user: str, now_ms: float) -> None:
        kept = self._kept.setdefault(user, deque())
        kept.append((now_ms, _picture(self._accounts[user])))
        while len(kept) > 1 and kept[1][0] <= now_ms - self._reach_ms:
            kept.popleft()


def _picture(account: Account) -> Account:
    """A copy that no later change of the account reaches."""
    values: dict[str, Any] = {}
    for field in fields(account):
        value = getattr(account, field.name)
        values[field.name] = copy.copy(value) if field.name in _SHALLOW else _copied(value)
    return Account(**values)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return type(value)((key, _copied(item)) for key, item in value.items())
    if isinstance(value, list | set):
        return type(value)(_copied(item) for item in value)
    return copy.copy(value) if is_dataclass(value) else value
