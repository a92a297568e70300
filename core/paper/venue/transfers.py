"""Money that users move: between perps and spot, between dexs, to others, to sub-accounts, and out of the exchange.

All amounts are micro-USDC. A place is a dex, or the spot wallet. All raise ``RefusedError`` and have moved nothing then; what
counts as paid in (``deposits``) moves along, so that profit stays what trading made.
"""

from __future__ import annotations

from collections.abc import Callable

from core.paper.jsonio import JsonObject
from core.paper.market.listing import FIRST_DEX
from core.paper.venue.accounts import Account
from core.paper.venue.budget import WEIGHT_PRICE_MICRO
from core.paper.venue.ledger import Ledger
from core.paper.venue.margin import Margin
from core.paper.venue.orders import HistoryRow
from core.paper.venue.refusals import RefusedError
from core.paper.wiretext import micro_wire

SPOT = "spot"

_WITHDRAWAL_FEE = 1_000_000
_NOT_ENOUGH = "Insufficient balance for withdrawal."
_NOT_ENOUGH_TOKENS = "Insufficient balance for token transfer"


class Transfers:
    """Every call belongs to a block that has begun. ``receive`` gives the account of an address, opened if need be."""

    def __init__(self, ledger: Ledger, margin: Margin, receive: Callable[[str], Account]) -> None:
        self._ledger = ledger
        self._margin = margin
        self._receive = receive

    def available(self, account: Account, place: str) -> int:
        """What may leave."""
        if place == SPOT and not account.is_unified:
            return max(0, account.spot)
        return self._margin.withdrawable(account, FIRST_DEX if place == SPOT else place)

    def deposit(self, account: Account, micro: int) -> None:
        """From outside, to the first dex."""
        account.deposit(FIRST_DEX, micro)
        self._note({"type": "deposit", "usdc": micro_wire(micro)}, account)

    def between_classes(self, account: Account, micro: int, *, to_perp: bool) -> None:
        """usdClassTransfer: between spot and the first dex."""
        if account.is_unified:
            raise RefusedError("Action disabled when unified account is active")
        source, target = (SPOT, FIRST_DEX) if to_perp else (FIRST_DEX, SPOT)
        self._check(account, source, micro, _NOT_ENOUGH_TOKENS if to_perp else _NOT_ENOUGH)
        self._move(account, source, account, target, micro)
        self._note({"type": "accountClassTransfer", "usdc": micro_wire(micro), "toPerp": to_perp}, account)

    def to_user(self, sender: Account, destination: str, micro: int) -> None:
        """usdSend: between the first dexs of two accounts."""
        self._check(sender, FIRST_DEX, micro, _NOT_ENOUGH)
        receiver = self._receive(destination)
        self._move(sender, FIRST_DEX, receiver, FIRST_DEX, micro)
        self._note(_between("internalTransfer", sender, receiver, micro, fee="0.0"), sender, receiver)

    def to_sub_account(self, sender: Account, receiver: Account, micro: int) -> None:
        """subAccountTransfer, in either direction."""
        refusal = f"Invalid sub-account transfer from {sender.user} to {receiver.user}"
        self._check(sender, FIRST_DEX, micro, refusal)
        self._move(sender, FIRST_DEX, receiver, FIRST_DEX, micro)
        self._note(_between("subAccountTransfer", sender, receiver, micro), sender, receiver)

    def asset(
        self, sender: Account, source: str, destination: str, target: str, micro: int, nonce: int
    ) -> None:
        """sendAsset: from any place of one account to any place of another, or of the same."""
        self._check(sender, source, micro, _NOT_ENOUGH_TOKENS)
        receiver = self._receive(destination)
        self._move(sender, source, receiver, target, micro)
        row: JsonObject = {
            "type": "send",
            "user": sender.user,
            "destination": receiver.user,
            "sourceDex": source,
            "destinationDex": target,
            "token": "USDC",
            "amount": micro_wire(micro),
            "usdcValue": micro_wire(micro),
            "fee": "0.0",
            "nativeTokenFee": "0.0",
            "nonce": nonce,
            "feeToken": "",
        }
        self._note(row, sender, receiver)

    def withdraw(self, account: Account, micro: int, nonce: int) -> None:
        """withdraw3: out of the exchange; a dollar of it pays for the bridge."""
        self._check(account, FIRST_DEX, micro, _NOT_ENOUGH)
        if micro <= _WITHDRAWAL_FEE:
            raise RefusedError(_NOT_ENOUGH)
        account.deposit(FIRST_DEX, -micro)
        row: JsonObject = {
            "type": "withdraw",
            "usdc": micro_wire(micro - _WITHDRAWAL_FEE),
            "nonce": nonce,
            "fee": micro_wire(_WITHDRAWAL_FEE),
        }
        self._note(row, account)

    def reserve_requests(self, account: Account, weight: int) -> None:
        """reserveRequestWeight: pay for requests beyond the budget."""
        cost = weight * WEIGHT_PRICE_MICRO
        self._check(account, FIRST_DEX, cost, _NOT_ENOUGH)
        account.pay(FIRST_DEX, -cost)
        self._ledger.counters.fees += cost
        account.reserved_requests += weight
        self._ledger.touch(account)

    def _check(self, account: Account, place: str, micro: int, refusal: str) -> None:
        if not 0 < micro <= self.available(account, place):
            raise RefusedError(refusal)

    def _move(self, sender: Account, source: str, receiver: Account, target: str, micro: int) -> None:
        _put(sender, source, -micro)
        _put(receiver, target, micro)

    def _note(self, delta: JsonObject, *parties: Account) -> None:
        for user, account in {party.user: party for party in parties}.items():
            self._ledger.touch(account)
            self._ledger.note(HistoryRow(user, self._ledger.block_ms, self._ledger.block_hash(), delta))


def _put(account: Account, place: str, micro: int) -> None:
    if place == SPOT:
        account.spot += micro
        account.deposits += micro
    else:
        account.deposit(place, micro)


def _between(kind: str, sender: Account, receiver: Account, micro: int, **more: str) -> JsonObject:
    users = {"user": sender.user, "destination": receiver.user}
    return {"type": kind, "usdc": micro_wire(micro), **users, **more}
