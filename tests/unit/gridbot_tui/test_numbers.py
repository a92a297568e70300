"""Whatever stands where a number belongs: a sentence and exit code 2, before an instance is looked for or anything begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime import control_client
from gridbot_tui import exchange, preview, run
from gridbot_tui.cli import run_cli

NONE = ["abc", "nan", "inf", "-inf", "1e400", "0x10", "", " ", "1,5", "²"]
"""No number, whatever the command."""

COMMANDS = {
    ("set", "spacing", "{}", "--yes"): (["0", "1e-3"], "is no spacing"),
    ("set", "levels", "{}", "--yes"): (["0", "501", "3.5", "9" * 30], "is no number of levels"),
    ("margin", "add", "BTC", "{}", "--yes"): (["0", "0.0000001", "9" * 20], "is no amount to add"),
    ("preview", "--price={}"): (["0", "-5", "9" * 20], "--price"),
    ("exchange", "--listen", "127.0.0.1:0", "--speed={}"): (["0", "-1", "1001"], "speed"),
    ("exchange", "--listen", "127.0.0.1:0", "--seed={}"): ([], "seed"),
    ("exchange", "--listen", "127.0.0.1:0", "--funds={}"): (["-1", "1e30"], "funds"),
    (
        "exchange",
        "--listen={}",
    ): (["127.0.0.1", "127.0.0.1:-1", "127.0.0.1:70000"], "port"),
    ("--no-ui", "--for={}"): (["0", "-5", "5w", "1e9999"], "for"),
}


@pytest.mark.parametrize(
    ("words", "value", "says"),
    [
        (words, value, says)
        for words, (own, says) in COMMANDS.items()
        for value in NONE + own
        if (words[-1], value) != ("--seed={}", "0x10")
        and (words[1], value) != ("spacing", "1,5")  # a number, and too large without its sign
    ],
)
def test_what_is_no_number_is_a_wrong_command(
    words: tuple[str, ...],
    value: str,
    says: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def looked_for(_: object) -> object:
        raise AssertionError("an instance was looked for")

    def begun(*_: object) -> object:
        raise AssertionError("it began")

    monkeypatch.setattr(control_client, "find_instance", looked_for)
    monkeypatch.setattr(exchange, "serve_exchange", begun)
    monkeypatch.setattr(run, "run", begun)
    monkeypatch.setattr(preview, "show", begun)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    assert run_cli([word.format(value) for word in words]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("gridbot: ")
    assert says in line.lower() or "HOST:PORT" in line
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("bare", ["0.25", "0.5", "5"])
def test_a_spacing_that_may_be_meant_as_percent_is_not_taken_without_its_sign(
    bare: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(control_client, "find_instance", lambda _: pytest.fail("an instance was looked for"))
    assert run_cli(["set", "spacing", bare, "--yes"]) == 2
    assert f"write {bare}% for percent" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("what", "typed", "value"),
    [
        ("spacing", "default", "default"),
        ("levels", "default", "default"),
        ("spacing", "0.25%", "0.0025"),
        ("spacing", "0.0025", "0.0025"),
        ("levels", "20", "20"),
    ],
)
def test_what_is_typed_is_asked_of_the_instance_as_the_core_takes_it(
    what: str, typed: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []

    def answer(*words: object) -> dict[str, object]:
        asked.append(words)
        return {"ok": True, "text": "done"}

    monkeypatch.setattr(control_client, "find_instance", lambda _: None)
    monkeypatch.setattr(control_client, "ask", answer)
    assert run_cli(["set", what, typed, "--yes"]) == 0
    assert [words[3] for words in asked] == [value, value]


def test_what_would_change_nothing_is_said_and_not_asked_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def answer(_: object, cmd: str, *words: object) -> dict[str, object]:
        asked.append(cmd)
        return {"ok": True, "text": "BTC: nothing changes, it is so already", "changes_nothing": True}

    monkeypatch.setattr(control_client, "find_instance", lambda _: None)
    monkeypatch.setattr(control_client, "ask", answer)
    assert run_cli(["set", "spacing", "default"]) == 0
    assert capsys.readouterr().out == "BTC: nothing changes, it is so already\n"
    assert asked == ["set_spacing_preview"]
