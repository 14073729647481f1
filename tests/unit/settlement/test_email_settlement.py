"""Changes of root e-mail addresses whose process died: only a re-read settles them."""

from __future__ import annotations

import pytest

from rootkeeper.aws.rules import EmailUpdateStatus
from rootkeeper.changes.settlement import SettledIntent
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue
from tests.fakes.clock import START, FakeClock
from tests.fakes.databases import FakeDatabase
from tests.fakes.operators import Operator
from tests.fakes.organization import FakeOrganization
from tests.fakes.primary_emails import PendingUpdate

ACCOUNT = AccountId("222233334444")
NEW = "aws+shop@example.com"
BEGIN, ACCEPT = Action.EMAIL_UPDATE_START, Action.EMAIL_UPDATE_ACCEPT


@pytest.fixture
def organization() -> FakeOrganization:
    fake = FakeOrganization(FakeClock())
    fake.add_account(ACCOUNT, "workload")
    return fake


def settle(
    organization: FakeOrganization, action: Action, *, hours_later: float = 0, is_older: bool = False
) -> SettledIntent:
    """What becomes of an intent that a dead process left behind.

    :param is_older: whether the change that AWS shows was there before the intent.
    """
    database = FakeDatabase(organization.clock)
    dead, operator = Operator(organization, database), Operator(organization, database)
    before = organization.emails.updates.get(ACCOUNT) if is_older else None
    parameters: dict[str, JsonValue] = {
        "email": NEW,
        "update_before_was_read": True,
        "update_before_at": before.updated_at.isoformat() if before else None,
    }
    dead.ledger.append_intent(action, account_id=ACCOUNT, parameters=parameters)
    dead.die()
    organization.clock.advance(hours_later * 3600)
    (settled,) = operator.settlement.settle().intents
    assert (database.open_intents == []) is (settled.result is not None)
    assert "AssumeRoot" not in organization.operations()
    assert organization.emails.mailboxes == {}
    return settled


def leave_update(organization: FakeOrganization, status: EmailUpdateStatus) -> None:
    organization.emails.updates[ACCOUNT] = PendingUpdate(NEW, "OTP000", START, status)


@pytest.mark.parametrize(
    ("status", "is_older", "result"),
    [
        (None, False, Result.FAILED),
        (EmailUpdateStatus.PENDING, False, Result.DONE),
        (EmailUpdateStatus.COMPLETED, False, Result.DONE),
        (EmailUpdateStatus.PENDING, True, Result.FAILED),
    ],
)
def test_a_start_was_done_if_aws_shows_a_change_that_wasnt_there_before(
    organization: FakeOrganization, status: EmailUpdateStatus | None, result: Result, *, is_older: bool
) -> None:
    if status is not None:
        leave_update(organization, status)
    assert settle(organization, BEGIN, is_older=is_older).result is result


def test_a_start_that_cant_be_read_ends_as_unknown_since_it_changes_nothing(organization: FakeOrganization) -> None:
    organization.fail("GetPrimaryEmailUpdateStatus")
    settled = settle(organization, BEGIN)
    assert settled.result is Result.UNKNOWN
    assert "expires by" in settled.explanation


def test_an_acceptance_was_done_if_the_address_is_shown(organization: FakeOrganization) -> None:
    organization.emails.set_email(ACCOUNT, NEW)
    assert settle(organization, ACCEPT).result is Result.DONE


def test_an_acceptance_whose_change_is_still_pending_was_not_done(organization: FakeOrganization) -> None:
    leave_update(organization, EmailUpdateStatus.PENDING)
    assert settle(organization, ACCEPT).result is Result.FAILED


@pytest.mark.parametrize(("hours", "result"), [(0, None), (3, None), (4, Result.FAILED)])
def test_an_acceptance_that_isnt_shown_stays_open_as_long_as_aws_may_take(
    organization: FakeOrganization, hours: float, result: Result | None
) -> None:
    leave_update(organization, EmailUpdateStatus.ACCEPTED)
    assert settle(organization, ACCEPT, hours_later=hours).result is result


def test_p06_an_acceptance_that_cant_be_re_read_stays_open(organization: FakeOrganization) -> None:
    organization.fail("GetPrimaryEmail")
    settled = settle(organization, ACCEPT, hours_later=99)
    assert settled.result is None
    assert "can't be re-read" in settled.explanation
