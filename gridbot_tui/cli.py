"""The command line. Other programs rely on its words, its one-line JSON and its exit codes."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter, UnusedCliTokensError

from core import VERSION
from core.journal.schema import ForeignJournalError, StorageError
from core.paper.config import (
    STANDALONE_SPEED,
    BooksError,
    MarketDiedError,
    PaperConfig,
    PaperError,
    SourceUnreachableError,
    StoreError,
)
from core.runtime.plan import ExitCode
from core.runtime.statedir import StateDir, UsageError
from gridbot_tui import config_command, keeping
from gridbot_tui.headless import print_line
from gridbot_tui.plans import Network, RunFlags, parse_duration_s

app = App(
    name="gridbot",
    help="A grid trading bot for Hyperliquid perpetuals. Without arguments: the terminal UI on the embedded paper exchange.",
    version=VERSION,
    version_flags=["--version"],
    help_flags=["--help", "-h"],
    help_format="plaintext",
    exit_on_error=False,
    print_error=False,
    result_action="return_value",
)

keeping.register(app)
config_command.register(app)

StateDirFlag = Annotated[
    Path | None, Parameter(name="--state-dir", help="Default: the only instance that runs.")
]
JsonFlag = Annotated[bool, Parameter(name="--json", negative=(), help="One JSON object on one line.")]
CoinArgument = Annotated[str, Parameter(help="One coin; default: every coin.")]


def run_cli(arguments: list[str]) -> int:
    """Run one command line; its exit code. Every expected error is a sentence on stderr."""
    try:
        result = app(arguments)
    except UnusedCliTokensError as error:
        unknown = " ".join(error.unused_tokens or ())
        command = _command_of(error)
        if command == "gridbot":
            return _fail(ExitCode.USAGE, f"{unknown} is not a command; `gridbot --help` lists them")
        return _fail(
            ExitCode.USAGE, f"`{command}` can't use {unknown}; `{command} --help` lists what it takes"
        )
    except CycloptsError as error:
        said = str(error).rstrip(".")
        return _fail(ExitCode.USAGE, f"{said}; `{_command_of(error)} --help` lists its flags")
    except StoreError as error:
        return _fail(ExitCode.STORAGE, str(error))
    except SourceUnreachableError as error:
        return _fail(ExitCode.UNREACHABLE, str(error))
    except (MarketDiedError, BooksError) as error:
        return _fail(ExitCode.INTERNAL, str(error))
    except (UsageError, ForeignJournalError, PaperError) as error:
        return _fail(ExitCode.USAGE, str(error))
    except StorageError as error:
        return _fail(ExitCode.STORAGE, str(error))
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.CLEAN
    return int(result) if isinstance(result, int) else 0


def _command_of(error: CycloptsError) -> str:
    """As it was typed: the program, and its command if there was one."""
    return " ".join(["gridbot", *(error.command_chain or ())])


def _fail(code: ExitCode, text: str) -> int:
    sys.stderr.write(f"gridbot: {text}\n")
    return int(code)


@app.default
def run(
    *,
    no_ui: Annotated[bool, Parameter(negative=(), help="Headless: JSON lines on stdout.")] = False,
    network: Annotated[Network, Parameter(help="mainnet also needs --live.")] = "paper",
    live: Annotated[bool, Parameter(negative=(), help="Yes, mainnet, real money.")] = False,
    coin: Annotated[list[str] | None, Parameter(help="Repeatable; HIP-3 as dex:NAME.", negative=())] = None,
    config: Annotated[Path | None, Parameter(help="Default: ./gridbot.toml if it is there.")] = None,
    exchange_url: Annotated[
        str, Parameter(help="A Hyperliquid-compatible paper exchange instead of the embedded one.")
    ] = "",
    state_dir: Annotated[Path | None, Parameter(help="Default: per user, network and account.")] = None,
    for_: Annotated[str, Parameter(name="--for", help="Stop by itself after 90s, 5m or 1h.")] = "",
    summary: Annotated[Literal["json", ""], Parameter(help="One object on one line of stdout at exit.")] = "",
    preview: Annotated[
        str,
        Parameter(
            help="mainnet: the fingerprint of the preview you have seen, if it isn't in the state dir."
        ),
    ] = "",
    adopt: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Keep the leverage and margin mode of positions that have others than configured; of one coin: adopt = true "
            "in its [coins.NAME].",
        ),
    ] = False,
) -> int:
    """Trade. The terminal UI, or headless with --no-ui."""
    from gridbot_tui.run import run as run_bot

    flags = RunFlags(network, live, tuple(coin or ()), config, exchange_url, state_dir, preview, adopt)
    for_s = parse_duration_s(for_) if for_ else None
    return run_bot(flags, no_ui, for_s, summary == "json")


app.command(run, name="run")


@app.command
def preview(
    *,
    network: Annotated[Network, Parameter(help="Whose prices; nothing is sent.")] = "paper",
    coin: Annotated[list[str] | None, Parameter(help="Repeatable; HIP-3 as dex:NAME.", negative=())] = None,
    config: Annotated[Path | None, Parameter(help="Default: ./gridbot.toml if it is there.")] = None,
    exchange_url: Annotated[str, Parameter(help="As for a run.")] = "",
    price: Annotated[Decimal | None, Parameter(help="Around this price instead of the present one.")] = None,
    state_dir: Annotated[
        Path | None, Parameter(help="As for a run; it keeps the preview's fingerprint.")
    ] = None,
    json: JsonFlag = False,
) -> int:
    """The grid of these settings at the present price: levels, fees, and what either edge may cost. Starts nothing."""
    from core.exchange.rest import RestError
    from gridbot_tui.plans import preview_of
    from gridbot_tui.preview import show

    flags = RunFlags(network, False, tuple(coin or ()), config, exchange_url, state_dir)
    settings, url, state = preview_of(flags)
    try:
        return show(settings, url, state, network, price, json)
    except RestError as error:
        return _fail(ExitCode.UNREACHABLE, str(error))


@app.command
def exchange(
    *,
    listen: Annotated[
        str,
        Parameter(
            help="HOST:PORT to listen on. Anything but a loopback address lets others trade here; port 0 takes a free one."
        ),
    ] = "127.0.0.1:3001",
    market: Annotated[
        str,
        Parameter(
            help="What is traded. replay:bundled is the recording that comes along; replay:FILE, replay:FILE,FILE or "
            "replay:FOLDER are recordings of ticks or candles; synthetic, synthetic:KIND,KIND or synthetic:COIN=KIND is made "
            "up (reverting, trending, jumps, gaps, thin, session); mirror:URL or mirror:URL?coins=BTC,ETH follows the public "
            "market of another Hyperliquid-compatible server."
        ),
    ] = "replay:bundled",
    speed: Annotated[
        float,
        Parameter(help="Market seconds per second, 1 to 1000. A mirror runs at the pace of its source."),
    ] = STANDALONE_SPEED,
    once: Annotated[
        bool,
        Parameter(
            name="--once",
            negative="--loop",
            help="Run a recording once and stand still at its end, instead of backwards and forwards for ever.",
        ),
    ] = False,
    seed: Annotated[int, Parameter(help="The same seed makes the same synthetic market.")] = 1,
    funds: Annotated[str, Parameter(help="USDC that an account gets when it is first seen.")] = "10000",
    state_dir: Annotated[
        Path | None, Parameter(help="Keep accounts and orders here; they are in memory otherwise.")
    ] = None,
    faults: Annotated[
        Path | None, Parameter(help="A JSON list of faults to begin with, see docs/faults.md.")
    ] = None,
    limits: Annotated[
        bool, Parameter(help="Keep Hyperliquid's rate limits; with --no-limits there are none.")
    ] = True,
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


@app.command
def status(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """What the running instance does. Exit code 0 while it runs, halted or not."""
    answer = _ask("status", state_dir)
    found = answer.get("status")
    if not isinstance(found, dict):
        return _fail(ExitCode.REFUSED, str(answer.get("text", "no status in the answer")))
    print_line(_one_line(found) if json else _status_text(found))
    return 0


def _command(action: str, coin: str, state_dir: Path | None, as_json: bool) -> int:
    return _command_ended(_ask(action, state_dir, coin), as_json)


def _command_ended(answer: dict[str, Any], as_json: bool) -> int:
    """Print what became of a command; its exit code."""
    if as_json:
        print_line(_one_line(answer))
    elif answer.get("ok"):
        print_line(str(answer.get("text", "done")))
    if answer.get("ok"):
        return 0
    return int(ExitCode.REFUSED) if as_json else _fail(ExitCode.REFUSED, str(answer.get("text", "refused")))


@app.command
def halt(coin: CoinArgument = "", *, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Cancel our grid orders and quote nothing until `gridbot resume`. The position stays."""
    return _command("halt", coin, state_dir, json)


@app.command
def resume(coin: CoinArgument = "", *, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Lift a halt; refused while the reason for it persists."""
    return _command("resume", coin, state_dir, json)


@app.command
def flatten(
    coin: Annotated[str, Parameter(help="The coin; may be left out if only one is traded.")] = "",
    *,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Halt, cancel, close the position reduce-only, prove it flat. Stays halted."""
    return _command("flatten", coin, state_dir, json)


@app.command
def resync(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Settle orders, fills and position with the exchange now."""
    return _command("resync", "", state_dir, json)


@app.command
def poll(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Read the fills of the last hour again over REST."""
    return _command("poll", "", state_dir, json)


@app.command
def reconnect(*, state_dir: StateDirFlag = None, json: JsonFlag = False) -> int:
    """Close the market-data connection, open a new one, read the gap back."""
    return _command("reconnect", "", state_dir, json)


@app.command
def reconcile(
    coin: CoinArgument = "",
    *,
    accept: Annotated[
        bool,
        Parameter(
            negative=(),
            help="Take what no fill explains over as an adjustment in the journal; lifts a halt for drift.",
        ),
    ] = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Hold all fills, orders and the position against the exchange, and say what doesn't add up."""
    return _command("accept" if accept else "reconcile", coin, state_dir, json)


set_ = App(name="set", help="Change the grid of the running instance, until it is cleared.")
app.command(set_)

YesFlag = Annotated[bool, Parameter(name="--yes", negative=(), help="Don't ask.")]


@set_.command(name="spacing")
def set_spacing(
    value: Annotated[str, Parameter(help="A fraction, 0.001 is 0.1 %; `default` goes back to the settings.")],
    coin: CoinArgument = "",
    *,
    yes: YesFlag = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Another distance between levels: shows what it would cancel and place, asks, does it. It holds through restarts."""
    return _previewed("set_spacing", coin, value, "Change it?", yes, state_dir, json)


@set_.command(name="levels")
def set_levels(
    value: Annotated[str, Parameter(help="Levels per side; `default` goes back to the settings.")],
    coin: CoinArgument = "",
    *,
    yes: YesFlag = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Another number of levels per side, of the same money: shows what it would cancel and place, asks, does it."""
    return _previewed("set_levels", coin, value, "Change it?", yes, state_dir, json)


margin = App(name="margin", help="The margin of an isolated position.")
app.command(margin)


@margin.command(name="add")
def margin_add(
    coin: Annotated[str, Parameter(help="The coin.")],
    usd: Annotated[str, Parameter(help="How much, in USD.")],
    *,
    yes: Annotated[bool, Parameter(name="--yes", negative=(), help="Don't ask.")] = False,
    state_dir: StateDirFlag = None,
    json: JsonFlag = False,
) -> int:
    """Add margin to an isolated position: shows the new liquidation price, asks, sends it once."""
    return _previewed("margin_add", coin, usd, "Add it?", yes, state_dir, json, preview="margin_preview")


def _previewed(
    action: str,
    coin: str,
    value: str,
    question: str,
    yes: bool,
    state_dir: Path | None,
    as_json: bool,
    preview: str = "",
) -> int:
    """Show what a command would do, ask unless ``yes``, then do it."""
    found = _ask(preview or f"{action}_preview", state_dir, coin, value)
    if not found.get("ok"):
        return _command_ended(found, as_json)
    if not yes:
        if as_json or not sys.stdin.isatty():
            return _fail(ExitCode.USAGE, f"{found['text']}; add --yes if that is meant")
        sys.stderr.write(f"{found['text']}.\n{question} [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            return _fail(ExitCode.USAGE, "not confirmed; nothing was sent")
    return _command_ended(_ask(action, state_dir, coin, value), as_json)


def _ask(cmd: str, state_dir: Path | None, coin: str = "", value: str = "") -> dict[str, Any]:
    from core.runtime.control_client import ask, find_instance

    named = StateDir(state_dir.expanduser().absolute()) if state_dir is not None else None
    client = os.environ.get("SSH_CLIENT", "").split(" ")[0]
    more = (value,) if value else ()
    return ask(find_instance(named), cmd, coin, f"cli from {client}" if client else "cli", *more)


def _one_line(value: dict[str, Any]) -> str:
    from core.telemetry.event_log import json_line

    return json_line(value)


def _status_text(found: dict[str, Any]) -> str:
    """A few lines for the eye."""
    head = f"{found['network'].upper()} {found['account']} {found['state'].upper()}"
    lines = [head + (f" ({found['halt_reason']})" if found["halt_reason"] else "") + f", pid {found['pid']}"]
    feed, now_ms = found["feed"], found["time_ms"]
    silent_s = (now_ms - feed["last_message_ms"]) / 1000
    link = "connected" if feed["connected"] else "NOT CONNECTED"
    stale = "" if silent_s < feed["stale_after_s"] else " (STALE)"
    lines.append(f"feed: {link}, last message {silent_s:.0f} s ago{stale}")
    lines += [
        f"breaker {b['name']}: {b['state']}, {b['reason']}"
        for b in found["api"]["breakers"]
        if b["state"] != "closed"
    ]
    lines += [f"ALERT {alert['text']}" for alert in found["alerts"]]
    for coin, view in found["coins"].items():
        looked_s = (now_ms - view["exchange_seen_ms"]) / 1000
        lines.append(
            f"{coin}: position {view['position']} (exchange {view['exchange_position']} {looked_s:.0f} s ago, drift "
            f"{view['drift']}), "
            f"{view['open_orders']} orders, {view['fills']} fills (ws {view['fills_from_ws']}, rest "
            f"{view['fills_from_rest']}, duplicates {view['duplicates']}), realized {view['realized_pnl']}, fees {view['fees']}"
        )
    return "\n".join(lines)
