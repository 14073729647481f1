"""The contract of ResourcePolicies and ResourcePlaces."""

from __future__ import annotations

import json

import pytest

from rootkeeper.aws.resources import ResourcePlaces, ResourcePolicies
from rootkeeper.aws.rules import Resource, ResourceKind, TaskPolicy
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsNotFoundError,
    AwsThrottledError,
    AwsUnclearError,
    DenialCause,
    LockLostError,
)
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import PolicyChange
from tests.contracts.subjects import BLOCKED, MEMBER, FakeSubject, SandboxSubject, Subject, intent, open_session
from tests.fakes.intents import make_intent

ORDERS, PAYMENTS = AccountId("888899990000"), AccountId("300040005000")
BUCKET = Resource(ResourceKind.BUCKET, ORDERS, "amzn-s3-demo-orders-invoices", "us-east-1", "aws")
BUCKET_EU = Resource(ResourceKind.BUCKET, PAYMENTS, "amzn-s3-demo-payments-archive", "eu-central-1", "aws")
QUEUE = Resource(ResourceKind.QUEUE, ORDERS, "orders-incoming", "us-east-1", "aws")
SAMPLES = [BUCKET, BUCKET_EU, QUEUE]
OPERATIONS = {
    Action.BUCKET_POLICY_DELETE: "DeleteBucketPolicy",
    Action.BUCKET_POLICY_PUT: "PutBucketPolicy",
    Action.QUEUE_POLICY_SET: "SetQueueAttributes",
}


def lock_out(resource: Resource) -> str:
    statement = {"Effect": "Deny", "Principal": "*", "Action": f"{resource.kind.value}:*", "Resource": resource.arn}
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Sid": "Everyone", **statement}]})


@pytest.fixture(autouse=True)
def _furnish(subject: Subject) -> None:
    """As the sandbox's demo organization is."""
    if isinstance(subject, FakeSubject):
        for account_id in (ORDERS, PAYMENTS):
            subject.organization.add_account(account_id)
        for resource in SAMPLES:
            subject.organization.resources.policies[resource] = lock_out(resource)


def places(subject: Subject) -> ResourcePlaces:
    return subject.organization.places if isinstance(subject, FakeSubject) else subject.organization  # type: ignore[return-value]  # the gateway


def enter(subject: Subject, resource: Resource) -> ResourcePolicies:
    return open_session(subject, resource.kind.task_policy, resource.account_id).resource_policies


def apply(subject: Subject, policies: ResourcePolicies, resource: Resource, after: str | None) -> str:
    """Make a change; the operation's name."""
    action = PolicyChange(resource, "", after).action
    receipt = intent(subject, action, resource.account_id)
    if after is None:
        policies.remove_policy(resource, receipt)
    else:
        policies.put_policy(resource, after, receipt)
    return OPERATIONS[action]


each_resource = pytest.mark.parametrize("resource", SAMPLES, ids=lambda resource: resource.name)


@each_resource
def test_what_the_account_has_is_listed_with_its_region(subject: Subject, resource: Resource) -> None:
    assert enter(subject, resource).list_resources("us-east-1") == (resource,)


def test_queues_of_other_regions_are_not_listed(subject: Subject) -> None:
    assert enter(subject, QUEUE).list_resources("eu-central-1") == ()


@pytest.mark.parametrize("kind", ResourceKind)
def test_an_account_may_have_none(subject: Subject, kind: ResourceKind) -> None:
    nothing = Resource(kind, PAYMENTS if kind is ResourceKind.QUEUE else MEMBER, "nothing", "us-east-1", "aws")
    found = enter(subject, nothing).list_resources("us-east-1")
    assert nothing not in found
    assert enter(subject, nothing).find_resource("nothing", "us-east-1") is None


@each_resource
def test_one_is_found_by_its_name(subject: Subject, resource: Resource) -> None:
    assert enter(subject, resource).find_resource(resource.name, "us-east-1") == resource


def test_a_bucket_of_another_account_is_not_found(subject: Subject) -> None:
    assert enter(subject, BUCKET).find_resource(BUCKET_EU.name, "us-east-1") is None


@each_resource
def test_a_policy_that_locks_everyone_out_is_read_removed_and_put_by_the_root_session(
    subject: Subject, resource: Resource
) -> None:
    policies = enter(subject, resource)
    before = policies.find_policy(resource)
    assert before is not None
    assert json.loads(before)["Statement"][0]["Effect"] == "Deny"
    apply(subject, policies, resource, None)
    assert policies.find_policy(resource) is None
    apply(subject, policies, resource, lock_out(resource))
    assert json.loads(policies.find_policy(resource) or "") == json.loads(lock_out(resource))


def test_the_policy_of_what_is_not_there_is_not_none(subject: Subject) -> None:
    for resource in (BUCKET, QUEUE):
        gone = Resource(resource.kind, ORDERS, "amzn-s3-demo-gone", "us-east-1", "aws")
        with pytest.raises(AwsNotFoundError):
            enter(subject, gone).find_policy(gone)


def test_p18_a_policy_of_the_organization_that_denies_root_is_named(subject: Subject) -> None:
    for kind in ResourceKind:
        blocked = Resource(kind, BLOCKED, "locked", "us-east-1", "aws")
        with pytest.raises(AwsAccessDeniedError) as raised:
            enter(subject, blocked).list_resources("us-east-1")
        assert raised.value.denied_by is DenialCause.SERVICE_CONTROL_POLICY


@pytest.mark.parametrize("task_policy", [TaskPolicy.AUDIT, TaskPolicy.DELETE, TaskPolicy.CREATE_PASSWORD])
def test_other_tasks_reach_neither_buckets_nor_queues(subject: Subject, task_policy: TaskPolicy) -> None:
    session = open_session(subject, task_policy)
    with pytest.raises(ValueError, match="neither buckets nor queues"):
        _ = session.resource_policies


@pytest.mark.parametrize("resource", [BUCKET, QUEUE], ids=lambda resource: resource.name)
@pytest.mark.parametrize("after", [None, "put"])
class TestChanges:
    """What every changing call keeps to."""

    def test_p01_it_needs_a_valid_intent_of_its_own(
        self, subject: Subject, resource: Resource, after: str | None
    ) -> None:
        policies = enter(subject, resource)
        action = PolicyChange(resource, "", after).action
        expired = make_intent(subject.clock, action, resource.account_id, valid_seconds=0)
        for receipt, error in (
            (expired, LockLostError),
            (intent(subject, Action.ACCESS_KEY_DELETE, resource.account_id), ValueError),
            (intent(subject, action, MEMBER), ValueError),
        ):
            with pytest.raises(error):
                policies.remove_policy(resource, receipt) if after is None else policies.put_policy(
                    resource, lock_out(resource), receipt
                )
        assert not set(OPERATIONS.values()) & {operation for operation, _ in subject.operations()}

    def test_p12_it_needs_an_identity_that_was_checked(
        self, subject: Subject, resource: Resource, after: str | None
    ) -> None:
        receipt = intent(subject, Action.ROOT_SESSION_OPEN, resource.account_id)
        session = subject.organization.open(resource.account_id, resource.kind.task_policy, receipt)
        with pytest.raises(ValueError, match="identity"):
            apply(subject, session.resource_policies, resource, after and lock_out(resource))

    def test_p04_it_is_sent_once_and_an_answer_that_is_lost_is_unclear(
        self, subject: Subject, resource: Resource, after: str | None
    ) -> None:
        policies = enter(subject, resource)
        wanted = after and lock_out(resource).replace("Everyone", "Again")
        operation = OPERATIONS[PolicyChange(resource, "", wanted).action]
        subject.cut_off(operation)
        with pytest.raises(AwsUnclearError):
            apply(subject, policies, resource, wanted)
        assert [one for one, _ in subject.operations()].count(operation) == 1
        found = policies.find_policy(resource)
        assert found is None if wanted is None else json.loads(found or "") == json.loads(wanted)

    def test_p05_an_answer_proves_nothing(self, subject: Subject, resource: Resource, after: str | None) -> None:
        policies = enter(subject, resource)
        before = policies.find_policy(resource)
        subject.lie(OPERATIONS[PolicyChange(resource, "", after).action])
        apply(subject, policies, resource, after and lock_out(resource).replace("Everyone", "Again"))
        assert policies.find_policy(resource) == before

    def test_throttled_means_not_changed(self, subject: Subject, resource: Resource, after: str | None) -> None:
        policies = enter(subject, resource)
        before = policies.find_policy(resource)
        subject.throttle(OPERATIONS[PolicyChange(resource, "", after).action])
        with pytest.raises(AwsThrottledError):
            apply(subject, policies, resource, after and lock_out(resource))
        assert policies.find_policy(resource) == before


def test_an_expired_session_reads_nothing(subject: Subject) -> None:
    policies = enter(subject, BUCKET)
    subject.advance(901)
    with pytest.raises(AwsCredentialsError):
        policies.find_policy(BUCKET)


def test_places_are_listed_without_a_call_but_enabled_regions(subject: Subject) -> None:
    where = places(subject)
    calls = len(subject.operations())
    for kind in ResourceKind:
        where.require_same_place(kind)
        assert {"us-east-1", "eu-central-1"} <= set(where.list_known_regions(kind))
    assert where.region == "us-east-1"
    assert len(subject.operations()) == calls


def test_enabled_regions_of_a_member_need_trusted_access_for_account_management(subject: Subject) -> None:
    if isinstance(subject, FakeSubject):
        subject.organization.resources.enabled_regions = None
    with pytest.raises(AwsAccessDeniedError):
        places(subject).list_enabled_regions(MEMBER)


def test_the_callers_own_enabled_regions_are_read(subject: Subject) -> None:
    assert isinstance(subject, FakeSubject | SandboxSubject)
    assert "us-east-1" in places(subject).list_enabled_regions(None)
