"""Applying a deletion plan: many accounts at once, each judged anew, locked, removed and re-read on its own.

One account's failure never stops the others. What does stop the run is what concerns all of them: a ledger that can't
be written, a database that fails, credentials of the operator that ended.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import timedelta

from rootkeeper.domain.deletion import (
    AccountDeletion,
    DeletionPlan,
    DeletionReport,
    PlannedAccount,
    find_changes,
    plan_deletion,
    skip_kinds,
)
from rootkeeper.domain.organizations import Account, AccountId, Inventory
from rootkeeper.domain.plan_files import ensure_valid_here
from rootkeeper.domain.root_credentials import RootCredentials
from rootkeeper.domain.selection import SelectedAccount, Skip, SkipReason, find_skip
from rootkeeper.domain.statuses import AccountStatus, Role, Status, judge_failure, judge_found, judge_role
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
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.ports.progress import Progress
from rootkeeper.workflows.inventory import InventoryReading
from rootkeeper.workflows.removal import Removal, RemovalResult
from rootkeeper.workflows.targets import GuardReading

RECENT_INVENTORY = timedelta(minutes=2)
"""An inventory of this age is as good as a new one."""

LOCK_PURPOSE = "deleting root user credentials"

_STOPPING_ERRORS = (LedgerUnavailableError, DatabaseError, AwsCredentialsError)


@dataclass(slots=True)
class DeletionRun:
    """One application of one plan."""

    inventory: InventoryReading
    guards: GuardReading
    locks: AccountLocks
    removal: Removal
    store: InventoryStore
    clock: Clock
    workers: int
    plan: DeletionPlan
    progress: Progress
    _stop: threading.Event = field(default_factory=threading.Event)
    _obstacle: RootkeeperError | None = None
    """What stopped the run."""
    _has_sent_changes: bool = False

    def perform(self, inventory: Inventory | None) -> DeletionReport:
        """Apply the plan; see ``Deletion.apply``."""
        started_at = self.clock.now()
        ensure_valid_here(
            self.plan,
            organization_id=self.inventory.organization.organization_id,
            endpoint=self.inventory.reader.endpoint.label,
            now=started_at,
        )
        results = self._delete_all(self._choose_inventory(inventory)) if self.plan.targets else {}
        if self._obstacle is not None and not self._has_sent_changes:
            raise self._obstacle
        return DeletionReport(
            plan=self.plan,
            caller_arn=self.inventory.caller.arn,
            started_at=started_at,
            ended_at=self.clock.now(),
            accounts=tuple(results.get(one.account_id) or _describe_skipped(one) for one in self.plan.accounts),
            stopped_by=None if self._obstacle is None else self._obstacle.message,
        )

    def _choose_inventory(self, inventory: Inventory | None) -> Inventory:
        if inventory is not None and self.clock.now() - inventory.listed_at <= RECENT_INVENTORY:
            return inventory
        return self.inventory.read(self.progress)

    def _delete_all(self, inventory: Inventory) -> dict[AccountId, AccountDeletion]:
        accounts = {account.account_id: account for account in inventory.accounts}
        self.progress.start("Deleting root user credentials", len(self.plan.targets))
        with ThreadPoolExecutor(self.workers, thread_name_prefix="deletion") as executor:
            futures = {
                planned.account_id: executor.submit(
                    self._delete_account, planned, accounts.get(planned.account_id), inventory
                )
                for planned in self.plan.targets
            }
            try:
                results = {account_id: future.result() for account_id, future in futures.items()}
            finally:
                self._cancel(futures.values())
        self.progress.finish()
        return results

    def _cancel(self, futures: Iterable[Future[AccountDeletion]]) -> None:
        """After an interruption no further account is begun; those in progress come to their end before it goes on."""
        cancelled = sum(future.cancel() for future in futures)
        if cancelled:
            self.progress.remark(
                f"Interrupted: finishing what is in progress; {cancelled} accounts won't be begun."
                " Run the command again to go on."
            )

    def _delete_account(
        self, planned: PlannedAccount, account: Account | None, inventory: Inventory
    ) -> AccountDeletion:
        if self._stop.is_set():
            deletion = _skip(planned, Skip(SkipReason.STOPPED, "Not begun: the run was stopped before."))
        elif account is None:
            deletion = _skip(planned, Skip(SkipReason.NOT_IN_ORGANIZATION, "It isn't in the organization any more."))
        else:
            deletion = self._delete_listed(planned, account, inventory)
        left = None if deletion.status is None else deletion.status.status
        self.progress.advance(present=int(left is Status.PRESENT), unknown=int(left is Status.UNKNOWN))
        return deletion

    def _delete_listed(self, planned: PlannedAccount, account: Account, inventory: Inventory) -> AccountDeletion:
        role = judge_role(account.account_id, inventory)
        try:
            with self.locks.hold(account.account_id, LOCK_PURPOSE) as lock:
                skip = self._find_skip(account, role, inventory)
                if skip is not None:
                    return _skip(planned, skip)
                return self._remove(planned, account, role, lock)
        except (AccountBusyError, LockLostError) as error:
            return _skip(planned, Skip(SkipReason.ACCOUNT_BUSY, error.message))
        except _STOPPING_ERRORS as error:
            self._stop_all(error)
            return _skip(planned, Skip(SkipReason.STOPPED, error.message))

    def _find_skip(self, account: Account, role: Role, inventory: Inventory) -> Skip | None:
        guards = self.guards.read(self.plan.included_failsafes)
        selected = SelectedAccount(account, is_named=False)
        return find_skip(selected, role, inventory.organization.partition, guards)

    def _remove(self, planned: PlannedAccount, account: Account, role: Role, lock: AccountLock) -> AccountDeletion:
        result = self.removal.remove(
            account.account_id,
            lock,
            only=self.plan.only,
            check=_make_check(planned, self.plan),
            context={"plan_id": self.plan.plan_id},
            is_stopped=self._stop.is_set,
        )
        if result.has_sent_changes:
            self._has_sent_changes = True
        if isinstance(result.error, _STOPPING_ERRORS):
            self._stop_all(result.error)
        status = self._judge(result, account, role)
        if status is not None:
            self._save(status)
        return AccountDeletion(
            account_id=planned.account_id,
            name=planned.name,
            ou_path=planned.ou_path,
            kinds=result.kinds,
            skip=result.skip,
            status=status,
        )

    def _judge(self, result: RemovalResult, account: Account, role: Role) -> AccountStatus | None:
        """The account's status as re-read at the end; unknown if that failed, none if nothing was begun."""
        if result.left is not None:
            return judge_found(
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
        return judge_failure(account, role, error, observed_at=self.clock.now())

    def _save(self, status: AccountStatus) -> None:
        try:
            self.store.save_statuses([status])
        except DatabaseError as error:
            self.progress.remark(f"{status.account.account_id}: its status couldn't be remembered: {error.message}")

    def _stop_all(self, error: RootkeeperError) -> None:
        if not self._stop.is_set():
            self._obstacle = error
        self._stop.set()


def _make_check(planned: PlannedAccount, plan: DeletionPlan) -> Callable[[RootCredentials], Skip | None]:
    """Whether the account is still as the plan saw it."""

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


def _skip(planned: PlannedAccount, skip: Skip) -> AccountDeletion:
    return AccountDeletion(
        account_id=planned.account_id,
        name=planned.name,
        ou_path=planned.ou_path,
        kinds=skip_kinds(skip),
        skip=skip,
        was_planned=bool(planned.calls),
    )


def _describe_skipped(planned: PlannedAccount) -> AccountDeletion:
    return _skip(planned, planned.skip or Skip(SkipReason.NOTHING_TO_DELETE, "The plan has no calls for it."))
