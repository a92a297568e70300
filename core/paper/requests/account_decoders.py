"""How account actions are read: each decoder gives the action and what was signed for it."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TypeAlias

from core.domain.units import InexactNumberError, decimal_text, parse_decimal, parse_units
from core.paper.jsonio import (
    Json,
    JsonObject,
    MalformedRequestError,
    as_object,
    get_address,
    get_bool,
    get_int,
    get_signed_int,
    get_str,
    is_hex,
    only_keys,
)
from core.paper.requests.account_actions import (
    AccountAction,
    ApproveAgentAction,
    ApproveBuilderAction,
    ClassTransferAction,
    CreateSubAccountAction,
    IsolatedMarginAction,
    ReserveWeightAction,
    SendAssetAction,
    SetAbstractionAction,
    SetReferrerAction,
    SubAccountTransferAction,
    TopUpIsolatedAction,
    TwapCancelAction,
    TwapOrderAction,
    UsdSendAction,
    VaultTransferAction,
    WithdrawAction,
)
from core.paper.requests.payloads import Fields, L1Payload, UserPayload
from core.paper.venue.transfers import SPOT
from core.paper.venue.twaps import WireTwap

_CHAINS = ("Mainnet", "Testnet")
_MICRO_DECIMALS = 6
_PERCENT_TO_TENTHS_OF_A_BP = 3

Source: TypeAlias = dict[str, object]
Read: TypeAlias = tuple[AccountAction, L1Payload | UserPayload]


def _l1(source: Source, **fields: Json) -> L1Payload:
    only_keys(source, frozenset({"type", *fields}))
    return L1Payload({"type": get_str(source, "type"), **fields})


def _user_signed(source: Source, name: str, fields: Fields, **values: Json) -> UserPayload:
    """``fields`` after hyperliquidChain, the nonce (or time) last."""
    clock = fields[-1][0]
    allowed = {"type", "signatureChainId", "hyperliquidChain", *(field for field, _ in fields)}
    only_keys(source, frozenset(allowed))
    chain = get_str(source, "hyperliquidChain")
    if chain not in _CHAINS:
        raise MalformedRequestError(f"no chain {chain!r}")
    nonce = get_int(source, clock)
    ordered = (chain, *(nonce if field == clock else values[field] for field, _ in fields))
    return UserPayload(name, (("hyperliquidChain", "string"), *fields), ordered, _chain_id(source), nonce)


def _chain_id(source: Source) -> int:
    text = get_str(source, "signatureChainId")
    digits = text[2:] if text.startswith("0x") else ""
    if not is_hex(digits) or len(digits) > 16:
        raise MalformedRequestError(f"no chain id {text!r}")
    return int(digits, 16)


def _micro(text: str) -> int:
    try:
        micro = parse_units(text, _MICRO_DECIMALS)
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error
    if micro < 0:
        raise MalformedRequestError(f"{text} is negative")
    return micro


def _isolated_margin(source: Source) -> Read:
    asset, is_buy, micro = get_int(source, "asset"), get_bool(source, "isBuy"), get_signed_int(source, "ntli")
    return IsolatedMarginAction(asset, micro), _l1(source, asset=asset, isBuy=is_buy, ntli=micro)


def _top_up(source: Source) -> Read:
    asset, text = get_int(source, "asset"), get_str(source, "leverage")
    try:
        leverage = parse_decimal(text)
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error
    payload = _l1(source, asset=asset, leverage=decimal_text(leverage))
    return TopUpIsolatedAction(asset, Fraction(leverage)), payload


def _create_sub_account(source: Source) -> Read:
    name = get_str(source, "name")
    return CreateSubAccountAction(name), _l1(source, name=name)


def _sub_account_transfer(source: Source) -> Read:
    user, is_deposit = get_address(source, "subAccountUser"), get_bool(source, "isDeposit")
    usd = get_int(source, "usd")
    payload = _l1(source, subAccountUser=user, isDeposit=is_deposit, usd=usd)
    return SubAccountTransferAction(user, is_deposit, usd), payload


def _vault_transfer(source: Source) -> Read:
    vault, is_deposit = get_address(source, "vaultAddress"), get_bool(source, "isDeposit")
    usd = get_int(source, "usd")
    payload = _l1(source, vaultAddress=vault, isDeposit=is_deposit, usd=usd)
    return VaultTransferAction(vault, is_deposit, usd), payload


def _set_referrer(source: Source) -> Read:
    code = get_str(source, "code")
    return SetReferrerAction(code), _l1(source, code=code)


def _reserve_weight(source: Source) -> Read:
    weight = get_int(source, "weight")
    return ReserveWeightAction(weight), _l1(source, weight=weight)


def _twap_order(source: Source) -> Read:
    sent = as_object(source.get("twap"))
    try:
        size = decimal_text(parse_decimal(get_str(sent, "s")))
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error
    twap = WireTwap(
        get_int(sent, "a"),
        get_bool(sent, "b"),
        size,
        get_bool(sent, "r"),
        get_int(sent, "m"),
        get_bool(sent, "t"),
    )
    wire: JsonObject = {
        "a": twap.asset,
        "b": twap.is_buy,
        "s": size,
        "r": twap.reduce_only,
        "m": twap.minutes,
        "t": twap.randomize,
    }
    return TwapOrderAction(twap), _l1(source, twap=wire)


def _twap_cancel(source: Source) -> Read:
    asset, twap_id = get_int(source, "a"), get_int(source, "t")
    return TwapCancelAction(asset, twap_id), _l1(source, a=asset, t=twap_id)


def _approve_agent(source: Source) -> Read:
    """The SDK signs an empty name but leaves it out of what it posts."""
    agent = get_address(source, "agentAddress")
    name = get_str(source, "agentName") if source.get("agentName") is not None else ""
    fields: Fields = (("agentAddress", "address"), ("agentName", "string"), ("nonce", "uint64"))
    payload = _user_signed(source, "ApproveAgent", fields, agentAddress=agent, agentName=name)
    return ApproveAgentAction(agent, name), payload


def _approve_builder(source: Source) -> Read:
    builder, text = get_address(source, "builder"), get_str(source, "maxFeeRate")
    try:
        rate = parse_units(text.removesuffix("%"), _PERCENT_TO_TENTHS_OF_A_BP)
    except InexactNumberError as error:
        raise MalformedRequestError(str(error)) from error
    if not text.endswith("%") or rate < 0:
        raise MalformedRequestError(f"no fee rate {text!r}")
    fields: Fields = (("maxFeeRate", "string"), ("builder", "address"), ("nonce", "uint64"))
    payload = _user_signed(source, "ApproveBuilderFee", fields, maxFeeRate=text, builder=builder)
    return ApproveBuilderAction(builder, rate), payload


def _class_transfer(source: Source) -> Read:
    """The amount may name a sub-account: ``"1 subaccount:0x…"``."""
    text, to_perp = get_str(source, "amount"), get_bool(source, "toPerp")
    amount, separator, sub_account = text.partition(" subaccount:")
    sub = get_address({"subaccount": sub_account}, "subaccount") if separator else None
    fields: Fields = (("amount", "string"), ("toPerp", "bool"), ("nonce", "uint64"))
    payload = _user_signed(source, "UsdClassTransfer", fields, amount=text, toPerp=to_perp)
    return ClassTransferAction(_micro(amount), to_perp, sub), payload


_SEND_FIELDS: Fields = (("destination", "string"), ("amount", "string"), ("time", "uint64"))


def _usd_send(source: Source) -> Read:
    to, text = get_address(source, "destination"), get_str(source, "amount")
    payload = _user_signed(source, "UsdSend", _SEND_FIELDS, destination=to, amount=text)
    return UsdSendAction(to, _micro(text)), payload


def _withdraw(source: Source) -> Read:
    to, text = get_address(source, "destination"), get_str(source, "amount")
    payload = _user_signed(source, "Withdraw", _SEND_FIELDS, destination=to, amount=text)
    return WithdrawAction(to, _micro(text)), payload


_SEND_ASSET_FIELDS: Fields = (
    ("destination", "string"),
    ("sourceDex", "string"),
    ("destinationDex", "string"),
    ("token", "string"),
    ("amount", "string"),
    ("fromSubAccount", "string"),
    ("nonce", "uint64"),
)


def _send_asset(source: Source) -> Read:
    is_agents = source["type"] == "agentSendAsset"
    sub_account = get_address(source, "fromSubAccount") if get_str(source, "fromSubAccount") else ""
    values: dict[str, Json] = {
        "destination": get_address(source, "destination"),
        "sourceDex": get_str(source, "sourceDex"),
        "destinationDex": get_str(source, "destinationDex"),
        "token": get_str(source, "token"),
        "amount": get_str(source, "amount"),
        "fromSubAccount": sub_account,
    }
    action = SendAssetAction(
        get_address(source, "destination"),
        get_str(source, "sourceDex"),
        get_str(source, "destinationDex"),
        get_str(source, "token"),
        _micro(get_str(source, "amount")),
        sub_account or None,
        is_agents,
    )
    if is_agents:
        return action, _l1(source, **values, nonce=get_int(source, "nonce"))
    return action, _user_signed(source, "SendAsset", _SEND_ASSET_FIELDS, **values)


_SPOT_FIELDS: Fields = (
    ("destination", "string"),
    ("token", "string"),
    ("amount", "string"),
    ("time", "uint64"),
)


def _spot_send(source: Source) -> Read:
    to, token, text = get_address(source, "destination"), get_str(source, "token"), get_str(source, "amount")
    payload = _user_signed(source, "SpotSend", _SPOT_FIELDS, destination=to, token=token, amount=text)
    return SendAssetAction(to, SPOT, SPOT, token, _micro(text), None, by_agent=False), payload


_ABSTRACTIONS = {"i": "disabled", "u": "unifiedAccount", "p": "portfolioMargin"}
"""How an agent abbreviates them."""


def _set_abstraction(source: Source) -> Read:
    user, abstraction = get_address(source, "user"), get_str(source, "abstraction")
    if abstraction not in _ABSTRACTIONS.values():
        raise MalformedRequestError(f"no abstraction {abstraction!r}")
    fields: Fields = (("user", "address"), ("abstraction", "string"), ("nonce", "uint64"))
    payload = _user_signed(source, "UserSetAbstraction", fields, user=user, abstraction=abstraction)
    return SetAbstractionAction(user, abstraction), payload


def _agent_set_abstraction(source: Source) -> Read:
    letter = get_str(source, "abstraction")
    if letter not in _ABSTRACTIONS:
        raise MalformedRequestError(f"no abstraction {letter!r}")
    return SetAbstractionAction("", _ABSTRACTIONS[letter]), _l1(source, abstraction=letter)


def _dex_abstraction(source: Source) -> Read:
    user, is_on = get_address(source, "user"), get_bool(source, "enabled")
    fields: Fields = (("user", "address"), ("enabled", "bool"), ("nonce", "uint64"))
    payload = _user_signed(source, "UserDexAbstraction", fields, user=user, enabled=is_on)
    return SetAbstractionAction(user, "dexAbstraction" if is_on else "disabled"), payload


def _agent_dex_abstraction(source: Source) -> Read:
    return SetAbstractionAction("", "dexAbstraction"), _l1(source)


ACCOUNT_DECODERS: dict[str, Callable[[Source], Read]] = {
    "updateIsolatedMargin": _isolated_margin,
    "topUpIsolatedOnlyMargin": _top_up,
    "createSubAccount": _create_sub_account,
    "subAccountTransfer": _sub_account_transfer,
    "vaultTransfer": _vault_transfer,
    "setReferrer": _set_referrer,
    "reserveRequestWeight": _reserve_weight,
    "twapOrder": _twap_order,
    "twapCancel": _twap_cancel,
    "agentSendAsset": _send_asset,
    "agentSetAbstraction": _agent_set_abstraction,
    "agentEnableDexAbstraction": _agent_dex_abstraction,
    "approveAgent": _approve_agent,
    "approveBuilderFee": _approve_builder,
    "usdClassTransfer": _class_transfer,
    "usdSend": _usd_send,
    "withdraw3": _withdraw,
    "sendAsset": _send_asset,
    "spotSend": _spot_send,
    "userSetAbstraction": _set_abstraction,
    "userDexAbstraction": _dex_abstraction,
}
