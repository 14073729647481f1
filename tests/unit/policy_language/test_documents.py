from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.errors import PolicyDocumentError
from rootkeeper.policy_language.conditions import NO, YES, EvaluationContext, TruthValue, open_question
from rootkeeper.policy_language.documents import AccessRequest, PolicyKind, PolicyLabel, parse_policy
from rootkeeper.policy_language.patterns import PartialText, known_text

LABEL = PolicyLabel("p-examplescp", "Guardrail")
ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def render(*statements: object, version: str = "2012-10-17") -> str:
    return json.dumps({"Version": version, "Statement": list(statements)})


def judge(statement: dict[str, object], action: str, resource: PartialText) -> TruthValue:
    policy = parse_policy(render({"Effect": "Deny", **statement}), LABEL, PolicyKind.SERVICE_CONTROL)
    return policy.statements[0].evaluate(AccessRequest(action, resource, EvaluationContext()))


ROOT = known_text("arn:aws:iam::111122223333:root")
BUCKET = PartialText(("arn:aws:s3:::", ""))


@pytest.mark.parametrize(
    ("statement", "action", "resource", "expected"),
    [
        ({"Action": "IAM:get*", "Resource": "*"}, "iam:GetUser", ROOT, YES),
        ({"Action": ["s3:*", "sqs:*"], "Resource": "*"}, "iam:GetUser", ROOT, NO),
        ({"NotAction": ["s3:*", "iam:GetUser"], "Resource": "*"}, "iam:GetUser", ROOT, NO),
        ({"NotAction": ["s3:*"], "Resource": "*"}, "iam:GetUser", ROOT, YES),
        ({"Action": "*:*", "NotResource": "arn:aws:iam::*:root"}, "iam:GetUser", ROOT, NO),
        ({"Action": "*", "NotResource": "arn:aws:s3:::x"}, "iam:GetUser", ROOT, YES),
        (
            {"Action": "*", "Resource": "arn:aws:s3:::x-*"},
            "s3:GetBucketPolicy",
            BUCKET,
            open_question("arn:aws:s3:::x-*"),
        ),
        (
            {"Action": "*", "NotResource": "arn:aws:s3:::x-*"},
            "s3:GetBucketPolicy",
            BUCKET,
            open_question("arn:aws:s3:::x-*"),
        ),
        (
            {"Action": "*", "Resource": "arn:aws:s3:::${aws:username}"},
            "s3:GetBucketPolicy",
            BUCKET,
            open_question("aws:username"),
        ),
    ],
)
def test_a_statement_applies_by_action_and_resource(
    statement: dict[str, object], action: str, resource: PartialText, expected: TruthValue
) -> None:
    assert judge(statement, action, resource) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "isn't JSON"),
        ("{", "line 1, column 2"),
        ("[]", "the policy must be an object"),
        ('{"Version": NaN}', "NaN isn't JSON"),
        ("{}", "it has no Statement"),
        ('{"Version": "2025-01-01", "Statement": []}', "Version must be one of"),
        ('{"Statement": [], "Statement": []}', "is in it twice"),
        ('{"Statement": [], "Extra": 1}', "an unknown element 'Extra'"),
        (render("x"), "statement 1 must be an object"),
        (render(ALLOW | {"Effect": "Maybe"}), "Effect of statement 1"),
        (render(ALLOW | {"Sid": 7}), "Sid of statement 1"),
        (render(ALLOW | {"Sid": "A"}, ALLOW | {"Sid": "A"}), "must be unique"),
        (render(ALLOW | {"Principal": "*"}), "an unknown element 'Principal'"),
        (render({"Effect": "Allow", "Resource": "*"}), "either Action or NotAction"),
        (render(ALLOW | {"NotAction": "*"}), "either Action or NotAction"),
        (render(ALLOW | {"Action": []}), "Action must be a text or a list of texts"),
        (render(ALLOW | {"Action": "iam"}), "isn't of the form service:Action"),
        (render({"Effect": "Allow", "Action": "*"}), "either Resource or NotResource"),
        (render(ALLOW | {"Resource": "bucket"}), 'must be an ARN or "\\*"'),
        (render(ALLOW | {"Condition": {"StringEquals": {"a:b": {}}}}), "must be texts"),
        # From 3.12 on Python reads it.
        ("[" * 5000 + "]" * 5000, "nested too deeply|must be an object"),
        (render(*[ALLOW | {"Sid": f"S{n}"} for n in range(200)]), "characters, and AWS allows 10,240"),
    ],
)
def test_a_malformed_or_oversized_document_is_refused_by_name(text: str, problem: str) -> None:
    with pytest.raises(PolicyDocumentError, match=problem) as raised:
        parse_policy(text, LABEL, PolicyKind.SERVICE_CONTROL)
    assert "p-examplescp (Guardrail)" in raised.value.message
    assert raised.value.hint


@pytest.mark.parametrize("principal", [None, {"AWS": "arn:aws:iam::111122223333:root"}, "x"])
def test_a_resource_control_policy_means_everyone(principal: object) -> None:
    statement = {**ALLOW, "Principal": "*"}
    assert parse_policy(render(statement), LABEL, PolicyKind.RESOURCE_CONTROL).statements
    with pytest.raises(PolicyDocumentError, match="Principal of statement 1"):
        parse_policy(render({**ALLOW, "Principal": principal}), LABEL, PolicyKind.RESOURCE_CONTROL)


def test_the_size_that_aws_allows_depends_on_the_kind() -> None:
    text = render(*[{**ALLOW, "Principal": "*", "Sid": f"S{n}"} for n in range(80)])
    assert len(text) > PolicyKind.RESOURCE_CONTROL.longest
    with pytest.raises(PolicyDocumentError, match="AWS allows 5,120"):
        parse_policy(text, LABEL, PolicyKind.RESOURCE_CONTROL)


def test_one_statement_needs_no_list_and_is_named_by_sid_or_number() -> None:
    policy = parse_policy(json.dumps({"Statement": ALLOW}), LABEL, PolicyKind.IDENTITY)
    assert [statement.label for statement in policy.statements] == ["statement 1"]
    named = parse_policy(render(ALLOW, ALLOW | {"Sid": "Second"}), LABEL, PolicyKind.IDENTITY)
    assert [statement.label for statement in named.statements] == ["statement 1", "Second"]


def test_a_label_names_id_and_name() -> None:
    assert str(LABEL) == "p-examplescp (Guardrail)"
    assert str(PolicyLabel("p-examplescp", "p-examplescp")) == str(PolicyLabel("p-examplescp", "")) == "p-examplescp"


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(("Version", "Statement", "Effect", "Action", "Resource", "Condition", "Sid", "Null")),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


def complain(text: str) -> str:
    """The error that a document meets; empty if it is a policy."""
    try:
        parse_policy(text, LABEL, PolicyKind.SERVICE_CONTROL)
    except PolicyDocumentError as error:
        return error.message
    return ""


@given(JSON_VALUES)
def test_any_json_is_a_policy_or_a_clear_error(value: object) -> None:
    complaint = complain(json.dumps(value))
    assert not complaint or "p-examplescp" in complaint
