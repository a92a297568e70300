"""The screens use Textual's insides, which any other release may name otherwise."""

from __future__ import annotations

import tomllib
from importlib.metadata import version
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2] / "pyproject.toml"


def test_an_installation_gets_the_release_that_the_screens_were_tried_with() -> None:
    wanted = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]["dependencies"]
    assert f"textual=={version('textual')}" in wanted
