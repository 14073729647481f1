from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.errors import PolicyDocumentError
from rootkeeper.unlock.rules import (
    as_texts,
    fingerprint,
    hash_policy,
    parse_policy,
    require_acceptable,
    require_policy_text,
)
from tests.unit.aws.samples import ACCOUNT, BUCKET, OWN_ROOT, QUEUE, document, statement

SOURCE = "The policy in new.json"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "it isn't JSON"),
        ("{'Statement': []}", "it isn't JSON"),
        ("[1]", "it isn't a JSON object"),
        ("{}", "it has no Statement"),
        ('{"Statement": []}', "it has no Statement"),
        ('{"Statement": [1]}', "a statement isn't an object"),
        ("[" * 100_000, "it isn't JSON"),
    ],
)
def test_what_is_no_policy_is_refused_by_the_name_of_its_source(text: str, problem: str) -> None:
    with pytest.raises(PolicyDocumentError) as raised:
        parse_policy(text, SOURCE)
    assert raised.value.message.startswith(f"{SOURCE} can't be used: {problem}")
    assert raised.value.hint


@pytest.mark.parametrize("kind", ResourceKind)
def test_a_policy_may_be_as_large_as_aws_allows_and_no_larger(kind: ResourceKind) -> None:
    text = '{"Statement": [{"Sid": "é"}]}'
    text += " " * (kind.policy_limit_bytes - len(text.encode()))
    require_policy_text(kind, text, SOURCE)
    with pytest.raises(PolicyDocumentError, match=r"new\.json can't be used: it has .* bytes"):
        require_policy_text(kind, f"{text} ", SOURCE)


@pytest.mark.parametrize(
    ("resource", "elements", "problem"),
    [
        (BUCKET, {"Effect": None}, "Effect is missing"),
        (BUCKET, {"Effect": "deny"}, "Effect must be"),
        (BUCKET, {"Principal": None}, "Principal is missing"),
        (BUCKET, {"Action": None}, "Action is missing"),
        (BUCKET, {"Resource": None}, "Resource is missing"),
        (BUCKET, {"Action": ["s3:*", "sqs:*"]}, "the action 'sqs:\\*' doesn't match s3:\\*"),
        (BUCKET, {"Resource": "arn:aws:s3:::another/*"}, "no resource matches arn:aws:s3:::amzn-s3-demo-bucket"),
        (QUEUE, {"Action": "s3:*"}, "the action 's3:\\*'"),
    ],
)
def test_what_aws_would_refuse_is_refused_before_it_is_sent(
    resource: Resource, elements: dict[str, Any], problem: str
) -> None:
    parsed = parse_policy(document(statement(resource, Sid="Second", **elements)), SOURCE)
    with pytest.raises(PolicyDocumentError, match=f"in statement Second {problem}"):
        require_acceptable(parsed, resource, SOURCE)


@pytest.mark.parametrize(
    ("resource", "elements"),
    [
        (BUCKET, {}),
        (BUCKET, {"Resource": "*"}),
        (BUCKET, {"Resource": f"{BUCKET.arn}/logs/*"}),
        (BUCKET, {"Action": None, "NotAction": "s3:GetObject", "Principal": None, "NotPrincipal": {"AWS": OWN_ROOT}}),
        (QUEUE, {"Resource": None}),
        (QUEUE, {"Action": "SQS:SendMessage"}),
    ],
)
def test_what_aws_takes_is_taken(resource: Resource, elements: dict[str, Any]) -> None:
    require_acceptable(parse_policy(document(statement(resource, **elements)), SOURCE), resource, SOURCE)


def test_a_version_that_does_not_exist_and_too_many_statements_are_refused() -> None:
    old = parse_policy('{"Version": "2020-01-01", "Statement": [{}]}', SOURCE)
    with pytest.raises(PolicyDocumentError, match="Version"):
        require_acceptable(old, BUCKET, SOURCE)
    many = parse_policy(document(*[statement(QUEUE)] * 21), SOURCE)
    with pytest.raises(PolicyDocumentError, match="20 statements"):
        require_acceptable(many, QUEUE, SOURCE)


def test_the_hash_is_that_of_the_saved_file() -> None:
    assert hash_policy("{é}") == hashlib.sha256("{é}".encode()).hexdigest()


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"Action": "s3:Get*"}, {"Action": ["s3:Get*"]}),
        ({"Action": ["s3:Get*", "s3:Put*"]}, {"Action": ["s3:Put*", "s3:Get*"]}),
        ({"Principal": {"AWS": ACCOUNT}}, {"Principal": {"AWS": [OWN_ROOT]}}),
        ({"Condition": {"Bool": {"a": True}}}, {"Condition": {"Bool": {"a": ["true"]}}}),
    ],
)
def test_two_spellings_of_one_policy_have_one_fingerprint(one: dict[str, Any], other: dict[str, Any]) -> None:
    texts = [document(statement(**elements)) for elements in (one, other)]
    assert fingerprint(texts[0], "aws") == fingerprint(texts[1], "aws")
    assert fingerprint(json.dumps(json.loads(texts[0]), indent=4), "aws") == fingerprint(texts[0], "aws")


@pytest.mark.parametrize(
    "elements", [{"Action": "s3:Put*"}, {"Effect": "Allow"}, {"Principal": {"AWS": "*"}}, {"Sid": "Other"}]
)
def test_policies_that_differ_have_fingerprints_that_differ(elements: dict[str, Any]) -> None:
    assert fingerprint(document(statement(**elements)), "aws") != fingerprint(document(statement()), "aws")


def test_no_policy_and_what_is_no_policy_have_fingerprints_too() -> None:
    assert fingerprint(None, "aws") is None
    assert fingerprint("{", "aws") == hash_policy("{")
    assert fingerprint(document(statement(), statement(Effect="Allow")), "aws") != fingerprint(
        document(statement(Effect="Allow"), statement()), "aws"
    )


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(
    st.lists(st.dictionaries(st.sampled_from(["Effect", "Action", "Principal", "Condition", "Sid"]), JSON), min_size=1)
)
def test_any_policy_that_can_be_read_has_a_fingerprint(statements: list[dict[str, Any]]) -> None:
    text = json.dumps({"Statement": statements})
    found = fingerprint(text, "aws")
    assert found == fingerprint(json.dumps(json.loads(text), indent=1, sort_keys=True), "aws")
    assert found is not None


def test_one_element_may_stand_without_its_list() -> None:
    assert as_texts(None) == []
    assert as_texts("a") == ["a"]
    assert as_texts(["a", True, 1]) == ["a", "true", "1"]
