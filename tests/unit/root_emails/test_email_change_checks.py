"""What is checked before a root e-mail address is changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.aws.rules import EmailUpdateStatus
from rootkeeper.cli.hints import render_hint
from rootkeeper.errors import AwsAccessDeniedError, InputError, RootkeeperError, TargetRefusedError, WindowConflictError
from rootkeeper.exceptions.rules import DeletionException
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.organization.accounts import AccountId, AccountState, Caller
from rootkeeper.root_emails.rules import EmailChangeRequest, parse_rules
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import START
from tests.fakes.email_desk import FAILSAFE, MEMBER, NEW, OTHER, EmailDesk
from tests.fakes.organization import MANAGEMENT
from tests.fakes.primary_emails import PendingUpdate
from tests.fakes.stores import make_window


@pytest.fixture
def desk() -> EmailDesk:
    return EmailDesk()


def except_from_deletion(desk: EmailDesk) -> None:
    desk.desk.exceptions.add(DeletionException(MEMBER, "billing", "invoices", START + timedelta(days=1), "op", START))


def leave_start(desk: EmailDesk, email: str = NEW, result: Result | None = Result.DONE) -> None:
    """What an earlier command has recorded."""
    intent = desk.ledger.append_intent(Action.EMAIL_UPDATE_START, account_id=MEMBER, parameters={"email": email})
    if result is not None:
        desk.ledger.append_outcome(intent, result)


def test_a_change_is_planned_with_two_reading_calls_and_nothing_is_recorded(desk: EmailDesk) -> None:
    plan = desk.plan()
    assert (plan.current_email, plan.request.address) == ("shop@example.com", NEW)
    assert (plan.started, plan.objections, plan.is_unneeded) == (None, (), False)
    assert desk.account_calls() == ["GetPrimaryEmail", "GetPrimaryEmailUpdateStatus"]
    assert desk.ledger.entries == []
    assert any("unapproved" in remark for remark in plan.remarks)


def test_the_address_that_the_account_has_already_needs_no_change(desk: EmailDesk) -> None:
    desk.emails.set_email(MEMBER, NEW)
    assert desk.plan(address=NEW.upper()).is_unneeded


def close_member(desk: EmailDesk) -> None:
    desk.desk.organization.change_state(MEMBER, AccountState.PENDING_CLOSURE)


def move_to_govcloud(desk: EmailDesk) -> None:
    organization = desk.desk.organization
    organization.organization = replace(organization.organization, partition="aws-us-gov")


def call_from_the_member(desk: EmailDesk) -> None:
    desk.desk.organization.caller = Caller(MEMBER, f"arn:aws:iam::{MEMBER}:user/operator", "aws")


def open_window(desk: EmailDesk) -> None:
    desk.desk.windows.add(make_window(MEMBER, START, WindowState.REQUESTED))


def give_away(desk: EmailDesk) -> None:
    desk.emails.set_email(OTHER, NEW.upper())


REFUSALS: list[tuple[Callable[[EmailDesk], None], type[RootkeeperError], str]] = [
    (close_member, TargetRefusedError, "PENDING_CLOSURE"),
    (move_to_govcloud, TargetRefusedError, "aws-us-gov"),
    (call_from_the_member, TargetRefusedError, "caller's own"),
    (open_window, WindowConflictError, "REQUESTED"),
    (give_away, InputError, OTHER),
    (except_from_deletion, InputError, "invoices"),
]


@pytest.mark.parametrize(("hinder", "error", "named"), REFUSALS, ids=[one[0].__name__ for one in REFUSALS])
def test_p12_what_blocks_a_change_is_named_before_any_call_about_the_account(
    desk: EmailDesk, hinder: Callable[[EmailDesk], None], error: type[RootkeeperError], named: str
) -> None:
    hinder(desk)
    with pytest.raises(error) as raised:
        desk.plan()
    assert named in raised.value.message
    assert raised.value.hint
    assert desk.account_calls() == []


def test_p12_the_management_account_is_refused(desk: EmailDesk) -> None:
    with pytest.raises(TargetRefusedError, match="management account"):
        desk.plan(MANAGEMENT)


def test_p12_an_account_of_another_organization_is_refused(desk: EmailDesk) -> None:
    foreign = replace(desk.desk.organization.accounts[MEMBER], account_id=AccountId("999999999999"))
    with pytest.raises(TargetRefusedError, match="isn't an account of the organization"):
        desk.planning.plan(desk.inventory, foreign, EmailChangeRequest(NEW, "a person left"))


@pytest.mark.parametrize("address", ["unknown", "a b@example.com", f"{'a' * 60}@example.com", ""])
def test_an_address_that_aws_wouldnt_take_is_refused_even_when_overridden(desk: EmailDesk, address: str) -> None:
    with pytest.raises(InputError):
        desk.plan(address=address, overrides=True)


def test_a_change_needs_a_reason(desk: EmailDesk) -> None:
    with pytest.raises(InputError, match="reason"):
        desk.plan(reason="  ")


@pytest.mark.parametrize(
    ("address", "codes"),
    [
        ("aws@example.net", ["domain_not_allowed", "not_a_group"]),
        ("li@example.com", ["not_a_group"]),
        ("aws+1@example.com", ["pattern_not_matched"]),
    ],
)
def test_an_address_against_the_rules_is_refused_unless_overridden(
    desk: EmailDesk, address: str, codes: list[str]
) -> None:
    ruled = replace(desk, rules=parse_rules(["example.com"], r"[^1]+", ["aws@example.com"]))
    with pytest.raises(InputError) as raised:
        ruled.plan(address=address)
    hint = render_hint(raised.value.hint) or ""
    assert "--override" in hint
    assert (f"emails attest {address} " in hint) is ("not_a_group" in codes)
    assert [one.code for one in ruled.plan(address=address, overrides=True).objections] == codes


def test_an_exception_from_deletion_is_an_objection_that_can_be_overridden(desk: EmailDesk) -> None:
    except_from_deletion(desk)
    (objection,) = desk.plan(overrides=True).objections
    assert objection.code == "exception"
    assert "billing" in objection.explanation


def test_who_cant_read_the_address_couldnt_prove_a_change(desk: EmailDesk) -> None:
    desk.emails.trusted_access = False
    with pytest.raises(AwsAccessDeniedError):
        desk.plan()


def test_p12_a_failsafe_is_refused_unless_overridden(desk: EmailDesk) -> None:
    desk.desk.organization.delegated_administrators.append(FAILSAFE)
    with pytest.raises(InputError, match="is a failsafe") as raised:
        desk.plan(FAILSAFE, "aws+security@example.com")
    assert "another address" not in (render_hint(raised.value.hint) or "")
    assert "Override" in (raised.value.hint or "")
    assert desk.account_calls() == []
    (objection,) = desk.plan(FAILSAFE, "aws+security@example.com", overrides=True).objections
    assert objection.code == "failsafe"


def test_p12_an_account_that_may_be_a_failsafe_is_refused_unless_overridden(desk: EmailDesk) -> None:
    inventory = replace(desk.inventory, delegated_administrator_ids=None)
    with pytest.raises(InputError, match="may be a failsafe"):
        desk.plan(inventory=inventory)
    (objection,) = desk.plan(overrides=True, inventory=inventory).objections
    assert objection.code == "failsafe_unknown"


@pytest.mark.parametrize("result", [Result.DONE, Result.UNKNOWN])
def test_an_open_start_to_the_same_address_is_continued(desk: EmailDesk, result: Result) -> None:
    leave_start(desk, NEW.upper(), result)
    plan = desk.plan()
    assert plan.started is not None
    assert any("--restart" in (render_hint(remark) or "") for remark in plan.remarks)
    assert any("unless you restart the change" in remark for remark in plan.remarks)


def test_a_start_to_another_address_a_refused_an_old_or_an_unwanted_one_isnt_continued(desk: EmailDesk) -> None:
    leave_start(desk, "aws+other@example.com")
    assert desk.plan().started is None
    leave_start(desk, NEW, Result.FAILED)
    assert desk.plan().started is None
    leave_start(desk)
    assert desk.plan(restarts=True).started is None
    desk.desk.clock.advance(86_400)
    assert desk.plan().started is None


@pytest.mark.parametrize(
    ("status", "hours", "continues"),
    [
        (EmailUpdateStatus.PENDING, 0, True),
        (EmailUpdateStatus.ACCEPTED, 0, True),
        (EmailUpdateStatus.FAILED, 1, False),
        (EmailUpdateStatus.PENDING, -5, False),
    ],
)
def test_aws_own_word_shows_whether_the_one_time_password_is_still_awaited(
    desk: EmailDesk, status: EmailUpdateStatus, hours: int, *, continues: bool
) -> None:
    leave_start(desk)
    desk.emails.updates[MEMBER] = PendingUpdate(NEW, "OTP000", START + timedelta(hours=hours), status)
    assert (desk.plan().started is not None) is continues


def test_another_change_that_is_pending_is_remarked(desk: EmailDesk) -> None:
    desk.emails.updates[MEMBER] = PendingUpdate("other@example.com", "OTP000", START)
    assert any("another pending change" in remark for remark in desk.plan().remarks)


def test_where_aws_doesnt_tell_how_far_a_change_is_the_ledger_decides(desk: EmailDesk) -> None:
    leave_start(desk)
    desk.desk.organization.fail("GetPrimaryEmailUpdateStatus")
    assert desk.plan().started is not None
