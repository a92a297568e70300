"""Who an account is, what it holds, what it may do."""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_account, get_dex, get_listing
from core.paper.answers.portfolio import clearinghouse_state
from core.paper.answers.rows import Rows
from core.paper.jsonio import Json, JsonObject, get_address
from core.paper.market.listing import FIRST_DEX, Listing
from core.paper.venue.accounts import Account
from core.paper.venue.budget import request_cap, requests_surplus, requests_used
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire


class Accounts:
    def __init__(self, venue: Venue, rows: Rows) -> None:
        self._venue = venue
        self._rows = rows

    def handlers(self) -> dict[str, Handler]:
        return {
            "clearinghouseState": self._clearinghouse_state,
            "spotClearinghouseState": lambda request, _: self.spot_state(get_account(request, self._venue)),
            "activeAssetData": self._active_asset_data,
            "userRateLimit": self._rate_limit,
            "userRole": self._role,
            "userAbstraction": lambda request, _: get_account(request, self._venue).abstraction,
            "userDexAbstraction": self._dex_abstraction,
            "extraAgents": self._extra_agents,
            "subAccounts": self._sub_accounts,
            "subAccounts2": self._sub_accounts_of_all_dexs,
            "maxBuilderFee": self._builder_fee,
            "approvedBuilders": self._approved_builders,
            "portfolio": self._portfolio,
        }

    def state(self, account: Account, dex: str, now_ms: int) -> JsonObject:
        """``clearinghouseState`` of one dex; all zeros in one that doesn't exist."""
        known = account if dex in self._venue.universe.dexs else Account("")
        return clearinghouse_state(self._venue, known, dex, now_ms)

    def states(self, account: Account, now_ms: int) -> list[Json]:
        """``clearinghouseState`` of every dex, by name."""
        return [[dex, self.state(account, dex, now_ms)] for dex in self._venue.universe.dexs]

    def spot_state(self, account: Account) -> JsonObject:
        """The spot wallet; of a unified account all money, of which orders and positions hold their margin."""
        total, hold = account.spot, 0
        if account.is_unified:
            isolated = sum(position.margin for position in account.positions.values())
            total = account.balance
            hold = min(total, self._venue.margin.initial(account, FIRST_DEX) + isolated)
        if not total:
            return {"balances": []}
        row: JsonObject = {"coin": "USDC", "token": 0, "total": micro_wire(total), "hold": micro_wire(hold)}
        return {"balances": [{**row, "entryNtl": "0.0"}]}

    def active_asset_data(self, account: Account, listing: Listing) -> JsonObject:
        """What could be traded now, buying and selling. Against a position the double of its margin comes on top: what
        closing it sets free, and what the other direction then takes.
        """
        coin, mark = listing.coin, self._venue.mark_of(listing.coin)
        leverage = self._venue.margin.leverage(account, coin)
        free = self._venue.margin.free(account, listing.dex)
        held = account.lots(coin)
        double = 2 * (abs(held) * mark // leverage.value)
        available = [max(0, free + (double if held < 0 else 0)), max(0, free + (double if held > 0 else 0))]
        setting: JsonObject = {
            "type": "cross" if leverage.is_cross else "isolated",
            "value": leverage.value,
        }
        if not leverage.is_cross:
            setting["rawUsd"] = micro_wire(account.positions[coin].raw if held else 0)
        return {
            "user": account.user,
            "coin": coin,
            "leverage": setting,
            "maxTradeSzs": [
                self._rows.size(coin, micro * leverage.value // mark if mark else 0) for micro in available
            ],
            "availableToTrade": [micro_wire(micro) for micro in available],
            "markPx": self._rows.price(coin, mark),
        }

    def _clearinghouse_state(self, request: Request, now_ms: int) -> Json:
        return self.state(get_account(request, self._venue), get_dex(request), now_ms)

    def _active_asset_data(self, request: Request, _: int) -> Json:
        listing = get_listing(request, self._venue.universe)
        return self.active_asset_data(get_account(request, self._venue), listing)

    def _rate_limit(self, request: Request, _: int) -> Json:
        account = get_account(request, self._venue)
        return {
            "cumVlm": micro_wire(account.volume),
            "nRequestsUsed": requests_used(account),
            "nRequestsCap": request_cap(account),
            "nRequestsSurplus": requests_surplus(account),
        }

    def _role(self, request: Request, now_ms: int) -> Json:
        """An agent whose time is up is nobody, and so is a stranger where accounts aren't opened for strangers."""
        user = get_address(request, "user")
        master = self._venue.agents.master_of(user, now_ms)
        if master is not None:
            return {"role": "agent", "data": {"user": master.user}}
        account = get_account(request, self._venue)
        if not self._venue.knows(user):
            return {"role": "missing"}
        if account.master:
            return {"role": "subAccount", "data": {"master": account.master}}
        return {"role": "user"}

    def _dex_abstraction(self, request: Request, _: int) -> Json:
        return get_account(request, self._venue).abstraction == "dexAbstraction"

    def _extra_agents(self, request: Request, now_ms: int) -> Json:
        """Those that have a name."""
        agents = get_account(request, self._venue).agents
        return [
            {"name": name, "address": agent.address, "validUntil": agent.valid_until_ms}
            for name, agent in agents.items()
            if name and now_ms < agent.valid_until_ms
        ]

    def _sub_accounts(self, request: Request, now_ms: int) -> Json:
        """Null without any, as Hyperliquid has it."""
        rows: list[Json] = [
            {
                "name": account.name,
                "subAccountUser": account.user,
                "master": account.master,
                "clearinghouseState": self.state(account, FIRST_DEX, now_ms),
                "spotState": self.spot_state(account),
            }
            for account in self._owned(request)
        ]
        return rows or None

    def _sub_accounts_of_all_dexs(self, request: Request, now_ms: int) -> Json:
        rows: list[Json] = [
            {
                "name": account.name,
                "subAccountUser": account.user,
                "master": account.master,
                "dexToClearinghouseState": self.states(account, now_ms),
                "spotState": self.spot_state(account),
            }
            for account in self._owned(request)
        ]
        return rows or None

    def _owned(self, request: Request) -> list[Account]:
        return [self._venue.see(user) for user in get_account(request, self._venue).sub_accounts]

    def _builder_fee(self, request: Request, _: int) -> Json:
        """In tenths of a basis point."""
        builder = get_address(request, "builder")
        return get_account(request, self._venue).builder_fees.get(builder, 0)

    def _approved_builders(self, request: Request, _: int) -> Json:
        fees = get_account(request, self._venue).builder_fees
        return [builder for builder, rate in fees.items() if rate]

    def _portfolio(self, request: Request, now_ms: int) -> Json:
        """Every period begins with what was paid in and ends with the value now; nothing in between is remembered."""
        account = get_account(request, self._venue)
        firsts = (*account.fills[:1], *account.slice_fills[:1])
        begun = min((fill.time_ms for fill in firsts), default=now_ms)
        value = self._venue.value_of(account)
        rows: list[Json] = []
        for scope in ("", "perp"):
            for period in ("day", "week", "month", "allTime"):
                name = scope + period[0].upper() + period[1:] if scope else period
                rows.append([name, _course(begun, now_ms, account, value)])
        return rows


def _course(begun_ms: int, now_ms: int, account: Account, value: int) -> JsonObject:
    return {
        "accountValueHistory": [[begun_ms, micro_wire(account.deposits)], [now_ms, micro_wire(value)]],
        "pnlHistory": [[begun_ms, "0.0"], [now_ms, micro_wire(value - account.deposits)]],
        "vlm": micro_wire(account.volume),
    }
