"""docs/faults.md tells of every kind and field there is, and its examples work."""

from __future__ import annotations

import json
import re
from pathlib import Path

from core.paper.faults.kinds import COMMON_FIELDS, RULES, Kind
from core.paper.faults.spec import parse_faults

_TEXT = (Path(__file__).parents[4] / "docs" / "faults.md").read_text()
_CURL = re.compile(r"curl -X POST http://127\.0\.0\.1:3001/paper/faults -d '(.*)'")
_ENTRY = re.compile(r"^- `([a-z0-9_]+)`: (.*?)^  `(curl [^\n]*)`$", re.MULTILINE | re.DOTALL)


def test_every_kind_has_a_sentence_and_one_curl_line_of_its_own() -> None:
    found = _ENTRY.findall(_TEXT[_TEXT.index("## WebSocket frames") :])
    assert sorted(kind for kind, _, _ in found) == sorted(Kind)
    for kind, sentence, curl in found:
        (body,) = _CURL.findall(curl)
        (fault,) = parse_faults(json.loads(body))
        assert fault.kind == kind
        assert sentence.rstrip().endswith(".")


def test_every_curl_line_is_a_list_that_is_taken() -> None:
    bodies = _CURL.findall(_TEXT)
    assert len(bodies) == _TEXT.count("curl -X POST") == len(Kind) + 2
    for body in bodies:
        parse_faults(json.loads(body))


def test_every_field_is_told() -> None:
    fields = COMMON_FIELDS.union(*(rules.fields for rules in RULES.values()))
    assert {name for name in fields if f"`{name}`" not in _TEXT and f'"{name}"' not in _TEXT} == set()
