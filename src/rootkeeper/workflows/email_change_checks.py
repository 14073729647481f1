"""What is checked before a root e-mail address is changed.

All of it is reading; a dry run does the same and stops here.

Some things can't be done at all, others shouldn't be: an address against the rules, an account that is excepted from
deletion, a failsafe. The latter are objections, which a person may override with the reason that every change needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from rootkeeper.domain.email_updates import (
    EmailUpdate,
    EmailUpdateSnapshot,
    EmailUpdateStatus,
    StartedEmailUpdate,
    find_started_update,
    is_overtaken,
)
from rootkeeper.domain.ledger import LedgerEntry
from rootkeeper.domain.organizations import Account, AccountId, AccountState, Caller, Endpoint, Inventory
from rootkeeper.domain.root_emails import (
    EXPLANATIONS,
    LONGEST_ADDRESS,
    EmailAddress,
    EmailReason,
    EmailRules,
    find_holders,
    fold_address,
    parse_address,
)
from rootkeeper.domain.statuses import AccountRole, classify_account_role
from rootkeeper.domain.windows import describe_blocking_window
from rootkeeper.errors import AwsError, InputError, TargetRefusedError, WindowConflictError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.deletion_exceptions import DeletionExceptions
from rootkeeper.ports.ledger import LedgerReader
from rootkeeper.ports.organizations import OrganizationReader
from rootkeeper.ports.root_emails import EmailAttestations, PrimaryEmails
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.emails import read_evaluator
from rootkeeper.workflows.targets import require_in_organization


@dataclass(frozen=True, slots=True)
class EmailChangeRequest:
    """What a person asks for."""

    account: Account
    address: str
    reason: str
    ticket: str | None = None
    overrides: bool = False
    """Whether to go on against objections."""
    restarts: bool = False
    """Whether to have another one-time password sent although one may be on its way."""


@dataclass(frozen=True, slots=True)
class Objection:
    """Why a change shouldn't be made, though it could be."""

    code: str
    """What the ledger keeps of it, such as ``domain_not_allowed``."""
    explanation: str
    """One sentence for a person."""


@dataclass(frozen=True, slots=True)
class EmailChangePlan:
    """A request that passed every check."""

    request: EmailChangeRequest
    caller: Caller
    endpoint: Endpoint
    current_email: str
    """As account:GetPrimaryEmail tells it now."""
    newest_update: EmailUpdateSnapshot
    """How far AWS says that the newest change is; where it can't be read, the ledger alone says what was started."""
    started: StartedEmailUpdate | None
    """A start of before whose one-time password is still awaited: none is sent again."""
    objections: tuple[Objection, ...]
    """Overridden ones."""
    remarks: tuple[str, ...]
    """What the person should know before saying yes."""

    @property
    def new_email(self) -> str:
        return self.request.address

    @property
    def is_unneeded(self) -> bool:
        """Whether the account has the address already."""
        return fold_address(self.current_email) == fold_address(self.new_email)


@dataclass(frozen=True, slots=True)
class EmailChangePlanner:
    """Checks a request."""

    reader: OrganizationReader
    emails: PrimaryEmails
    windows: RecoveryWindows
    exceptions: DeletionExceptions
    attestations: EmailAttestations
    entries: LedgerReader
    rules: EmailRules
    clock: Clock

    def plan(self, inventory: Inventory, request: EmailChangeRequest) -> EmailChangePlan:
        """Check everything. Two calls beside the inventory: account:GetPrimaryEmail,
        account:GetPrimaryEmailUpdateStatus.

        :raises InputError: if the address or the reason can't be used, another account has the address, or there are
            objections that weren't overridden.
        :raises TargetRefusedError: for the management account, the caller's own account, an account that isn't ACTIVE
            or isn't in the organization, and partitions without Account Management of members.
        :raises WindowConflictError: if the account has a recovery window that isn't over.
        :raises AwsAccessDeniedError: if the caller may not read the account's address, and so couldn't prove a change.
        """
        request, address = _require_request(request)
        account = request.account
        caller = self.reader.read_caller()
        _require_target(account, inventory, caller)
        require_no_window(self.windows, account.account_id)
        _require_free(address, account, inventory)
        objections = self._list_objections(address, account, inventory)
        if objections and not request.overrides:
            raise _object(objections, request.address)
        current = self.emails.read_primary_email(account.account_id)
        newest = read_update(self.emails, account.account_id)
        started = self._find_started(inventory, request, newest.update)
        return EmailChangePlan(
            request=request,
            caller=caller,
            endpoint=self.reader.endpoint,
            current_email=current,
            newest_update=newest,
            started=started,
            objections=objections,
            remarks=_list_remarks(started, newest.update),
        )

    def _list_objections(self, address: EmailAddress, account: Account, inventory: Inventory) -> tuple[Objection, ...]:
        now = self.clock.now()
        breaches = read_evaluator(self.attestations, self.rules, now).find_breaches(address)
        objections = [Objection(reason.value, f"{address}: {EXPLANATIONS[reason]}.") for reason in breaches]
        objections += [
            Objection(
                "exception",
                f"{account.account_id} is excepted from deletion by {one.owner} until {one.until.date().isoformat()} "
                f"({one.reason}): its root user is in use.",
            )
            for one in self.exceptions.list_exceptions()
            if one.account_id == account.account_id and one.is_in_force(now)
        ]
        return (*objections, *_object_to_failsafe(account, inventory))

    def _find_started(
        self, inventory: Inventory, request: EmailChangeRequest, newest: EmailUpdate | None
    ) -> StartedEmailUpdate | None:
        entries = self.entries.list_entries(account_id=request.account.account_id)
        mine = _of_organization(entries, inventory.organization.organization_id, self.reader.endpoint)
        started = find_started_update(mine, self.clock.now())
        if started is None or request.restarts or fold_address(started.email) != fold_address(request.address):
            return None
        return None if is_overtaken(started, newest) else started


def _of_organization(entries: Iterable[LedgerEntry], organization_id: str, endpoint: Endpoint) -> Iterable[LedgerEntry]:
    return (entry for entry in entries if entry.organization_id == organization_id and entry.endpoint == endpoint.label)


def read_update(emails: PrimaryEmails, account_id: AccountId) -> EmailUpdateSnapshot:
    """How far the newest change is; what can't be read is told, not raised. One call."""
    try:
        return EmailUpdateSnapshot(was_read=True, update=emails.find_email_update(account_id))
    except AwsError:
        return EmailUpdateSnapshot(was_read=False)


def require_no_window(windows: RecoveryWindows, account_id: AccountId) -> None:
    """Check that nobody recovers the account's root user.

    :raises WindowConflictError: if it has a recovery window that isn't over.
    """
    window = windows.find_unfinished(account_id)
    if window is not None:
        raise WindowConflictError(
            f"{account_id} has recovery window {window.window_id}, which is {window.state}: whoever recovers the root "
            "user needs the mailbox that it has now.",
            hint=describe_blocking_window(window.window_id, window.state),
        )


def _require_request(request: EmailChangeRequest) -> tuple[EmailChangeRequest, EmailAddress]:
    reason, text = request.reason.strip(), request.address.strip()
    if not reason:
        raise InputError("A change of a root e-mail address needs a reason.", hint="Say why: --reason TEXT")
    address = parse_address(text)
    if len(text) > LONGEST_ADDRESS:
        raise InputError(
            f"{text} is too long: AWS takes root e-mail addresses of {LONGEST_ADDRESS} characters at most.",
            hint="Choose a shorter address.",
        )
    return replace(request, reason=reason, address=text, ticket=(request.ticket or "").strip() or None), address


def _require_target(account: Account, inventory: Inventory, caller: Caller) -> None:
    organization = inventory.organization
    if organization.partition != "aws":
        raise TargetRefusedError(
            f"Root e-mail addresses aren't managed centrally in the partition {organization.partition}.",
            hint="Ask AWS Support for that partition.",
        )
    if account.account_id == organization.management_account_id:
        raise TargetRefusedError(
            f"{account.account_id} is the management account: only its own root user changes its e-mail address.",
            hint="Sign in as its root user and change it in the account settings.",
        )
    require_in_organization(account, inventory)
    if account.account_id == caller.account_id:
        raise TargetRefusedError(
            f"{account.account_id} is the caller's own account: AWS lets no member change its own root e-mail address.",
            hint=f"Use credentials of the management account {organization.management_account_id}.",
        )
    if account.state is not AccountState.ACTIVE:
        raise TargetRefusedError(
            f"{account.account_id} is {account.state}; only ACTIVE accounts can be changed.",
            hint="AWS Support can reopen a closed account for a time.",
        )


def _require_free(address: EmailAddress, account: Account, inventory: Inventory) -> None:
    others = [one for one in find_holders(inventory.accounts).get(str(address), ()) if one != account.account_id]
    if others:
        raise InputError(
            f"{address} is the root e-mail address of {', '.join(others)} already; AWS takes each address once.",
            hint="Choose another address; a plus sign makes new ones for one mailbox, such as aws+name@example.com.",
        )


def _object_to_failsafe(account: Account, inventory: Inventory) -> Iterator[Objection]:
    """Who loses the failsafe's mailbox loses the way back in; an account that may be one counts as one."""
    if classify_account_role(account.account_id, inventory) is AccountRole.FAILSAFE:
        said = f"{account.account_id} is a failsafe: its mailbox belongs to the way back in."
        yield Objection("failsafe", said)
    elif inventory.delegated_administrator_ids is None:
        said = f"Delegated administrators couldn't be read: {account.account_id} may be a failsafe."
        yield Objection("failsafe_unknown", said)


def _object(objections: Sequence[Objection], address: str) -> InputError:
    said = " ".join(objection.explanation for objection in objections)
    concern_address = any(objection.code in set(EmailReason) for objection in objections)
    choice = "Choose another address, or go" if concern_address else "Go"
    hints = [f"{choice} on with --override, which is recorded with the reason."]
    if any(objection.code in _FIXED_BY_ATTESTATION for objection in objections):
        hints.append(f"Who knows that a group reads it: rootkeeper emails attest {address} --by NAME --until DATE")
    return InputError(f"Nothing was changed. {said}", hint=" ".join(hints))


_FIXED_BY_ATTESTATION = frozenset({EmailReason.ATTESTATION_EXPIRED.value, EmailReason.NOT_A_GROUP.value})


def _list_remarks(started: StartedEmailUpdate | None, newest: EmailUpdate | None) -> tuple[str, ...]:
    remarks = ["Nobody approves this change: it is recorded and reported as unapproved."]
    if started is not None:
        sent = "was" if started.is_certain else "may have been"
        remarks.append(
            f"A one-time password {sent} sent at {started.started_at.isoformat(timespec='seconds')}: none is sent now. "
            "To have another one sent: --restart"
        )
    elif newest is not None and newest.status is EmailUpdateStatus.PENDING:
        remarks.append("Another change of this address is pending at AWS; starting this one ends it.")
    return tuple(remarks)
