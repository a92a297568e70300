"""Each of the predecessor's 71 names is a setting, a key, replaced, refused with the way out, or not in effect yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.runtime.settings import NOT_YET_IN_EFFECT, OUTSIDE_NAMES, Settings
from core.runtime.settings.names import PREDECESSOR, REFUSED, REPLACED, environment_name
from tests.unit.runtime.config import judged, texts

FIELDS = frozenset(map(environment_name, Settings.model_fields))


def test_there_are_71_and_each_is_in_one_place() -> None:
    assert len(set(PREDECESSOR)) == 71
    places = [FIELDS, OUTSIDE_NAMES, REPLACED.keys(), REFUSED.keys(), NOT_YET_IN_EFFECT]
    for name in PREDECESSOR:
        assert sum(name in place for place in places) == 1, name


@pytest.mark.parametrize("name", PREDECESSOR)
def test_none_is_taken_for_a_typo(tmp_path: Path, name: str) -> None:
    assert not [text for text in texts(judged(tmp_path, "", **{name: "x"})) if "is not a setting" in text]
    key = name.removeprefix("HL_").lower()
    if name not in OUTSIDE_NAMES:
        assert not [text for text in texts(judged(tmp_path, f"{key} = 'x'")) if "is not a setting" in text]
