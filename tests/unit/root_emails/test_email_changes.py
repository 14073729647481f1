"""Changing a root e-mail address: one intent and one sending for each call, success only after a re-read."""

from __future__ import annotations

import pytest

from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.errors import (
    AccountBusyError,
    AwsAlreadyExistsError,
    AwsNotFoundError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
    LedgerUnavailableError,
    LockLostError,
    OneTimePasswordError,
    WindowConflictError,
)
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.root_emails.records import start_to_record
from rootkeeper.root_emails.service import EmailChangePlan
from tests.fakes.clock import START
from tests.fakes.email_desk import MEMBER, NEW, OTHER, EmailDesk
from tests.fakes.stores import make_window

BEGIN, ACCEPT = Action.EMAIL_UPDATE_START, Action.EMAIL_UPDATE_ACCEPT
WRONG = OneTimePassword("WRONG1")


@pytest.fixture
def desk() -> EmailDesk:
    return EmailDesk()


@pytest.fixture
def plan(desk: EmailDesk) -> EmailChangePlan:
    plan = desk.plan()
    desk.desk.organization.calls.clear()
    return plan


def email(desk: EmailDesk) -> str:
    return desk.desk.organization.accounts[MEMBER].email


def test_a_change_is_started_accepted_and_re_read(desk: EmailDesk, plan: EmailChangePlan) -> None:
    assert desk.changing.start(plan).result is Result.DONE
    accepted = desk.changing.accept(plan, desk.emails.newest_otp(NEW))
    assert accepted.result is Result.DONE
    assert email(desk) == NEW
    assert desk.account_calls() == [
        "StartPrimaryEmailUpdate",
        "GetPrimaryEmailUpdateStatus",
        "AcceptPrimaryEmailUpdate",
        "GetPrimaryEmail",
        "GetPrimaryEmailUpdateStatus",
    ]
    assert desk.ledger.results_of(BEGIN) == desk.ledger.results_of(ACCEPT) == [Result.DONE]


def test_p01_each_call_leaves_after_its_intent(desk: EmailDesk, plan: EmailChangePlan) -> None:
    seen: list[str] = []
    desk.ledger.note = lambda phase, entry: seen.append(f"{phase} {entry.action}")
    desk.desk.organization.before_each_call(lambda operation, _: seen.append(operation))
    desk.changing.start(plan)
    desk.changing.accept(plan, desk.emails.newest_otp(NEW))
    assert seen[:2] == ["intent email_update:start", "StartPrimaryEmailUpdate"]
    assert seen[2:4] == ["GetPrimaryEmailUpdateStatus", "outcome email_update:start"]
    assert seen[4:6] == ["intent email_update:accept", "AcceptPrimaryEmailUpdate"]
    assert seen[-1] == "outcome email_update:accept"


def test_the_ledger_keeps_both_addresses_the_reason_and_what_was_overridden(desk: EmailDesk) -> None:
    plan = desk.plan(address="li@example.net", overrides=True)
    desk.changing.start(plan)
    (intent,) = desk.ledger.intents
    assert intent.account_id == MEMBER
    assert intent.parameters == {
        "email": "li@example.net",
        "email_before": "shop@example.com",
        "reason": "a person left",
        "ticket": None,
        "overridden": ["domain_not_allowed", "not_a_group"],
        "approved_by": [],
        "update_before_was_read": True,
        "update_before_at": None,
    }


def test_p08_the_ledger_and_the_result_never_hold_the_one_time_password(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.changing.start(plan)
    otp = desk.emails.newest_otp(NEW)
    accepted = desk.changing.accept(plan, otp)
    assert otp.value not in repr(desk.ledger.entries)
    assert otp.value not in repr(accepted)


@pytest.mark.parametrize("step", ["start", "accept"])
def test_p02_without_a_ledger_nothing_is_sent(desk: EmailDesk, plan: EmailChangePlan, step: str) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        desk.changing.start(plan) if step == "start" else desk.changing.accept(plan, WRONG)
    assert desk.account_calls() == []


@pytest.mark.parametrize("error", [AwsAlreadyExistsError("in use"), AwsThrottledError("rate")])
def test_a_refused_start_is_recorded_and_raised(desk: EmailDesk, plan: EmailChangePlan, error: Exception) -> None:
    desk.desk.organization.fail("StartPrimaryEmailUpdate", error)
    with pytest.raises(type(error)):
        desk.changing.start(plan)
    assert desk.ledger.results_of(BEGIN) == [Result.FAILED]
    assert desk.account_calls() == ["StartPrimaryEmailUpdate"]


def test_p05_a_start_that_aws_answers_with_success_and_doesnt_show_is_unknown_and_can_be_continued(
    desk: EmailDesk, plan: EmailChangePlan
) -> None:
    desk.desk.organization.lie("StartPrimaryEmailUpdate")
    started = desk.changing.start(plan)
    assert started.result is Result.UNKNOWN
    assert "AWS answered success, but a re-read doesn't show" in started.explanation
    assert f"to {NEW}. Check that mailbox." in started.explanation
    assert desk.account_calls() == ["StartPrimaryEmailUpdate", *["GetPrimaryEmailUpdateStatus"] * 3]
    assert desk.ledger.results_of(BEGIN) == [Result.UNKNOWN]
    assert start_to_record(plan, started)["outcome"] == "started"
    assert desk.plan().started is not None


def test_p06_a_start_that_aws_answers_with_success_and_that_cant_be_re_read_is_unknown(
    desk: EmailDesk, plan: EmailChangePlan
) -> None:
    desk.desk.organization.fail("GetPrimaryEmailUpdateStatus")
    started = desk.changing.start(plan)
    assert started.result is Result.UNKNOWN
    assert "AWS answered success, but a re-read doesn't show" in started.explanation
    assert desk.changing.accept(plan, desk.emails.newest_otp(NEW)).result is Result.DONE


@pytest.mark.parametrize(("acts", "result"), [(True, Result.DONE), (False, Result.FAILED)])
def test_p04_after_an_unreachable_network_a_re_read_decides_on_both_calls(
    desk: EmailDesk, plan: EmailChangePlan, *, acts: bool, result: Result
) -> None:
    organization, away = desk.desk.organization, AwsUnreachableError("no answer")
    interfere = organization.act_then_fail if acts else organization.fail
    interfere("StartPrimaryEmailUpdate", away, times=1)
    assert desk.changing.start(plan).result is result
    if not acts:
        desk.changing.start(plan)
    interfere("AcceptPrimaryEmailUpdate", away, times=1)
    assert desk.changing.accept(plan, desk.emails.newest_otp(NEW)).result is result
    assert len(desk.emails.mailboxes[NEW]) == 1


def test_p04_a_start_whose_answer_is_lost_is_not_sent_again_and_a_re_read_decides(
    desk: EmailDesk, plan: EmailChangePlan
) -> None:
    desk.desk.organization.act_then_fail("StartPrimaryEmailUpdate")
    started = desk.changing.start(plan)
    assert started.result is Result.DONE
    assert desk.account_calls() == ["StartPrimaryEmailUpdate", "GetPrimaryEmailUpdateStatus"]
    assert len(desk.emails.mailboxes[NEW]) == 1


def test_a_start_that_was_cut_off_before_it_acted_is_shown_not_to_be_done(
    desk: EmailDesk, plan: EmailChangePlan
) -> None:
    desk.desk.organization.fail("StartPrimaryEmailUpdate", AwsUnclearError("cut"))
    assert desk.changing.start(plan).result is Result.FAILED


def test_a_start_that_cant_be_re_read_is_unknown_and_can_be_continued(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.desk.organization.act_then_fail("StartPrimaryEmailUpdate")
    desk.desk.organization.fail("GetPrimaryEmailUpdateStatus")
    started = desk.changing.start(plan)
    assert started.result is Result.UNKNOWN
    assert NEW in started.explanation
    continuing = desk.plan()
    assert continuing.started is not None
    assert desk.changing.accept(continuing, desk.emails.newest_otp(NEW)).result is Result.DONE


def test_a_wrong_one_time_password_is_recorded_raised_and_may_be_followed_by_the_right_one(
    desk: EmailDesk, plan: EmailChangePlan
) -> None:
    desk.changing.start(plan)
    with pytest.raises(OneTimePasswordError):
        desk.changing.accept(plan, WRONG)
    assert email(desk) == "shop@example.com"
    assert desk.changing.accept(plan, desk.emails.newest_otp(NEW)).result is Result.DONE
    assert desk.ledger.results_of(ACCEPT) == [Result.FAILED, Result.DONE]


def test_an_address_that_was_taken_meanwhile_is_refused(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.changing.start(plan)
    desk.emails.set_email(OTHER, NEW)
    with pytest.raises(AwsAlreadyExistsError):
        desk.changing.accept(plan, desk.emails.newest_otp(NEW))
    assert desk.ledger.results_of(ACCEPT) == [Result.FAILED]


def test_a_one_time_password_is_void_after_a_day(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.changing.start(plan)
    desk.desk.clock.advance(86_400)
    with pytest.raises(AwsNotFoundError):
        desk.changing.accept(plan, desk.emails.newest_otp(NEW))


def test_p05_an_accepted_change_that_isnt_shown_yet_isnt_proven(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.emails.shows_at_once = False
    desk.changing.start(plan)
    accepted = desk.changing.accept(plan, desk.emails.newest_otp(NEW))
    assert accepted.result is Result.UNKNOWN
    assert "4 hours" in accepted.explanation
    assert "List the root e-mail addresses again later" in accepted.explanation
    assert desk.account_calls().count("GetPrimaryEmail") == 3
    assert desk.ledger.results_of(ACCEPT) == [Result.UNKNOWN]


def test_p05_a_server_that_answers_success_and_changes_nothing_isnt_believed(
    desk: EmailDesk, plan: EmailChangePlan
) -> None:
    desk.changing.start(plan)
    desk.desk.organization.lie("AcceptPrimaryEmailUpdate")
    assert desk.changing.accept(plan, desk.emails.newest_otp(NEW)).result is Result.UNKNOWN


def test_p06_what_cant_be_re_read_is_unknown(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.changing.start(plan)
    desk.desk.organization.fail("GetPrimaryEmail")
    accepted = desk.changing.accept(plan, desk.emails.newest_otp(NEW))
    assert accepted.result is Result.UNKNOWN
    assert "can't be re-read" in accepted.explanation


@pytest.mark.parametrize(("acts", "result"), [(True, Result.DONE), (False, Result.FAILED)])
def test_p04_after_a_lost_answer_the_acceptance_is_not_sent_again_and_a_re_read_decides(
    desk: EmailDesk, plan: EmailChangePlan, *, acts: bool, result: Result
) -> None:
    desk.changing.start(plan)
    if acts:
        desk.desk.organization.act_then_fail("AcceptPrimaryEmailUpdate")
    else:
        desk.desk.organization.fail("AcceptPrimaryEmailUpdate", AwsUnclearError("cut"))
    assert desk.changing.accept(plan, desk.emails.newest_otp(NEW)).result is result
    assert desk.account_calls().count("AcceptPrimaryEmailUpdate") == 1


@pytest.mark.parametrize("step", ["start", "accept"])
def test_a_recovery_window_that_was_opened_meanwhile_stops_the_change(
    desk: EmailDesk, plan: EmailChangePlan, step: str
) -> None:
    if step == "accept":
        desk.changing.start(plan)
    made = desk.account_calls()
    desk.desk.windows.add(make_window(MEMBER, START))
    with pytest.raises(WindowConflictError):
        desk.changing.start(plan) if step == "start" else desk.changing.accept(plan, desk.emails.newest_otp(NEW))
    assert desk.account_calls() == made


def test_p27_an_account_that_another_process_holds_is_left_alone(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.desk.locks.take_over(MEMBER)
    with pytest.raises(AccountBusyError):
        desk.changing.start(plan)
    assert desk.account_calls() == []


def test_p27_between_its_two_calls_a_change_holds_no_lock(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.changing.start(plan)
    assert desk.desk.locks.held == {}


def test_a_call_whose_right_has_run_out_is_recorded_as_not_done(desk: EmailDesk, plan: EmailChangePlan) -> None:
    desk.desk.organization.fail("StartPrimaryEmailUpdate", LockLostError("the lease has run out"))
    with pytest.raises(LockLostError):
        desk.changing.start(plan)
    assert desk.emails.mailboxes == {}
    assert desk.ledger.results_of(BEGIN) == [Result.FAILED]
