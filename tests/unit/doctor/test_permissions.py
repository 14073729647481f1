"""Which permissions are simulated, for whom, and what an AWS that doesn't simulate leaves unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.delivery.targets import DeliveryTarget, TargetKind
from rootkeeper.doctor.permissions import PermissionChecks
from rootkeeper.doctor.rules import Check, CheckVerdict
from rootkeeper.errors import AwsAccessDeniedError, AwsError, AwsRejectedError, AwsUnreachableError
from rootkeeper.organization.accounts import AccountId, Caller
from rootkeeper.shipped_policies.rules import ShippedRole

CALLER = Caller(AccountId("111122223333"), "arn:aws:sts::111122223333:assumed-role/keeper/ana", "aws")
ROLE = "arn:aws:iam::111122223333:role/keeper"
MEMBER = "222233334444"


class FakeSimulator:
    """Denies what a test says, and remembers what was simulated."""

    def __init__(self, denied: Sequence[str] = (), error: AwsError | None = None) -> None:
        self.denied, self.error = denied, error
        self.simulated: list[tuple[str, str, str]] = []
        """Principal, action (with its task) and resource."""

    def find_principal(self, caller_arn: str) -> str:
        assert caller_arn == CALLER.arn
        return ROLE

    def list_denied(
        self, principal_arn: str, actions: Sequence[str], *, resource: str = "*", context: Mapping[str, str]
    ) -> tuple[str, ...]:
        if self.error is not None:
            raise self.error
        task = context.get("sts:TaskPolicyArn", "").rpartition("/")[2]
        spelled = {f"{action} ({task})" if task else action: action for action in actions}
        self.simulated += [(principal_arn, one, resource) for one in spelled]
        return tuple(action for one, action in spelled.items() if one in self.denied)


def run(
    simulator: FakeSimulator,
    *,
    in_management: bool = True,
    roles: Mapping[ShippedRole, str] | None = None,
    places: tuple[DeliveryTarget, ...] = (),
) -> dict[str | None, Check]:
    checks = PermissionChecks(simulator, CALLER, MEMBER, in_management, roles or {}, "eu-west-1", places).run()
    return {check.part: check for check in checks}


def test_every_kind_of_work_is_simulated_on_a_member_account() -> None:
    simulator = FakeSimulator()
    found = run(simulator)
    assert list(found) == ["audit", "delete", "recover", "send reports", "unlock", "set up"]
    assert {check.verdict for check in found.values()} == {CheckVerdict.GOOD}
    sessions = {action: resource for _, action, resource in simulator.simulated if action.startswith("sts:AssumeRoot")}
    assert set(sessions) == {f"sts:AssumeRoot ({task.value})" for task in TaskPolicy}
    assert set(sessions.values()) == {f"arn:aws:iam::{MEMBER}:root"}
    assert {principal for principal, _, _ in simulator.simulated} == {ROLE}


def test_setting_up_is_work_of_the_management_account_alone() -> None:
    assert "set up" not in run(FakeSimulator(), in_management=False)


def test_a_missing_permission_is_named_with_its_task() -> None:
    found = run(FakeSimulator(["organizations:ListAccounts", "sts:AssumeRoot (IAMDeleteRootUserCredentials)"]))
    assert found["audit"].verdict is CheckVerdict.PROBLEM
    assert "organizations:ListAccounts" in found["audit"].text
    assert found["delete"].verdict is CheckVerdict.SKIPPED
    assert "sts:AssumeRoot (IAMDeleteRootUserCredentials)" in found["delete"].text


def test_roles_of_a_server_are_simulated_themselves_and_must_be_able_to() -> None:
    own = "arn:aws:iam::111122223333:role/rootkeeper-delete"
    simulator = FakeSimulator(["sts:AssumeRoot (IAMDeleteRootUserCredentials)"])
    found = run(simulator, roles={ShippedRole.DELETE: own})
    assert found["delete"].verdict is CheckVerdict.PROBLEM
    assert {principal for principal, action, _ in simulator.simulated if "IAMDelete" in action} == {own, ROLE}


def test_sending_reports_is_simulated_at_its_places() -> None:
    hub = DeliveryTarget(TargetKind.SECURITY_HUB, region="eu-central-1")
    bucket = DeliveryTarget(TargetKind.BUCKET, bucket="reports", prefix="2026/")
    simulator = FakeSimulator()
    assert run(simulator, places=(hub, bucket))["send reports"].verdict is CheckVerdict.GOOD
    asked = {action: resource for _, action, resource in simulator.simulated if action.startswith(("s3", "securityh"))}
    start = "arn:aws:securityhub:eu-central-1:111122223333"
    assert asked == {
        "securityhub:BatchImportFindings": f"{start}:product/111122223333/default",
        "securityhub:GetFindings": f"{start}:hub/default",
        "s3:GetObject": "arn:aws:s3:::reports/2026/rootkeeper",
        "s3:PutObject": "arn:aws:s3:::reports/2026/rootkeeper",
    }


def test_a_caller_who_may_send_nothing_is_not_meant_to_send_reports() -> None:
    found = run(FakeSimulator(["securityhub:BatchImportFindings", "securityhub:GetFindings"]))
    assert found["send reports"].verdict is CheckVerdict.SKIPPED
    partly = run(FakeSimulator(["securityhub:GetFindings"]))
    assert partly["send reports"].verdict is CheckVerdict.PROBLEM
    assert ":hub/default" in partly["send reports"].text


@pytest.mark.parametrize(
    "error",
    [
        AwsAccessDeniedError("Denied.", operation="iam:SimulatePrincipalPolicy"),
        AwsRejectedError("Not served.", aws_code="InvalidAction"),
        AwsUnreachableError("No answer."),
    ],
)
def test_what_aws_does_not_simulate_is_unknown_and_never_good(error: AwsError) -> None:
    (check,) = run(FakeSimulator(error=error)).values()
    assert check.verdict is CheckVerdict.UNKNOWN
    assert error.message in check.text
