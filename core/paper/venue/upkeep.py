"""What the passing of time does to money: oracle and mark, funding on the hour, liquidation."""

from __future__ import annotations

from core.paper.jsonio import JsonObject
from core.paper.market.listing import Listing
from core.paper.market.step import MarketStep
from core.paper.venue.accounts import MARKET_USER, Account
from core.paper.venue.funding import HOUR_MS, RATE_DECIMALS, CoinFunding, FundingRate, payment_micro, sample
from core.paper.venue.ledger import Ledger
from core.paper.venue.liquidation import Liquidator
from core.paper.venue.margin import Margin
from core.paper.venue.orders import HistoryRow
from core.paper.venue.prices import CoinPrices, note_step, observe
from core.paper.wiretext import micro_wire, units_wire

_FUNDING_RATE = "fundingRate"
"""The market's own history keeps the rates of its coins in rows of this type."""


class Upkeep:
    """The state is the ledger's counters', so that it survives a restart."""

    def __init__(self, ledger: Ledger, margin: Margin) -> None:
        self._ledger = ledger
        self._margin = margin
        self._liquidator = Liquidator(ledger, margin)

    def prices(self, coin: str) -> CoinPrices:
        found = self._ledger.counters.prices
        return found.get(coin) or found.setdefault(coin, CoinPrices())

    def funding(self, coin: str) -> CoinFunding:
        found = self._ledger.counters.funding
        return found.get(coin) or found.setdefault(coin, CoinFunding())

    def on_step(self, step: MarketStep) -> None:
        """After the step has changed the book."""
        prices = self.prices(step.coin)
        note_step(prices, step, self._ledger.block_ms)
        observe(prices, self._ledger.books[step.coin], self._ledger.block_ms)

    def tick(self, now_ms: int) -> None:
        for listing in self._ledger.universe.listings.values():
            book = self._ledger.books[listing.coin]
            prices = self.prices(listing.coin)
            observe(prices, book, now_ms)
            sample(self.funding(listing.coin), book, listing, prices.oracle, now_ms)
        self._fund(now_ms // HOUR_MS)
        self._liquidator.check(now_ms)

    def set_clock_back(self, now_ms: int) -> None:
        """Nothing may have been done after ``now_ms``."""
        counters = self._ledger.counters
        for prices in counters.prices.values():
            prices.sampled_ms = min(prices.sampled_ms, now_ms)
            prices.stated_oracle_ms = min(prices.stated_oracle_ms, now_ms)
            prices.stated_mark_ms = min(prices.stated_mark_ms, now_ms)
        for funding in counters.funding.values():
            funding.sampled_ms = min(funding.sampled_ms, now_ms)
        counters.funded_hour = min(counters.funded_hour, now_ms // HOUR_MS)
        self._liquidator.set_clock_back(now_ms)

    def funding_history(self, coin: str) -> list[FundingRate]:
        """Oldest first: one an hour, for as long as the exchange has run."""
        return [
            FundingRate(coin, row.time_ms, _number(row, "rate"), _number(row, "premium"))
            for row in self._ledger.market.history
            if row.delta["type"] == _FUNDING_RATE and row.delta["coin"] == coin
        ]

    def _fund(self, hour: int) -> None:
        """Pay for the hour that has ended. Hours in which the exchange didn't run are paid for once, by the last samples."""
        counters = self._ledger.counters
        if hour <= counters.funded_hour:
            return
        is_first = counters.funded_hour == 0
        counters.funded_hour = hour
        if is_first:
            return
        for listing in self._ledger.universe.listings.values():
            funding, oracle = self.funding(listing.coin), self.prices(listing.coin).oracle
            if oracle:
                self._keep_rate(listing.coin, funding)
                for account in self._ledger.positioned():
                    self._pay(account, listing, oracle, funding.rate)
            funding.begin_hour()

    def _keep_rate(self, coin: str, funding: CoinFunding) -> None:
        ledger = self._ledger
        delta: JsonObject = {
            "type": _FUNDING_RATE,
            "coin": coin,
            "rate": funding.rate,
            "premium": funding.premium or 0,
        }
        ledger.note(HistoryRow(MARKET_USER, ledger.block_ms, ledger.block_hash(), delta))

    def _pay(self, account: Account, listing: Listing, oracle: int, rate: int) -> None:
        position = account.positions.get(listing.coin)
        if position is None or not position.lots:
            return
        ledger = self._ledger
        micro = payment_micro(position.lots, oracle, rate)
        is_own = account is ledger.market or account is ledger.backstop
        is_isolated = not is_own and not self._margin.leverage(account, listing.coin).is_cross
        position.pay_funding(micro, is_isolated=is_isolated)
        account.pay(listing.dex, micro)
        ledger.counters.rounding -= micro
        ledger.touch(account)
        if is_own:
            return
        row: JsonObject = {
            "type": "funding",
            "coin": listing.coin,
            "usdc": micro_wire(micro),
            "szi": units_wire(position.lots, listing.instrument.sz_decimals),
            "fundingRate": units_wire(rate, RATE_DECIMALS),
            "nSamples": None,
        }
        ledger.note(HistoryRow(account.user, ledger.block_ms, ledger.block_hash(), row))


def _number(row: HistoryRow, key: str) -> int:
    value = row.delta[key]
    assert isinstance(value, int)
    return value
