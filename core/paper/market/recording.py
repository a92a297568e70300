"""Recorded markets: which files make one, and which coins are theirs.

Files of ticks are known by their names, ``…_<COIN>_trades``, ``…_bbo`` and ``…_l2book`` (``.csv`` or ``.csv.gz``), and belong
together where the rest of the name is the same. Files of candles have the columns ``t,o,h,l,c,v`` and tell their coin as
``hl_<COIN>_…`` or ``…_<COIN>_1m…``. A coin of a builder dex is ``xyz:TSLA`` or, where a name can't hold a colon, ``xyz-TSLA``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from core.domain.instrument import Instrument
from core.paper.config import UnknownMarketError
from core.paper.market.candles import CANDLE_COLUMNS, load_candles
from core.paper.market.csvfile import columns, rows
from core.paper.market.instruments import derived_rules, known_rules
from core.paper.market.listing import Rules, Universe
from core.paper.market.numbers import Numbers
from core.paper.market.ticks import PRICE_COLUMNS, load_ticks
from core.paper.market.tracks import Track

BUNDLED = Path(__file__).parent / "data" / "hl_tick_2025-09-04_BTC_trades.csv.gz"

_COIN = r"(?P<coin>(?:[a-z][a-z0-9]{0,7}[:-])?(?=[0-9]*[A-Za-z])[A-Za-z0-9]+)"
_TICKS = re.compile(rf"(?P<stem>(?:.*_)?{_COIN}_)(?P<kind>trades|bbo|l2book)(?P<suffix>\.csv(?:\.gz)?)\Z")
_CANDLES = (
    re.compile(rf"(?:.*_)?{_COIN}_[0-9]+[smhdwM](?:_.*)?\.csv(?:\.gz)?\Z"),
    re.compile(rf"hl_{_COIN}_.*\.csv(?:\.gz)?\Z"),
)


@dataclass(frozen=True, slots=True)
class Source:
    """The files of one coin: by kind (``trades``, ``bbo``, ``l2book``), or ``candles`` alone."""

    coin: str
    name: str
    files: dict[str, Path]


@dataclass(frozen=True, slots=True)
class Recording:
    """``name`` identifies it across restarts. Times of a track count from its part of ``shifts_ms``."""

    name: str
    universe: Universe
    tracks: tuple[Track, ...]
    shifts_ms: tuple[int, ...] = ()
    """Added to the times of each track, so that they run together; empty where they do by themselves."""
    notes: tuple[str, ...] = field(default=())
    """What whoever replays it should know, in sentences."""

    @property
    def instrument(self) -> Instrument:
        """Of its first coin."""
        return next(iter(self.universe.instruments.values()))


def load_recording(target: str) -> Recording:
    """Read what comes after ``replay:``: ``bundled`` (it comes with the package), a file, several with commas between them, or
    a folder.

    Raises:
        UnknownMarketError: no such file, a name that tells no coin, two recordings of one coin.
        CorruptRecordingError: the file and line that can't be read, and why.
    """
    notes: list[str] = []
    sources = _sources(target, notes)
    rules = [_rules(source, notes) for source in sources]
    universe = Universe.of(rules)
    tracks = tuple(_track(source, universe.instruments[source.coin], notes) for source in sources)
    name = ",".join(source.name for source in sources)
    return Recording(name, universe, tracks, _shifts(tracks, notes), tuple(notes))


def _sources(target: str, notes: list[str]) -> list[Source]:
    whole = Path(target).expanduser()
    if whole.is_dir():
        found = _of_folder(whole, notes)
    else:
        parts = [target] if whole.is_file() else [part.strip() for part in target.split(",")]
        found = [_source(_path(part)) for part in parts if part]
    if not found:
        raise UnknownMarketError(f"replay:{target} names no file. Fix: name one, or use replay:bundled.")
    by_coin: dict[str, Source] = {}
    for source in found:
        other = by_coin.setdefault(source.coin, source)
        if other.files != source.files:
            raise UnknownMarketError(
                f"{other.name} and {source.name} are both recordings of {source.coin}, which can run only once. "
                "Fix: name one of them, as replay:FILE or replay:FILE,FILE."
            )
    return list(by_coin.values())


def _of_folder(folder: Path, notes: list[str]) -> list[Source]:
    found: list[Source] = []
    for path in sorted(p for p in folder.iterdir() if p.name.endswith((".csv", ".csv.gz"))):
        try:
            found.append(_source(path))
        except UnknownMarketError:
            notes.append(f"{path.name} is no recording of a market and was left out.")
    if not found:
        raise UnknownMarketError(
            f"There is no recording in {folder}. Fix: name a folder with …_<COIN>_trades.csv.gz or candles in it."
        )
    return found


def _path(part: str) -> Path:
    return BUNDLED if part == "bundled" else Path(part).expanduser()


def _source(path: Path) -> Source:
    if not path.is_file():
        raise UnknownMarketError(
            f"There is no recording at {path}. Fix: name a file or one folder, or use replay:bundled."
        )
    match = _TICKS.match(path.name)
    if match is not None:
        return Source(_coin(match), path.name, _siblings(path, match))
    for pattern in _CANDLES:
        match = pattern.match(path.name)
        if match is not None and columns(path).issuperset(CANDLE_COLUMNS):
            return Source(_coin(match), path.name, {"candles": path})
    raise UnknownMarketError(
        f"{path.name} is no recording that can be replayed. Fix: call ticks …_<COIN>_trades.csv.gz (or …_bbo, …_l2book); give "
        f"candles the columns {','.join(CANDLE_COLUMNS)} and a name like hl_<COIN>_1m.csv.gz."
    )


def _coin(match: re.Match[str]) -> str:
    return match["coin"].replace("-", ":")


def _siblings(path: Path, match: re.Match[str]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for kind in PRICE_COLUMNS:
        for suffix in (match["suffix"], ".csv.gz", ".csv"):
            candidate = path.with_name(f"{match['stem']}{kind}{suffix}")
            if kind not in files and candidate.is_file():
                files[kind] = candidate
    return files


def _rules(source: Source, notes: list[str]) -> Rules:
    rules = known_rules(source.coin)
    if rules is not None:
        return rules
    kind, path = next(iter(source.files.items()))
    column = PRICE_COLUMNS.get(kind, "o")
    first = next(rows(path, (column,)), None)
    rules = derived_rules(source.coin, first[1][column] if first is not None else "1")
    notes.append(
        f"The rules of {source.coin} are not known here; it trades with {rules.sz_decimals} size decimals and a leverage of "
        f"at most {rules.max_leverage}, as its price suggests."
    )
    return rules


def _track(source: Source, instrument: Instrument, notes: list[str]) -> Track:
    numbers = Numbers(instrument)
    track: Track
    if "candles" in source.files:
        track = load_candles(source.files["candles"], numbers)
        notes.append(
            f"{source.coin} is made of candles: a path of prints with each bar's volume, in a made book."
        )
    else:
        track, early = load_ticks(source.files, numbers)
        if early:
            notes.append(
                f"{early} prints of {source.coin} are older than its first quote; quotes are made around them."
            )
        if source.files.keys() == {"trades"}:
            notes.append(f"No book of {source.coin} was recorded; one is made around the prints.")
    if note := numbers.note():
        notes.append(note)
    return track


def _shifts(tracks: Iterable[Track], notes: list[str]) -> tuple[int, ...]:
    spans = [(track.time_ms(0), track.time_ms(len(track) - 1)) for track in tracks]
    if max(start for start, _ in spans) <= min(end for _, end in spans):
        return ()
    notes.append("The recordings are of different times; they begin together.")
    return tuple(spans[0][0] - start for start, _ in spans)
