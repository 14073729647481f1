"""The report on break-glass: the way in with Identity Center down, and what each caller can't read."""

from __future__ import annotations

import pytest

from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsError, AwsRejectedError, AwsUnreachableError
from rootkeeper.failsafe.breakglass_rules import MANAGEMENT_KINDS
from rootkeeper.failsafe.rules import CheckVerdict
from rootkeeper.organization.statuses import AccessKey
from tests.fakes.breakglass_desk import FAILSAFE, MEMBER, BreakGlassDesk, find_check, make_good_login
from tests.fakes.identities import allow, make_access, make_user
from tests.fakes.organization import MANAGEMENT, ORGANIZATION_ROOT
from tests.fakes.policies import DENY_ROOT
from tests.fakes.root_users import FakeRootUser

PASS, FAIL, UNKNOWN = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN


@pytest.fixture
def desk() -> BreakGlassDesk:
    desk = BreakGlassDesk()
    desk.desk.organization.root_users[MANAGEMENT] = make_good_login(desk.now)
    return desk


def way_in(desk: BreakGlassDesk) -> CheckVerdict:
    return find_check(desk.read().checks, "way_in").verdict


def test_a_failsafes_root_login_and_a_drill_are_a_way_in(desk: BreakGlassDesk) -> None:
    assert way_in(desk) is FAIL
    desk.record_drill(91)
    assert way_in(desk) is FAIL
    desk.record_drill(5)
    assert way_in(desk) is PASS


def test_an_iam_user_with_mfa_is_a_way_in_without_a_failsafe(desk: BreakGlassDesk) -> None:
    desk.record_drill(account_id=MANAGEMENT)
    desk.desk.organization.root_users[FAILSAFE] = FakeRootUser()
    assert way_in(desk) is UNKNOWN
    desk.identities.put(MANAGEMENT, (make_user(MANAGEMENT, "break-glass", allow("*")),))
    desk.identities.access["break-glass"] = make_access(key=True, mfa=())
    assert way_in(desk) is UNKNOWN
    desk.identities.access["break-glass"] = make_access(key=True)
    assert way_in(desk) is PASS


def test_a_drill_of_another_account_shows_nothing_of_the_failsafes_login(desk: BreakGlassDesk) -> None:
    desk.record_drill(account_id=MANAGEMENT)
    checks = desk.read().checks
    assert find_check(checks, "way_in").verdict is FAIL
    assert find_check(checks, "drill").verdict is PASS


def test_identity_center_down_takes_nothing_from_the_way_in(desk: BreakGlassDesk) -> None:
    desk.record_drill()
    desk.identities.errors["list_permission_sets"] = AwsRejectedError("It is down.")
    report = desk.read()
    assert find_check(report.checks, "way_in").verdict is PASS
    assert find_check(report.checks, "permission_sets").verdict is UNKNOWN


def test_an_scp_that_denies_root_closes_the_failsafes_way(desk: BreakGlassDesk) -> None:
    desk.record_drill()
    desk.policies.attach("p-denyroot", DENY_ROOT, ORGANIZATION_ROOT)
    (way,) = desk.read().access_paths
    assert (way.name, way.verdict) == ("root user", FAIL)


def test_an_scp_that_denies_assume_root_in_the_failsafe_closes_it_too(desk: BreakGlassDesk) -> None:
    deny = {"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "sts:*", "Resource": "*"}]}
    desk.policies.attach("p-nosts", deny, FAILSAFE)
    (way,) = desk.read().access_paths
    assert way.verdict is FAIL


def test_a_failsafe_that_was_not_read_is_no_way_in_and_no_failure(desk: BreakGlassDesk) -> None:
    desk.record_drill()
    desk.desk.organization.fail("AssumeRoot")
    assert way_in(desk) is UNKNOWN


def test_where_everything_was_read_and_nothing_is_good_it_fails(desk: BreakGlassDesk) -> None:
    desk.record_drill()
    desk.desk.organization.delegated_administrators.clear()
    assert way_in(desk) is FAIL


def test_the_management_accounts_root_is_held_to_mfa_and_no_key(desk: BreakGlassDesk) -> None:
    key = AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=True, created_at=desk.now, last_used_at=None)
    desk.desk.organization.root_users[MANAGEMENT] = FakeRootUser(access_keys=[key])
    checks = desk.read().checks
    assert find_check(checks, "management_mfa").verdict is FAIL
    assert find_check(checks, "management_access_keys").verdict is FAIL
    assert find_check(checks, "management_signing_certificates").verdict is PASS
    assert find_check(checks, "management_last_use").verdict is PASS


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (AwsAccessDeniedError("no"), f"needs an identity of account {MANAGEMENT} with iam:GenerateCredentialReport"),
        (AwsUnreachableError("No answer came."), "No answer came."),
    ],
)
def test_a_last_use_that_cannot_be_read_is_unknown(desk: BreakGlassDesk, error: AwsError, said: str) -> None:
    desk.identities.errors["read_root_use"] = error
    check = find_check(desk.read().checks, "management_last_use")
    assert check.verdict is UNKNOWN
    assert check.evidence.startswith(said)


@pytest.mark.parametrize("name", MANAGEMENT_KINDS)
def test_a_summary_that_cannot_be_read_is_unknown_and_says_who_could(desk: BreakGlassDesk, name: str) -> None:
    desk.desk.organization.fail("GetAccountSummary", account_id=MANAGEMENT)
    check = find_check(desk.read().checks, name)
    assert check.verdict is UNKNOWN
    assert f"{MANAGEMENT} with iam:GetAccountSummary" in check.evidence


def test_the_end_of_the_callers_own_credentials_ends_the_reading(desk: BreakGlassDesk) -> None:
    desk.identities.errors["read_root_use"] = AwsCredentialsError("They have expired.")
    with pytest.raises(AwsCredentialsError):
        desk.read()


def test_a_caller_in_the_failsafe_is_shown_what_needs_the_management_account(desk: BreakGlassDesk) -> None:
    desk.call_as(FAILSAFE)
    checks = desk.read().checks
    for name in (*MANAGEMENT_KINDS, "management_last_use"):
        management = find_check(checks, name)
        assert (management.verdict, management.evidence) == (UNKNOWN, f"needs an identity of account {MANAGEMENT}")
    assert find_check(checks, "iam_identities", MANAGEMENT).verdict is UNKNOWN
    assert find_check(checks, "iam_identities", FAILSAFE).verdict is PASS
    assert ("read_root_use", "") not in desk.identities.calls


def test_delegates_that_cannot_be_read_are_unknown_and_so_is_the_way_in(desk: BreakGlassDesk) -> None:
    desk.record_drill()
    desk.desk.organization.fail("ListDelegatedAdministrators")
    checks = desk.read().checks
    assert find_check(checks, "delegated_administrators").verdict is UNKNOWN
    assert find_check(checks, "way_in").verdict is UNKNOWN


def test_mailboxes_and_approvers_are_never_known(desk: BreakGlassDesk) -> None:
    checks = desk.read().checks
    assert find_check(checks, "root_mailboxes").verdict is UNKNOWN
    assert find_check(checks, "approvers").verdict is UNKNOWN


def test_mailboxes_are_counted_by_the_last_audit(desk: BreakGlassDesk) -> None:
    desk.desk.organization.root_users[MEMBER] = make_good_login(desk.now)
    assert "2 accounts were never read" in find_check(desk.read().checks, "root_mailboxes").evidence
    desk.desk.audit.run(desk.desk.progress)
    evidence = find_check(desk.read().checks, "root_mailboxes").evidence
    assert "3 of 3 ACTIVE accounts had a root password" in evidence
    assert "1 of these mailboxes are known to be read by a group" in evidence


def test_nothing_is_changed_and_no_session_but_audit_ones_is_opened(desk: BreakGlassDesk) -> None:
    desk.read()
    assert desk.desk.organization.changing_calls == []
    assert [one for one in desk.desk.organization.calls if one[0] == "AssumeRoot"] == [("AssumeRoot", FAILSAFE)]
