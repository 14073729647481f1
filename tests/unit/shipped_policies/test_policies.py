"""Policies are made from what the organization says now, and from the recovery windows that are open."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from rootkeeper.errors import AwsAccessDeniedError, DatabaseError, InputError
from rootkeeper.organization.accounts import AccountId, Caller
from rootkeeper.shipped_policies.bundle import PolicyBundleBuilder, PolicyInputs
from rootkeeper.shipped_policies.rules import ShippedRole
from rootkeeper.windows.rules import LONGEST_DURATION, OWING_STATES, RecoveryWindow, WindowState
from tests.fakes.organization import MANAGEMENT, FakeOrganization
from tests.fakes.stores import InMemoryWindows

MEMBER = AccountId("333344445555")
NOW = datetime(2026, 11, 1, tzinfo=UTC)


def make_window(state: WindowState) -> RecoveryWindow:
    return RecoveryWindow(
        window_id="w-1",
        organization_id="o-exampleorgid",
        account_id=MEMBER,
        state=state,
        reason="A drill",
        ticket=None,
        requested_by="ana",
        requested_at=NOW,
        duration_seconds=3600,
        expires_at=NOW + timedelta(hours=1),
    )


class FailingWindows(InMemoryWindows):
    def list_windows(self, *, unfinished_only: bool = False) -> tuple[RecoveryWindow, ...]:
        raise DatabaseError("The database can't be read.")


def test_only_reading_calls_are_made() -> None:
    organization = FakeOrganization()
    PolicyBundleBuilder(organization, InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs())
    assert organization.changing_calls == []
    assert "AssumeRoot" not in organization.operations()


@pytest.mark.parametrize("state", WindowState)
def test_an_account_is_spared_while_a_credential_of_ours_may_be_there(state: WindowState) -> None:
    windows = InMemoryWindows()
    windows.add(make_window(state))
    ground = PolicyBundleBuilder(FakeOrganization(), windows, LONGEST_DURATION).make(PolicyInputs()).ground
    assert ground.open_window_ids == ((MEMBER,) if state in OWING_STATES else ())


def test_delegated_administrators_are_taken_from_the_organization() -> None:
    organization = FakeOrganization()
    organization.delegated_administrators.append(organization.add_account(MEMBER))
    assert (
        PolicyBundleBuilder(organization, InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs()).role_account_id
        == MEMBER
    )


def test_a_caller_from_identity_center_is_detected() -> None:
    organization = FakeOrganization()
    arn = f"arn:aws:sts::{MANAGEMENT}:assumed-role/AWSReservedSSO_Incident_0123456789abcdef/ana@example.com"
    organization.caller = Caller(MANAGEMENT, arn, "aws")
    bundle = PolicyBundleBuilder(organization, InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs())
    for role in ShippedRole:
        sids = [statement["Sid"] for statement in bundle.get_role(role).trust_policy["Statement"]]
        assert sids == ["PeopleOfIdentityCenterByPattern"]


def test_without_permission_it_isnt_known_whether_service_control_policies_are_enabled() -> None:
    organization = FakeOrganization()
    organization.fail("ListRoots")
    bundle = PolicyBundleBuilder(organization, InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs())
    assert bundle.ground.service_control_policies is None
    assert not bundle.ground.has_scp


def test_sessions_are_as_long_as_the_longest_window_of_the_settings() -> None:
    bundle = PolicyBundleBuilder(FakeOrganization(), InMemoryWindows(), timedelta(hours=2)).make(PolicyInputs())
    assert bundle.get_role(ShippedRole.RECOVER).max_session_seconds == 8_100


def test_the_management_account_houses_the_roles_where_no_one_is_delegated() -> None:
    bundle = PolicyBundleBuilder(FakeOrganization(), InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs())
    assert bundle.role_account_id == MANAGEMENT


def test_delegated_administrators_that_cant_be_read_are_an_error_and_no_guess() -> None:
    organization = FakeOrganization()
    organization.fail("ListDelegatedAdministrators")
    with pytest.raises(InputError, match="can't exempt the failsafe"):
        PolicyBundleBuilder(organization, InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs())


def test_an_organization_that_cant_be_read_is_an_error() -> None:
    organization = FakeOrganization()
    organization.fail("DescribeOrganization")
    with pytest.raises(AwsAccessDeniedError):
        PolicyBundleBuilder(organization, InMemoryWindows(), LONGEST_DURATION).make(PolicyInputs())


def test_windows_that_cant_be_read_are_an_error_since_none_would_be_spared() -> None:
    with pytest.raises(DatabaseError):
        PolicyBundleBuilder(FakeOrganization(), FailingWindows(), LONGEST_DURATION).make(PolicyInputs())
