"""The preview in sentences: the command prints them, the screen draws them."""

from __future__ import annotations

from decimal import Decimal

from core.domain.orders import Side
from core.engine.grid_settings import RangeExit
from core.engine.preview import Edge
from core.engine.preview_notes import one_way
from core.engine.withdrawable import withdrawable
from core.preview_view import PreviewFact, PreviewLevel, PreviewView
from core.runtime.preview import sessions
from core.runtime.preview.budget import budget_facts, churn_fact
from core.runtime.preview.report import CoinReport, Report
from core.view import Severity


def views(report: Report, note: str) -> tuple[PreviewView, ...]:
    """One for each coin, with what holds for the account, and ``note`` at the end."""
    shared = (*account_facts(report), PreviewFact("preview", note))
    return tuple(
        PreviewView(
            coin=each.facts.instrument.coin,
            time_ms=report.facts.now_ms,
            head=head(each),
            facts=(*before_levels(each), *after_levels(each, report), *shared),
            levels=levels(each),
        )
        for each in report.coins
    )


def head(each: CoinReport) -> str:
    found, coin = each.preview, each.facts.instrument.coin
    text = f"{coin} at {found.mid.normalize():f}: {len(found.levels)} levels every {found.spacing_pct.normalize():f} %"
    return text + (f" ({found.override})" if found.override else "")


def before_levels(each: CoinReport) -> tuple[PreviewFact, ...]:
    found, coin = each.preview, each.facts.instrument.coin
    facts = []
    if each.facts.override:
        by = f"OVERRIDE in force: {each.facts.override}; `gridbot set spacing default` and `set levels default` end it"
        facts.append(PreviewFact("override", by, Severity.WARN))
    facts.append(
        PreviewFact(
            "fees",
            f"fees of a round trip {found.fees_pct.normalize():f} %, so one level earns {found.profit_usd:.4f} USD by one; "
            f"worst-case position {found.cap.normalize():f} {coin}",
        )
    )
    begins = one_way(each.facts.config, found)
    return (*facts, PreviewFact("begins", begins)) if begins else tuple(facts)


def levels(each: CoinReport) -> tuple[PreviewLevel, ...]:
    found = each.preview
    stopped = {blocked.level.slot: blocked.why.rule.value for blocked in found.blocked}
    return tuple(
        PreviewLevel(
            level.slot.side.value,
            found.instrument.price_text(level.price),
            found.instrument.size_text(level.lots),
            Decimal(level.price * level.lots).scaleb(-6),
            stopped.get(level.slot, ""),
        )
        for level in sorted(found.levels, key=lambda each: -each.price)
    )


def after_levels(each: CoinReport, report: Report) -> tuple[PreviewFact, ...]:
    coin = each.facts.instrument.coin
    said = [PreviewFact("mind", text, Severity.WARN) for text in each.notes]
    edges = [
        PreviewFact(
            f"{'low' if edge.side is Side.BUY else 'high'} edge",
            edge_text(edge, coin, each.preview.grid.is_endless),
        )
        for edge in each.preview.edges
    ]
    said_beyond = [PreviewFact("beyond", text, Severity.WARN) for text in beyond(each)]
    closed = sessions.as_lines(each.facts.settings, report.facts.now_ms)
    shut = (PreviewFact("sessions", text) for text in closed)
    return (*said, *edges, *said_beyond, churn_fact(each, report), *shut)


def beyond(each: CoinReport) -> list[str]:
    """That a loss at an edge isn't the most that can be lost, where the position outlives the edge."""
    found, config = each.preview, each.facts.config
    on_exit = RangeExit.HOLD if found.grid.is_endless else config.on_exit
    held = max(edge.notional for edge in found.edges)
    past = "past where its inventory ends" if found.grid.is_endless else "past an edge"
    match on_exit:
        case RangeExit.TRAIL:
            most = found.cap * found.mid
            what = (
                f"{past} the grid follows and keeps what it holds: each percent further costs up to {most / 100:.2f} USD "
                f"(at the worst-case position, {most:.2f} USD), and a turn makes each such loss final"
            )
        case RangeExit.HOLD:
            what = f"{past} nothing is closed: each percent further costs {held / 100:.2f} USD"
        case RangeExit.REDUCE | RangeExit.FLATTEN:
            return []
    stops = [edge.stop is not None for edge in found.edges]
    ends = "until the stop" if all(stops) else "until a limit of the account ends it"
    return [f"a loss at an edge is not the most that can be lost: {what}, {ends}"] if held else []


def edge_text(edge: Edge, coin: str, is_endless: bool = False) -> str:
    way = "falls" if edge.side is Side.BUY else "rises"
    held = f"{edge.position.normalize():+f} {coin} for {edge.entry:.6g}" if edge.position else f"no {coin}"
    where = f"{edge.price.normalize():f}" + (", where its inventory ends" if is_endless else "")
    text = (
        f"if the price {way} to {where}: {held}, "
        f"{edge.notional:.2f} USD ({edge.leverage:.2f} x the investment), a margin of {edge.margin:.2f} USD, a loss of "
        f"{edge.loss:.2f} USD"
    )
    if edge.stop is not None:
        text += f"; at the stop {edge.stop.normalize():f} of {edge.stop_loss:.2f} USD"
    at = f"{edge.liquidation.normalize():f}" if edge.liquidation is not None else "no price"
    return f"{text}; liquidated at {at}, if the investment alone backs it"


def account_facts(report: Report) -> tuple[PreviewFact, ...]:
    return PreviewFact("account", *_account(report)), *budget_facts(report)


def _account(report: Report) -> tuple[str, Severity]:
    need, money = report.need, report.facts.money
    text = (
        f"{need.usd:.2f} USD must stay in the account: that is what every coin needs at most, all at once, at an edge or while "
        f"both sides rest ({need.margin:.2f} of margin, {need.loss:.2f} of loss there)"
    )
    if money is None:
        text = f"{text}; what it holds beyond that can be withdrawn with the grid intact"
        if report.facts.limits.max_margin or report.facts.limits.min_liquidation_distance:
            text += ". Without an account (user_address) the limits on margin and liquidation aren't applied above"
        return text, Severity.INFO
    if money.value <= 0 and not need.usd:
        return (
            f"the account holds {money.value:.2f}, so its limits on margin and liquidation let no order rest: pay in what the "
            "grids are to work with",
            Severity.WARN,
        )
    if money.value < need.usd:
        return (
            f"{text}, and it holds {money.value:.2f}: pay in {need.usd - money.value:.2f}, or make the grids smaller",
            Severity.WARN,
        )
    free = withdrawable(money.value, need)
    return (
        f"{text}; of the {money.value:.2f} that it holds {free:.2f} can be withdrawn with the grid intact",
        Severity.INFO,
    )
