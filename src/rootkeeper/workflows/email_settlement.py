"""What a re-read makes of a change of a root e-mail address whose process died: no root session is needed for it."""

from __future__ import annotations

from rootkeeper.domain.email_updates import EMAIL_PARAMETER, ONE_TIME_PASSWORD_LASTS, evaluate_acceptance, was_started
from rootkeeper.domain.ledger import Action, LedgerEntry, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.root_emails import PrimaryEmails
from rootkeeper.workflows.email_change_checks import read_update
from rootkeeper.workflows.email_changes import read_again
from rootkeeper.workflows.settlement_rules import IntentFinding

EMAIL_ACTIONS = frozenset({Action.EMAIL_UPDATE_ACCEPT, Action.EMAIL_UPDATE_START})


def evaluate_email_intent(
    entry: LedgerEntry, account_id: AccountId, emails: PrimaryEmails, clock: Clock
) -> IntentFinding:
    """An intent of a change. One call for a start, two for an acceptance."""
    if entry.action is Action.EMAIL_UPDATE_START:
        return _evaluate_start(entry, account_id, emails)
    reread = read_again(emails, account_id)
    email = str(entry.parameters.get(EMAIL_PARAMETER, ""))
    result = evaluate_acceptance(reread, email, entry.at, clock.now(), was_answered=False)
    if result is Result.DONE:
        return IntentFinding(result, f"The address is {email}, as a re-read shows.")
    if result is Result.FAILED:
        return IntentFinding(result, f"The address wasn't changed to {email}, as a re-read shows.")
    shown = f"AWS still shows {reread.email}" if reread.email else "it can't be re-read"
    return IntentFinding(
        None, f"Whether the address becomes {email} isn't shown yet: {shown}. AWS may take up to 4 hours."
    )


def _evaluate_start(entry: LedgerEntry, account_id: AccountId, emails: PrimaryEmails) -> IntentFinding:
    is_started = was_started(entry.parameters, read_update(emails, account_id))
    if is_started is None:
        void_at = entry.at + ONE_TIME_PASSWORD_LASTS
        return IntentFinding(
            Result.UNKNOWN,
            "Whether a one-time password was sent can't be read; it is void by "
            f"{void_at.isoformat(timespec='seconds')}, and changes nothing until somebody hands it back.",
        )
    if is_started:
        return IntentFinding(
            Result.DONE, "A one-time password was sent, as AWS shows; it changes nothing until handed back."
        )
    return IntentFinding(Result.FAILED, "No one-time password was sent, as AWS shows.")
