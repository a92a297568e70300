"""A key that is to take the present one's place: whichever of the two the exchange knows as an agent may sign.

``gridbot keys rotate`` keeps the new key beside the present one before anybody approves it, and puts it in its place when the
running bot signs with it. Killed on that way, whoever signs next finds both, and asks.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from core.domain.agent import AgentObserved
from core.domain.commands import Action, Command, Operator, Origin
from core.exchange.signing import Signer
from core.runtime.agents import NotAnAgentError
from core.runtime.keys.places import KeyPlace
from core.runtime.usage import UsageError

if TYPE_CHECKING:
    from core.runtime.keys.identity import Identity


@dataclass(frozen=True, slots=True)
class Successor:
    """The key in ``place.next``."""

    signer: Signer = field(repr=False)
    place: KeyPlace

    def keep(self) -> str:
        """Put it in the present one's place, for good; why that couldn't be, empty if it could."""
        try:
            self.place.promote(self.signer.address)
        except UsageError as error:
            return str(error)
        return ""


@dataclass(frozen=True, slots=True)
class Settled:
    """Who signs. ``agent`` is ``None`` for an account's own key; ``waits``: why the successor doesn't, if there is one."""

    identity: Identity
    agent: AgentObserved | None = None
    waits: str = ""


Check = Callable[[str], Awaitable[AgentObserved]]
"""The standing of the agent with this address. Raises ``NotAnAgentError``, and what a read raises."""


async def settle(identity: Identity, check: Check) -> Settled:
    """The successor signs if it is approved, for somebody wants it to; else the present key. Nothing is written.

    Raises:
        NotAnAgentError: neither may, or the one that there is.
    """
    waits, successor = "", identity.successor
    if successor is not None:
        try:
            found = await check(successor.signer.address)
        except NotAnAgentError as error:
            waits = str(error)
        else:
            return Settled(replace(identity, signer=successor.signer), found)
    if identity.signer.address == identity.account:
        return Settled(identity, None, waits)
    try:
        return Settled(identity, await check(identity.signer.address), waits)
    except NotAnAgentError as error:
        if not waits:
            raise
        raise NotAnAgentError(
            f"{error}. Nor may the key sign that `gridbot keys rotate` has begun with: {waits}"
        ) from None


def for_the_log(text: str, by: Operator, origin: Origin = Origin.CLI) -> Command:
    """What the operator's log is to have of another agent's signing from now on. ``text``: both addresses, and no key."""
    return Command(secrets.token_hex(8), Action.ROTATE_KEY, "", origin, text, by)
