"""The places that a key may come from, in order: systemd credential, keystore, 0600 file, environment. Never an argument."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from core.exchange.signing import Signer
from core.runtime.keys.key_text import Passphrase, address_of, key_in, signer_of
from core.runtime.keys.keystore import is_keystore
from core.runtime.keys.places import KeyPlace
from core.runtime.private_file import read_private
from core.runtime.process_memory import forbid_reading
from core.runtime.usage import UsageError

CREDENTIAL, PASSPHRASE_CREDENTIAL = "agent_key", "key_passphrase"
"""Names of systemd credentials: the key, and a keystore's passphrase."""

VARIABLES = ("HL_AGENT_KEY", "HL_PRIVATE_KEY")


class SourceKind(StrEnum):
    CREDENTIAL = "systemd credential"
    KEYSTORE = "keystore"
    FILE = "file"
    ENVIRONMENT = "environment"


@dataclass(frozen=True, slots=True)
class KeyQuery:
    """Whose key is looked for. ``account``: lower case, empty if nobody told; ``key_file``: the setting."""

    network: str
    account: str = ""
    key_file: Path | None = None

    @property
    def place(self) -> KeyPlace | None:
        return KeyPlace(self.network, self.account) if self.account else None

    @property
    def kept(self) -> KeyPlace | None:
        """Where ``gridbot keys`` keeps the key, and the one that is to follow it."""
        if self.key_file is None:
            return self.place
        return KeyPlace(self.network, self.account, self.key_file)


@dataclass(frozen=True, slots=True)
class Source:
    """One key that was found. ``name`` is what a sentence calls the place; ``address`` is lower case."""

    kind: SourceKind
    name: str
    address: str
    _text: str = field(repr=False)

    def signer(self, is_mainnet: bool, passphrase: Passphrase) -> Signer:
        """Raises ``UsageError`` for a keystore that stays locked, or that holds another key than it says."""
        signer = signer_of(key_in(self._text, self.name, passphrase), self.name, is_mainnet)
        if signer.address != self.address:
            raise UsageError(f"{self.name} names {self.address} and holds another key; import the key anew")
        return signer


def find_sources(query: KeyQuery, environ: Mapping[str, str]) -> list[Source]:
    """Every key that is there, the first to be used. Raises ``UsageError`` for one that can't be trusted, or isn't a key."""
    if query.network != "paper":
        forbid_reading()
    found = [_credential(environ), *_files(query), _variable(environ)]
    return [source for source in found if source is not None]


def chosen(sources: list[Source]) -> Source | None:
    """The first, if all are of one key. Raises ``UsageError`` if they aren't: nobody could tell which is meant."""
    if not sources:
        return None
    first = sources[0]
    for other in sources[1:]:
        if other.address != first.address:
            raise UsageError(
                f"two keys are there: {first.name} is of {first.address}, {other.name} of {other.address}; take away the one "
                "that isn't meant"
            )
    return first


def _credential(environ: Mapping[str, str]) -> Source | None:
    directory = environ.get("CREDENTIALS_DIRECTORY")
    path = Path(directory) / CREDENTIAL if directory else None
    if path is None or not path.is_file():
        return None
    text = read_private(path, is_guarded=True)
    return _source(SourceKind.CREDENTIAL, f"the systemd credential {CREDENTIAL}", text)


def _files(query: KeyQuery) -> list[Source]:
    paths = [query.place.present] if query.place else []
    if query.key_file is not None:
        paths.append(query.key_file)
    return [_source(SourceKind.FILE, str(path), read_private(path)) for path in paths if path is not None]


def _variable(environ: Mapping[str, str]) -> Source | None:
    for name in VARIABLES:
        if text := environ.get(name):
            return _source(SourceKind.ENVIRONMENT, name, text)
    return None


def _source(kind: SourceKind, name: str, text: str) -> Source:
    if is_keystore(text):
        kind = SourceKind.KEYSTORE
    return Source(kind, name, address_of(text, name), text)
