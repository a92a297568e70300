"""What Hyperliquid says of who an address is and which agents an account has. Exactly or not at all, as in ``wire``."""

from __future__ import annotations

from core.domain.agent import AgentObserved, NamedAgent, Role, RoleKind
from core.exchange.wire import Json, WireError, decode, list_of, text_of

END_OF_TIME_MS = 253_402_300_800_000
"""The year 10000: a later time is no date."""


def decode_role(answer: Json) -> Role:
    """``userRole``."""

    def parse() -> Role:
        kind, data = RoleKind(text_of(answer, "role")), answer.get("data") or {}
        match kind:
            case RoleKind.AGENT:
                return Role(kind, text_of(data, "user").lower())
            case RoleKind.SUB_ACCOUNT:
                return Role(kind, text_of(data, "master").lower())
            case _:
                return Role(kind)

    return decode("userRole", parse)


def decode_agent(answer: Json, address: str) -> AgentObserved:
    """``extraAgents``: what is listed of one of them, which may be none."""
    for agent in decode_extra_agents(answer):
        if agent.address == address:
            return AgentObserved(address, True, agent.name, agent.valid_until_ms)
    return AgentObserved(address)


def decode_extra_agents(answer: Json) -> tuple[NamedAgent, ...]:
    """``extraAgents``: those with a name."""

    def parse() -> tuple[NamedAgent, ...]:
        return tuple(_agent(row) for row in list_of(answer, "extraAgents"))

    return decode("extraAgents", parse)


def _agent(row: Json) -> NamedAgent:
    until = row.get("validUntil")
    if until is not None and not (type(until) is int and 0 <= until < END_OF_TIME_MS):
        raise WireError(f"validUntil is {until!r}, no time in milliseconds")
    return NamedAgent(text_of(row, "name"), text_of(row, "address").lower(), until)
