"""Approvals of a change of a root e-mail address on a server."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.access.rules import ServerRole
from rootkeeper.approvals.rules import NameRule
from rootkeeper.aws.rules import OneTimePassword
from rootkeeper.errors import ApprovalRefusedError, InputError, OneTimePasswordError, PermissionDeniedError
from rootkeeper.ledger.rules import Action, ActorKind, Result
from rootkeeper.root_emails.statements import EmailApprovalService, list_unused
from tests.fakes.email_desk import MEMBER, NEW, OTHER, EmailDesk


@pytest.fixture
def desk() -> EmailDesk:
    """Olga, an operator who is signed in to a server, with one approval needed."""
    desk = EmailDesk()
    desk.actor = desk.sign_in("olga")
    return desk


def test_a_command_line_without_a_server_needs_no_approval_and_is_unapproved() -> None:
    plan = EmailDesk().plan()
    assert plan.approved_by == ()
    assert "unapproved" in plan.remarks[0]


def test_another_persons_approval_allows_the_change_and_is_in_the_ledger(desk: EmailDesk) -> None:
    desk.approve()
    plan = desk.plan()
    assert plan.approved_by == ("amir",)
    assert plan.remarks == ("Approved by amir.",)
    desk.changing.start(plan)
    started = next(one for one in desk.ledger.entries if one.action is Action.EMAIL_UPDATE_START)
    assert started.parameters["approved_by"] == ["amir"]


def approve_nothing(desk: EmailDesk) -> None:
    """The request alone."""


def approve_oneself(desk: EmailDesk) -> None:
    desk.approve("olga", role=ServerRole.ADMINISTRATOR)


def approve_oneself_in_capitals(desk: EmailDesk) -> None:
    desk.approve("olga", role=ServerRole.ADMINISTRATOR)
    desk.ledger.entries[-1] = replace(desk.ledger.entries[-1], actor=replace(desk.actor, name="OLGA"))


def approve_another_address(desk: EmailDesk) -> None:
    desk.approve(address="aws+other@example.com")


def approve_another_account(desk: EmailDesk) -> None:
    desk.approve(account_id=OTHER)


def approve_long_ago(desk: EmailDesk) -> None:
    desk.approve()
    desk.desk.clock.advance(desk.policy.approval_valid.total_seconds())


def approve_and_lose_the_role(desk: EmailDesk) -> None:
    desk.approve()
    desk.sign_in("amir", ServerRole.AUDITOR)


def approve_and_be_disabled(desk: EmailDesk) -> None:
    desk.approve()
    desk.people["amir"] = replace(desk.people["amir"], disabled_at=desk.desk.clock.now())


def approve_without_a_server(desk: EmailDesk) -> None:
    desk.approve()
    entry = desk.ledger.entries[-1]
    desk.ledger.entries[-1] = replace(entry, actor=replace(entry.actor, kind=ActorKind.SELF_ASSERTED))


def approve_elsewhere(desk: EmailDesk) -> None:
    desk.approve()
    desk.ledger.entries[-1] = replace(desk.ledger.entries[-1], endpoint="SANDBOX 127.0.0.1:1")


def approve_and_lose_the_unit(desk: EmailDesk) -> None:
    desk.approve()
    desk.policy = replace(desk.policy, approvers=(NameRule("amir", "Root/Elsewhere"),))


NOT_COUNTING: list[Callable[[EmailDesk], None]] = [
    approve_nothing,
    approve_oneself,
    approve_oneself_in_capitals,
    approve_another_address,
    approve_another_account,
    approve_long_ago,
    approve_and_lose_the_role,
    approve_and_be_disabled,
    approve_without_a_server,
    approve_elsewhere,
    approve_and_lose_the_unit,
]


@pytest.mark.parametrize("approve", NOT_COUNTING, ids=[one.__name__ for one in NOT_COUNTING])
def test_p10_what_doesnt_count_allows_nothing_and_asks_aws_nothing(
    desk: EmailDesk, approve: Callable[[EmailDesk], None]
) -> None:
    approve(desk)
    with pytest.raises(ApprovalRefusedError, match="has 0 approvals that count; it needs 1"):
        desk.plan()
    assert desk.account_calls() == []


def test_p10_two_approvals_come_from_two_people(desk: EmailDesk) -> None:
    desk.policy = replace(desk.policy, approvals=2)
    desk.approve()
    desk.approve()
    with pytest.raises(ApprovalRefusedError, match="has 1 approvals that count; it needs 2"):
        desk.plan()
    desk.approve("nina")
    assert desk.plan().approved_by == ("amir", "nina")


def test_settings_without_approvals_allow_the_change_as_unapproved(desk: EmailDesk) -> None:
    desk.policy = replace(desk.policy, approvals=0)
    assert "unapproved" in desk.plan().remarks[0]


def test_an_approval_counts_regardless_of_the_case_of_the_address(desk: EmailDesk) -> None:
    desk.approve(address=NEW.upper())
    assert desk.plan().approved_by == ("amir",)


def test_p10_a_change_uses_its_approval_up(desk: EmailDesk) -> None:
    desk.approve()
    desk.changing.start(desk.plan())
    accepted = desk.changing.accept(desk.plan(), desk.emails.newest_otp(NEW))
    assert accepted.result is Result.DONE
    desk.emails.set_email(MEMBER, "shop@example.com")
    with pytest.raises(ApprovalRefusedError):
        desk.plan()


def test_a_wrong_one_time_password_leaves_the_approval(desk: EmailDesk) -> None:
    desk.approve()
    desk.changing.start(desk.plan())
    with pytest.raises(OneTimePasswordError):
        desk.changing.accept(desk.plan(), OneTimePassword("ZZZZZZ"))
    assert desk.changing.accept(desk.plan(), desk.emails.newest_otp(NEW)).result is Result.DONE


@pytest.mark.parametrize("result", [None, Result.UNKNOWN, Result.DONE])
def test_p10_an_acceptance_that_may_have_acted_uses_every_approval_of_the_account_up(
    desk: EmailDesk, result: Result | None
) -> None:
    desk.approve()
    desk.approve("nina", address="aws+other@example.com")
    intent = desk.ledger.append_intent(Action.EMAIL_UPDATE_ACCEPT, account_id=MEMBER)
    if result is not None:
        desk.ledger.append_outcome(intent, result)
    assert list_unused(desk.ledger.entries) == ()
    desk.approve()
    assert [one.actor.name for one in list_unused(desk.ledger.entries)] == ["amir"]


def test_p29_an_approval_that_is_lost_after_the_start_stops_the_acceptance(desk: EmailDesk) -> None:
    desk.approve()
    desk.changing.start(desk.plan())
    approve_and_be_disabled(desk)
    with pytest.raises(ApprovalRefusedError):
        desk.plan()
    assert desk.desk.organization.accounts[MEMBER].email == "shop@example.com"


def test_p12_who_may_not_request_a_recovery_may_not_change_the_address(desk: EmailDesk) -> None:
    desk.approve()
    desk.policy = replace(desk.policy, requesters=(NameRule("oscar"),))
    with pytest.raises(PermissionDeniedError, match="olga may not request recovery windows"):
        desk.plan()


def test_p12_who_may_not_approve_a_recovery_approves_no_address(desk: EmailDesk) -> None:
    desk.policy = replace(desk.policy, approvers=(NameRule("nina"),))
    with pytest.raises(PermissionDeniedError):
        desk.approve()
    assert desk.ledger.entries == []


@pytest.mark.parametrize(
    ("address", "reason"),
    [("unknown", "x"), (f"{'a' * 60}@example.com", "x"), (NEW, " ")],
    ids=["no", "long", "reason"],
)
def test_an_approval_that_can_never_count_isnt_recorded(desk: EmailDesk, address: str, reason: str) -> None:
    approving = EmailApprovalService(desk.act(desk.sign_in("amir", ServerRole.APPROVER)), desk.policy)
    with pytest.raises(InputError):
        approving.approve(desk.desk.organization.accounts[MEMBER], address, reason)
    assert desk.ledger.entries == []


def test_an_approval_is_valid_as_long_as_one_of_a_window(desk: EmailDesk) -> None:
    desk.policy = replace(desk.policy, approval_valid=timedelta(hours=1))
    desk.approve()
    desk.desk.clock.advance(3599)
    assert desk.plan().approved_by == ("amir",)
    desk.desk.clock.advance(1)
    with pytest.raises(ApprovalRefusedError):
        desk.plan()
