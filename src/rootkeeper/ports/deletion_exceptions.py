"""Where exceptions from deletion are kept."""

from __future__ import annotations

from typing import Protocol

from rootkeeper.domain.deletion_exceptions import DeletionException
from rootkeeper.domain.organizations import AccountId


class DeletionExceptions(Protocol):
    """The exceptions of one organization, ended ones included."""

    def add(self, exception: DeletionException) -> None:
        """Keep it; a later one for the same account replaces it."""
        ...

    def remove(self, account_id: AccountId) -> bool:
        """``False`` if there was none."""
        ...

    def list_exceptions(self) -> tuple[DeletionException, ...]: ...
