"""``gridbot preview``: the same grid that a run builds, and nothing is written but a note that it was seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from core.runtime.preview.seen import last_seen
from core.runtime.statedir import StateDir, StateLock
from gridbot_tui.cli import run_cli
from tests.unit.paper.paper_client import running


@pytest.fixture(autouse=True)
def _own_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.chdir(tmp_path)


def test_it_shows_every_level_and_both_edges_and_writes_a_note_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_cli(["preview"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "BTC at 109755.5: 20 levels every 0.05 %"
    assert sum(line.startswith("  buy ") for line in lines) == 10
    assert sum(line.startswith("  sell") for line in lines) == 10
    falls = next(n for n, line in enumerate(lines) if line.startswith("if the price falls"))
    assert lines[falls].startswith(
        "if the price falls to 109206: +0.0136 BTC for 109453, 1485.20 USD (1.49 x the investment)"
    )
    assert lines[falls + 1].startswith("if the price rises to 110305: -0.0136 BTC")
    state = StateDir(tmp_path / "xdg/gridbot/paper/default")
    assert lines[-1] == f"preview {last_seen(state)} of these settings: a start on mainnet wants it"
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [state.preview]


@pytest.mark.parametrize(
    ("on_exit", "says"),
    [
        (
            "trail",
            "past an edge the grid follows and keeps what it holds: each percent further costs up to 30.00 USD",
        ),
        ("hold", "past an edge nothing is closed: each percent further costs 15.00 USD, until a limit"),
        ("reduce", ""),
        ("flatten", ""),
    ],
)
def test_it_says_that_a_loss_at_an_edge_is_not_the_most_where_the_position_outlives_the_edge(
    on_exit: str, says: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A grid that followed a trend lost a hundred times the 6.77 USD that were shown for its edges."""
    monkeypatch.setenv("HL_ON_RANGE_EXIT", on_exit)
    assert run_cli(["preview"]) == 0
    text = capsys.readouterr().out
    assert says in text
    assert ("is not the most that can be lost" in text) is bool(says)


def test_the_price_changes_nothing_of_its_fingerprint(capsys: pytest.CaptureFixture[str]) -> None:
    marks = set()
    for price in ("90000", "110000"):
        assert run_cli(["preview", "--price", price, "--json"]) == 0
        marks.add(json.loads(capsys.readouterr().out)["fingerprint"])
    assert len(marks) == 1


def test_beside_a_bot_on_the_embedded_exchange_it_says_whose_price_it_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    state = StateDir(tmp_path / "xdg/gridbot/paper/default")
    state.prepare()
    with StateLock(state):
        assert run_cli(["preview"]) == 0
    assert "`v` on its screen is its preview" in capsys.readouterr().err
    assert run_cli(["preview"]) == 0
    assert capsys.readouterr().err == ""


def test_a_preview_that_cannot_be_noted_is_shown_all_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "taken").write_text("")
    assert run_cli(["preview", "--json", "--state-dir", "taken"]) == 0
    shown = capsys.readouterr()
    mark = json.loads(shown.out)["fingerprint"]
    assert "is not a directory" in shown.err
    assert shown.err.endswith(f"a start needs --preview {mark}\n")


def test_the_json_has_the_stop_and_what_it_costs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HL_STOP_LOSS_LOW", "100000")
    assert run_cli(["preview", "--price", "110000", "--json"]) == 0
    (coin,) = json.loads(capsys.readouterr().out)["coins"]
    low, high = coin["edges"]
    assert (coin["mid"], low["stop"], high["stop"], high["stop_loss_usd"]) == ("110000", "100000", None, None)
    held, entry = float(low["position"]), float(low["entry"])
    assert float(low["stop_loss_usd"]) == pytest.approx(held * (entry - 100_000), abs=0.02)


def test_of_an_account_that_is_named_it_says_what_can_be_withdrawn(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HL_USER_ADDRESS", "0x" + "5a" * 20)
    with running() as url:
        assert run_cli(["preview", "--exchange-url", url, "--price", "110000", "--json"]) == 0
        account = json.loads(capsys.readouterr().out)["account"]
        needed, loss, margin = (float(account[f"{name}_usd"]) for name in ("needed", "worst_loss", "margin"))
        assert needed == pytest.approx(loss + margin, abs=0.02)
        assert account["value_usd"] == "10000.00", "what the paper exchange gives an account at first sight"
        assert float(account["withdrawable_usd"]) == pytest.approx(10_000 - needed, abs=0.02)
        monkeypatch.setenv("HL_INVESTMENT_USD", "40000")
        assert run_cli(["preview", "--exchange-url", url, "--price", "110000"]) == 0
        assert "and it holds 10000.00: pay in " in capsys.readouterr().out


def test_of_two_coins_each_is_taken_at_its_worst_edge_at_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    needs = {}
    with running(market="synthetic:BTC=reverting,ETH=reverting") as url:
        for coins in (["BTC"], ["ETH"], ["BTC", "ETH"]):
            flags = [flag for coin in coins for flag in ("--coin", coin)]
            assert run_cli(["preview", *flags, "--exchange-url", url, "--price", "2000", "--json"]) == 0
            account = json.loads(capsys.readouterr().out)["account"]
            assert account["value_usd"] is None, "no account is named"
            needs[tuple(coins)] = float(account["needed_usd"])
    assert needs["BTC", "ETH"] == pytest.approx(needs[("BTC",)] + needs[("ETH",)], abs=0.02)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["--coin", "DOGE"], 2, "the exchange has no coin 'DOGE'; it has BTC"),
        (["--exchange-url", "http://127.0.0.1:9"], 5, "cannot be reached"),
        (["--price", "0.5"], 2, "BTC: "),
        (["--config", "stop.toml"], 2, "is past stop_loss_low 120000"),
        (["--config", "take.toml"], 2, "is past take_profit_high 90000"),
        (["--config", "leverage.toml"], 2, "leverage 60 is above the 40 that BTC may have; lower leverage"),
        (["--network", "testnet"], 2, "investment_usd is not written, and on testnet"),
        (["--network", "mainnet", "--exchange-url", "http://127.0.0.1:9"], 2, "goes with --network paper"),
    ],
)
def test_what_cannot_be_shown_says_why(
    arguments: list[str], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("stop.toml").write_text("stop_loss_low = 120000")
    Path("take.toml").write_text("take_profit_high = 90000")
    Path("leverage.toml").write_text("leverage = 60")
    assert run_cli(["preview", *arguments]) == code
    assert words in capsys.readouterr().err


def test_the_readme_shows_what_it_prints_with_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["preview"]) == 0
    printed = capsys.readouterr().out.strip().splitlines()
    readme = (Path(__file__).parents[3] / "README.md").read_text(encoding="utf-8")
    (block,) = (text for text in readme.split("\n```\n") if text.startswith("BTC at "))
    shown = block.splitlines()
    left_out = next(n for n, line in enumerate(shown) if line.startswith("  … "))
    rest = shown[left_out + 1 :]
    assert shown[:left_out] == printed[:left_out]
    assert rest == printed[-len(rest) :]
    assert shown[left_out] == f"  … {len(printed) - left_out - len(rest)} more levels"
