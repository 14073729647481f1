"""Changing an account's root e-mail address: as powerful as a recovery, and guarded like one.

Two privileged calls with a person between them: the start has AWS send a one-time password to the new address, and
the acceptance hands it back. Each has an intent of its own and leaves once. The account's lock is held for each call,
not for the hours that a mail may take; what the lock guards is looked at again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rootkeeper.domain.email_updates import (
    EMAIL_PARAMETER,
    EmailReread,
    OneTimePassword,
    evaluate_acceptance,
    was_started,
)
from rootkeeper.domain.ledger import Action, Intent, JsonValue, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import AwsError, AwsUnclearError, LockLostError
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock, AccountLocks
from rootkeeper.ports.root_emails import PrimaryEmails
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.workflows.email_change_checks import EmailChangePlan, read_update, require_no_window
from rootkeeper.workflows.root_access import describe_error

REREAD_PAUSES_SECONDS = (1.0, 2.0)
"""Between the re-reads after an acceptance."""


@dataclass(frozen=True, slots=True)
class EmailChangeStep:
    """What came of a start or an acceptance."""

    result: Result
    explanation: str
    """One sentence for a person."""


@dataclass(frozen=True, slots=True)
class EmailChangeExecutor:
    """Obeys a plan."""

    emails: PrimaryEmails
    ledger: Ledger
    windows: RecoveryWindows
    locks: AccountLocks
    clock: Clock
    reread_pauses_seconds: tuple[float, ...] = REREAD_PAUSES_SECONDS

    def start(self, plan: EmailChangePlan) -> EmailChangeStep:
        """Have AWS send a one-time password to the new address. One call: account:StartPrimaryEmailUpdate; after an
        unclear answer account:GetPrimaryEmailUpdateStatus.

        :raises AwsError: if AWS refused; nothing was started.
        :raises AccountBusyError: if another owner holds the account; nothing was started.
        :raises WindowConflictError: if the account got a recovery window since the plan.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was started.
        """
        account_id, email = plan.request.account.account_id, plan.new_email
        with self._hold(account_id) as lock:
            parameters = {**_describe(plan), **plan.newest_update.describe()}
            intent = self.ledger.append_intent(
                Action.EMAIL_UPDATE_START, account_id=account_id, parameters=parameters, lock=lock
            )
            with self._refusals_recorded(intent) as failures:
                self.emails.start_email_update(account_id, email, intent)
            if not failures:
                self.ledger.append_outcome(intent, Result.DONE)
                return EmailChangeStep(Result.DONE, f"AWS has sent a one-time password to {email}.")
            is_shown = was_started(parameters, read_update(self.emails, account_id))
            result = {True: Result.DONE, False: Result.FAILED, None: Result.UNKNOWN}[is_shown]
            self.ledger.append_outcome(intent, result, describe_error(failures[0]))
            return EmailChangeStep(result, _START_WORDS[result].format(email=email, why=failures[0].message))

    def accept(self, plan: EmailChangePlan, otp: OneTimePassword) -> EmailChangeStep:
        """Hand the one-time password back, and re-read. One call: account:AcceptPrimaryEmailUpdate, then
        account:GetPrimaryEmail and account:GetPrimaryEmailUpdateStatus.

        ``UNKNOWN`` means that the change isn't proven: AWS may take up to 4 hours to show it.

        :raises OneTimePasswordError: if AWS doesn't take it; nothing was changed.
        :raises AwsError: if AWS refused otherwise; nothing was changed.
        :raises AccountBusyError: if another owner holds the account; nothing was changed.
        :raises WindowConflictError: if the account got a recovery window since the plan.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was changed.
        """
        account_id, email = plan.request.account.account_id, plan.new_email
        with self._hold(account_id) as lock:
            sent_at = self.clock.now()
            intent = self.ledger.append_intent(
                Action.EMAIL_UPDATE_ACCEPT, account_id=account_id, parameters=_describe(plan), lock=lock
            )
            with self._refusals_recorded(intent) as failures:
                self.emails.accept_email_update(account_id, email, otp, intent)
            reread = self._reread(account_id, email)
            found = evaluate_acceptance(reread, email, sent_at, self.clock.now(), was_answered=not failures)
            result = found or Result.UNKNOWN
            details = describe_error(failures[0]) if failures else {}
            self.ledger.append_outcome(intent, result, {**details, **describe_reread(reread)})
            return EmailChangeStep(result, _explain_acceptance(result, plan, reread))

    @contextmanager
    def _hold(self, account_id: AccountId) -> Iterator[AccountLock]:
        with self.locks.hold(account_id, "change of the root e-mail address") as lock:
            require_no_window(self.windows, account_id)
            yield lock

    @contextmanager
    def _refusals_recorded(self, intent: Intent) -> Iterator[list[AwsError]]:
        """Record and raise a clear refusal; hand out the error of a call that may have acted."""
        failures: list[AwsError] = []
        try:
            yield failures
        except AwsUnclearError as error:
            failures.append(error)
        except (AwsError, LockLostError) as error:
            self.ledger.append_outcome(intent, Result.FAILED, describe_error(error))
            raise

    def _reread(self, account_id: AccountId, email: str) -> EmailReread:
        """Again after a pause while the old address is shown."""
        reread = read_again(self.emails, account_id)
        for pause in self.reread_pauses_seconds:
            if reread.shows(email):
                break
            self.clock.sleep(pause)
            reread = read_again(self.emails, account_id)
        return reread


def read_again(emails: PrimaryEmails, account_id: AccountId) -> EmailReread:
    """The address and how far its newest change is, as AWS shows them now; what can't be read is told, not raised."""
    try:
        email = emails.read_primary_email(account_id)
    except AwsError:
        return EmailReread(email=None, update=None)
    return EmailReread(email, read_update(emails, account_id).update)


def describe_reread(reread: EmailReread) -> dict[str, JsonValue]:
    """What the ledger keeps of a re-read."""
    return {
        "email_shown": reread.email,
        "update_status": reread.update.status.value if reread.update else None,
        "was_reread": reread.email is not None,
    }


def _describe(plan: EmailChangePlan) -> dict[str, JsonValue]:
    request = plan.request
    return {
        EMAIL_PARAMETER: plan.new_email,
        "email_before": plan.current_email,
        "reason": request.reason,
        "ticket": request.ticket,
        "overridden": [objection.code for objection in plan.objections],
    }


_START_WORDS = {
    Result.DONE: "AWS gave no clear answer ({why}), and shows that a one-time password was sent to {email}.",
    Result.FAILED: "Nothing was started, as a re-read shows: {why}",
    Result.UNKNOWN: "It isn't known whether AWS has sent a one-time password to {email}: {why} Look into that mailbox.",
}


def _explain_acceptance(result: Result, plan: EmailChangePlan, reread: EmailReread) -> str:
    account_id, email = plan.request.account.account_id, plan.new_email
    if result is Result.DONE:
        return f"The root e-mail address of {account_id} is {email}, as a re-read shows."
    if result is Result.FAILED:
        return f"The root e-mail address of {account_id} wasn't changed to {email}, as a re-read shows."
    shown = f"AWS still shows {reread.email}" if reread.email else "it can't be re-read"
    return (
        f"Not proven yet: the one-time password was handed over, and {shown}. AWS may take up to 4 hours. "
        f"Check with: rootkeeper emails list {account_id}"
    )
