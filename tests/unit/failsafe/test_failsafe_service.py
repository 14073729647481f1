"""Checking the failsafes: what is asked of AWS, of the ledger and of the settings; and recording drills."""

from __future__ import annotations

from datetime import timedelta

import pytest

from rootkeeper.errors import AwsUnreachableError, InputError
from rootkeeper.failsafe.rules import CheckVerdict, DrillOutcome
from rootkeeper.failsafe.service import list_failsafes
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import Account
from rootkeeper.policy_language.documents import PolicyKind
from tests.fakes.breakglass_desk import FAILSAFE, MEMBER, BreakGlassDesk, find_check, verdicts_of
from tests.fakes.organization import MANAGEMENT, ORGANIZATION_ROOT
from tests.fakes.policies import DENY_ROOT
from tests.fakes.stores import make_window

PASS, FAIL, UNKNOWN = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN


@pytest.fixture
def desk() -> BreakGlassDesk:
    return BreakGlassDesk()


def test_a_failsafe_in_order_lacks_only_what_no_one_has_recorded(desk: BreakGlassDesk) -> None:
    desk.record_drill()
    found = verdicts_of(desk.check().checks)
    assert {name for name, verdict in found.items() if verdict is not PASS} == {"alarm"}
    assert found["alarm"] is UNKNOWN


def test_it_opens_one_audit_session_in_each_failsafe_and_none_elsewhere(desk: BreakGlassDesk) -> None:
    desk.check()
    organization = desk.desk.organization
    assert [account for operation, account in organization.calls if operation == "AssumeRoot"] == [FAILSAFE]
    assert organization.changing_calls == []
    assert desk.desk.ledger.open_intents == []


def test_policies_are_read_over_the_failsafes_alone(desk: BreakGlassDesk) -> None:
    desk.check()
    assert desk.policies.calls == ["list_policies_over"]


def test_an_scp_that_denies_root_fails_and_is_named(desk: BreakGlassDesk) -> None:
    desk.policies.attach("p-denyroot", DENY_ROOT, ORGANIZATION_ROOT)
    check = find_check(desk.check().checks, "policies", FAILSAFE)
    assert check.verdict is FAIL
    assert "p-denyroot" in check.evidence


def test_policies_that_cannot_be_read_are_unknown(desk: BreakGlassDesk) -> None:
    desk.policies.problems = {PolicyKind.SERVICE_CONTROL: ("needs organizations:ListPolicies",)}
    assert find_check(desk.check().checks, "policies").verdict is UNKNOWN
    desk.policies.error = AwsUnreachableError("No answer came.")
    assert find_check(desk.check().checks, "policies").verdict is UNKNOWN


def test_a_failsafe_whose_session_is_refused_is_unknown_and_never_good(desk: BreakGlassDesk) -> None:
    desk.desk.organization.fail("AssumeRoot")
    found = verdicts_of(desk.check().checks)
    for name in ("password", "mfa_devices", "hardware_mfa", "access_keys", "signing_certificates"):
        assert found[name] is UNKNOWN


def test_no_failsafe_is_a_failure_and_one_that_cannot_be_read_is_unknown(desk: BreakGlassDesk) -> None:
    desk.desk.organization.delegated_administrators.clear()
    (none,) = desk.check().checks
    assert (none.name, none.verdict) == ("failsafe", FAIL)
    assert none.hint == "Register a delegated administrator for IAM."
    desk.desk.organization.fail("ListDelegatedAdministrators")
    (unread,) = desk.check().checks
    assert (unread.name, unread.verdict) == ("failsafe", UNKNOWN)
    assert str(MANAGEMENT) in unread.evidence


def test_an_open_window_is_reported(desk: BreakGlassDesk) -> None:
    desk.desk.windows.add(make_window(FAILSAFE, desk.now))
    assert find_check(desk.check().checks, "recovery_window", FAILSAFE).verdict is FAIL


def find(desk: BreakGlassDesk, account_id: str) -> Account:
    return next(one for one in desk.desk.read_inventory().accounts if one.account_id == account_id)


def test_a_drill_is_recorded_and_found_again(desk: BreakGlassDesk) -> None:
    drill = desk.record_drill(3)
    assert desk.checking.list_drills(desk.desk.read_inventory()) == (drill,)
    (entry,) = [one for one in desk.desk.ledger.entries if one.action is Action.FAILSAFE_DRILL]
    assert entry.account_id == FAILSAFE


@pytest.mark.parametrize("account_id", [FAILSAFE, MANAGEMENT])
def test_drills_are_of_failsafes_and_of_the_management_account(desk: BreakGlassDesk, account_id: str) -> None:
    prepared = desk.drills.prepare(
        desk.desk.read_inventory(),
        find(desk, account_id),
        held_by=" Ana ",
        held_at=desk.now - timedelta(days=1),
        outcome=DrillOutcome.PASSED,
    )
    assert prepared.held_by == "Ana"


def test_a_drill_of_a_member_account_is_refused(desk: BreakGlassDesk) -> None:
    with pytest.raises(InputError, match="neither a failsafe"):
        desk.drills.prepare(
            desk.desk.read_inventory(),
            find(desk, MEMBER),
            held_by="Ana",
            held_at=desk.now,
            outcome=DrillOutcome.PASSED,
        )


def test_the_failsafes_are_the_delegated_administrators(desk: BreakGlassDesk) -> None:
    assert [one.account_id for one in list_failsafes(desk.desk.read_inventory())] == [FAILSAFE]
