"""On whose behalf a request acts.

The SDK signs with source ``b`` for every URL but mainnet's, others may use ``a``: whichever recovers somebody known counts,
else ``b``'s, a newcomer. A client that signs as on mainnet therefore has to be seen once (any /info or subscription with its
address) before it trades. As a garbled signature is just another newcomer, it ends up in an account of its own and touches
nobody else's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from core.paper.requests.envelope import Envelope
from core.paper.requests.payloads import UserPayload
from core.paper.requests.signatures import UnrecoverableError, recover
from core.paper.venue.accounts import Account
from core.paper.venue.refusals import RefusedError
from core.paper.venue.sub_accounts import check_vault
from core.paper.venue.venue import Venue


@dataclass(frozen=True, slots=True)
class Authority:
    """``signer`` has the nonces; ``account`` acts: ``master`` itself, or the sub-account that ``vaultAddress`` names."""

    signer: str
    master: Account
    account: Account

    @property
    def is_agent(self) -> bool:
        return self.signer != self.master.user


class Signers:
    def __init__(self, venue: Venue) -> None:
        self._venue = venue
        self.is_expired: Callable[[str, str], bool] | None = None
        """Whether that signer for that account is refused as if its approval had run out; None: no one is."""

    def authorize(self, envelope: Envelope, now_ms: int) -> Authority:
        """Raises ``RefusedError``: nobody's signature, or one that doesn't suffice for what is asked."""
        try:
            return self._authorize(envelope, now_ms)
        except UnrecoverableError as error:
            raise RefusedError("Unable to recover signer.") from error

    def _authorize(self, envelope: Envelope, now_ms: int) -> Authority:
        signature = envelope.signature
        if signature is None:
            raise UnrecoverableError("r, s or v")
        payload = envelope.payload
        if isinstance(payload, UserPayload):
            user = self._user(recover(payload.digest(), signature))
            return Authority(user.user, user, user)

        def recover_for(is_mainnet: bool) -> str:
            digest = payload.digest(
                envelope.nonce, envelope.vault, envelope.expires_ms, is_mainnet=is_mainnet
            )
            return recover(digest, signature)

        signer = choose_signer(recover_for, self._is_known)
        master = self._master(signer, now_ms)
        if envelope.vault is None:
            return Authority(signer, master, master)
        vault = self._venue.ledger.accounts.get(envelope.vault)
        return Authority(signer, master, check_vault(master, vault, envelope.vault))

    def _is_known(self, address: str) -> bool:
        return self._venue.knows(address) or self._venue.agents.knows(address)

    def _user(self, address: str) -> Account:
        """A user-signed action needs the key of the account itself."""
        agents = self._venue.agents
        if agents.knows(address) or not (self._venue.knows(address) or self._venue.may_open(address)):
            raise RefusedError(f"Must deposit before performing actions. User: {address}")
        return self._venue.see(address)

    def _master(self, signer: str, now_ms: int) -> Account:
        venue = self._venue
        master = venue.agents.master_of(signer, now_ms)
        if master is None and not venue.agents.knows(signer):
            master = venue.see(signer) if venue.knows(signer) or venue.may_open(signer) else None
        if master is None or (self.is_expired is not None and self.is_expired(signer, master.user)):
            raise RefusedError(f"User or API Wallet {signer} does not exist.")
        return master


def choose_signer(recover_for: Callable[[bool], str], is_known: Callable[[str], bool]) -> str:
    """Source ``b``'s address if it is known, else ``a``'s if that is, else ``b``'s."""
    testnet = recover_for(False)
    if is_known(testnet):
        return testnet
    mainnet = recover_for(True)
    return mainnet if is_known(mainnet) else testnet
