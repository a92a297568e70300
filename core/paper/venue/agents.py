"""Agents (API wallets): keys that sign for an account. One unnamed and three named ones, two more for every sub-account.

Who is whose agent is kept with the accounts; this is the index by the agent's address. An address that has ever been an agent
never becomes an account of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

from core.domain.clock import DAY_MS
from core.paper.venue.accounts import Account, Agent
from core.paper.venue.refusals import RefusedError

_DEFAULT_LIFE_MS = 90 * DAY_MS
_LONGEST_LIFE_MS = 180 * DAY_MS
_REMOVAL_MS = 5_000
_NAMED = 3
_NAMED_PER_SUB_ACCOUNT = 2
_LONGEST_NAME = 16
_NOBODY = "0x" + "0" * 40
_VALID_UNTIL = " valid_until "


class Agents:
    def __init__(self) -> None:
        self._masters: dict[str, Account] = {}
        self._former: set[str] = set()

    def load(self, accounts: Iterable[Account]) -> None:
        """Build the index anew."""
        self._masters.clear()
        self._former.clear()
        for account in accounts:
            self._former.update(account.former_agents)
            self._masters.update((agent.address, account) for agent in account.agents.values())
        self._former -= self._masters.keys()

    def knows(self, address: str) -> bool:
        """Whether it is or was an agent."""
        return address in self._masters or address in self._former

    def master_of(self, address: str, now_ms: int) -> Account | None:
        """Whose agent it is; None for an expired one as well."""
        account = self._masters.get(address)
        if account is None:
            return None
        agent = next(agent for agent in account.agents.values() if agent.address == address)
        return account if now_ms < agent.valid_until_ms else None

    def approve(self, account: Account, address: str, text: str, now_ms: int) -> None:
        """Make ``address`` an agent of ``account``, in place of one of the same name; the zero address removes that one.

        ``text`` is the name, empty for the unnamed agent, perhaps followed by `` valid_until <ms>``.

        Raises:
            RefusedError: nothing has changed.
        """
        name, until_ms = _read_name(text, now_ms)
        if now_ms < account.agent_removed_ms + _REMOVAL_MS:
            raise RefusedError("User has pending agent removal")
        if address == _NOBODY:
            if self._drop(account, name):
                account.agent_removed_ms = now_ms
            return
        owner = self._masters.get(address)
        held = account.agents.get(name)
        if address == account.user or (owner is not None and (held is None or held.address != address)):
            raise RefusedError("Extra agent already used.")
        if name and held is None:
            self._check_count(account, now_ms)
        self._drop(account, name)
        account.agents[name] = Agent(address, until_ms)
        self._masters[address] = account
        self._former.discard(address)
        if address in account.former_agents:
            account.former_agents.remove(address)

    def expire(self, address: str, now_ms: int) -> Account | None:
        """Let an agent end now; its account, if it was one."""
        account = self._masters.get(address)
        if account is not None:
            for agent in account.agents.values():
                if agent.address == address:
                    agent.valid_until_ms = min(agent.valid_until_ms, now_ms)
        return account

    def _check_count(self, account: Account, now_ms: int) -> None:
        for name, agent in list(account.agents.items()):
            if agent.valid_until_ms <= now_ms:
                self._drop(account, name)
        limit = _NAMED + _NAMED_PER_SUB_ACCOUNT * len(account.sub_accounts)
        if sum(1 for name in account.agents if name) >= limit:
            raise RefusedError(
                f"Too many extra agents for cumulative volume traded. Current limit is {limit}"
            )

    def _drop(self, account: Account, name: str) -> bool:
        agent = account.agents.pop(name, None)
        if agent is None:
            return False
        del self._masters[agent.address]
        self._former.add(agent.address)
        account.former_agents.append(agent.address)
        return True


def _read_name(text: str, now_ms: int) -> tuple[str, int]:
    name, separator, until = text.partition(_VALID_UNTIL)
    if text and not 1 <= len(name) <= _LONGEST_NAME:
        raise RefusedError("Extra agent name must be between 1 and 16 characters long")
    if not separator:
        return name, now_ms + _DEFAULT_LIFE_MS
    until_ms = int(until) if until.isascii() and until.isdigit() and len(until) <= 20 else 0
    if not now_ms < until_ms <= now_ms + _LONGEST_LIFE_MS:
        raise RefusedError("Agent valid_until already expired.")
    return name, until_ms
