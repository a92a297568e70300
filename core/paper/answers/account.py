"""Who an account is, what it holds, what it may do."""

from __future__ import annotations

from core.paper.answers.arguments import Handler, Request, get_account, get_dex, get_listing
from core.paper.answers.portfolio import clearinghouse_state
from core.paper.answers.rows import Rows
from core.paper.jsonio import Json, JsonObject, get_address
from core.paper.market.listing import FIRST_DEX, Listing
from core.paper.venue.accounts import Account
from core.paper.venue.margin import initial_margin, leverage_of
from core.paper.venue.venue import Venue
from core.paper.wiretext import micro_wire

_BASE_REQUESTS = 10_000
_MICRO = 1_000_000


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
            "userAbstraction": lambda request, _: _known(request, "disabled"),
            "userDexAbstraction": lambda request, _: _known(request, False),
            "extraAgents": lambda request, _: _known(request, []),
            "subAccounts": lambda request, _: _known(request, None),
            "subAccounts2": lambda request, _: _known(request, None),
            "maxBuilderFee": self._builder_fee,
            "approvedBuilders": lambda request, _: _known(request, []),
            "portfolio": self._portfolio,
        }

    def state(self, account: Account, dex: str, now_ms: int) -> JsonObject:
        """``clearinghouseState`` of one dex; all zeros in one that doesn't exist."""
        known = account if dex == FIRST_DEX else Account("")
        return clearinghouse_state(self._venue, known, now_ms)

    def states(self, account: Account, now_ms: int) -> list[Json]:
        """``clearinghouseState`` of every dex, by name."""
        return [[dex, self.state(account, dex, now_ms)] for dex in self._venue.universe.dexs]

    def spot_state(self, _account: Account) -> JsonObject:
        """All money is with the perpetual dexs."""
        return {"balances": []}

    def active_asset_data(self, account: Account, listing: Listing) -> JsonObject:
        """What could be traded now, buying and selling. Against a position the double of its margin comes on top: what
        closing it sets free, and what the other direction then takes.
        """
        coin, mark = listing.coin, self._venue.mark_of(listing.coin)
        leverage = leverage_of(account, listing.instrument)
        free = self._venue.value_of(account) - initial_margin(
            account, self._venue.instruments, self._venue.mark_of
        )
        held = account.lots(coin)
        double = 2 * (abs(held) * mark // leverage.value)
        available = [max(0, free + (double if held < 0 else 0)), max(0, free + (double if held > 0 else 0))]
        setting: JsonObject = {
            "type": "cross" if leverage.is_cross else "isolated",
            "value": leverage.value,
        }
        if not leverage.is_cross:
            setting["rawUsd"] = "0.0"
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
            "nRequestsUsed": account.requests,
            "nRequestsCap": _BASE_REQUESTS + account.volume // _MICRO,
            "nRequestsSurplus": 0,
        }

    def _role(self, request: Request, _: int) -> Json:
        get_account(request, self._venue)
        return {"role": "user"}

    def _builder_fee(self, request: Request, _: int) -> Json:
        get_address(request, "builder")
        return _known(request, 0)

    def _portfolio(self, request: Request, now_ms: int) -> Json:
        """Every period begins with what was paid in and ends with the value now; nothing in between is remembered."""
        account = get_account(request, self._venue)
        begun = account.fills[0].time_ms if account.fills else now_ms
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


def _known(request: Request, answer: Json) -> Json:
    """The same answer for every address."""
    get_address(request, "user")
    return answer
