"""Deleting from one account of a plan: lock, judge anew, remove, re-read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from rootkeeper.domain.deletion import (
    AccountDeletion,
    DeletionPlan,
    PlannedAccount,
    PlannedCall,
    find_changes,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.domain.earlier_deletions import credit_earlier, list_deleted_earlier
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.organizations import Account, Inventory
from rootkeeper.domain.root_credentials import RootCredentials
from rootkeeper.domain.selection import SelectedAccount, Skip, SkipReason, find_skip
from rootkeeper.domain.statuses import (
    AccountRole,
    AccountStatus,
    classify_account_role,
    evaluate_failure,
    evaluate_found,
)
from rootkeeper.errors import (
    AccountBusyError,
    AwsCredentialsError,
    DatabaseError,
    LedgerUnavailableError,
    LockLostError,
    RootkeeperError,
    UnprovenChangeError,
)
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import LedgerReader
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.workflows.removal import Removal, RemovalResult
from rootkeeper.workflows.targets import ProtectionReader

LOCK_PURPOSE = "deleting root user credentials"

STOPPING_ERRORS = (LedgerUnavailableError, DatabaseError, AwsCredentialsError)
"""What concerns every account: after one of them no other is begun, and nothing more is sent."""


@dataclass(frozen=True, slots=True)
class DeletedTarget:
    """What came of one account, and what it means for the run."""

    deletion: AccountDeletion
    status: AccountStatus | None = None
    """As re-read at the end, to be remembered."""
    obstacle: RootkeeperError | None = None
    """What stops the whole run."""
    has_sent_changes: bool = False


@dataclass(frozen=True, slots=True)
class TargetDeletion:
    """Deletes from one target after the other, on any thread; keeps no state between them."""

    plan: DeletionPlan
    inventory: Inventory
    protections: ProtectionReader
    locks: AccountLocks
    removal: Removal
    clock: Clock
    context: Mapping[str, JsonValue]
    """Goes into every intent."""
    is_stopped: Callable[[], bool]
    """Asked before each privileged call; true ends what is in progress."""
    ledger_reader: LedgerReader | None = None
    """Tells what was deleted before an interruption; ``None`` if there was none."""

    def delete(self, planned: PlannedAccount, account: Account | None) -> DeletedTarget:
        """Do what the plan says of one account.

        :param account: as the organization has it now; ``None`` if it doesn't.
        """
        if account is None:
            return _leave(planned, SkipReason.NOT_IN_ORGANIZATION, "It isn't in the organization any more.")
        role = classify_account_role(account.account_id, self.inventory)
        try:
            with self.locks.hold(account.account_id, LOCK_PURPOSE) as lock:
                skip = self._find_skip(account, role)
                if skip is not None:
                    return DeletedTarget(describe_skipped(planned, skip))
                return self._remove(planned, account, role, lock)
        except (AccountBusyError, LockLostError) as error:
            return _leave(planned, SkipReason.ACCOUNT_BUSY, error.message)
        except STOPPING_ERRORS as error:
            return replace(_leave(planned, SkipReason.STOPPED, error.message), obstacle=error)

    def _find_skip(self, account: Account, role: AccountRole) -> Skip | None:
        protections = self.protections.read(self.plan.included_failsafes)
        selected = SelectedAccount(account, is_named=False)
        return find_skip(selected, role, self.inventory.organization.partition, protections)

    def _remove(self, planned: PlannedAccount, account: Account, role: AccountRole, lock: AccountLock) -> DeletedTarget:
        deleted_earlier = self._list_deleted_earlier(planned)
        result = self.removal.remove(
            account.account_id,
            lock,
            only=self.plan.only,
            check=_make_check(planned, self.plan),
            context=self.context,
            is_stopped=self.is_stopped,
        )
        status = self._evaluate(result, account, role)
        obstacle = result.error if isinstance(result.error, STOPPING_ERRORS) else None
        deletion = AccountDeletion(
            account_id=planned.account_id,
            name=planned.name,
            ou_path=planned.ou_path,
            kinds=credit_earlier(result.kinds, planned.calls, deleted_earlier),
            skip=result.skip,
            status=None if status is None else status.status,
            is_final=not result.was_stopped and obstacle is None,
        )
        return DeletedTarget(deletion, status, obstacle, result.has_sent_changes)

    def _list_deleted_earlier(self, planned: PlannedAccount) -> frozenset[PlannedCall]:
        """What this very plan deleted before an interruption. Read first: once something is sent, its result counts."""
        if self.ledger_reader is None:
            return frozenset()
        entries = self.ledger_reader.list_entries(account_id=planned.account_id)
        return list_deleted_earlier(entries, self.plan.plan_id)

    def _evaluate(self, result: RemovalResult, account: Account, role: AccountRole) -> AccountStatus | None:
        """The account's status as re-read at the end; unknown if that failed, none if nothing was begun."""
        if result.left is not None:
            return evaluate_found(
                account,
                role,
                result.left,
                observed_at=result.left_observed_at or self.clock.now(),
                has_open_window=False,
                credentials=result.left_credentials,
                session_access_key_id=result.session_access_key_id,
            )
        if result.skip is not None:
            return None
        error = result.error or UnprovenChangeError("It couldn't be re-read what is left.")
        return evaluate_failure(
            account,
            role,
            error,
            observed_at=self.clock.now(),
            session_access_key_id=result.session_access_key_id,
        )


def _make_check(planned: PlannedAccount, plan: DeletionPlan) -> Callable[[RootCredentials], Skip | None]:
    """Whether the account is still as the plan saw it, or has less: what is left is then a part of the plan."""

    def check(found: RootCredentials) -> Skip | None:
        if planned.found is None:
            return Skip(SkipReason.CHANGED_SINCE_PLAN, "The plan doesn't say what was found.")
        changes = find_changes(planned.found, found, is_use_allowed=planned.allowed_use is not None)
        if changes:
            return Skip(SkipReason.CHANGED_SINCE_PLAN, f"Changed since the plan: {', '.join(changes)}.")
        if not set(plan_deletion(found, plan.only)) <= set(planned.calls):
            return Skip(SkipReason.CHANGED_SINCE_PLAN, "The plan doesn't hold every call that is needed.")
        return None

    return check


def describe_skipped(planned: PlannedAccount, skip: Skip, *, is_final: bool = True) -> AccountDeletion:
    """The result of an account that wasn't touched."""
    return AccountDeletion(
        account_id=planned.account_id,
        name=planned.name,
        ou_path=planned.ou_path,
        kinds=skip_kinds(skip),
        skip=skip,
        was_planned=bool(planned.calls),
        is_final=is_final,
    )


def describe_not_begun(planned: PlannedAccount) -> AccountDeletion:
    """The result of an account whose turn didn't come."""
    return describe_skipped(planned, Skip(SkipReason.STOPPED, "Not begun: the run was stopped before."), is_final=False)


def _leave(planned: PlannedAccount, reason: SkipReason, detail: str) -> DeletedTarget:
    is_final = reason is SkipReason.NOT_IN_ORGANIZATION
    return DeletedTarget(describe_skipped(planned, Skip(reason, detail), is_final=is_final))
