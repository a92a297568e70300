"""What each believed price does: bars, and the circuit that a shock opens. While the market is closed it does neither."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.domain.clock import Instant
from core.domain.effects import Effect, SaveFeatures, notify
from core.engine.steady_mid import HOLD_MS, JUMP_PCT

if TYPE_CHECKING:
    from core.domain.events import Quote
    from core.engine.coin import Coin


def note_quote(quote: Quote, now: Instant, coin: Coin) -> list[Effect]:
    """A quote of the stream, of now."""
    coin.quote, coin.quote_wall_ms, coin.quote_mono_ms = quote, now.wall_ms, now.mono_ms
    coin.pacing.saw_mid(coin.mid_twice, now)
    return note_mid(coin, now)


def note_mid(coin: Coin, now: Instant) -> list[Effect]:
    """A quote has come: what follows for the last known price and for what the market has been like."""
    twice = coin.mid_twice
    coin.known_mid_twice = twice or coin.known_mid_twice
    if not twice:
        return []
    was_in_doubt = coin.steady_mid.is_in_doubt
    if not coin.steady_mid.is_believed(twice, now.mono_ms):
        return [] if was_in_doubt else [notify("price_doubted", "warn", coin.name, reason=doubt_text(coin))]
    back = coin.leaving.look(coin, now) if coin.leaving.side else []  # also while nothing is quoted
    return back + watch_market(coin, twice, now)


def watch_market(coin: Coin, mid_twice: int, now: Instant) -> list[Effect]:
    features = coin.features
    session = coin.session.refresh(coin, now)
    if coin.session.is_closed:
        return []
    if features.is_before(session.since_ms):
        features.resume(mid_twice, now.venue_ms)
    out: list[Effect] = []
    if features.note(mid_twice, now.venue_ms):
        out.append(SaveFeatures(coin.name, features.saved()))
    sigmas = features.shock(mid_twice)
    if sigmas:
        if now.mono_ms >= coin.shock_until_mono_ms:
            mid = coin.config.instrument.price_text(mid_twice // 2)
            limit = features.settings.sigma
            out.append(
                notify("vol_circuit", "warn", coin.name, sigmas=round(sigmas, 1), limit=limit, mid=mid)
            )
        coin.shock_until_mono_ms = now.mono_ms + features.settings.bar_ms
    return out


def doubt_text(coin: Coin) -> str:
    """Why nothing follows from a price that has jumped, and what becomes of the grid meanwhile."""
    text, now = coin.config.instrument.price_text, (coin.mid_twice or 0) // 2
    return (
        f"the mid {text(now)} is more than {JUMP_PCT} % away from {text(coin.steady_mid.steady // 2)}: not believed until it "
        f"has stood for {HOLD_MS / 1000:g} s; what rests stays"
    )


def shock_reason(coin: Coin, now: Instant) -> str:
    """Why nothing may rest now; empty if it may."""
    left_ms = coin.shock_until_mono_ms - now.mono_ms
    if left_ms <= 0:
        return ""
    sigma = coin.features.settings.sigma
    return f"volatility: the price moved by more than {sigma:g} sigma within a bar (HL_VOL_CIRCUIT_SIGMA)"
