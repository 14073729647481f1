"""Where second factors of users are kept."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from rootkeeper.domain.access import Identity
from rootkeeper.domain.factors import ChallengePurpose, Factor, Passkey, TotpFactor


class FactorStore(Protocol):
    """Second factors of one organization's users.

    A factor that isn't confirmed yet counts for nothing. What codes are made from is kept encrypted, by a key that
    isn't in the database.

    :raises DatabaseError: if the database can't be read or written.
    """

    def list_factors(self, identity_id: str) -> tuple[Factor, ...]:
        """The confirmed ones, the oldest first."""
        ...

    def begin_totp(self, factor: Factor, secret: str) -> None:
        """Keep what waits for its first code; replaces another one of the user that waits."""
        ...

    def find_waiting_totp(self, identity_id: str, since: datetime) -> TotpFactor | None:
        """The one that waits for its first code, if it was made since then."""
        ...

    def confirm_totp(self, factor_id: str, step: int, at: datetime) -> bool:
        """Let it count from now on; ``False`` if it doesn't wait any more."""
        ...

    def list_totp(self, identity_id: str) -> tuple[TotpFactor, ...]:
        """The confirmed ones."""
        ...

    def take_step(self, factor_id: str, step: int, at: datetime) -> bool:
        """Note that the code of a step was taken; ``False`` if this one or a later one was before."""
        ...

    def add_passkey(self, passkey: Passkey) -> None:
        """:raises InputError: if it is kept already."""
        ...

    def list_passkeys(self, identity_id: str) -> tuple[Passkey, ...]: ...

    def take_sign_count(self, factor_id: str, known: int, new: int, at: datetime) -> bool:
        """Note a use; ``False`` if the count isn't ``known`` any more, or the passkey is gone."""
        ...

    def remove(self, identity_id: str, factor_id: str) -> Factor | None:
        """``None`` if the user has no such factor."""
        ...

    def remove_all(self, identity_id: str) -> int:
        """Also what isn't confirmed; how many confirmed ones there were."""
        ...

    def add_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, ends_at: datetime) -> None:
        """Remember what a passkey is to answer in this sign-in; only its hash is kept."""
        ...

    def take_challenge(self, session_id: str, purpose: ChallengePurpose, challenge: bytes, now: datetime) -> bool:
        """Whether it was asked of this sign-in for this purpose and not answered yet; it is gone afterwards."""
        ...


class FirstAdministrators(Protocol):
    """Links by which the first administrator of an organization makes himself known; only hashes are kept.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add_link(self, token: str, ends_at: datetime) -> None: ...

    def is_good(self, token: str) -> bool:
        """Whether the link can be used now."""
        ...

    def use_link(self, token: str, identity: Identity, password: str) -> bool:
        """Add the administrator, and let no link be used any more, in one transaction.

        ``False`` if the link can't be used, or somebody usable is an administrator already.

        :raises InputError: if the name is taken.
        """
        ...
