"""Changes of a root e-mail address, rebuilt from the intents of dead processes."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.aws.rules import EmailUpdateStatus
from rootkeeper.changes.rules import Change, Evaluation
from rootkeeper.changes.runner import ChangeRunner
from rootkeeper.errors import AwsUnreachableError
from rootkeeper.ledger.rules import Action, LedgerEntry, Result
from rootkeeper.root_emails.changes import RecordedEmailChange, restore_email_change
from rootkeeper.values import JsonValue
from tests.fakes.clock import START
from tests.fakes.email_desk import MEMBER, NEW, EmailDesk
from tests.fakes.primary_emails import PendingUpdate

BEGIN, ACCEPT = Action.EMAIL_UPDATE_START, Action.EMAIL_UPDATE_ACCEPT


@pytest.fixture
def desk() -> EmailDesk:
    return EmailDesk()


def leave(desk: EmailDesk, action: Action) -> LedgerEntry:
    """Leave the intent of a process that died."""
    parameters: dict[str, JsonValue] = {"email": NEW, "update_before_was_read": True, "update_before_at": None}
    desk.ledger.append_intent(action, account_id=MEMBER, parameters=parameters)
    return desk.ledger.entries[-1]


def watch(desk: EmailDesk, action: Action, hours_later: int = 0) -> Evaluation:
    entry = leave(desk, action)
    change = restore_email_change(entry, desk.emails, entry.at + timedelta(hours=hours_later))
    assert isinstance(change, RecordedEmailChange)
    assert (change.action, change.account_id, change.described) == (action, MEMBER, entry.parameters)
    return ChangeRunner(desk.ledger, desk.desk.clock).watch(change, None).evaluation


@pytest.mark.parametrize(
    ("is_shown", "result", "explanation"),
    [
        (
            True,
            Result.DONE,
            "AWS shows that a one-time password was sent. It changes nothing until it is submitted.",
        ),
        (False, Result.FAILED, "AWS shows that no one-time password was sent."),
    ],
)
def test_a_start_is_decided_by_one_reading(
    desk: EmailDesk, result: Result, explanation: str, *, is_shown: bool
) -> None:
    if is_shown:
        desk.emails.updates[MEMBER] = PendingUpdate(NEW, "OTP000", START)
    found = watch(desk, BEGIN)
    assert (found.result, found.explanation) == (result, explanation)
    assert desk.account_calls() == ["GetPrimaryEmailUpdateStatus"]


def test_p06_a_start_that_cant_be_read_is_unknown(desk: EmailDesk) -> None:
    desk.desk.organization.fail("GetPrimaryEmailUpdateStatus", AwsUnreachableError("no answer"))
    found = watch(desk, BEGIN)
    void_at = (START + timedelta(hours=24)).isoformat(timespec="seconds")
    assert found.result is Result.UNKNOWN
    assert found.explanation == (
        f"It can't be read whether a one-time password was sent. It expires by {void_at} and changes nothing until it "
        "is submitted."
    )


@pytest.mark.parametrize(
    ("status", "hours", "result"),
    [
        (EmailUpdateStatus.PENDING, 0, Result.FAILED),
        (EmailUpdateStatus.ACCEPTED, 0, None),
        (EmailUpdateStatus.ACCEPTED, 4, Result.FAILED),
    ],
)
def test_an_acceptance_that_isnt_shown_stays_open_until_aws_must_show_it(
    desk: EmailDesk, status: EmailUpdateStatus, hours: int, result: Result | None
) -> None:
    desk.emails.updates[MEMBER] = PendingUpdate(NEW, "OTP000", START, status)
    found = watch(desk, ACCEPT, hours)
    explanations = {
        None: f"Whether the address becomes {NEW} isn't shown yet: AWS still shows shop@example.com. AWS may take up "
        "to 4 hours.",
        Result.FAILED: f"The address wasn't changed to {NEW}, as a re-read shows.",
    }
    assert (found.result, found.explanation) == (result, explanations[result])
    assert desk.account_calls() == ["GetPrimaryEmail", "GetPrimaryEmailUpdateStatus"]


def test_an_acceptance_is_done_once_the_address_is_shown(desk: EmailDesk) -> None:
    desk.emails.set_email(MEMBER, NEW.upper())
    found = watch(desk, ACCEPT)
    assert (found.result, found.explanation) == (Result.DONE, f"The address is {NEW}, as a re-read shows.")


def test_p06_an_acceptance_that_cant_be_read_stays_open(desk: EmailDesk) -> None:
    desk.desk.organization.fail("GetPrimaryEmail")
    found = watch(desk, ACCEPT, hours_later=99)
    assert found.result is None
    assert "isn't shown yet: it can't be re-read." in found.explanation


@pytest.mark.parametrize("action", [BEGIN, ACCEPT])
def test_p04_a_change_of_a_dead_process_can_only_be_observed(desk: EmailDesk, action: Action) -> None:
    assert not isinstance(restore_email_change(leave(desk, action), desk.emails, START), Change)
