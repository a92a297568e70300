"""Whether a key may sign for an account: an approved agent of it, not its own key, not another's, and not about to end."""

from __future__ import annotations

from dataclasses import dataclass

from core.domain.agent import AgentObserved, Role, RoleKind
from core.exchange.reads import Reads
from core.runtime.usage import UsageError

_PAGES = {
    "mainnet": "https://app.hyperliquid.xyz/API",
    "testnet": "https://app.hyperliquid-testnet.xyz/API",
}


class NotAnAgentError(UsageError):
    """The key may not sign for the account. ``may_come``: its approval is all that is missing."""

    def __init__(self, text: str, may_come: bool = False) -> None:
        super().__init__(text)
        self.may_come = may_come


def approval_page(network: str, url: str) -> str:
    """Where an agent is approved by hand. The paper exchange has no page: any client's ``approveAgent`` does it there."""
    return _PAGES.get(network, f"approveAgent, signed by the account, to {url}/exchange")


@dataclass(frozen=True, slots=True)
class Pair:
    """A signer and the account that it is to trade, both lower case, on a network whose exchange is at ``url``."""

    signer: str
    account: str
    network: str
    url: str = ""


async def check_agent(reads: Reads, pair: Pair, venue_ms: int) -> AgentObserved:
    """The signer's standing, if it is an approved agent of the account.

    Raises:
        NotAnAgentError: it isn't, and why, in a sentence of its own for each way of not being one.
        RestError, WireError: nobody answers, or nothing that can be understood.
    """
    role = await reads.role(pair.signer)
    if role.kind is not RoleKind.AGENT or role.master != pair.account:
        account_role = await reads.role(pair.account)
        raise _objection(pair, role, account_role)
    found = await reads.agent(pair.signer)
    left_ms = found.left_ms(venue_ms)
    if left_ms is not None and left_ms <= 0:
        page = approval_page(pair.network, pair.url)
        raise NotAnAgentError(
            f"the approval of the agent {pair.signer} ({found.name}) has run out; approve it again ({page}), or make another "
            "with `gridbot keys rotate`",
            may_come=True,
        )
    return found


def _objection(pair: Pair, role: Role, account_role: Role) -> NotAnAgentError:
    """What is wrong with the account is said first: no key would help there."""
    return _of_account(pair, account_role) or _of_signer(pair, role)


def _of_account(pair: Pair, role: Role) -> NotAnAgentError | None:
    account, network = pair.account, pair.network
    match role.kind:
        case RoleKind.AGENT:
            return NotAnAgentError(
                f"user_address (HL_USER_ADDRESS) {account} is itself an agent's address, of the account {role.master}: write "
                "that account's address"
            )
        case RoleKind.SUB_ACCOUNT:
            return NotAnAgentError(
                f"{account} is a sub-account of {role.master}, and this version trades no sub-accounts: write the address of "
                "an account that has a wallet of its own"
            )
        case RoleKind.VAULT:
            return NotAnAgentError(
                f"{account} is a vault, and this version trades none: write the address of an account of your own"
            )
        case RoleKind.MISSING:
            return NotAnAgentError(
                f"{account} has no account on {network}: deposit there first, or name the network that it is an account of"
            )
        case RoleKind.USER:
            return None


def _of_signer(pair: Pair, role: Role) -> NotAnAgentError:
    signer, account, page = pair.signer, pair.account, approval_page(pair.network, pair.url)
    match role.kind:
        case RoleKind.AGENT:
            return NotAnAgentError(
                f"the key's address {signer} is an agent, but of {role.master}, not of {account}; fix the one that is wrong"
            )
        case RoleKind.USER:
            return NotAnAgentError(
                f"the key's address {signer} is an account of its own, not an agent of {account}: such a key can withdraw; "
                f"take it off this machine and make an agent ({page})",
                may_come=pair.network == "paper",  # where every address is an account until it is approved
            )
        case RoleKind.SUB_ACCOUNT | RoleKind.VAULT:
            what = "a vault" if role.kind is RoleKind.VAULT else f"a sub-account of {role.master}"
            return NotAnAgentError(
                f"the key's address {signer} is {what}, which signs nothing; make an agent of {account} ({page})"
            )
        case RoleKind.MISSING:
            return NotAnAgentError(
                f"the key's address {signer} is not an agent of {account} on {pair.network}: it was never approved, was "
                f"revoked, or has run out; approve it ({page})",
                may_come=True,
            )
