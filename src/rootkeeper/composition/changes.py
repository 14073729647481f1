"""How the change of an orphaned intent is rebuilt, for each action of the ledger."""

from __future__ import annotations

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.aws.primary_emails import PrimaryEmails
from rootkeeper.changes.settlement import RESTORED, RestoreChange, make_restorer_of_interrupted
from rootkeeper.clock import Clock
from rootkeeper.delivery.rules import DELIVERY_ACTIONS, INTERRUPTED
from rootkeeper.ledger.rules import Action
from rootkeeper.root_emails.changes import EMAIL_ACTIONS, restore_email_change
from rootkeeper.setup.changes import restore_setup_change
from rootkeeper.setup.rules import CHANGES_OF_SETUP
from rootkeeper.unlock.changes import POLICY_ACTIONS, restore_policy_change
from rootkeeper.windows.changes import WINDOW_STEPS, restore_allowance, restore_step
from rootkeeper.windows.store import RecoveryWindowStore


def make_restorer(
    reader: OrganizationReader, emails: PrimaryEmails, windows: RecoveryWindowStore, clock: Clock
) -> RestoreChange:
    """Return the function that rebuilds an orphan's change. An action without a rule here is only interrupted."""

    rules: dict[Action, RestoreChange] = {
        **RESTORED,
        **dict.fromkeys(DELIVERY_ACTIONS, make_restorer_of_interrupted(INTERRUPTED)),
        **dict.fromkeys(POLICY_ACTIONS, lambda entry, sessions: restore_policy_change(entry, sessions, clock.now())),
        **dict.fromkeys(CHANGES_OF_SETUP, lambda entry, _: restore_setup_change(entry, reader)),
        **dict.fromkeys(WINDOW_STEPS, lambda entry, _: restore_step(entry, windows)),
        **dict.fromkeys(EMAIL_ACTIONS, lambda entry, _: restore_email_change(entry, emails, clock.now())),
        Action.LOGIN_PROFILE_CREATE: restore_allowance,
    }
    interrupted = make_restorer_of_interrupted()
    return lambda entry, sessions: rules.get(entry.action, interrupted)(entry, sessions)
