"""Whether a key may sign for an account, asked over the wire: each way of not being its agent has a sentence of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from core.domain.agent import AgentObserved
from core.exchange.reads import Reads
from core.exchange.rest import Rest
from core.exchange.venue_clock import VenueClock
from core.exchange.wire import WireError
from core.exchange.wire_agents import decode_extra_agents, decode_role
from core.runtime.agents import NotAnAgentError, Pair, check_agent
from tests.unit.runtime.agents import DAY_MS, Wallet, now_ms
from tests.unit.runtime.stage import Venue, venue


@dataclass
class Asked:
    exchange: Venue
    reads: Reads

    async def check(self, signer: Wallet, account: str) -> AgentObserved:
        pair = Pair(signer.address, account, "testnet", self.exchange.url)
        return await check_agent(Reads(self.reads._rest, VenueClock(), account, {}), pair, now_ms())

    async def fund(self, wallet: Wallet) -> Wallet:
        self.exchange.server.exchange.venue.see(wallet.address)
        return wallet

    async def approve(self, account: Wallet, agent: Wallet | None, **of: object) -> None:
        told = await account.approve(self.exchange.http, self.exchange.url, agent, **of)  # type: ignore[arg-type]
        assert told["status"] == "ok", told


@pytest.fixture
async def asked() -> AsyncIterator[Asked]:
    async with venue() as exchange:
        clock = VenueClock()
        rest = Rest(exchange.url, clock)
        await rest.open()
        try:
            yield Asked(exchange, Reads(rest, clock, "0x" + "0" * 40, {}))
        finally:
            await rest.close()


async def test_an_approved_agent_is_known_by_its_name_and_its_end(asked: Asked) -> None:
    account, agent = await asked.fund(Wallet()), Wallet()
    await asked.approve(account, agent, name="bot", left_ms=20 * DAY_MS)
    found = await asked.check(agent, account.address)
    assert (found.address, found.is_listed, found.name) == (agent.address, True, "bot")
    assert found.valid_until_ms == pytest.approx(now_ms() + 20 * DAY_MS, abs=60_000)


async def test_the_unnamed_agent_may_sign_and_nobody_knows_its_end(asked: Asked) -> None:
    account, agent = await asked.fund(Wallet()), Wallet()
    await asked.approve(account, agent, name="")
    assert await asked.check(agent, account.address) == AgentObserved(agent.address)


async def test_what_was_revoked_or_replaced_is_no_agent_any_more(asked: Asked) -> None:
    account, first, second = await asked.fund(Wallet()), Wallet(), Wallet()
    await asked.approve(account, first)
    await asked.approve(account, second)
    assert (await asked.check(second, account.address)).is_listed
    with pytest.raises(NotAnAgentError, match="never approved, was revoked, or has run out") as caught:
        await asked.check(first, account.address)
    assert caught.value.may_come
    assert "https://app.hyperliquid-testnet.xyz/API" in str(caught.value)


async def test_an_agent_that_has_run_out_is_refused_even_while_it_is_listed(asked: Asked) -> None:
    account, agent = await asked.fund(Wallet()), Wallet()
    await asked.approve(account, agent, name="bot", left_ms=20 * DAY_MS)
    pair = Pair(agent.address, account.address, "testnet")
    reads = Reads(asked.reads._rest, VenueClock(), account.address, {})
    with pytest.raises(
        NotAnAgentError, match=r"the approval of the agent .* \(bot\) has run out; approve it again"
    ):
        await check_agent(reads, pair, now_ms() + 21 * DAY_MS)


async def test_a_key_of_an_account_of_its_own_is_refused_as_one_that_can_withdraw(asked: Asked) -> None:
    account, master = await asked.fund(Wallet()), await asked.fund(Wallet())
    with pytest.raises(
        NotAnAgentError, match=r"is an account of its own, not an agent of .*: such a key can withdraw"
    ):
        await asked.check(master, account.address)


async def test_an_agent_of_another_account_is_refused_with_whose_it_is(asked: Asked) -> None:
    account, other, agent = await asked.fund(Wallet()), await asked.fund(Wallet()), Wallet()
    await asked.approve(other, agent)
    with pytest.raises(
        NotAnAgentError, match=f"is an agent, but of {other.address}, not of {account.address}"
    ):
        await asked.check(agent, account.address)


async def test_an_agents_address_in_place_of_the_accounts_is_told_from_a_missing_approval(
    asked: Asked,
) -> None:
    account, agent, stranger = await asked.fund(Wallet()), Wallet(), Wallet()
    await asked.approve(account, agent)
    with pytest.raises(
        NotAnAgentError, match=f"is itself an agent's address, of the account {account.address}"
    ):
        await asked.check(stranger, agent.address)


async def test_a_sub_account_is_refused_with_its_master(asked: Asked) -> None:
    account, agent = await asked.fund(Wallet()), Wallet()
    asked.exchange.server.exchange.venue.see(account.address).volume = 10**12
    await asked.approve(account, agent)
    made = {"type": "createSubAccount", "name": "sub"}
    told = await account.act(asked.exchange.http, asked.exchange.url, made)
    sub = str(told["response"]["data"]).lower()
    with pytest.raises(
        NotAnAgentError, match=f"is a sub-account of {account.address}, and this version trades no"
    ):
        await asked.check(agent, sub)


@pytest.mark.parametrize(
    ("role", "says"),
    [
        ({"role": "missing"}, "has no account on testnet: deposit there first"),
        ({"role": "vault"}, "is a vault, and this version trades none"),
    ],
)
async def test_an_account_that_is_none_or_a_vault_is_refused(
    asked: Asked, role: dict[str, str], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def ask(_: Reads, address: str) -> object:
        return decode_role(role)

    monkeypatch.setattr(Reads, "role", ask)
    with pytest.raises(NotAnAgentError, match=says):
        await asked.check(Wallet(), "0x" + "ab" * 20)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        {},
        {"role": "king"},
        {"role": "agent"},
        {"role": "agent", "data": {}},
        {"role": "subAccount", "data": []},
    ],
)
def test_a_role_that_cannot_be_understood_is_none(answer: object) -> None:
    with pytest.raises(WireError):
        decode_role(answer)


@pytest.mark.parametrize(
    "answer",
    [
        None,
        {},
        [1],
        [{"name": "a"}],
        [{"name": "a", "address": "0x1", "validUntil": "soon"}],
        [{"name": "a", "address": "0x1", "validUntil": True}],
        [{"name": "a", "address": "0x1", "validUntil": 10**18}],
    ],
)
def test_agents_that_cannot_be_understood_are_none(answer: object) -> None:
    with pytest.raises(WireError):
        decode_extra_agents(answer)
