"""Which steps of the set-up are satisfied by what was read."""

from __future__ import annotations

import pytest

from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId, Feature, Setup
from rootkeeper.setup.changes import SetupStep, find_satisfied

DELEGATE = AccountId("222233334444")
SESSIONS = Feature.ROOT_SESSIONS
ON = Setup(True, frozenset({SESSIONS}), (DELEGATE,))
OFF = Setup(False, frozenset(), ())
UNREAD = Setup(None, None, None)


@pytest.mark.parametrize(
    ("step", "when_on"),
    [
        (SetupStep(Action.TRUSTED_ACCESS_ENABLE), True),
        (SetupStep(Action.TRUSTED_ACCESS_DISABLE), False),
        (SetupStep(Action.FEATURE_ENABLE, feature=SESSIONS), True),
        (SetupStep(Action.FEATURE_DISABLE, feature=SESSIONS), False),
        (SetupStep(Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id=DELEGATE), True),
        (SetupStep(Action.DELEGATED_ADMINISTRATOR_DEREGISTER, account_id=DELEGATE), False),
    ],
)
def test_a_step_is_satisfied_by_what_was_read_and_unknown_by_what_was_not(step: SetupStep, when_on: bool) -> None:
    assert find_satisfied(step, ON) is when_on
    assert find_satisfied(step, OFF) is not when_on
    assert find_satisfied(step, UNREAD) is None


@pytest.mark.parametrize(
    ("step", "title"),
    [
        (SetupStep(Action.FEATURE_ENABLE, feature=SESSIONS), "Enable the feature RootSessions"),
        (
            SetupStep(Action.DELEGATED_ADMINISTRATOR_REGISTER, account_id=DELEGATE),
            "Register 222233334444 as delegated administrator",
        ),
        (SetupStep(Action.TRUSTED_ACCESS_DISABLE), "Disable trusted access for iam.amazonaws.com"),
    ],
)
def test_a_step_says_what_it_does(step: SetupStep, title: str) -> None:
    assert step.title == title
    assert step.satisfied_title != title
