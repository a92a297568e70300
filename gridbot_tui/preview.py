"""``gridbot preview``: the grid of these settings at the present price, and what it may cost, before anything is started."""

from __future__ import annotations

import os
import time
from decimal import Decimal
from typing import Any

from core.engine.withdrawable import withdrawable
from core.runtime.exit_code import ExitCode
from core.runtime.keys import account_hint
from core.runtime.preview import sessions, words
from core.runtime.preview.gather import facts_before_a_start
from core.runtime.preview.report import CoinReport, Report, make_report
from core.runtime.preview.seen import remember
from core.runtime.settings import Loaded
from core.runtime.statedir import StateDir, UsageError, lock_holder
from core.telemetry.event_log import json_line
from gridbot_tui.lines import print_line, tell


def show(
    settings: Loaded, url: str, state: StateDir, network: str, price: Decimal | None, as_json: bool
) -> int:
    """Print the preview of every coin and note that it was seen. Raises ``UsageError``, and ``RestError`` if nobody answers."""
    now_ms, account = time.time_ns() // 10**6, account_hint(os.environ, settings.common.user_address)
    report = make_report(facts_before_a_start(settings, url, account, price, now_ms))
    mark = report.facts.fingerprint
    print_line(json_line(as_dict(report)) if as_json else as_text(report, network))
    if not url and lock_holder(state) is not None:
        tell(
            "a bot runs here on the embedded exchange, whose market has gone on: `v` on its screen is its preview, and this "
            "one is of the recording's first price"
        )
    try:
        remember(state, mark, network, now_ms)
    except (OSError, UsageError) as error:
        tell(f"the preview can't be noted ({error}); a start needs --preview {mark}")
    return int(ExitCode.CLEAN)


def as_text(report: Report, network: str) -> str:
    """For each coin a few lines and a table, highest price first; then what holds for the account."""
    texts = ["\n".join(_coin_lines(each, report)) for each in report.coins]
    account = [fact.sentence for fact in words.account_facts(report)]
    end = f"preview {report.facts.fingerprint} of these settings: {_use(network)}"
    return "\n\n".join([*texts, "\n".join(account), end])


def _use(network: str) -> str:
    return "a start on mainnet wants it" if network != "mainnet" else "noted, a start may follow"


def _coin_lines(each: CoinReport, report: Report) -> list[str]:
    table = [
        f"  {level.side:<4} {level.price:>12} {level.size:>12} {level.notional_usd:>12.2f} USD"
        + (f"  not quoted: {level.stopped_by}" if level.stopped_by else "")
        for level in words.levels(each)
    ]
    return [
        words.head(each),
        *(fact.sentence for fact in words.before_levels(each)),
        *table,
        *(fact.sentence for fact in words.after_levels(each, report)),
    ]


def as_dict(report: Report) -> dict[str, Any]:
    """The object of ``--json``: decimals as text."""
    need, money = report.need, report.facts.money
    value = None if money is None else money.value
    return {
        "coins": [
            coin_dict(each) | {"session": sessions.as_dict(each.facts.settings, report.facts.now_ms)}
            for each in report.coins
        ],
        "account": {
            "worst_loss_usd": f"{need.loss:.2f}",
            "margin_usd": f"{need.margin:.2f}",
            "needed_usd": f"{need.usd:.2f}",
            "value_usd": None if value is None else f"{value:.2f}",
            "withdrawable_usd": None if value is None else f"{withdrawable(value, need):.2f}",
        },
        "requests": _requests(report),
        "fingerprint": report.facts.fingerprint,
    }


def _requests(report: Report) -> dict[str, Any]:
    """``per_day`` is ``null`` where it can't be estimated, ``hours_to_empty`` also where the budget lasts."""
    budget, is_known = report.facts.budget, any(each.churn for each in report.coins)
    hours = report.hours_to_empty
    return {
        "cap": None if budget is None else budget.cap,
        "used": None if budget is None else budget.used,
        "per_day": round(report.actions_per_day) if is_known else None,
        "given_per_day": round(report.earned_per_day) if is_known else None,
        "hours_to_empty": None if hours is None else round(hours, 1),
    }


def coin_dict(each: CoinReport) -> dict[str, Any]:
    found, churn = each.preview, each.churn
    return {
        "coin": found.instrument.coin,
        "mid": f"{found.mid.normalize():f}",
        "spacing_pct": float(found.spacing_pct),
        "override": found.override,
        "round_trip_fees_pct": float(found.fees_pct),
        "round_trip_profit_usd": f"{found.profit_usd:f}",
        "position_cap": f"{found.cap.normalize():f}",
        "initial_size": f"{found.initial.normalize():f}",
        "initial_usd": f"{found.initial_usd:.2f}",
        "levels": [
            {
                "side": level.side,
                "price": level.price,
                "size": level.size,
                "notional_usd": f"{level.notional_usd:f}",
                "stopped_by": level.stopped_by,
            }
            for level in words.levels(each)
        ],
        "notes": list(each.notes),
        "edges": [
            {
                "side": edge.side.value,
                "price": f"{edge.price.normalize():f}",
                "position": f"{edge.position.normalize():f}",
                "entry": f"{edge.entry:.8g}",
                "notional_usd": f"{edge.notional:.2f}",
                "margin_usd": f"{edge.margin:.2f}",
                "loss_usd": f"{edge.loss:.2f}",
                "stop": None if edge.stop is None else f"{edge.stop.normalize():f}",
                "stop_loss_usd": None if edge.stop_loss is None else f"{edge.stop_loss:.2f}",
                "liquidation": None if edge.liquidation is None else f"{edge.liquidation.normalize():f}",
            }
            for edge in found.edges
        ],
        "requests_per_day": None if churn is None else round(churn.per_day(churn.actions)),
        "no_requests_why": each.no_churn,
    }
