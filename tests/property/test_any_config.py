"""Whatever stands in a config file or the environment: sentences, never a traceback, and each line told is one of the file."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.runtime.settings import Judgement, Settings, judge
from core.runtime.settings.names import PREDECESSOR
from core.runtime.settings.show import as_dict, as_text

KEYS = st.sampled_from([*Settings.model_fields, "num_gird", "dex", "wal_dir", "", "a b", "coins.BTC", "é"])
SCALARS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.booleans(),
    st.sampled_from(
        ["off", "none", "BTC", "xyz:TSLA", "simple", "", "0.001", "1e400", "-5", "nan", "0x" + "a" * 64]
    ),
    st.text(max_size=10),
)
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3), max_leaves=4)
TABLES = st.dictionaries(KEYS, VALUES, max_size=6)


def _toml(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, list):
        return "[" + ",\n ".join(map(_toml, value)) + "]"
    return json.dumps(value).replace("\x7f", "\\u007f") if isinstance(value, str) else str(value)


def _document(top: dict[str, Any], coins: dict[str, dict[str, Any]]) -> str:
    lines = [
        f"{json.dumps(key)} = {_toml(value)}" for key, value in top.items() if key != "coins" or not coins
    ]
    for coin, table in coins.items():
        lines += ["", "# num_grids = 3", f"[coins.{json.dumps(coin)}]"]
        lines += [f"{json.dumps(key)} = {_toml(value)}" for key, value in table.items()]
    return "\n".join(lines)


def _judged(raw: bytes, environ: dict[str, str], network: str) -> Judgement:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "gridbot.toml")
        file.write_bytes(raw)
        return judge({}, environ, file, network=network)


def _hold_to_its_word(found: Judgement, raw: bytes) -> None:
    lines = raw.decode("utf-8", "replace").replace("\r\n", "\n").split("\n")
    for problem in found.problems:
        assert problem.text.isprintable()
        assert problem.rule
        assert 0 <= problem.origin.line <= len(lines)
        if problem.origin.line and problem.name.isascii() and problem.name.isidentifier():
            assert problem.name in lines[problem.origin.line - 1]
    json.dumps(as_dict(found))
    as_text(found)
    assert found.problems or found.loaded


@given(
    top=TABLES,
    coins=st.dictionaries(st.sampled_from(["BTC", "xyz:TSLA", "", "é"]), TABLES, max_size=3),
    environ=st.dictionaries(st.sampled_from(PREDECESSOR), st.text(max_size=10), max_size=2),
    network=st.sampled_from(["paper", "testnet", "mainnet"]),
)
@settings(max_examples=300, deadline=None)
def test_any_tables_of_any_values_are_judged(
    top: dict[str, Any], coins: dict[str, dict[str, Any]], environ: dict[str, str], network: str
) -> None:
    raw = _document(top, coins).encode("utf-8", "surrogatepass")
    _hold_to_its_word(_judged(raw, environ, network), raw)


FRAGMENTS = st.sampled_from(
    [
        "num_grids",
        " = ",
        "[",
        "]",
        "coins",
        ".",
        "BTC",
        "\n",
        "'",
        '"""',
        "5",
        "{",
        "}",
        ",",
        "#",
        "\\",
        "\r",
        "inf",
        "1e9",
    ]
)


@given(
    raw=st.binary(max_size=40) | st.lists(FRAGMENTS, max_size=30).map(lambda parts: "".join(parts).encode())
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_judged(raw: bytes) -> None:
    _hold_to_its_word(_judged(raw, {}, "paper"), raw)
