"""``gridbot exchange``: the paper exchange by itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from core.paper.config import STANDALONE_SPEED, PaperConfig

Listen = Annotated[
    str,
    Parameter(
        help="HOST:PORT to listen on. Anything but a loopback address lets others trade here; port 0 takes a free one."
    ),
]
Market = Annotated[
    str,
    Parameter(
        help="What is traded. replay:bundled is the recording that comes along; replay:FILE, replay:FILE,FILE or "
        "replay:FOLDER are recordings of ticks or candles; synthetic, synthetic:KIND,KIND or synthetic:COIN=KIND is made "
        "up (reverting, trending, jumps, gaps, thin, session); mirror:URL or mirror:URL?coins=BTC,ETH follows the public "
        "market of another Hyperliquid-compatible server."
    ),
]
Speed = Annotated[
    float, Parameter(help="Market seconds per second, 1 to 1000. A mirror runs at the pace of its source.")
]
Once = Annotated[
    bool,
    Parameter(
        name="--once",
        negative="--loop",
        help="Run a recording once and stand still at its end, instead of backwards and forwards for ever.",
    ),
]
Seed = Annotated[int, Parameter(help="The same seed makes the same synthetic market.")]
Funds = Annotated[str, Parameter(help="USDC that an account gets when it is first seen.")]
Kept = Annotated[Path | None, Parameter(help="Keep accounts and orders here; they are in memory otherwise.")]
Faults = Annotated[Path | None, Parameter(help="A JSON list of faults to begin with, see docs/faults.md.")]
Limits = Annotated[bool, Parameter(help="Keep Hyperliquid's rate limits; with --no-limits there are none.")]


def register(app: App) -> None:
    """Add the command to the program."""
    app.command(exchange)


def exchange(
    *,
    listen: Listen = "127.0.0.1:3001",
    market: Market = "replay:bundled",
    speed: Speed = STANDALONE_SPEED,
    once: Once = False,
    seed: Seed = 1,
    funds: Funds = "10000",
    state_dir: Kept = None,
    faults: Faults = None,
    limits: Limits = True,
) -> int:
    """Run the paper exchange by itself: Hyperliquid's own protocol on HTTP and WebSocket."""
    from gridbot_tui.exchange import (
        check_pace,
        faults_of,
        parse_funds,
        parse_listen,
        serve_exchange,
        store_of,
    )

    host, port = parse_listen(listen)
    check_pace(market, speed, once)
    config = PaperConfig(
        market,
        speed,
        parse_funds(funds),
        seed,
        loops=not once,
        host=host,
        port=port,
        faults=faults_of(faults),
        limits=limits,
    )
    return serve_exchange(replace(config, store_path=store_of(state_dir)))
