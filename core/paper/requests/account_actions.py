"""The actions of POST /exchange that concern accounts rather than orders. Amounts are micro-USDC, addresses lower case."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TypeAlias

from core.paper.venue.twaps import WireTwap


@dataclass(frozen=True, slots=True)
class IsolatedMarginAction:
    """``micro`` is added to the position's margin; negative takes away."""

    asset: int
    micro: int


@dataclass(frozen=True, slots=True)
class TopUpIsolatedAction:
    """Add what brings the position down to ``leverage``."""

    asset: int
    leverage: Fraction


@dataclass(frozen=True, slots=True)
class CreateSubAccountAction:
    name: str


@dataclass(frozen=True, slots=True)
class SubAccountTransferAction:
    """``is_deposit``: from the master to its sub-account."""

    sub_account: str
    is_deposit: bool
    micro: int


@dataclass(frozen=True, slots=True)
class VaultTransferAction:
    vault: str
    is_deposit: bool
    micro: int


@dataclass(frozen=True, slots=True)
class SetReferrerAction:
    code: str


@dataclass(frozen=True, slots=True)
class ReserveWeightAction:
    weight: int


@dataclass(frozen=True, slots=True)
class TwapOrderAction:
    twap: WireTwap


@dataclass(frozen=True, slots=True)
class TwapCancelAction:
    asset: int
    twap_id: int


@dataclass(frozen=True, slots=True)
class ApproveAgentAction:
    """``name`` with its `` valid_until`` suffix, empty for the unnamed agent."""

    agent: str
    name: str


@dataclass(frozen=True, slots=True)
class ApproveBuilderAction:
    """``rate`` in tenths of a basis point."""

    builder: str
    rate: int


@dataclass(frozen=True, slots=True)
class ClassTransferAction:
    """Between perps and spot, of the signer or of its ``sub_account``."""

    micro: int
    to_perp: bool
    sub_account: str | None


@dataclass(frozen=True, slots=True)
class UsdSendAction:
    destination: str
    micro: int


@dataclass(frozen=True, slots=True)
class WithdrawAction:
    destination: str
    micro: int


@dataclass(frozen=True, slots=True)
class SendAssetAction:
    """Between dexs (``""`` is the first, ``spot`` the spot balance) and users. ``token`` as sent, ``USDC:0x…``."""

    destination: str
    source_dex: str
    destination_dex: str
    token: str
    micro: int
    sub_account: str | None
    by_agent: bool


@dataclass(frozen=True, slots=True)
class SetAbstractionAction:
    """``user`` is empty where the signer is meant."""

    user: str
    abstraction: str


AccountAction: TypeAlias = (
    IsolatedMarginAction
    | TopUpIsolatedAction
    | CreateSubAccountAction
    | SubAccountTransferAction
    | VaultTransferAction
    | SetReferrerAction
    | ReserveWeightAction
    | TwapOrderAction
    | TwapCancelAction
    | ApproveAgentAction
    | ApproveBuilderAction
    | ClassTransferAction
    | UsdSendAction
    | WithdrawAction
    | SendAssetAction
    | SetAbstractionAction
)
