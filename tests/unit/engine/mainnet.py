"""The recorded chains of the mainnet: one list of fills per account and coin, in the order in which the node wrote them."""

from __future__ import annotations

import gzip
import json
from collections import defaultdict
from decimal import Decimal
from functools import cache
from pathlib import Path

from core.domain.fills import Fill, FillSource
from core.domain.instrument import Instrument
from core.domain.orders import Side

_FILE = Path(__file__).parent / "data/mainnet_chains_2025-10-27.jsonl.gz"

Chain = tuple[Fill, ...]


@cache
def chains() -> tuple[Chain, ...]:
    with gzip.open(_FILE, "rt") as file:
        sz_decimals = json.loads(next(file))["sz_decimals"]
        found: dict[tuple[str, str], list[Fill]] = defaultdict(list)
        for line in file:
            account, row = json.loads(line)
            instrument = Instrument(row["coin"], 0, sz_decimals[row["coin"]], 1)
            found[account, row["coin"]].append(_fill(account, row, instrument))
    return tuple(tuple(fills) for fills in found.values())


def _fill(account: str, row: dict[str, str | int | bool], instrument: Instrument) -> Fill:
    return Fill(
        account=account,
        coin=instrument.coin,
        time_ms=int(row["time"]),
        trade_id=int(row["tid"]),
        order_id=int(row["oid"]),
        cloid=None,
        side=Side.from_wire(str(row["side"])),
        price=instrument.parse_price(str(row["px"])),
        lots=instrument.parse_size(str(row["sz"])),
        start_lots=instrument.round_size(str(row["startPosition"])),
        closed_pnl=Decimal(str(row["closedPnl"])),
        fee=Decimal(str(row["fee"])),
        fee_token=str(row["feeToken"]),
        crossed=bool(row["crossed"]),
        direction=str(row["dir"]),
        hash="",
        source=FillSource.REST,
        raw="",
    )
