from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import pytest

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.changes.removal_rules import AccountDeletion, KindOutcome, KindReason, KindResult
from rootkeeper.errors import AwsAccessDeniedError, AwsCredentialsError, AwsError, AwsUnreachableError, DenialCause
from rootkeeper.guardrails.service import BlockingPolicyFinder
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.progress import NullStopSignal
from rootkeeper.organization.statuses import (
    NO_CREDENTIALS,
    AccountRole,
    AccountStatus,
    CredentialKind,
    Status,
    StatusReason,
    keep_reading,
)
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import PolicyListing
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.policies import DENY_ROOT, FakePolicies, HeldPolicies


@pytest.fixture
def desk() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", ou_id=desk.organization.add_unit("ou-exam-work", "Workloads"))
    desk.organization.add_account(CLEAN, "clean")
    return desk


@dataclass
class LaterUnreachable:
    """Implements PolicyReader: the quick reading is answered, and nothing after it."""

    policies: FakePolicies

    def list_policies(self) -> PolicyListing:
        raise AwsUnreachableError("No answer.")

    def list_policies_under_full_access(self) -> PolicyListing:
        return self.policies.list_policies_under_full_access()

    def list_policies_over(self, _target_ids: Collection[str]) -> PolicyListing:
        raise AwsUnreachableError("No answer.")


class Stopped:
    """Implements StopSignal: a stop was requested."""

    def asked_once(self) -> bool:
        return True

    def asked_twice(self) -> bool:
        return False

    def wait(self, _seconds: float) -> bool:
        return True


def naming(desk: Desk) -> BlockingPolicyFinder:
    return BlockingPolicyFinder(desk.policies, desk.read_inventory())


def unknown(desk: Desk, account_id: AccountId, reason: StatusReason = StatusReason.BLOCKED_BY_POLICY) -> AccountStatus:
    account = desk.organization.accounts[account_id]
    return AccountStatus(account, AccountRole.MEMBER, Status.UNKNOWN, reason, "AWS said no.")


def test_p18_a_blocked_account_says_by_which_policy_and_statement(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    (status,) = naming(desk).explain_statuses([unknown(desk, PROD)])
    assert status.detail == (
        "AWS said no. Blocked by p-deny (Deny), DenyRoot, at ou-exam-work."
        f" For the fix, run a preflight of account {PROD}."
    )
    assert (status.status, status.reason) == (Status.UNKNOWN, StatusReason.BLOCKED_BY_POLICY)


def test_p18_a_policy_that_aws_names_isnt_looked_for(desk: Desk) -> None:
    status = replace(unknown(desk, PROD), detail="Denied by a service control policy: p-examplescp1.")
    assert naming(desk).explain_statuses([status]) == (status,)
    assert desk.policies.calls == []


def test_what_was_said_before_isnt_said_again(desk: Desk) -> None:
    (once,) = naming(desk).explain_statuses([unknown(desk, PROD)])
    assert naming(desk).explain_statuses([once]) == (once,)


def test_p18_a_missing_permission_is_distinguished_and_costs_nothing(desk: Desk) -> None:
    statuses = (unknown(desk, PROD, StatusReason.ACCESS_DENIED), unknown(desk, CLEAN, StatusReason.THROTTLED))
    assert naming(desk).explain_statuses(statuses) == statuses
    assert desk.policies.calls == []


def test_policies_are_read_once_for_all_blocked_accounts(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "r-exam")
    statuses = [unknown(desk, PROD), unknown(desk, CLEAN)]
    named = naming(desk).explain_statuses(statuses)
    assert [status.account.account_id for status in named] == [PROD, CLEAN]
    assert all("p-deny" in (status.detail or "") for status in named)
    assert desk.policies.calls == ["list_policies_under_full_access"]


def test_the_policy_behind_a_failed_attempt_is_named_beside_the_reading(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    blocked = unknown(desk, PROD)
    reading = replace(
        blocked, status=Status.PRESENT, reason=None, detail=None, summary=replace(NO_CREDENTIALS, has_password=True)
    )
    kept = keep_reading(reading, replace(blocked, observed_at=desk.clock.now()), "arn:caller")
    assert kept.failed_attempt is not None
    (named,) = naming(desk).explain_statuses([kept])
    (expected,) = naming(desk).explain_statuses([blocked])
    assert named == replace(kept, failed_attempt=replace(kept.failed_attempt, detail=expected.detail))
    assert named.failed_attempt != kept.failed_attempt


def test_only_accounts_that_no_deny_explains_lead_to_the_targets_of_full_access(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    desk.policies.detach_full_access(CLEAN)
    prod, clean = naming(desk).explain_statuses([unknown(desk, PROD), unknown(desk, CLEAN)])
    assert "Blocked by p-deny (Deny), DenyRoot, at ou-exam-work." in (prod.detail or "")
    assert f"Blocked by no policy that allows it, at {CLEAN}." in (clean.detail or "")
    assert desk.policies.calls == ["list_policies_under_full_access", "list_policies"]


def test_of_many_blocked_accounts_few_that_no_deny_explains_are_asked_themselves(desk: Desk) -> None:
    many = [desk.organization.add_account(f"{600_000_000_000 + number}") for number in range(300)]
    desk.policies.attach("p-deny", DENY_ROOT, *many)
    desk.policies.detach_full_access(CLEAN)
    named = naming(desk).explain_statuses([unknown(desk, account_id) for account_id in (*many, CLEAN)])
    assert ["p-deny" in (status.detail or "") for status in named] == [True] * 300 + [False]
    assert f"no policy that allows it, at {CLEAN}" in (named[-1].detail or "")
    assert desk.policies.calls == ["list_policies_under_full_access", "list_policies_over"]


def test_few_blocked_accounts_of_a_large_organization_are_asked_themselves_and_once(desk: Desk) -> None:
    for number in range(300):
        desk.organization.add_account(f"{600_000_000_000 + number}")
    (status,) = naming(desk).explain_statuses([unknown(desk, PROD)])
    assert "No policy of the organization explains it" in (status.detail or "")
    assert desk.policies.calls == ["list_policies_over"]


def test_what_hangs_on_a_condition_is_held_to_missing_allows_too(desk: Desk) -> None:
    elsewhere = {"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}}
    deny = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": elsewhere}
    desk.policies.attach("p-place", {"Version": "2012-10-17", "Statement": deny}, PROD, CLEAN)
    desk.policies.detach_full_access(CLEAN)
    prod, clean = naming(desk).explain_statuses([unknown(desk, PROD), unknown(desk, CLEAN)])
    assert "Depends on aws:SourceIp: p-place" in (prod.detail or "")
    assert f"Blocked by p-place (Place), no Allow, at {CLEAN}." in (clean.detail or "")


def test_what_may_not_be_read_isnt_read_twice(desk: Desk) -> None:
    desk.policies.problems[PolicyKind.SERVICE_CONTROL] = ("needs organizations:ListPolicies",)
    naming(desk).explain_statuses([unknown(desk, PROD), unknown(desk, CLEAN)])
    assert desk.policies.calls == ["list_policies_under_full_access"]


def test_a_name_that_was_found_stays_when_the_rest_cant_be_read(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    policies = LaterUnreachable(desk.policies)
    named = BlockingPolicyFinder(policies, desk.read_inventory()).explain_statuses(
        [unknown(desk, PROD), unknown(desk, CLEAN)]
    )
    assert "Blocked by p-deny" in (named[0].detail or "")
    assert (named[1].detail or "").endswith("The policies couldn't be read: No answer.")


def test_a_denial_that_no_policy_explains_says_so(desk: Desk) -> None:
    (status,) = naming(desk).explain_statuses([unknown(desk, PROD)])
    assert "VPC endpoint policy" in (status.detail or "")


def test_policies_that_may_not_be_read_leave_it_unknown(desk: Desk) -> None:
    desk.policies.problems[PolicyKind.SERVICE_CONTROL] = ("needs organizations:ListPolicies",)
    (status,) = naming(desk).explain_statuses([unknown(desk, PROD)])
    assert "Unknown: needs organizations:ListPolicies." in (status.detail or "")


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (AwsUnreachableError("No answer."), "couldn't be read: No answer."),
        (AwsCredentialsError("The token ended."), "couldn't be read: The token ended."),
    ],
)
def test_an_error_on_the_way_spoils_nothing(error: AwsError, words: str, desk: Desk) -> None:
    desk.policies.error = error
    (status,) = naming(desk).explain_statuses([unknown(desk, PROD)])
    assert words in (status.detail or "")


def test_a_user_who_asks_to_stop_isnt_kept_waiting(desk: Desk) -> None:
    held = HeldPolicies(desk.policies)
    (status,) = BlockingPolicyFinder(held, desk.read_inventory(), Stopped()).explain_statuses([unknown(desk, PROD)])
    held.released.set()
    assert (status.status, status.reason) == (Status.UNKNOWN, StatusReason.BLOCKED_BY_POLICY)
    assert status.detail == "AWS said no. The policies weren't read."


def test_without_such_a_wish_it_is_waited_for(desk: Desk) -> None:
    desk.policies.attach("p-deny", DENY_ROOT, "ou-exam-work")
    stop = NullStopSignal(desk.clock)
    (status,) = BlockingPolicyFinder(desk.policies, desk.read_inventory(), stop).explain_statuses([unknown(desk, PROD)])
    assert "p-deny" in (status.detail or "")


def failed(account_id: AccountId, reason: KindReason, detail: str = "AWS said no.") -> AccountDeletion:
    kinds = (
        KindResult(CredentialKind.ACCESS_KEYS, KindOutcome.FAILED, reason, detail),
        KindResult(CredentialKind.PASSWORD, KindOutcome.DELETED),
    )
    return AccountDeletion(account_id, "name", "Root", kinds)


def test_p18_a_deletion_says_by_which_policy_it_was_blocked(desk: Desk) -> None:
    keep = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:DeleteAccessKey", "Resource": "*"}}
    desk.policies.attach("p-keep", keep, PROD)
    other = failed(CLEAN, KindReason.THROTTLED)
    named, left = naming(desk).explain_deletions([failed(PROD, KindReason.BLOCKED_BY_POLICY), other])
    assert (named.kinds[0].detail or "").startswith("AWS said no. Blocked by p-keep (Keep), statement 1, at 4444")
    assert named.kinds[1].detail is None
    assert left == other


def test_a_deletion_that_wasnt_blocked_costs_nothing(desk: Desk) -> None:
    deletions = (
        failed(PROD, KindReason.ACCESS_DENIED),
        failed(CLEAN, KindReason.BLOCKED_BY_POLICY, "Denied by p-examplescp1."),
    )
    assert naming(desk).explain_deletions(deletions) == deletions
    assert desk.policies.calls == []


def denied(operation: str, cause: DenialCause | None = None, policy_id: str | None = None) -> AwsAccessDeniedError:
    return AwsAccessDeniedError("It was denied.", operation=operation, denied_by=cause, policy_id=policy_id)


def test_p18_a_refusal_in_a_session_is_explained(desk: Desk) -> None:
    desk.policies.attach("p-examplescp1", DENY_ROOT, "ou-exam-work")
    account = desk.organization.accounts[PROD]
    with (
        pytest.raises(AwsAccessDeniedError) as caught,
        naming(desk).explaining_refusals(account, TaskPolicy.UNLOCK_BUCKET),
    ):
        raise denied("s3:GetBucketPolicy", DenialCause.SERVICE_CONTROL_POLICY)
    assert caught.value.message.startswith("It was denied. Blocked by p-examplescp1 (Examplescp1), DenyRoot, at ou-")
    assert caught.value.policy_id == "p-examplescp1"


@pytest.mark.parametrize(
    "error",
    [
        denied("sts:AssumeRoot"),
        denied("account:ListRegions"),
        denied("s3:GetBucketPolicy", DenialCause.RESOURCE_POLICY),
        denied("s3:GetBucketPolicy", DenialCause.SERVICE_CONTROL_POLICY, "p-examplescp1"),
    ],
)
def test_a_refusal_that_comes_from_elsewhere_stays_as_it_is(error: AwsAccessDeniedError, desk: Desk) -> None:
    account = desk.organization.accounts[PROD]
    assert naming(desk).explain(error, account, TaskPolicy.UNLOCK_BUCKET) is error
    with (
        pytest.raises(AwsAccessDeniedError) as caught,
        naming(desk).explaining_refusals(account, TaskPolicy.UNLOCK_BUCKET),
    ):
        raise error
    assert (caught.value, caught.value.__cause__) == (error, None)
    assert desk.policies.calls == []


def test_another_task_is_named_by_itself(desk: Desk) -> None:
    keep = {"Version": "2012-10-17", "Statement": {"Effect": "Deny", "Action": "iam:DeleteAccessKey", "Resource": "*"}}
    desk.policies.attach("p-keep", keep, PROD)
    account = desk.organization.accounts[PROD]
    assert "p-keep" in naming(desk).name([account], TaskPolicy.DELETE)[PROD]
    assert "p-keep" not in naming(desk).name([account], TaskPolicy.AUDIT)[PROD]
