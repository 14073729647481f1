"""Resource policies: the worked examples, the grants they make, and what services check before they take one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.authorization.authorizer import RequestPolicies, ResourceGrant, decide, find_grant
from rootkeeper_sandbox.authorization.conditions import AccessRequest
from rootkeeper_sandbox.exchange import AttachedPolicy
from rootkeeper_sandbox.services.resource_policies import PolicyProblemError, check_resource_policy
from rootkeeper_sandbox.state.policies import FULL_ACCESS_RESOURCE_DOCUMENT
from tests.sandbox.calling import Stage
from tests.sandbox.worked_examples import EXAMPLES, FULL, OWNER, Example, document

FULL_RCP = AttachedPolicy(
    "arn:aws:organizations::aws:policy/resource_control_policy/p-RCPFullAWSAccess", "", FULL_ACCESS_RESOURCE_DOCUMENT
)
BUCKET = "arn:aws:s3:::amzn-s3-demo-orders-invoices"
ORDERS = "888899990000"


def decide_example(example: Example) -> str:
    account_id = example.caller.split(":")[4]
    request = AccessRequest(
        example.action.lower(), example.resource, example.context, account_id, frozenset({example.caller})
    )
    rcp = AttachedPolicy(
        "arn:aws:organizations::111122223333:policy/o-x/resource_control_policy/p-1", "", example.rcp or ""
    )
    denial = decide(
        request,
        RequestPolicies(
            identity_policies=None if example.caller.endswith(":root") else [document(*example.identity)],
            resource_policy=example.resource_policy,
            resource_control_levels=[[FULL_RCP], [FULL_RCP, rcp]] if example.rcp else (),
            is_cross_account=account_id != OWNER,
        ),
    )
    if denial is None:
        return ""
    return f"{'explicit' if denial.is_explicit else 'implicit'} {denial.policy_type}"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_policies_of_public_documentation_decide_as_documented(example: Example) -> None:
    assert decide_example(example) == example.expected


def test_each_level_of_resource_control_policies_must_allow() -> None:
    request = AccessRequest("s3:getobject", f"{BUCKET}/a", {}, ORDERS, frozenset({f"arn:aws:iam::{ORDERS}:root"}))
    assert (
        decide(request, RequestPolicies(identity_policies=None, resource_control_levels=[[FULL_RCP], [FULL_RCP]]))
        is None
    )
    denial = decide(request, RequestPolicies(identity_policies=None, resource_control_levels=[[FULL_RCP], []]))
    assert denial is not None
    assert (denial.policy_type.value, denial.is_explicit) == ("resource control policy", False)


PRINCIPALS = st.sampled_from(["*", OWNER, f"arn:aws:iam::{OWNER}:root", f"arn:aws:iam::{OWNER}:user/a", "111122223333"])
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": PRINCIPALS.map(lambda name: {"AWS": name}),
        "Action": st.sampled_from(["s3:*", "s3:GetObject", "s3:Put*"]),
        "Resource": st.sampled_from(["*", BUCKET, f"{BUCKET}/*"]),
    }
)


@given(st.lists(STATEMENTS, min_size=1, max_size=4), st.sampled_from(["s3:getobject", "s3:putobject", "s3:listbucket"]))
def test_more_denials_never_allow_more_and_cross_account_never_is_easier(
    statements: list[dict[str, object]], action: str
) -> None:
    request = AccessRequest(action, f"{BUCKET}/a", {}, OWNER, frozenset({f"arn:aws:iam::{OWNER}:user/a"}))
    policy = document(*statements)
    sterner = document(*statements, {"Effect": "Deny", "Principal": "*", "Action": "s3:Put*", "Resource": "*"})
    for identity in ([], [document(FULL)]):
        own = decide(request, RequestPolicies(identity_policies=identity, resource_policy=policy))
        across = decide(
            request, RequestPolicies(identity_policies=identity, resource_policy=policy, is_cross_account=True)
        )
        less = decide(request, RequestPolicies(identity_policies=identity, resource_policy=sterner))
        assert own is None or (across is not None and less is not None)
    assert (find_grant(request, policy) is ResourceGrant.NOTHING) or any(s["Effect"] == "Allow" for s in statements)


def statement(**changes: object) -> dict[str, object]:
    usual = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": [BUCKET, f"{BUCKET}/*"]}
    return {name: value for name, value in (usual | changes).items() if value is not None}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "Policies must be valid JSON and the first byte must be '{'"),
        (" {}", "Policies must be valid JSON and the first byte must be '{'"),
        ("{", "This policy contains invalid Json"),
        ("{}", "Missing required field Statement"),
        (document(), "Could not parse the policy: Statement is empty!"),
        (document(statement(Principal=None)), "Missing required field Principal"),
        (document(statement(Resource=None)), "Missing required field Resource"),
        (document(statement(Effect=None)), "Missing required field Effect"),
        (document(statement(Action="sqs:SendMessage")), "Policy has invalid action"),
        (document(statement(Action=["s3:GetObject", 1])), "Policy has invalid action"),
        (document(statement(Resource="arn:aws:s3:::another-bucket/*")), "Policy has invalid resource"),
        (
            document(statement(Principal={"AWS": "arn:aws:iam::888899990000:user/unknown"})),
            "Invalid principal in policy",
        ),
        (document(statement(Principal={"AWS": "arn:aws:iam::888899990000:user/*"})), "Invalid principal in policy"),
        (document(statement(Principal={"AWS": ["anna"]})), "Invalid principal in policy"),
        (document(statement(Effect="Maybe")), "Effect must be Allow or Deny."),
        (
            document(statement(Condition={"StringIsh": {"aws:username": "a"}})),
            "There is no condition operator StringIsh.",
        ),
        (document(statement(Sid="a"), statement(Sid="a")), "Statement ids (Sid) must be unique."),
    ],
)
def test_a_bucket_takes_no_policy_that_is_none(text: str, complaint: str) -> None:
    with pytest.raises(PolicyProblemError) as caught:
        check_resource_policy(text, "s3", (BUCKET, f"{BUCKET}/*"), Stage().world)
    assert str(caught.value) == complaint


@pytest.mark.parametrize(
    "policy",
    [
        document(statement()),
        document(statement(Resource="*")),
        document(statement(Resource=f"{BUCKET}/home/${{aws:username}}/*")),
        document(statement(Principal={"AWS": ["111122223333", "arn:aws:iam::999999999999:user/unknown-here"]})),
        document(statement(Principal={"AWS": "arn:aws:iam::777788889999:user/member-admin"})),
        document(statement(Principal=None, NotPrincipal={"AWS": "arn:aws:iam::888899990000:root"})),
        document(statement(Principal={"Service": "cloudtrail.amazonaws.com"})),
    ],
)
def test_a_bucket_takes_policies_that_fit_it(policy: str) -> None:
    check_resource_policy(policy, "s3", (BUCKET, f"{BUCKET}/*"), Stage().world)
