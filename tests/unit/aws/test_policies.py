from __future__ import annotations

import json

import pytest

from rootkeeper.aws.clients import AwsClients, ServiceCalls
from rootkeeper.aws.errors import AwsResponse
from rootkeeper.aws.policies import AwsPolicies
from rootkeeper.errors import AwsThrottledError, AwsUnreachableError
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.policy_language.evaluation import OrganizationPolicy
from tests.fakes.aws_server import FakeAwsServer, Reply, error_json

SCP, RCP = PolicyKind.SERVICE_CONTROL, PolicyKind.RESOURCE_CONTROL
CONTENT = '{"Version":"2012-10-17","Statement":[]}'
DENIED = error_json("AccessDeniedException")


def enable(aws_server: FakeAwsServer, *types: str) -> None:
    policy_types = [{"Type": name, "Status": "ENABLED"} for name in types]
    aws_server.answer_json("ListRoots", json.dumps({"Roots": [{"Id": "r-exam", "PolicyTypes": policy_types}]}))


def page(*policy_ids: str, token: str | None = None) -> Reply:
    policies = [{"Id": found, "Name": found.upper(), "AwsManaged": "Full" in found} for found in policy_ids]
    return Reply(body=json.dumps({"Policies": policies, "NextToken": token}))


def targets(*target_ids: str, token: str | None = None) -> Reply:
    found = [{"TargetId": target_id, "Type": "ACCOUNT"} for target_id in target_ids]
    return Reply(body=json.dumps({"Targets": found, "NextToken": token}))


def described(content: str | None = CONTENT) -> Reply:
    return Reply(body=json.dumps({"Policy": {"PolicySummary": {"Id": "p-1"}, "Content": content}}))


def by_id(policies: tuple[OrganizationPolicy, ...]) -> dict[str, OrganizationPolicy]:
    return {policy.label.policy_id: policy for policy in policies}


@pytest.fixture
def reader(clients: AwsClients, aws_server: FakeAwsServer) -> AwsPolicies:
    enable(aws_server, "SERVICE_CONTROL_POLICY")
    aws_server.answer("DescribePolicy", described())
    return AwsPolicies(clients)


def test_each_policy_is_read_once_with_its_targets_and_empty_pages_end_nothing(
    reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListPolicies", page(token="a"), page("p-1", token="b"), page("p-2"))
    aws_server.answer(
        "ListTargetsForPolicy", targets(token="a"), targets("r-exam", token="b"), targets("ou-1"), targets("ou-2")
    )
    listing = reader.list_policies()
    found = by_id(listing.policies)
    assert found["p-1"].target_ids == {"r-exam", "ou-1"}
    assert found["p-2"].target_ids == {"ou-2"}
    assert (found["p-1"].content, found["p-1"].label.name, found["p-1"].kind) == (CONTENT, "P-1", SCP)
    assert aws_server.operations.count("DescribePolicy") == 2
    assert "ListPoliciesForTarget" not in aws_server.operations
    assert listing.enabled_kinds == {SCP}
    assert listing.problems == {}
    listed = [one for one in aws_server.received if one.operation in ("ListPolicies", "ListTargetsForPolicy")]
    assert all('"MaxResults": 20' in one.parameters for one in listed)


def test_a_policy_that_is_attached_to_nothing_isnt_described(reader: AwsPolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListPolicies", page("p-1"))
    aws_server.answer("ListTargetsForPolicy", targets())
    assert reader.list_policies().policies == ()
    assert "DescribePolicy" not in aws_server.operations


def test_a_type_that_isnt_enabled_isnt_asked_for(reader: AwsPolicies, aws_server: FakeAwsServer) -> None:
    enable(aws_server)
    listing = reader.list_policies()
    assert (listing.policies, listing.enabled_kinds) == ((), frozenset())
    assert aws_server.operations == ["ListRoots"]


def test_the_targets_of_the_policy_that_is_everywhere_arent_listed(
    reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    enable(aws_server, "RESOURCE_CONTROL_POLICY")
    aws_server.answer("ListPolicies", page("p-RCPFullAWSAccess"))
    (policy,) = reader.list_policies().policies
    assert (policy.is_everywhere, policy.is_aws_managed, policy.kind) == (True, True, RCP)
    assert "ListTargetsForPolicy" not in aws_server.operations


def test_full_access_is_taken_to_be_everywhere_without_listing_its_targets(
    reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListPolicies", page("p-FullAWSAccess", "p-FullAccessOfOurOwn"))
    aws_server.answer("ListTargetsForPolicy", targets("ou-1"))
    found = by_id(reader.list_policies_under_full_access().policies)
    assert found["p-FullAWSAccess"].is_everywhere
    assert not found["p-FullAccessOfOurOwn"].is_everywhere
    assert found["p-FullAccessOfOurOwn"].target_ids == {"ou-1"}
    (listed,) = (one for one in aws_server.received if one.operation == "ListTargetsForPolicy")
    assert "p-FullAccessOfOurOwn" in listed.parameters
    assert aws_server.operations.count("DescribePolicy") == 2


def test_otherwise_the_targets_of_full_access_are_listed(reader: AwsPolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListPolicies", page("p-FullAWSAccess"))
    aws_server.answer("ListTargetsForPolicy", targets("r-exam", "ou-1"))
    (policy,) = reader.list_policies().policies
    assert not policy.is_everywhere
    assert policy.target_ids == {"r-exam", "ou-1"}


def test_of_few_accounts_each_target_is_asked_for_its_policies(reader: AwsPolicies, aws_server: FakeAwsServer) -> None:
    aws_server.answer("ListPoliciesForTarget", page("p-1"), page("p-1", "p-2"))
    found = by_id(reader.list_policies_over(["r-exam", "444455556666"]).policies)
    assert found["p-1"].target_ids == {"444455556666", "r-exam"}
    assert found["p-2"].target_ids == {"r-exam"}
    assert aws_server.operations.count("DescribePolicy") == 2
    assert "ListPolicies" not in aws_server.operations


@pytest.mark.parametrize("operation", ["ListRoots", "ListPolicies", "ListTargetsForPolicy"])
def test_p06_a_list_that_may_not_be_read_is_a_problem_and_never_an_empty_list(
    operation: str, reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListPolicies", page("p-1"))
    aws_server.answer("ListTargetsForPolicy", targets("r-exam"))
    aws_server.answer(operation, DENIED)
    listing = reader.list_policies()
    assert SCP in listing.enabled_kinds
    (problem,) = listing.problems[SCP]
    assert problem.startswith(f"needs organizations:{operation}, from the management account")


def test_p06_a_document_that_may_not_be_read_is_reported_with_its_policy(
    reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListPolicies", page("p-1"))
    aws_server.answer("ListTargetsForPolicy", targets("r-exam"))
    aws_server.answer("DescribePolicy", DENIED)
    listing = reader.list_policies()
    (policy,) = listing.policies
    assert (policy.content, listing.problems) == (None, {})
    assert "needs organizations:DescribePolicy" in (policy.problem or "")


def test_a_policy_that_was_deleted_meanwhile_is_attached_to_nothing(
    reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListPolicies", page("p-1"))
    aws_server.answer("ListTargetsForPolicy", error_json("PolicyNotFoundException"))
    assert reader.list_policies().policies == ()


@pytest.mark.parametrize(
    ("operation", "reply"),
    [
        ("ListPolicies", Reply(body="{}")),
        ("ListPolicies", Reply(body='{"Policies": [{"Name": "no id"}]}')),
        ("ListTargetsForPolicy", Reply(body="{}")),
        ("ListTargetsForPolicy", Reply(body='{"Targets": [{}]}')),
        ("ListPolicies", page("p-1", token="a")),
        ("DescribePolicy", described(None)),
    ],
)
def test_p13_an_answer_that_lacks_its_content_is_an_error(
    operation: str, reply: Reply, reader: AwsPolicies, aws_server: FakeAwsServer
) -> None:
    aws_server.answer("ListPolicies", page("p-1"))
    aws_server.answer("ListTargetsForPolicy", targets("r-exam"))
    aws_server.answer(operation, reply)
    with pytest.raises(AwsUnreachableError):
        reader.list_policies()


class ThrottledCalls(ServiceCalls):
    """One operation is throttled in spite of all retries, and without their pauses."""

    def __init__(self, calls: ServiceCalls, operation: str) -> None:
        self._calls, self._operation = calls, operation
        self._service = "organizations"
        self.times = 0

    def read(self, operation: str, *, target: str | None = None, **parameters: object) -> AwsResponse:
        if operation != self._operation:
            return self._calls.read(operation, target=target, **parameters)
        self.times += 1
        raise AwsThrottledError("slow down")


def throttle(clients: AwsClients, operation: str, monkeypatch: pytest.MonkeyPatch) -> ThrottledCalls:
    throttled = ThrottledCalls(clients.organizations, operation)
    monkeypatch.setattr(clients, "organizations", throttled)
    return throttled


@pytest.mark.parametrize("operation", ["ListRoots", "ListPolicies", "ListTargetsForPolicy"])
def test_p06_a_list_that_is_throttled_is_a_problem_and_never_an_empty_list(
    operation: str,
    reader: AwsPolicies,
    clients: AwsClients,
    aws_server: FakeAwsServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    throttle(clients, operation, monkeypatch)
    aws_server.answer("ListPolicies", page("p-1"))
    listing = reader.list_policies()
    assert listing.problems[SCP] == (f"needs another try: AWS limited the rate of organizations:{operation}",)
    assert listing.policies == ()


def test_p06_documents_that_are_throttled_are_unknown_and_not_asked_for_again(
    reader: AwsPolicies, clients: AwsClients, aws_server: FakeAwsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    throttled = throttle(clients, "DescribePolicy", monkeypatch)
    aws_server.answer("ListPolicies", page("p-1", "p-2", "p-3"))
    aws_server.answer("ListTargetsForPolicy", targets("r-exam"))
    listing = reader.list_policies()
    assert [policy.content for policy in listing.policies] == [None, None, None]
    assert {policy.problem for policy in listing.policies} == {
        "needs another try: AWS limited the rate of organizations:DescribePolicy"
    }
    assert throttled.times == 1
    assert listing.problems == {}
