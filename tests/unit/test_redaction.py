"""The last line of defence: what is masked, and what is not."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from core import redaction
from core.exchange.signing import BadKeyError, Signer
from core.redaction import redacted, redacted_row, remember, remember_environment
from core.runtime.settings.model import HIDDEN_NAMES
from core.runtime.settings.names import SECRET_NAMES, environment_name

KEY = "0x" + "5aC3" * 16


@pytest.fixture(autouse=True)
def knows_nothing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    known = redaction._known, redaction._shortest_known
    redaction.forget()
    yield
    redaction._known, redaction._shortest_known = known


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"bad key {KEY}", "bad key [masked]"),
        (f"'{KEY[2:]}'", "'[masked]'"),
        (f"{KEY.upper()}.", "[masked]."),
        (f"{KEY}1", "[masked]"),
        (f"key{KEY}go", "key[masked]go"),
        (f"{KEY[2:]}g", "[masked]g"),
        (f"a={KEY} b={KEY}", "a=[masked] b=[masked]"),
        ("tgram://123:abc@chat failed", "tgram://[masked]@chat failed"),
        ("HL_AGENT_KEY=hunter22 HL_COIN=BTC", "HL_AGENT_KEY=[masked] HL_COIN=BTC"),
        ('{"passphrase": "open sesame"}', '{"passphrase": "[masked]"}'),
        ("https://hook/?token=abcdefgh&x=1", "https://hook/?token=[masked]&x=1"),
        ("""{"passphrase": "it's my dog Rex 99", "n": 1}""", '{"passphrase": "[masked]", "n": 1}'),
        ("""password='ab"cdefghijkl' for me""", "password='[masked]' for me"),
        ('password=ab"cdefghijkl for me', "password=[masked] for me"),
        (r"""passphrase='it\'s "mine" now', n=1""", "passphrase='[masked]', n=1"),
        (
            r'{"m":"{\"passphrase\": \"it is \\\"my\\\" dog\", \"n\": 1}"}',
            r'{"m":"{\"passphrase\": \"[masked]\", \"n\": 1}"}',
        ),
        ('password="cut off here', 'password="[masked]'),
        ("Authorization: Bearer abcdef.ghi-9 sent", "Authorization: Bearer [masked] sent"),
        ('{"Authorization": "Basic YWJjZGVmOmdo"}', '{"Authorization": "Basic [masked]"}'),
        ("it said bearer abcdef.ghi", "it said bearer [masked]"),
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str, left: str) -> None:
    assert redacted(text) == left
    assert redacted(left) == left


@pytest.mark.parametrize(
    "text",
    [
        "account 0x" + "ab" * 20,
        "cloid 0x67726462" + "ab" * 12,
        "fee_token=USDC",
        "token: true",
        "fee_token='USDC', side='buy'",
        '{"token":"","coin":"BTC-PERP"}',
        "the token: it's not there",
        "https://api.hyperliquid.xyz/info",
        "f" * 63,
        "",
    ],
)
def test_what_an_operator_needs_stays(text: str) -> None:
    assert redacted(text) is text or redacted(text) == text


def test_a_secret_that_was_loaded_is_masked_in_every_spelling() -> None:
    secret = 'pässword "quoted"'
    remember(secret, KEY, "tiny")
    for text in (secret, json.dumps(secret), json.dumps(secret, ensure_ascii=False), repr(secret)):
        assert "quoted" not in redacted(text)
    for key in (KEY, KEY.lower(), KEY[2:].upper(), f"x{KEY[2:].lower()}x"):
        assert "5ac3" not in redacted(key).lower()
    assert redacted("tiny") == "tiny"


def test_a_key_is_masked_by_its_look_and_remembered_nowhere() -> None:
    Signer(KEY, is_mainnet=False)
    remember_environment({"HL_AGENT_KEY": KEY})
    assert not redaction._known
    assert redacted(f"signed with {KEY[2:].lower()}") == "signed with [masked]"


def test_what_was_mistyped_for_a_key_is_masked_too() -> None:
    with pytest.raises(BadKeyError):
        Signer(KEY[:-1], is_mainnet=False)
    assert redacted(f"it is {KEY[2:-1]}") == "it is [masked]"


def test_a_secret_that_is_a_part_of_a_key_leaves_no_rest_of_it() -> None:
    remember(KEY[10:20])
    assert redacted(f"{KEY}, and {KEY[10:20]} alone") == "[masked], and [masked] alone"


def test_a_key_within_a_longer_secret_leaves_no_rest_of_that() -> None:
    remember(f"two words {KEY} and more")
    assert redacted(f"it is two words {KEY} and more.") == "it is [masked]."


@pytest.mark.parametrize(
    ("url", "said", "left"),
    [
        ("slack://T1AAAAAAAAAA/B2BBBBBBBBBB/c3Cccccccccccc/#general", "x/c3Cccccccccccc", "x/[masked]"),
        ("https://discord.com/api/webhooks/99/aB3-_dddddddd", "POST aB3-_dddddddd", "POST [masked]"),
        ("jsons://me:pass-word@hooks.example.org/a?key=Zz0123456789", "Zz0123456789", "[masked]"),
        ("jsons://me:pass-word@hooks.example.org/a?key=Zz0123456789", "me: pass-word", "me: [masked]"),
        (
            "https://hc-ping.example.com:8443/5ca1ab1e-0000-4000-8000-00decafbad00",
            "/5ca1ab1e-0000-4000-8000-00decafbad00/fail",
            "/[masked]/fail",
        ),
    ],
)
def test_of_a_url_that_is_secret_so_is_each_part_that_looks_like_it(url: str, said: str, left: str) -> None:
    remember(url)
    assert redacted(said) == left


def test_of_a_url_that_is_secret_hosts_names_and_numbers_are_none() -> None:
    remember(
        "jsons://gridbot:pass-word@web-hooks.example1.org:8443/services/channels/100234567890123?to=gridbot"
    )
    said = "gridbot web-hooks.example1.org:8443 services channels 100234567890123"
    assert redacted(said) == said


def test_of_the_environment_what_is_named_as_a_secret_is_remembered() -> None:
    remember_environment({"HL_METRICS_TOKEN": "s3cr3t-t0ken", "HL_COIN": "BTC-PERP", "TOKEN": "not ours"})
    assert redacted("s3cr3t-t0ken BTC-PERP not ours") == "[masked] BTC-PERP not ours"


def test_each_of_several_targets_in_the_environment_is_remembered() -> None:
    remember_environment({"HL_ALERT_URLS": "json://a/words-alone json://b/other-words"})
    assert redacted("it is json://b/other-words") == "it is [masked]"


def test_a_name_that_only_sounds_secret_is_none() -> None:
    said = "/home/me/agent may be read by others; fix: chmod 600 /home/me/agent"
    remember_environment(
        {"HL_KEY_FILE": "/home/me/agent", "HL_ALERT_URLS_FILE": "others", "HL_ALERT_WEBHOOK_TYPE": "generic"}
    )
    assert redacted(said) == said


def test_the_secret_names_are_those_of_the_settings_and_of_what_is_hidden_there() -> None:
    hidden = {environment_name(name) for name in HIDDEN_NAMES}
    assert SECRET_NAMES | hidden == redaction.SECRET_NAMES


def test_an_events_row_is_masked_however_deep() -> None:
    row = {"event": "x", "n": 1, "a": [KEY, {"b": KEY}], "c": None}
    assert redacted_row(row) == {"event": "x", "n": 1, "a": ["[masked]", {"b": "[masked]"}], "c": None}
