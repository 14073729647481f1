"""``--consistency aws``: STS continues for a while with what was, IAM and the control interface don't.

Source: aws-facts B8, the moments observed there.
"""

from __future__ import annotations

from contextlib import suppress

import pytest

from rootkeeper_sandbox.exchange import ServiceError
from rootkeeper_sandbox.state.organization import PROPAGATION_DELAYS
from tests.sandbox.calling import SECURITY_ACCOUNT_ID, Stage

MEMBER = "888899990000"
AUDIT, UNLOCK = "IAMAuditRootUserCredentials", "S3UnlockBucketPolicy"
IAM = {"ServicePrincipal": "iam.amazonaws.com"}
CREDENTIALS = "RootCredentialsManagement"


def make_stage(consistency: str = "aws") -> Stage:
    stage = Stage()
    stage.world.organization.eligibility.propagation_delays = PROPAGATION_DELAYS[consistency]
    stage.switch_on(CREDENTIALS)
    stage.advance(3600)
    return stage


def is_allowed(stage: Stage, caller: str = "management-admin", task: str = AUDIT) -> bool:
    with suppress(ServiceError):
        return bool(stage.root_session(MEMBER, task, caller))
    return False


def walk(stage: Stage, moments: list[int], caller: str = "management-admin") -> list[bool]:
    """Try at moments after now, in seconds."""
    found, before = [], 0
    for moment in moments:
        stage.advance(moment - before)
        before = moment
        found.append(is_allowed(stage, caller))
    return found


def deregister(stage: Stage) -> None:
    stage.call(
        "management-admin", "organizations", "DeregisterDelegatedAdministrator", AccountId=SECURITY_ACCOUNT_ID, **IAM
    )


def test_a_delegate_that_is_deregistered_is_denied_allowed_and_denied() -> None:
    stage = make_stage()
    stage.delegate(SECURITY_ACCOUNT_ID)
    assert is_allowed(stage, "delegated-admin")
    deregister(stage)
    assert walk(stage, [0, 15, 60, 180], "delegated-admin") == [False, True, False, False]
    assert is_allowed(stage)


def test_trust_that_is_withdrawn_is_believed_in_for_a_while() -> None:
    stage = make_stage()
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **IAM)
    assert walk(stage, [0, 15, 60, 180]) == [True, True, True, False]


def test_trust_that_comes_back_counts_at_once() -> None:
    stage = make_stage()
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **IAM)
    stage.advance(180)
    stage.call("management-admin", "organizations", "EnableAWSServiceAccess", **IAM)
    assert is_allowed(stage)


def test_a_delegate_that_comes_back_counts_at_once() -> None:
    stage = make_stage()
    stage.delegate(SECURITY_ACCOUNT_ID)
    deregister(stage)
    assert not is_allowed(stage, "delegated-admin")
    stage.delegate(SECURITY_ACCOUNT_ID)
    assert is_allowed(stage, "delegated-admin")


def test_a_feature_takes_a_second_in_both_directions() -> None:
    stage = make_stage()
    stage.call("management-admin", "iam", "DisableOrganizationsRootCredentialsManagement")
    assert walk(stage, [0, 1, 2]) == [True, False, False]
    stage.call("management-admin", "iam", "EnableOrganizationsRootCredentialsManagement")
    assert walk(stage, [0, 1, 2]) == [False, True, True]
    stage.call("management-admin", "iam", "EnableOrganizationsRootCredentialsManagement")
    assert is_allowed(stage)


@pytest.mark.parametrize("feature", [CREDENTIALS, "RootSessions"])
def test_iam_itself_knows_everything_at_once(feature: str) -> None:
    stage = make_stage()
    stage.delegate(SECURITY_ACCOUNT_ID)
    answer = stage.call("management-admin", "iam", f"EnableOrganizations{feature}")
    assert feature in answer["EnabledFeatures"]
    deregister(stage)
    with pytest.raises(ServiceError, match="AccountNotManagementOrDelegatedAdministratorException"):
        stage.call("delegated-admin", "iam", "ListOrganizationsFeatures")
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **IAM)
    with pytest.raises(ServiceError, match="ServiceAccessNotEnabledException"):
        stage.call("management-admin", "iam", "ListOrganizationsFeatures")


def test_without_it_everything_counts_at_once() -> None:
    stage = make_stage("immediate")
    stage.delegate(SECURITY_ACCOUNT_ID)
    deregister(stage)
    assert walk(stage, [0, 15, 60], "delegated-admin") == [False, False, False]
    stage.call("management-admin", "iam", "DisableOrganizationsRootCredentialsManagement")
    assert not is_allowed(stage)
    stage.call("management-admin", "iam", "EnableOrganizationsRootCredentialsManagement")
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **IAM)
    assert not is_allowed(stage)


def test_a_delegate_that_left_the_organization_is_never_believed_in() -> None:
    stage = make_stage()
    stage.delegate(SECURITY_ACCOUNT_ID)
    deregister(stage)
    stage.call("management-admin", "organizations", "RemoveAccountFromOrganization", AccountId=SECURITY_ACCOUNT_ID)
    assert walk(stage, [0, 15, 60], "delegated-admin") == [False, False, False]


@pytest.mark.parametrize("consistency", ["aws", "immediate"])
def test_issued_sessions_outlive_features_delegate_and_trust(consistency: str) -> None:
    stage = make_stage(consistency)
    stage.delegate(SECURITY_ACCOUNT_ID)
    session = stage.root_session(MEMBER, AUDIT, "delegated-admin")
    stage.call("management-admin", "iam", "DisableOrganizationsRootCredentialsManagement")
    deregister(stage)
    stage.call("management-admin", "organizations", "DisableAWSServiceAccess", **IAM)
    stage.advance(600)
    assert not is_allowed(stage)
    assert stage.call(session, "iam", "GetAccountSummary")["SummaryMap"]
