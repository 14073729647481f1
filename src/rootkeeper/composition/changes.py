"""How the change of an orphaned intent is rebuilt, for each action of the ledger."""

from __future__ import annotations

from functools import partial

from rootkeeper.aws.organizations import OrganizationReader
from rootkeeper.aws.primary_emails import PrimaryEmails
from rootkeeper.changes.settlement import RESTORED, RestoreChange, restore_interrupted
from rootkeeper.clock import Clock
from rootkeeper.delivery.rules import DELIVERY_ACTIONS, INTERRUPTED
from rootkeeper.ledger.rules import Action
from rootkeeper.root_emails.changes import restore_email_change
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
        **dict.fromkeys(DELIVERY_ACTIONS, partial(restore_interrupted, text=INTERRUPTED)),
        **dict.fromkeys(POLICY_ACTIONS, lambda entry: restore_policy_change(entry, clock.now())),
        **dict.fromkeys(CHANGES_OF_SETUP, lambda entry: restore_setup_change(entry, reader)),
        **dict.fromkeys(WINDOW_STEPS, lambda entry: restore_step(entry, windows)),
        Action.EMAIL_UPDATE_ACCEPT: lambda entry: restore_email_change(entry, emails, clock.now()),
        Action.EMAIL_UPDATE_START: lambda entry: restore_email_change(entry, emails, clock.now()),
        Action.LOGIN_PROFILE_CREATE: restore_allowance,
    }
    return lambda entry: rules.get(entry.action, restore_interrupted)(entry)
