"""Where keys are kept: for each network and account a place of its own, so that no network inherits another's."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from core.runtime.keys.key_text import address_of
from core.runtime.keys.keystore import is_keystore
from core.runtime.private_file import read_private, sync_directory, write_private
from core.runtime.statedir import state_root
from core.runtime.usage import UsageError


@dataclass(frozen=True, slots=True)
class KeyPlace:
    """The key of one account on one network: in ``file`` if the settings name one, else in at most one of two."""

    network: str
    account: str
    file: Path | None = None

    @property
    def directory(self) -> Path:
        return state_root() / "keys" / self.network if self.file is None else self.file.parent

    @property
    def keystore(self) -> Path:
        return self.file or self.directory / f"{self.account}.json"

    @property
    def plain(self) -> Path:
        return self.file or self.directory / f"{self.account}.key"

    @property
    def next(self) -> Path:
        """The key that is to take the present one's place, plain or a keystore, until it has."""
        return self.directory / f"{self.account if self.file is None else self.file.name}.next"

    @property
    def present(self) -> Path | None:
        """The keystore before the plain file; a broken link is one that is there."""
        return next((path for path in (self.keystore, self.plain) if os.path.lexists(path)), None)

    def refuse_own(self, address: str) -> None:
        """No key of the account itself is ever kept, on no network. Raises ``UsageError``."""
        if address == self.account:
            raise UsageError(
                "this is the key of the account itself, which can withdraw: none of it was kept. Make an agent of "
                f"{self.account} and give its key"
            )

    def keep(self, text: str) -> Path:
        """Keep a key, plain or a keystore, in place of the present one. Raises ``UsageError``."""
        self.keep_next(text)
        return self.promote(address_of(text, str(self.next)))

    def keep_next(self, text: str) -> None:
        """The one door for a key to the disk. Raises ``UsageError``."""
        self.refuse_own(address_of(text, "the key"))
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            write_private(self.next, text)
        except OSError as error:
            raise _unwritable(self.next, error) from None

    def read_next(self) -> str | None:
        """Raises ``UsageError`` if it can't be trusted, or is the account's own."""
        if not os.path.lexists(self.next):
            return None
        text = read_private(self.next)
        if address_of(text, str(self.next)) == self.account:
            raise UsageError(
                f"{self.next} has the key of the account itself, which can withdraw: delete it, and rotate to an agent's key"
            )
        return text

    @property
    def next_address(self) -> str:
        """Whose it is, empty if there is none. Raises ``UsageError`` if it can't be trusted."""
        text = self.read_next()
        return address_of(text, str(self.next)) if text is not None else ""

    def promote(self, address: str) -> Path:
        """The next key, which must be of that address, becomes the present one, in one step; a kill leaves either.

        Where another process has done so already there is nothing left to do. Raises ``UsageError``.
        """
        text, present = self.read_next(), self.present
        if (
            text is None
            and present is not None
            and address_of(read_private(present), str(present)) == address
        ):
            return present
        if text is None or (found := address_of(text, str(self.next))) != address:
            whose = "isn't there any more" if text is None else f"is of {found} now"
            raise UsageError(
                f"{self.next} {whose}, though {address} was to follow: give that key to `gridbot keys import`, or begin again"
            )
        is_locked = is_keystore(text)
        target, other = (self.keystore, self.plain) if is_locked else (self.plain, self.keystore)
        try:
            os.replace(self.next, target)
            if other != target:
                other.unlink(missing_ok=True)
            sync_directory(self.directory)
        except OSError as error:
            raise _unwritable(target, error) from None
        return target


def _unwritable(path: Path, error: OSError) -> UsageError:
    return UsageError(
        f"{path} can't be written ({error.strerror}); fix its directory's permissions, then try again"
    )
