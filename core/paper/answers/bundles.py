"""What web frontends ask for in one piece: ``webData2`` and ``webData3``."""

from __future__ import annotations

from core.paper.answers.account import Accounts
from core.paper.answers.arguments import Handler, get_account
from core.paper.answers.contexts import Contexts
from core.paper.answers.metadata import Metadata
from core.paper.answers.orders import Orders
from core.paper.answers.twaps import Twaps
from core.paper.jsonio import Json, JsonObject
from core.paper.market.listing import FIRST_DEX
from core.paper.venue.accounts import Account
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire


class Bundles:
    def __init__(
        self,
        venue: Venue,
        metadata: Metadata,
        contexts: Contexts,
        accounts: Accounts,
        orders: Orders,
        twaps: Twaps,
    ) -> None:
        self._venue = venue
        self._metadata = metadata
        self._contexts = contexts
        self._accounts = accounts
        self._orders = orders
        self._twaps = twaps

    def handlers(self) -> dict[str, Handler]:
        return {
            "webData2": lambda request, now_ms: self.web_data_2(get_account(request, self._venue), now_ms)
        }

    def web_data_2(self, account: Account, now_ms: int) -> JsonObject:
        """Of the first dex."""
        return {
            "clearinghouseState": self._accounts.state(account, FIRST_DEX, now_ms),
            "leadingVaults": [],
            "totalVaultEquity": "0.0",
            "openOrders": self._orders.frontend(account, FIRST_DEX),
            **_agent(account),
            "cumLedger": micro_wire(account.deposits),
            "meta": self._metadata.meta(FIRST_DEX),
            "assetCtxs": self._contexts.of_dex(FIRST_DEX, now_ms),
            "serverTime": now_ms,
            "isVault": False,
            "user": account.user,
            "twapStates": self._twaps.running(account, FIRST_DEX),
            "spotState": self._accounts.spot_state(account),
            "spotAssetCtxs": [],
            "perpsAtOpenInterestCap": self._contexts.at_cap(FIRST_DEX),
        }

    def web_data_3(self, account: Account, now_ms: int) -> JsonObject:
        """Of all dexs."""
        states: list[Json] = [
            {
                "totalVaultEquity": "0.0",
                "perpsAtOpenInterestCap": self._contexts.at_cap(dex),
                "leadingVaults": [],
            }
            for dex in self._venue.universe.dexs
        ]
        return {
            "userState": {
                **_agent(account),
                "cumLedger": micro_wire(account.deposits),
                "serverTime": now_ms,
                "isVault": False,
                "user": account.user,
                "abstraction": account.abstraction,
            },
            "perpDexStates": states,
        }


def _agent(account: Account) -> JsonObject:
    """The unnamed one."""
    agent = account.agents.get("")
    return {
        "agentAddress": agent.address if agent is not None else None,
        "agentValidUntil": agent.valid_until_ms if agent is not None else None,
    }
