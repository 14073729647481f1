"""The two changes of a root e-mail address, and the results that a re-read gives: the start, by which AWS sends a
one-time password to the new address, and the acceptance, which returns it.

AWS's answer proves neither. The start is proven by a newer update, the acceptance by the address itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rootkeeper.aws.primary_emails import PrimaryEmails
from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.changes.rules import Answer, Change, Evaluation, ObservedChange, Shown
from rootkeeper.errors import AwsError, Hint, RootkeeperError
from rootkeeper.ledger.rules import Action, Intent, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.root_emails.rules import (
    EMAIL_PARAMETER,
    ONE_TIME_PASSWORD_LASTS,
    EmailReread,
    EmailUpdateSnapshot,
    evaluate_acceptance,
    was_started,
)
from rootkeeper.values import JsonValue


@dataclass(frozen=True, slots=True)
class RecordedEmailChange(ObservedChange[Shown]):
    """A change of an account's root e-mail address, as its intent records it."""

    emails: PrimaryEmails = field(repr=False)
    account_id: AccountId
    described: Mapping[str, JsonValue]
    """The parameters: the new address, the reason, the approvals."""
    sent_at: datetime
    pauses_seconds: tuple[float, ...] = ()

    @property
    def email(self) -> str:
        return str(self.described.get(EMAIL_PARAMETER, ""))


@dataclass(frozen=True, slots=True)
class RecordedStart(RecordedEmailChange[EmailUpdateSnapshot]):
    """The start. Its parameters have AWS's newest update before it, which a re-read is compared with."""

    action = Action.EMAIL_UPDATE_START

    def observe(self) -> EmailUpdateSnapshot:
        return EmailUpdateSnapshot(was_read=True, update=self.emails.find_email_update(self.account_id))

    def evaluate(self, shown: EmailUpdateSnapshot, answer: Answer | None) -> Evaluation:
        is_started = was_started(self.described, shown)
        if answer is None:
            return self._evaluate_orphan(is_started)
        email, error = self.email, answer.error
        if error is None and is_started:
            return Evaluation(Result.DONE, f"AWS sent a one-time password to {email}.")
        if error is None:
            text = f"AWS answered success, but a re-read doesn't show that it sent a one-time password to {email}."
            return Evaluation(Result.UNKNOWN, f"{text} Check that mailbox.", is_settled=is_started is None)
        if is_started:
            text = f"AWS gave no clear answer ({error.message}). A re-read shows that it sent a one-time password to"
            return Evaluation(Result.DONE, f"{text} {email}.")
        if is_started is None:
            text = f"AWS may have sent a one-time password to {email}: {error.message} A re-read doesn't show it."
            return Evaluation(Result.UNKNOWN, f"{text} Check that mailbox.")
        return Evaluation(Result.FAILED, f"A re-read shows that nothing was started: {error.message}", is_settled=False)

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - why isn't used
        return self.evaluate(EmailUpdateSnapshot(was_read=False), answer)

    def _evaluate_orphan(self, is_started: bool | None) -> Evaluation:
        if is_started is None:
            void_at = (self.sent_at + ONE_TIME_PASSWORD_LASTS).isoformat(timespec="seconds")
            text = f"It can't be read whether a one-time password was sent. It expires by {void_at}"
            return Evaluation(Result.UNKNOWN, f"{text} and changes nothing until it is submitted.")
        if is_started:
            text = "AWS shows that a one-time password was sent. It changes nothing until it is submitted."
            return Evaluation(Result.DONE, text)
        return Evaluation(Result.FAILED, "AWS shows that no one-time password was sent.")


@dataclass(frozen=True, slots=True)
class RecordedAcceptance(RecordedEmailChange[EmailReread]):
    """The acceptance. AWS may take hours to show the address, so an old address proves nothing until then."""

    action = Action.EMAIL_UPDATE_ACCEPT
    reread_at: datetime = field(kw_only=True)

    def observe(self) -> EmailReread:
        email = self.emails.read_primary_email(self.account_id)
        return EmailReread(email, read_update(self.emails, self.account_id).update)

    def evaluate(self, shown: EmailReread, answer: Answer | None) -> Evaluation:
        was_answered = answer is not None and answer.is_success
        result = evaluate_acceptance(shown, self.email, self.sent_at, self.reread_at, was_answered=was_answered)
        details: dict[str, JsonValue] = {
            "email_shown": shown.email,
            "update_status": shown.update.status.value if shown.update else None,
            "was_reread": shown.email is not None,
        }
        explain = self._explain_orphan if answer is None else self._explain
        return Evaluation(result, explain(result, shown), is_settled=result is Result.DONE, details=details)

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - why isn't used
        return self.evaluate(EmailReread(email=None, update=None), answer)

    def _explain(self, result: Result | None, shown: EmailReread) -> str:
        if result is Result.DONE:
            return f"A re-read shows that the root e-mail address of {self.account_id} is {self.email}."
        if result is Result.FAILED:
            return f"A re-read shows that the root e-mail address of {self.account_id} wasn't changed to {self.email}."
        found = f"AWS still shows {shown.email}" if shown.email else "the address can't be re-read"
        problem = f"The change isn't proven yet: the one-time password was sent to AWS, and {found}."
        text = f"{problem} AWS may take up to 4 hours. List the root e-mail addresses again later."
        return Hint(text, "emails.check_later", account_id=self.account_id, problem=problem)

    def _explain_orphan(self, result: Result | None, shown: EmailReread) -> str:
        if result is Result.DONE:
            return f"The address is {self.email}, as a re-read shows."
        if result is Result.FAILED:
            return f"The address wasn't changed to {self.email}, as a re-read shows."
        found = f"AWS still shows {shown.email}" if shown.email else "it can't be re-read"
        return f"Whether the address becomes {self.email} isn't shown yet: {found}. AWS may take up to 4 hours."


class EmailUpdateChange(RecordedEmailChange[Shown], Change[Shown]):
    """A change of an account's root e-mail address, to be made."""

    __slots__ = ()

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return self.described


@dataclass(frozen=True, slots=True)
class EmailUpdateStart(RecordedStart, EmailUpdateChange[EmailUpdateSnapshot]):
    """The start, by which AWS sends a one-time password to the new address."""

    def send(self, intent: Intent) -> None:
        self.emails.start_email_update(self.account_id, self.email, intent)


@dataclass(frozen=True, slots=True)
class EmailUpdateAcceptance(RecordedAcceptance, EmailUpdateChange[EmailReread]):
    """The acceptance, by which the one-time password is returned."""

    otp: OneTimePassword = field(kw_only=True, repr=False)

    def send(self, intent: Intent) -> None:
        self.emails.accept_email_update(self.account_id, self.email, self.otp, intent)


EMAIL_ACTIONS = frozenset({Action.EMAIL_UPDATE_ACCEPT, Action.EMAIL_UPDATE_START})


def read_update(emails: PrimaryEmails, account_id: AccountId) -> EmailUpdateSnapshot:
    """Read the newest change; a read failure is part of the result. A single call."""
    try:
        return EmailUpdateSnapshot(was_read=True, update=emails.find_email_update(account_id))
    except AwsError:
        return EmailUpdateSnapshot(was_read=False)


def restore_email_change(entry: LedgerEntry, emails: PrimaryEmails, now: datetime) -> ObservedChange[Any]:
    """Rebuild the change of a dead process from its intent. It is observed once.

    :raises ValueError: if the intent names no account.
    """
    if entry.account_id is None:
        raise ValueError(f"ledger entry {entry.sequence} names no account")
    if entry.action is Action.EMAIL_UPDATE_START:
        return RecordedStart(emails, entry.account_id, entry.parameters, entry.at)
    return RecordedAcceptance(emails, entry.account_id, entry.parameters, entry.at, reread_at=now)
