"""Exceptions from deletion: accounts that deletion skips for a while, each with an owner, a reason and an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from rootkeeper.domain.deletion_exceptions import DeletionException, require_exception
from rootkeeper.domain.ledger import Action, JsonValue
from rootkeeper.domain.organizations import Account, AccountId
from rootkeeper.errors import InputError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.deletion_exceptions import DeletionExceptions
from rootkeeper.ports.ledger import Ledger


@dataclass(frozen=True, slots=True)
class ExceptionService:
    """Adds, lists and removes exceptions; each change is recorded in the ledger before it is made."""

    exceptions: DeletionExceptions
    ledger: Ledger
    clock: Clock
    actor_name: str

    def add(self, account: Account, *, owner: str, reason: str, until: datetime) -> DeletionException:
        """Except an account of the inventory until ``until``; replaces an earlier exception of the account.

        :raises InputError: if owner or reason is empty, or ``until`` isn't in the future.
        """
        now = self.clock.now()
        exception = require_exception(
            DeletionException(account.account_id, owner.strip(), reason.strip(), until, self.actor_name, now), now
        )
        self.ledger.append_fact(Action.EXCEPTION_ADD, account_id=exception.account_id, parameters=_describe(exception))
        self.exceptions.add(exception)
        return exception

    def list_exceptions(self) -> tuple[DeletionException, ...]:
        """Those in force first, by their end; ended ones after them."""
        now = self.clock.now()
        return tuple(
            sorted(
                self.exceptions.list_exceptions(),
                key=lambda one: (not one.is_in_force(now), one.until, one.account_id),
            )
        )

    def remove(self, account_id: AccountId) -> DeletionException:
        """End the account's exception now, and return what it was.

        :raises InputError: if the account has none.
        """
        exception = next((one for one in self.exceptions.list_exceptions() if one.account_id == account_id), None)
        if exception is None:
            raise InputError(
                f"{account_id} has no exception from deletion.", hint="`rootkeeper exceptions list` shows them."
            )
        self.ledger.append_fact(Action.EXCEPTION_REMOVE, account_id=account_id, parameters=_describe(exception))
        self.exceptions.remove(account_id)
        return exception


def _describe(exception: DeletionException) -> dict[str, JsonValue]:
    return {"owner": exception.owner, "reason": exception.reason, "until": exception.until.isoformat()}
