"""Lists and changes root e-mail addresses.

A list needs a listing of the accounts and no call per account.

A change has the same effect as a recovery and the same protection. The planner only reads; a dry run ends there. It
refuses impossible changes. An address that breaks the rules, an account with a deletion exception and a failsafe are
objections, which a person can override with a reason.

The executor makes two changes: the start makes AWS send a one-time password to the new address, the acceptance returns
it. The account's lock is held for each, not for the hours that the mail may take, so the acceptance checks the account
again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rootkeeper.acting import Acting
from rootkeeper.aws.rules import EmailUpdate, EmailUpdateStatus, OneTimePassword
from rootkeeper.changes.rules import ChangeResult, Shown
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.clock import Clock
from rootkeeper.errors import Hint, InputError, TargetRefusedError, WindowConflictError
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.listing import InventoryReader, require_in_organization, select_accounts
from rootkeeper.inventory.store import InventoryStore
from rootkeeper.ledger.rules import LedgerEntry
from rootkeeper.organization.accounts import Account, AccountId, AccountState, Caller, Endpoint, Inventory
from rootkeeper.organization.progress import Progress
from rootkeeper.organization.selection import SelectionRequest
from rootkeeper.organization.statuses import AccountRole, Status, classify_account_role
from rootkeeper.root_emails.changes import EmailUpdateAcceptance, EmailUpdateChange, EmailUpdateStart, read_update
from rootkeeper.root_emails.rules import (
    EMAIL_PARAMETER,
    EXPLANATIONS,
    EmailAddress,
    EmailChangeRequest,
    EmailReason,
    EmailReread,
    EmailRules,
    EmailUpdateSnapshot,
    RootEmail,
    StartedEmailUpdate,
    find_holders,
    find_started_update,
    fold_address,
    is_overtaken,
    parse_new_address,
)
from rootkeeper.root_emails.statements import EmailApprovalJudge, EmailAttestationStore, read_evaluator
from rootkeeper.values import JsonValue
from rootkeeper.windows.rules import describe_blocking_window
from rootkeeper.windows.store import RecoveryWindowStore

SOURCE = "organizations:ListAccounts"
"""The call that returns the addresses of a list. AWS may show a changed address hours later."""


@dataclass(frozen=True, slots=True)
class EmailReport:
    """Root e-mail addresses and the rules that they were checked against."""

    inventory: Inventory
    endpoint: Endpoint
    rules: EmailRules
    emails: tuple[RootEmail, ...]
    """The selected accounts, in the order of the inventory."""
    remarks: tuple[str, ...]
    """Why a rule can't be applied."""


@dataclass(frozen=True, slots=True)
class RootEmailReader:
    """Reads and checks every account's root e-mail address; changes nothing and opens no root session."""

    inventory: InventoryReader
    store: InventoryStore
    attestations: EmailAttestationStore
    rules: EmailRules
    clock: Clock

    def read(self, request: SelectionRequest, progress: Progress) -> EmailReport:
        """Check the selected accounts; duplicates are searched for in the whole organization.

        :raises InputError: if the selection is wrong.
        :raises OrganizationIncompleteError: if the listing isn't complete.
        """
        inventory = self.inventory.read(progress)
        selected = {
            account.account_id for account in select_accounts(request, inventory, self.inventory.reader).included
        }
        if request.statuses:
            known = self.store.list_statuses()
            selected = {
                account_id
                for account_id in selected
                if (known[account_id].status if account_id in known else Status.UNKNOWN) in request.statuses
            }
        evaluated = read_evaluator(self.attestations, self.rules, self.clock.now()).evaluate_all(inventory)
        return EmailReport(
            inventory=inventory,
            endpoint=self.inventory.reader.endpoint,
            rules=self.rules,
            emails=tuple(email for email in evaluated if email.account.account_id in selected),
            remarks=explain_limits(self.rules, inventory),
        )


def explain_limits(rules: EmailRules, inventory: Inventory) -> tuple[str, ...]:
    """Explain why a rule can't be applied, or a role isn't known."""
    remarks: list[str] = []
    if not rules.allowed_domains:
        text = "The organization's domains aren't set, so no address is known to be in one of them."
        remarks.append(Hint(f"{text} Set the domains in the settings.", "emails.set_domains", problem=text))
    if inventory.delegated_administrator_ids is None:
        remarks.append("Delegated administrators couldn't be read. The failsafe is shown as an ordinary member.")
    return tuple(remarks)


@dataclass(frozen=True, slots=True)
class Objection:
    """A reason against a change that a person can override."""

    code: str
    """For the ledger, such as ``domain_not_allowed``."""
    explanation: str
    """A sentence for a person."""


@dataclass(frozen=True, slots=True)
class EmailChangePlan:
    """A request that passed every check."""

    account: Account
    request: EmailChangeRequest
    caller: Caller
    endpoint: Endpoint
    current_email: str
    """From account:GetPrimaryEmail."""
    newest_update: EmailUpdateSnapshot
    """If it can't be read, only the ledger shows the started change."""
    started: StartedEmailUpdate | None
    """An earlier start with a one-time password that can still be accepted; AWS sends no other password."""
    objections: tuple[Objection, ...]
    """Those that the person overrides."""
    approved_by: tuple[str, ...]
    """Empty without a server; then the change is reported as unapproved."""
    remarks: tuple[str, ...]
    """Facts that the person must know before confirming."""

    @property
    def is_unneeded(self) -> bool:
        return fold_address(self.current_email) == fold_address(self.request.address)


@dataclass(frozen=True, slots=True)
class EmailChangePlanner:
    """Checks a request and plans the change."""

    acting: Acting

    rules: EmailRules
    judge: EmailApprovalJudge

    def plan(self, inventory: Inventory, account: Account, request: EmailChangeRequest) -> EmailChangePlan:
        """Check a request. Two calls: account:GetPrimaryEmail, account:GetPrimaryEmailUpdateStatus.

        :raises InputError: if the address or the reason can't be used, another account has the address, or there are
            objections that weren't overridden.
        :raises ApprovalRefusedError: on a server, if too few approvals count.
        :raises TargetRefusedError: for the management account, the caller's own account, an account that isn't ACTIVE
            or isn't in the organization, and partitions without Account Management of members.
        :raises WindowConflictError: if the account has an unfinished recovery window.
        :raises AwsAccessDeniedError: if the caller can't read the account's address, and so couldn't prove a change.
        """
        request, address = _require_request(request)
        caller = self.acting.aws.read_caller()
        _require_target(account, inventory, caller)
        require_no_window(self.acting.get_store(RecoveryWindowStore), account.account_id)
        others = [
            holder for holder in find_holders(inventory.accounts).get(str(address), ()) if holder != account.account_id
        ]
        if others:
            raise InputError(
                f"{address} is already the root e-mail address of {', '.join(others)}. AWS allows each address once.",
                hint="Choose another address. For the same mailbox, add a plus sign: aws+name@example.com.",
            )
        objections = self._list_objections(address, account, inventory)
        if objections and not request.overrides:
            raise _refuse(objections, request.address)
        entries = self._list_own_entries(inventory, account.account_id)
        approved_by = self.judge.require_approved(account, request.address, entries)
        current = self.acting.aws.read_primary_email(account.account_id)
        newest = read_update(self.acting.aws, account.account_id)
        started = self._find_started(entries, request, newest.update)
        return EmailChangePlan(
            account=account,
            request=request,
            caller=caller,
            endpoint=self.acting.aws.endpoint,
            current_email=current,
            newest_update=newest,
            started=started,
            objections=objections,
            approved_by=approved_by,
            remarks=_list_remarks(started, newest.update, approved_by),
        )

    def _list_objections(self, address: EmailAddress, account: Account, inventory: Inventory) -> tuple[Objection, ...]:
        now = self.acting.clock.now()
        breaches = read_evaluator(self.acting.get_store(EmailAttestationStore), self.rules, now).find_breaches(address)
        objections = [Objection(reason.value, f"{address}: {EXPLANATIONS[reason]}.") for reason in breaches]
        objections += [
            Objection(
                "exception",
                f"{account.account_id} is excepted from deletion by {exception.owner} until "
                f"{exception.until.date().isoformat()} ({exception.reason}): its root user is in use.",
            )
            for exception in self.acting.get_store(DeletionExceptionStore).list_exceptions()
            if exception.account_id == account.account_id and exception.is_in_force(now)
        ]
        # An organization that loses its failsafe's mailbox may lose root access, so a possible failsafe counts, too.
        account_id = account.account_id
        if classify_account_role(account_id, inventory) is AccountRole.FAILSAFE:
            text = f"{account_id} is a failsafe. Its emergency access depends on its mailbox."
            objections.append(Objection("failsafe", text))
        elif inventory.delegated_administrator_ids is None:
            text = f"Delegated administrators couldn't be read, so {account_id} may be a failsafe."
            objections.append(Objection("failsafe_unknown", text))
        return tuple(objections)

    def _list_own_entries(self, inventory: Inventory, account_id: AccountId) -> tuple[LedgerEntry, ...]:
        """List the account's entries of this organization and endpoint."""
        scope = (inventory.organization.organization_id, self.acting.aws.endpoint.label)
        entries = self.acting.ledger_reader.list_entries(account_id=account_id)
        return tuple(entry for entry in entries if (entry.organization_id, entry.endpoint) == scope)

    def _find_started(
        self, entries: Sequence[LedgerEntry], request: EmailChangeRequest, newest: EmailUpdate | None
    ) -> StartedEmailUpdate | None:
        started = find_started_update(entries, self.acting.clock.now())
        if started is None or request.restarts or fold_address(started.email) != fold_address(request.address):
            return None
        return None if is_overtaken(started, newest) else started


def require_no_window(windows: RecoveryWindowStore, account_id: AccountId) -> None:
    """:raises WindowConflictError: if a recovery of the account is in progress, which needs the current mailbox."""
    window = windows.find_unfinished(account_id)
    if window is not None:
        raise WindowConflictError(
            f"{account_id} has recovery window {window.window_id}, which is {window.state}. The recovery needs the "
            "current mailbox.",
            hint=describe_blocking_window(window.window_id, window.state),
        )


def _require_request(request: EmailChangeRequest) -> tuple[EmailChangeRequest, EmailAddress]:
    reason, text = request.reason.strip(), request.address.strip()
    if not reason:
        raise InputError(
            "A change of a root e-mail address needs a reason.", hint=Hint("Give a reason.", "emails.reason")
        )
    address = parse_new_address(text)
    return replace(request, reason=reason, address=text, ticket=(request.ticket or "").strip() or None), address


def _require_target(account: Account, inventory: Inventory, caller: Caller) -> None:
    organization = inventory.organization
    if organization.partition != "aws":
        raise TargetRefusedError(
            f"AWS doesn't manage root e-mail addresses centrally in the partition {organization.partition}.",
            hint="Ask AWS Support for that partition.",
        )
    if account.account_id == organization.management_account_id:
        raise TargetRefusedError(
            f"{account.account_id} is the management account. Only its own root user can change its e-mail address.",
            hint="Sign in as its root user and change the address in the account settings.",
        )
    require_in_organization(account, inventory)
    if account.account_id == caller.account_id:
        raise TargetRefusedError(
            f"{account.account_id} is the caller's own account. A member can't change its own root e-mail address.",
            hint=f"Use credentials of the management account {organization.management_account_id}.",
        )
    if account.state is not AccountState.ACTIVE:
        raise TargetRefusedError(
            f"{account.account_id} is {account.state}. Only ACTIVE accounts can be changed.",
            hint="AWS Support can reopen a closed account for a limited time.",
        )


def _refuse(objections: Sequence[Objection], address: str) -> InputError:
    message = f"Nothing was changed. {' '.join(objection.explanation for objection in objections)}"
    codes = {objection.code for objection in objections}
    if codes & {EmailReason.ATTESTATION_EXPIRED, EmailReason.NOT_A_GROUP}:
        text = (
            "Choose another address, attest that a group reads this one, or override the objections; the override is "
            "recorded with the reason."
        )
        return InputError(message, hint=Hint(text, "emails.attest_or_override", address=address))
    if codes & set(EmailReason):
        text = "Choose another address, or override the objections; the override is recorded with the reason."
        return InputError(message, hint=Hint(text, "emails.other_address_or_override"))
    text = "Override the objections; the override is recorded with the reason."
    return InputError(message, hint=Hint(text, "emails.override"))


def _list_remarks(
    started: StartedEmailUpdate | None, newest: EmailUpdate | None, approved_by: Sequence[str]
) -> tuple[str, ...]:
    remarks = ["This change has no second person's approval. It is recorded and reported as unapproved."]
    if approved_by:
        remarks = [f"Approved by {', '.join(approved_by)}."]
    if started is not None:
        sent = "AWS sent" if started.is_certain else "AWS may have sent"
        sent += f" a one-time password at {started.started_at.isoformat(timespec='seconds')} and doesn't send another"
        remarks.append(Hint(f"{sent} one unless you restart the change.", "emails.restart", sent=sent))
    elif newest is not None and newest.status is EmailUpdateStatus.PENDING:
        remarks.append("AWS has another pending change of this address. This change replaces it.")
    return tuple(remarks)


REREAD_PAUSES_SECONDS = (1.0, 2.0)
"""Between the re-reads after each call."""


@dataclass(frozen=True, slots=True)
class EmailChangeExecutor:
    """Executes a plan."""

    acting: Acting

    def start(self, plan: EmailChangePlan) -> ChangeResult[EmailUpdateSnapshot]:
        """Make AWS send a one-time password to the new address, and re-read. Calls account:StartPrimaryEmailUpdate,
        then account:GetPrimaryEmailUpdateStatus.

        ``UNKNOWN`` means that a one-time password may have been sent; it can be accepted.

        :raises AwsError: if AWS refused; nothing was started.
        :raises AccountBusyError: if another owner holds the account; nothing was started.
        :raises WindowConflictError: if the account got a recovery window since the plan.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was started.
        """
        described = {**_describe(plan), **plan.newest_update.describe()}
        now, pauses = self.acting.clock.now(), self.acting.reread_pauses
        return self._make(EmailUpdateStart(self.acting.aws, plan.account.account_id, described, now, pauses))

    def accept(self, plan: EmailChangePlan, otp: OneTimePassword) -> ChangeResult[EmailReread]:
        """Return the one-time password, and re-read. Calls account:AcceptPrimaryEmailUpdate, then
        account:GetPrimaryEmail and account:GetPrimaryEmailUpdateStatus.

        ``UNKNOWN`` means that the change isn't proven yet: AWS may take up to 4 hours to show it.

        :raises OneTimePasswordError: if AWS rejects it; nothing was changed.
        :raises AwsError: if AWS refused otherwise; nothing was changed.
        :raises AccountBusyError: if another owner holds the account; nothing was changed.
        :raises WindowConflictError: if the account got a recovery window since the plan.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was changed.
        """
        account_id, now, pauses = plan.account.account_id, self.acting.clock.now(), self.acting.reread_pauses
        return self._make(
            EmailUpdateAcceptance(self.acting.aws, account_id, _describe(plan), now, pauses, reread_at=now, otp=otp)
        )

    def _make(self, change: EmailUpdateChange[Shown]) -> ChangeResult[Shown]:
        with self.acting.locks.hold(change.account_id, "change of the root e-mail address") as lock:
            require_no_window(self.acting.get_store(RecoveryWindowStore), change.account_id)
            return ChangeRunner(self.acting.ledger, self.acting.clock, lock).make(change)


def _describe(plan: EmailChangePlan) -> dict[str, JsonValue]:
    request = plan.request
    return {
        EMAIL_PARAMETER: plan.request.address,
        "email_before": plan.current_email,
        "reason": request.reason,
        "ticket": request.ticket,
        "overridden": [objection.code for objection in plan.objections],
        "approved_by": list(plan.approved_by),
    }
