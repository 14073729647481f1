"""Who may do what: documents, the decision over all policies, the root task policies, and how denials are worded."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.authorization.authorizer import (
    TASK_POLICIES,
    AccessDenial,
    DenyingPolicyType,
    RequestPolicies,
    decide,
    render_denial,
    task_policy_name,
)
from rootkeeper_sandbox.authorization.conditions import AccessRequest
from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.exchange import AttachedPolicy

ROOT = "arn:aws:iam::111122223333:root"
USER = "arn:aws:iam::111122223333:user/anna"
FULL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def document(*statements: dict[str, Any], version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def attached(*statements: dict[str, Any], name: str = "p-example1") -> AttachedPolicy:
    arn = f"arn:aws:organizations::111122223333:policy/o-exampleorgid/service_control_policy/{name}"
    return AttachedPolicy(arn, name, document(*statements))


def request(action: str = "iam:GetUser", resource: str = ROOT, **context: str) -> AccessRequest:
    keys = {"aws:principalarn": ROOT, "aws:principalaccount": "111122223333", "aws:resourceaccount": "111122223333"}
    return AccessRequest(action.lower(), resource, keys | {k.replace("_", ":"): v for k, v in context.items()})


FULL_LEVEL = [attached(FULL)]
DENY_ROOT = {
    "Sid": "DenyRoot",
    "Effect": "Deny",
    "Action": "*",
    "Resource": "*",
    "Condition": {"ArnLike": {"aws:PrincipalArn": ["arn:aws:iam::*:root"]}},
}
DENY_ROOT_BUT_SESSIONS = DENY_ROOT | {"Condition": DENY_ROOT["Condition"] | {"Null": {"aws:AssumedRoot": "true"}}}  # type: ignore[operator]  # an object


def test_nothing_is_allowed_without_an_allow() -> None:
    assert decide(request(), RequestPolicies()) == AccessDenial(DenyingPolicyType.IDENTITY, is_explicit=False)


def test_a_root_user_needs_no_allow() -> None:
    assert decide(request(), RequestPolicies(identity_policies=None)) is None


@pytest.mark.parametrize("levels", [1, 2, 5])
@pytest.mark.parametrize("identity_policies", [None, (document(FULL),)])
def test_every_level_must_allow(levels: int, identity_policies: tuple[str, ...] | None) -> None:
    full = [FULL_LEVEL] * levels
    assert decide(request(), RequestPolicies(full, identity_policies)) is None
    only_s3 = [attached({"Effect": "Allow", "Action": "s3:*", "Resource": "*"})]
    for number in range(levels):
        request_policies = RequestPolicies([*full[:number], only_s3, *full[number + 1 :]], identity_policies)
        assert decide(request(), request_policies) == AccessDenial(DenyingPolicyType.SERVICE_CONTROL, is_explicit=False)
        assert decide(request(), RequestPolicies([*full, []], identity_policies)) is not None


def test_any_deny_wins_and_the_policy_is_named() -> None:
    denying = attached(DENY_ROOT, name="p-denyroot")
    request_policies = RequestPolicies([FULL_LEVEL, [*FULL_LEVEL, denying], FULL_LEVEL], None)
    assert decide(request(), request_policies) == AccessDenial(
        DenyingPolicyType.SERVICE_CONTROL, is_explicit=True, policy_arn=denying.arn
    )


def test_a_deny_of_the_root_user_that_exempts_root_sessions_stops_only_the_root_user() -> None:
    request_policies = RequestPolicies([[*FULL_LEVEL, attached(DENY_ROOT_BUT_SESSIONS)]], None)
    assert decide(request(), request_policies) is not None
    assert decide(request(aws_assumedroot="true"), request_policies) is None
    assert (
        decide(
            request(aws_principalarn=USER), RequestPolicies(request_policies.service_control_levels, (document(FULL),))
        )
        is None
    )


def test_a_deny_that_lists_what_root_may_do_stops_everything_else() -> None:
    statement = DENY_ROOT | {"NotAction": ["iam:GetUser", "iam:CreateVirtualMFADevice"]}
    del statement["Action"]
    request_policies = RequestPolicies([[*FULL_LEVEL, attached(statement)]], None)
    assert decide(request("iam:GetUser"), request_policies) is None
    assert decide(request("iam:GetAccountSummary"), request_policies) is not None


def test_of_several_causes_the_organization_s_is_named_first() -> None:
    request_policies = RequestPolicies([[*FULL_LEVEL, attached(DENY_ROOT)]], (document({**FULL, "Effect": "Deny"}),))
    denial = decide(request(), request_policies)
    assert denial is not None
    assert denial.policy_type is DenyingPolicyType.SERVICE_CONTROL


@pytest.mark.parametrize(
    ("statement", "action", "resource", "applies"),
    [
        ({"Action": "iam:*", "Resource": "*"}, "iam:GetUser", ROOT, True),
        ({"Action": "IAM:getuser", "Resource": "*"}, "iam:GetUser", ROOT, True),
        ({"Action": ["s3:*", "iam:Get*"], "Resource": "*"}, "iam:GetUser", ROOT, True),
        ({"Action": "iam:Get????", "Resource": "*"}, "iam:GetUser", ROOT, True),
        ({"Action": "iam:Get", "Resource": "*"}, "iam:GetUser", ROOT, False),
        ({"NotAction": "iam:*", "Resource": "*"}, "iam:GetUser", ROOT, False),
        ({"NotAction": ["s3:*", "sqs:*"], "Resource": "*"}, "iam:GetUser", ROOT, True),
        ({"Action": "*", "Resource": ["arn:aws:iam::*:user/*", ROOT]}, "iam:GetUser", ROOT, True),
        ({"Action": "*", "NotResource": "arn:aws:iam::*:root"}, "iam:GetUser", ROOT, False),
        ({"Action": "*", "NotResource": "arn:aws:iam::*:root"}, "iam:GetUser", USER, True),
        ({"Action": "*", "Resource": "arn:aws:iam::${aws:PrincipalAccount}:root"}, "iam:GetUser", ROOT, True),
        ({"Action": "*", "Resource": "arn:aws:iam::${aws:username}:root"}, "iam:GetUser", ROOT, False),
        ({"Action": "*", "Resource": "arn:aws:iam::111122223333:root"}, "iam:ListOrganizationsFeatures", "*", False),
    ],
)
def test_a_statement_applies(statement: dict[str, Any], action: str, resource: str, applies: bool) -> None:
    policy = compile_policy(document({"Effect": "Allow", **statement}))
    assert policy.allows(request(action, resource)) is applies


CALLS = ["GetUser", "GetLoginProfile", "CreateLoginProfile", "DeleteLoginProfile", "ListAccessKeys"]
CALLS += ["GetAccessKeyLastUsed", "DeleteAccessKey", "ListMFADevices", "DeactivateMFADevice", "DeleteVirtualMFADevice"]
CALLS += ["ListSigningCertificates", "DeleteSigningCertificate", "GetAccountSummary", "CreateAccessKey", "ListUsers"]

READS = {"GetUser", "GetLoginProfile", "ListAccessKeys", "GetAccessKeyLastUsed", "ListMFADevices"}
READS |= {"ListSigningCertificates"}
DELETIONS = {"DeleteLoginProfile", "DeleteAccessKey", "DeactivateMFADevice", "DeleteSigningCertificate"}
ALLOWED = {
    "IAMAuditRootUserCredentials": READS | {"GetAccountSummary"},
    "IAMCreateRootUserPassword": {"CreateLoginProfile", "GetLoginProfile"},
    "IAMDeleteRootUserCredentials": READS | DELETIONS,
    "S3UnlockBucketPolicy": set(),
    "SQSUnlockQueuePolicy": set(),
}


def resource_of(call: str) -> str:
    if call in {"GetAccountSummary", "ListUsers"}:
        return "*"
    return "arn:aws:iam::111122223333:mfa/root-account-mfa-device" if call == "DeleteVirtualMFADevice" else ROOT


@pytest.mark.parametrize("task", sorted(ALLOWED))
def test_a_task_policy_leaves_its_task_alone(task: str) -> None:
    request_policies = RequestPolicies([FULL_LEVEL], None, TASK_POLICIES[f"arn:aws:iam::aws:policy/root-task/{task}"])
    allowed = {call for call in CALLS if decide(request(f"iam:{call}", resource_of(call)), request_policies) is None}
    assert allowed == ALLOWED[task]


def test_a_task_policy_s_denial_names_a_session_policy() -> None:
    request_policies = RequestPolicies(
        [FULL_LEVEL], None, TASK_POLICIES["arn:aws:iam::aws:policy/root-task/S3UnlockBucketPolicy"]
    )
    denial = decide(request("iam:GetUser"), request_policies)
    assert denial == AccessDenial(DenyingPolicyType.SESSION, is_explicit=True)
    assert denial is not None
    assert render_denial(denial, ROOT, "iam:GetUser", ROOT).endswith(" with an explicit deny in a session policy")


@pytest.mark.parametrize(("owner", "is_allowed"), [("111122223333", True), ("444455556666", False)])
def test_a_queue_can_be_unlocked_only_in_the_session_s_own_account(owner: str, is_allowed: bool) -> None:
    request_policies = RequestPolicies(
        (), None, TASK_POLICIES["arn:aws:iam::aws:policy/root-task/SQSUnlockQueuePolicy"]
    )
    asked = request("sqs:GetQueueAttributes", f"arn:aws:sqs:us-east-1:{owner}:q", aws_resourceaccount=owner)
    assert (decide(asked, request_policies) is None) is is_allowed


def test_all_five_task_policies_are_there_and_only_deny() -> None:
    assert {task_policy_name(arn) for arn in TASK_POLICIES} == set(ALLOWED)
    assert all(not compile_policy(text).allowances and compile_policy(text).denials for text in TASK_POLICIES.values())


@pytest.mark.parametrize(
    ("denial", "ending"),
    [
        (
            AccessDenial(DenyingPolicyType.IDENTITY, False),
            "because no identity-based policy allows the iam:GetUser action",
        ),
        (AccessDenial(DenyingPolicyType.IDENTITY, True), "with an explicit deny in an identity-based policy"),
        (
            AccessDenial(DenyingPolicyType.SERVICE_CONTROL, False),
            "because no service control policy allows the iam:GetUser action",
        ),
        (
            AccessDenial(DenyingPolicyType.SERVICE_CONTROL, True, "arn:p"),
            "with an explicit deny in a service control policy: arn:p",
        ),
    ],
)
def test_denials_are_worded_as_aws_words_them(denial: AccessDenial, ending: str) -> None:
    text = render_denial(denial, USER, "iam:GetUser", ROOT)
    assert text == f"User: {USER} is not authorized to perform: iam:GetUser on resource: {ROOT} {ending}"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{", "not valid JSON"),
        ("[" * 100_000, "not valid JSON"),
        ("[]", "must be an object"),
        ('{"Version": "2012-10-17"}', "no Statement"),
        ('{"Version": "2020-01-01", "Statement": []}', "Version must be"),
        ('{"Version": ["2012-10-17"], "Statement": []}', "Version must be"),
        ('{"Statement": [], "Extra": 1}', "unknown element 'Extra'"),
        ('{"Statement": [1]}', "must be an object"),
        (document({**FULL, "Effect": "Maybe"}), "Effect must be"),
        (document({**FULL, "NotAction": "*"}), "either Action or NotAction"),
        (document({"Effect": "Allow", "Resource": "*"}), "either Action or NotAction"),
        (document({"Effect": "Allow", "Action": "*"}), "either Resource or NotResource"),
        (document({**FULL, "Action": []}), "must be a text or a list"),
        (document({**FULL, "Action": "iam"}), "not of the form service:action"),
        (document({**FULL, "Resource": "bucket"}), "must be in ARN format"),
        (document({**FULL, "Principal": "*"}), "must not have Principal"),
        (document({**FULL, "Sid": 1}), "Sid must be a text"),
        (document({**FULL, "Sid": "A"}, {**FULL, "Sid": "A"}), "must be unique"),
        (document({**FULL, "Condition": {"Nope": {"a": "b"}}}), "no condition operator Nope"),
    ],
)
def test_a_malformed_document_is_refused(text: str, complaint: str) -> None:
    with pytest.raises(PolicyDocumentError, match=complaint):
        compile_policy(text)


def test_one_statement_needs_no_list() -> None:
    assert compile_policy(json.dumps({"Statement": FULL})).allows(request())


TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole"}


@pytest.mark.parametrize(
    ("principal", "is_meant", "is_excepted"),
    [
        ("*", True, True),
        ({"AWS": "*"}, True, True),
        ({"AWS": "111122223333"}, True, False),
        ({"AWS": "arn:aws:iam::111122223333:root"}, True, False),
        ({"AWS": ["444455556666", USER]}, True, True),
        ({"AWS": "arn:aws:iam::111122223333:user/bert"}, False, False),
        ({"AWS": "444455556666"}, False, False),
        ({"Service": "ec2.amazonaws.com"}, False, False),
    ],
)
def test_a_trust_policy_means_its_principals(principal: object, is_meant: bool, is_excepted: bool) -> None:
    """NotPrincipal with an account excepts its root user alone, not its users and roles."""
    policy = compile_policy(document({**TRUST, "Principal": principal}), PolicyKind.RESOURCE)
    caller = AccessRequest("sts:assumerole", "*", {}, "111122223333", frozenset({USER}))
    assert policy.allows(caller) is is_meant
    negated = compile_policy(document({**TRUST, "NotPrincipal": principal}), PolicyKind.RESOURCE)
    assert negated.allows(caller) is not is_excepted


@pytest.mark.parametrize("principal", [1, {}, {"AWS": 1}, {"Everyone": "*"}, "anna"])
def test_a_principal_that_is_none_is_refused(principal: object) -> None:
    with pytest.raises(PolicyDocumentError, match=r"[Pp]rincipal"):
        compile_policy(document({**TRUST, "Principal": principal}), PolicyKind.RESOURCE)


def test_a_trust_policy_without_a_principal_is_refused() -> None:
    with pytest.raises(PolicyDocumentError, match="must have Principal or NotPrincipal"):
        compile_policy(document(TRUST), PolicyKind.RESOURCE)


ACTIONS = st.sampled_from(["iam:GetUser", "iam:DeleteAccessKey", "s3:GetObject", "sts:AssumeRoot"])
STATEMENTS = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Action": st.sampled_from(["*", "iam:*", "iam:Get*", "s3:*", "sts:AssumeRoot"]),
        "Resource": st.sampled_from(["*", ROOT, "arn:aws:iam::*:user/*"]),
    }
)
DOCUMENTS = st.lists(STATEMENTS, min_size=1, max_size=4)
LEVELS = st.lists(st.lists(DOCUMENTS, min_size=1, max_size=2), max_size=4)


def find_request_policies(
    levels: list[list[list[dict[str, Any]]]], identity: list[list[dict[str, Any]]] | None
) -> RequestPolicies:
    return RequestPolicies(
        [[attached(*statements) for statements in level] for level in levels],
        None if identity is None else tuple(document(*statements) for statements in identity),
    )


IDENTITIES = st.none() | st.lists(DOCUMENTS, max_size=3)


@given(ACTIONS, LEVELS, IDENTITIES, DOCUMENTS, st.data())
def test_one_more_policy_level_never_allows_more(
    action: str, levels: Any, identity: Any, added: Any, data: st.DataObject
) -> None:
    position = data.draw(st.integers(0, len(levels)))
    more = [*levels[:position], [added], *levels[position:]]
    if decide(request(action), find_request_policies(levels, identity)) is not None:
        assert decide(request(action), find_request_policies(more, identity)) is not None


@given(ACTIONS, LEVELS, IDENTITIES)
def test_a_deny_of_everything_anywhere_refuses_everything(action: str, levels: Any, identity: Any) -> None:
    nothing = [{**FULL, "Effect": "Deny"}]
    for position in range(len(levels)):
        changed = [*levels[:position], [*levels[position], nothing], *levels[position + 1 :]]
        denial = decide(request(action), find_request_policies(changed, identity))
        assert denial is not None
        assert denial.is_explicit
    if identity is not None:
        denial = decide(request(action), find_request_policies(levels, [*identity, nothing]))
        assert denial is not None
        assert denial.is_explicit


@given(ACTIONS, LEVELS, IDENTITIES)
def test_the_order_of_policies_and_levels_does_not_matter(action: str, levels: Any, identity: Any) -> None:
    reverse = [list(reversed(level)) for level in reversed(levels)]
    turned = None if identity is None else list(reversed(identity))
    decision = decide(request(action), find_request_policies(levels, identity))
    other = decide(request(action), find_request_policies(reverse, turned))
    assert (decision is None) is (other is None)


@given(ACTIONS, LEVELS)
def test_a_root_user_may_do_what_its_scps_let_an_administrator(action: str, levels: Any) -> None:
    as_root = decide(request(action), find_request_policies(levels, None))
    as_administrator = decide(request(action), find_request_policies(levels, [[FULL]]))
    assert (as_root is None) is (as_administrator is None)
