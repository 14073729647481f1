"""One audit: accounts are listed and read at the same time.

Cold, pages stream in and are read as they come. Warm, with an inventory from before, reading begins at once and the
listing runs behind: it brings accounts that joined, and corrects the rest if it ends in time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from rootkeeper.domain.organizations import Account, AccountId, AccountState, Inventory, OrganizationalUnit
from rootkeeper.domain.selection import SelectionRequest
from rootkeeper.domain.setup_drift import NEVER_ACCEPTED, SetupDrift
from rootkeeper.domain.statuses import AccountStatus, Status, role_of
from rootkeeper.errors import InputError
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.stopping import StopSignal
from rootkeeper.workflows.account_reading import AccountReader, AccountReaderTools
from rootkeeper.workflows.audit_remarks import remark_setup
from rootkeeper.workflows.blocking import BlockingPolicyFinder, lacks_policy
from rootkeeper.workflows.inventory import InventoryReader
from rootkeeper.workflows.inventory_listing import InventoryCollector
from rootkeeper.workflows.jobs import RunningJob
from rootkeeper.workflows.setup_drift import DriftReader
from rootkeeper.workflows.targets import select_accounts

PAGE_SIZE = 20
WORTH_WAITING_SECONDS = 2.0
"""A listing that ends so soon, at its pace so far, is waited for."""
GUARDRAILS_WAIT_SECONDS = 10.0
"""How long an audit that is done waits for the guardrails, which are read beside it."""

Emit = Callable[[AccountStatus], None]


@dataclass(slots=True)
class AuditRun:
    """What one audit has found so far."""

    reading: InventoryReader
    drift_reader: DriftReader
    tools: AccountReaderTools
    request: SelectionRequest
    progress: Progress
    stop: StopSignal
    job: RunningJob
    details: bool
    refresh: bool
    earlier: Mapping[AccountId, AccountStatus]
    """What the job read before it was interrupted."""
    emit: Emit | None
    """Told each selected account's status, once its place has a name."""
    inventory: Inventory | None = None
    """Complete, or brought up to date as far as the listing came."""
    is_inventory_complete: bool = False
    drift: SetupDrift = NEVER_ACCEPTED
    """Of the set-up, once everything is read."""
    listing: InventoryCollector = field(init=False)
    _accounts: AccountReader = field(init=False)
    _known: Inventory | None = None
    _fed: dict[AccountId, AccountState] = field(default_factory=dict)
    """In which state: an account whose state has changed meanwhile is judged anew."""
    _selected: frozenset[AccountId] | None = None
    """``None``: everything."""
    _unnamed: dict[str, list[AccountStatus]] = field(default_factory=dict)
    """Statuses that wait for the name of a unit, by its id."""
    _blocked: list[AccountId] = field(default_factory=list)
    """Whose statuses wait for the name of the policy that blocks."""
    _are_policies_named: bool = False
    _was_reported: bool = False
    """That it finishes what is in flight."""
    _began_at: float = 0.0

    def perform(self) -> None:
        """Read everything that is selected, or stop when asked to; see :attr:`is_interrupted`.

        :raises InputError: if the selection is wrong; no root session was opened.
        :raises OrganizationIncompleteError: if the listing isn't complete; what was read so far is remembered.
        :raises LedgerUnavailableError: if the ledger can't be written; no further root session was opened.
        :raises AwsCredentialsError: if the operator's own credentials ended.
        """
        self._accounts = AccountReader(self.tools, self.progress, self.stop, self._take_status, self.details)
        self.listing = self.reading.begin(self.progress, self._accounts.deliver, refresh=self.refresh)
        remark_setup(self.listing.setup, self.progress)
        comparison = self.drift_reader.begin(self.listing.setup)
        self.listing.take_page, self.listing.take_names = self._take_page, self._emit_named
        self._began_at = self.tools.clock.monotonic()
        self.listing.start()
        try:
            with self._accounts:
                self._begin()
                while not self._is_over():
                    if self.is_interrupted:
                        self._remark_once()
                    else:
                        self._accounts.begin()
                    self._accounts.step()
        finally:
            self.listing.stop()
        self._find_blocking_policies()
        self._emit_rest()
        if not self.is_interrupted:
            self.drift = comparison.finish(self.stop, GUARDRAILS_WAIT_SECONDS)

    def _remark_once(self) -> None:
        if not self._was_reported:
            self._was_reported = True
            self.progress.remark("Interrupted: finishing what is in progress. Once more stops now.")

    @property
    def is_interrupted(self) -> bool:
        """Whether it was asked to stop before its end."""
        return self.stop.asked_once() or self.job.is_cancelled

    @property
    def statuses(self) -> tuple[AccountStatus, ...]:
        """Of the selected accounts, in the order of the inventory, each with its place."""
        found = self._accounts.statuses
        accounts = () if self.inventory is None else self.inventory.accounts
        return tuple(
            _at_its_place(found[account.account_id], account)
            for account in accounts
            if account.account_id in found and self._is_selected(account.account_id)
        )

    @property
    def read(self) -> int:
        """How many accounts are done."""
        return len(self._accounts.statuses)

    def _begin(self) -> None:
        """Feed what is known from before, if that is good enough."""
        known = None if self.refresh else self.listing.known
        selected = None if known is None else self._select(known)
        if known is None or selected is None:
            self.progress.start("Reading accounts", None)
            return
        self._known = known
        self._expect(selected)
        self._feed(selected)

    def _select(self, known: Inventory) -> tuple[Account, ...] | None:
        """What the request catches in an earlier inventory; ``None`` if it names what isn't in it."""
        try:
            return select_accounts(self.request, known, self.tools.reader).included
        except InputError:
            return None

    def _expect(self, selected: tuple[Account, ...]) -> None:
        self.progress.start("Reading accounts", len(selected))
        self.job.set_total(len(selected))

    def _is_over(self) -> bool:
        if self.is_interrupted:
            return self.stop.asked_twice() or not self._accounts.is_in_flight
        if self.inventory is None and self.listing.is_done:
            self._take_inventory()
        if not self._accounts.is_idle:
            return False
        if self.inventory is None and self._known is not None and not self._is_worth_waiting(self._known):
            self._take_known(self._known)
        return self.inventory is not None and self._accounts.is_idle

    def _is_worth_waiting(self, known: Inventory) -> bool:
        passed = self.tools.clock.monotonic() - self._began_at
        pages_left = max(0, -(-len(known.accounts) // PAGE_SIZE) - self.listing.pages)
        return self.listing.pages > 0 and passed / self.listing.pages * pages_left <= WORTH_WAITING_SECONDS

    def _take_inventory(self) -> None:
        self.inventory = self.reading.keep(self.listing)
        self.is_inventory_complete = True
        self._reselect(self.inventory)

    def _take_known(self, known: Inventory) -> None:
        """Go on with what is known; accounts that were listed meanwhile are as the listing has them."""
        self.inventory = self.listing.merge(known)
        if self.inventory.accounts != known.accounts:
            self.reading.store.save(self.inventory)
        self._reselect(self.inventory)

    def _reselect(self, inventory: Inventory) -> None:
        selected = select_accounts(self.request, inventory, self.tools.reader).included
        self._selected = frozenset(account.account_id for account in selected)
        if not self._fed:
            self._expect(selected)
        self._feed(selected)
        self.progress.set_total(len(selected))
        self.job.set_total(len(selected))

    def _take_page(self, accounts: tuple[Account, ...]) -> None:
        if not self.request.needs_whole_inventory and not self.is_interrupted:
            self._feed(accounts)

    def _feed(self, accounts: Iterable[Account]) -> None:
        news = [account for account in accounts if self._fed.get(account.account_id) is not account.state]
        self._fed |= {account.account_id: account.state for account in news}
        management_account_id = self.reading.organization.management_account_id
        delegates = self.listing.delegated_administrator_ids or frozenset()
        for account in news:
            if account.account_id in self.earlier:
                self._accounts.take_earlier(replace(self.earlier[account.account_id], account=account))
        self._accounts.feed(
            (account, role_of(account.account_id, management_account_id, delegates))
            for account in news
            if account.account_id not in self.earlier
        )

    def _is_selected(self, account_id: AccountId) -> bool:
        return self._selected is None or account_id in self._selected

    def _take_status(self, status: AccountStatus) -> None:
        self.job.advance(present=int(status.status is Status.PRESENT), unknown=int(status.status is Status.UNKNOWN))
        if not self.request.statuses or status.status in self.request.statuses:
            self._emit(status)

    def _emit(self, status: AccountStatus) -> None:
        """Hand the status on, or keep it until its account's place has a name."""
        if self.emit is None:
            return
        if lacks_policy(status) and not self._are_policies_named:
            self._blocked.append(status.account.account_id)
            return
        ou_id = self.listing.find_unnamed(status.account)
        if ou_id is None:
            self.emit(_at_its_place(status, self.listing.name(status.account)))
        else:
            self._unnamed.setdefault(ou_id, []).append(status)

    def _find_blocking_policies(self) -> None:
        """Of the accounts that a policy blocks without AWS saying which; else policies aren't read."""
        blocked = [status for status in self.statuses if lacks_policy(status)]
        if self.inventory is not None and blocked and not self.is_interrupted:
            self.progress.remark("Reading policies, to name those that block root sessions.")
            named = BlockingPolicyFinder(self.tools.policies, self.inventory, self.stop).explain_statuses(blocked)
            self.tools.store.save_statuses(named)
            self._accounts.statuses.update({status.account.account_id: status for status in named})
        self._are_policies_named = True
        for account_id in self._blocked:
            self._emit(self._accounts.statuses[account_id])

    def _emit_named(self, units: tuple[OrganizationalUnit, ...]) -> None:
        for unit in units:
            for status in self._unnamed.pop(unit.ou_id, ()):
                self._emit(status)

    def _emit_rest(self) -> None:
        accounts = {} if self.inventory is None else {one.account_id: one for one in self.inventory.accounts}
        for status in (one for waiting in self._unnamed.values() for one in waiting):
            account = accounts.get(status.account.account_id) or self.listing.name(status.account)
            if self.emit is not None:
                self.emit(_at_its_place(status, account))


def _at_its_place(status: AccountStatus, account: Account) -> AccountStatus:
    return status if status.account == account else replace(status, account=account)
