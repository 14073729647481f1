"""Which approvals count: for what, by whom, until when, and how often each counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.access.rules import Permission, ServerRole
from rootkeeper.approvals.rules import (
    ApprovalPolicy,
    ApprovalSubject,
    GivenApproval,
    People,
    list_counting,
    make_subject,
)
from rootkeeper.ledger.rules import ActorKind
from tests.fakes.window_workers import make_person

NOW = datetime(2026, 1, 15, 9, tzinfo=UTC)
ACCOUNT = "222233334444"
SUBJECT = make_subject(Permission.WINDOWS_APPROVE, ACCOUNT, "recovery", 3600)
GIVEN = GivenApproval("bob", ActorKind.SIGNED_IN, SUBJECT, NOW + timedelta(hours=8))


def make_people(**roles: ServerRole) -> People:
    known = {"alice": ServerRole.ADMINISTRATOR, "bob": ServerRole.APPROVER, "carol": ServerRole.APPROVER, **roles}
    return People({name: make_person(name, role) for name, role in known.items()}, ApprovalPolicy(), None, NOW)


PEOPLE = make_people()


def count(*approvals: GivenApproval, people: People = PEOPLE) -> list[str]:
    """The names of the people whose approvals of a request by Alice count."""
    return [approval.approver for approval in list_counting(approvals, SUBJECT, "alice", people, NOW)]


def test_p10_each_person_counts_once_in_the_order_of_their_first_approval_that_counts() -> None:
    carols = replace(GIVEN, approver="carol")
    assert count(replace(GIVEN, used_at=NOW), carols, GIVEN, replace(GIVEN, approver="BOB")) == ["carol", "bob"]


@pytest.mark.parametrize("approver", ["alice", "ALICE"])
def test_p10_the_requester_never_counts(approver: str) -> None:
    assert count(replace(GIVEN, approver=approver)) == []


@pytest.mark.parametrize("kind", [ActorKind.SELF_ASSERTED, ActorKind.SERVER, ActorKind.TOKEN])
def test_p10_an_approver_whom_no_server_authenticated_in_this_way_doesnt_count(kind: ActorKind) -> None:
    assert count(replace(GIVEN, approver_kind=kind)) == []


def test_p10_an_approval_ends_by_time_and_by_use() -> None:
    assert count(replace(GIVEN, expires_at=NOW + timedelta(seconds=1))) == ["bob"]
    assert count(replace(GIVEN, expires_at=NOW)) == []
    assert count(replace(GIVEN, used_at=NOW - timedelta(hours=1))) == []


@pytest.mark.parametrize(
    "subject",
    [
        make_subject(Permission.WINDOWS_EXTEND, ACCOUNT, "recovery", 3600),
        make_subject(Permission.WINDOWS_APPROVE, "999988887777", "recovery", 3600),
        make_subject(Permission.WINDOWS_APPROVE, ACCOUNT, "drill", 3600),
        make_subject(Permission.WINDOWS_APPROVE, ACCOUNT, "recovery", 7200),
        make_subject(Permission.WINDOWS_APPROVE, ACCOUNT, "recovery", "3600"),
        make_subject(Permission.WINDOWS_APPROVE, ACCOUNT, "recovery"),
        make_subject(Permission.WINDOWS_APPROVE, ACCOUNT + "recovery", 3600),
    ],
)
def test_p10_an_approval_counts_for_exactly_its_subject(subject: ApprovalSubject) -> None:
    assert count(replace(GIVEN, subject=subject)) == []


def test_p29_an_approver_who_may_not_approve_today_doesnt_count() -> None:
    assert count(GIVEN, people=make_people(bob=ServerRole.OPERATOR)) == []
    assert count(GIVEN, people=replace(PEOPLE, identities={})) == []
    disabled = replace(make_person("bob", ServerRole.APPROVER), disabled_at=NOW)
    assert count(GIVEN, people=replace(PEOPLE, identities={"bob": disabled})) == []


@given(
    st.lists(
        st.builds(
            GivenApproval,
            approver=st.sampled_from(["alice", "Alice", "bob", "BOB", "carol", "eve"]),
            approver_kind=st.sampled_from(ActorKind),
            subject=st.sampled_from([SUBJECT, make_subject(Permission.ROOT_EMAILS_APPROVE, ACCOUNT)]),
            expires_at=st.sampled_from([NOW, NOW + timedelta(hours=1)]),
            used_at=st.none() | st.just(NOW),
        )
    )
)
def test_p10_whatever_was_given_no_more_people_count_than_may_approve(approvals: list[GivenApproval]) -> None:
    names = [name.casefold() for name in count(*approvals)]
    assert len(names) == len(set(names))
    assert set(names) <= {"bob", "carol"}
