"""Random policies and requests, of words that meet each other often enough to matter."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import strategies as st

from tests.guardrails.both_evaluators import FULL, FULL_RESOURCE, Question, render_policy

ROOT = "arn:aws:iam::111122223333:root"
ACTIONS = ("iam:GetUser", "iam:DeleteLoginProfile", "s3:PutBucketPolicy", "sqs:ListQueues", "sts:AssumeRoot")
RESOURCES = (
    "*",
    ROOT,
    "arn:aws:iam::444455556666:root",
    "arn:aws:s3:::amzn-s3-demo-bucket",
    "arn:aws:sqs:us-east-1:111122223333:orders",
)
_ACTION_PATTERNS = (
    *ACTIONS,
    "*",
    "*:*",
    "IAM:getuser",
    "ec2:*",
    "iam:*",
    "iam:?etUser",
    "iam:Get*",
    "s3:*Policy",
    "s3:Put*",
    "sqs:*",
    "sts:Assume*",
)
_RESOURCE_PATTERNS = (
    *RESOURCES,
    "arn:*:iam::*:root",
    "arn:aws:iam::*:root",
    "arn:aws:iam::1111*:root",
    "arn:aws:iam::${aws:PrincipalAccount}:root",
    "arn:aws:s3:::*",
    "arn:aws:s3:::amzn-s3-????-*",
    "arn:aws:s3:::${aws:username}",
    "arn:aws:sqs:*:*:*",
    "arn:aws:sqs:eu-*:*:*",
)
_TEXTS = {
    "aws:PrincipalAccount": ("111122223333", "444455556666"),
    "aws:PrincipalArn": (ROOT, "arn:aws:iam::111122223333:role/admin"),
    "aws:PrincipalTag/team": ("platform", "Platform", ""),
    "aws:RequestedRegion": ("us-east-1", "eu-central-1"),
    "sts:TaskPolicyArn": ("arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials",),
}
_LISTS = {
    "aws:CalledVia": (("athena.amazonaws.com",), ("athena.amazonaws.com", "s3.amazonaws.com")),
    "aws:PrincipalOrgPaths": (("o-example/r-1/ou-1/",), ("o-example/r-1/",)),
}
_BOOLEANS = ("aws:AssumedRoot", "aws:MultiFactorAuthPresent", "aws:PrincipalIsAWSService")
_NUMBERS = {"aws:MultiFactorAuthAge": ("0", "300", "3600.5", "none")}
_MOMENTS = {"aws:CurrentTime": ("2026-01-15T09:00:00Z", "2020-01-01", "1768467600"), "aws:EpochTime": ("1768467600",)}
_ADDRESSES = {"aws:SourceIp": ("192.0.2.7", "203.0.113.9", "2001:db8::1", "an address")}
_WORDS = (
    "*",
    "",
    "1111*",
    "?11122223333",
    "*:root",
    "*amazonaws.com",
    "111122223333",
    "${aws:PrincipalAccount}",
    "${aws:username, 'unknown'}",
    "${*}",
    "arn:*:iam::*:*",
    "arn:aws:iam::*:role/*",
    "arn:aws:iam::*:root",
    "arn:aws:iam::aws:policy/root-task/*",
    "o-example/*",
    "o-example/r-1/ou-?/",
    "platform",
    "us-*",
    "us-east-1",
    ROOT,
)
_TEXT_OPERATORS = ("StringEquals", "StringEqualsIgnoreCase", "StringLike", "ArnEquals", "ArnLike")
_NEGATED = {"StringEquals": "StringNotEquals", "StringLike": "StringNotLike", "ArnLike": "ArnNotLike"}
_ORDERS = ("Equals", "NotEquals", "LessThan", "LessThanEquals", "GreaterThan", "GreaterThanEquals")

_text_operators = st.sampled_from((*_TEXT_OPERATORS, *_NEGATED.values(), "StringNotEqualsIgnoreCase", "ArnNotEquals"))
_text_keys = st.sampled_from((*_TEXTS, *_LISTS, "aws:username", "AWS:principalarn"))
_booleans = st.sampled_from(("true", "false", True, False))


@st.composite
def _spelled(draw: st.DrawFn, operator: str) -> str:
    prefix = draw(st.sampled_from(("", "", "", "ForAnyValue:", "ForAllValues:")))
    return prefix + operator + draw(st.sampled_from(("", "", "IfExists")))


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return values | st.lists(values, min_size=1, max_size=3)


@st.composite
def _conditions(draw: st.DrawFn) -> tuple[str, str, Any]:
    """Operator, key and values."""
    kind = draw(st.sampled_from(("text", "text", "text", "bool", "null", "number", "date", "address")))
    if kind == "null":
        return "Null", draw(st.sampled_from((*_TEXTS, *_BOOLEANS, *_LISTS))), draw(_booleans)
    if kind == "text":
        return draw(_text_operators.flatmap(_spelled)), draw(_text_keys), draw(_some(st.sampled_from(_WORDS)))
    if kind == "bool":
        return draw(_spelled("Bool")), draw(st.sampled_from(_BOOLEANS)), draw(_some(_booleans))
    if kind == "number":
        operator = "Numeric" + draw(st.sampled_from(_ORDERS))
        return (
            draw(_spelled(operator)),
            draw(st.sampled_from(tuple(_NUMBERS))),
            draw(_some(st.sampled_from(("0", 300, "1e3")))),
        )
    if kind == "date":
        operator = "Date" + draw(st.sampled_from(_ORDERS))
        moments = st.sampled_from(("2026-01-15T09:00:00Z", "2025", "2026-01-15", 1768467600))
        return draw(_spelled(operator)), draw(st.sampled_from(tuple(_MOMENTS))), draw(_some(moments))
    ranges = st.sampled_from(("192.0.2.0/24", "203.0.113.9", "2001:db8::/32", "0.0.0.0/0"))
    return draw(_spelled(draw(st.sampled_from(("IpAddress", "NotIpAddress"))))), "aws:SourceIp", draw(_some(ranges))


@st.composite
def statements(draw: st.DrawFn, *, has_principal: bool = False) -> dict[str, Any]:
    """One statement of an SCP, or of an RCP."""
    found: dict[str, Any] = {"Effect": draw(st.sampled_from(("Allow", "Deny")))}
    if has_principal:
        found["Principal"] = "*"
    found[draw(st.sampled_from(("Action", "Action", "NotAction")))] = draw(_some(st.sampled_from(_ACTION_PATTERNS)))
    resources = draw(st.just("*") | _some(st.sampled_from(_RESOURCE_PATTERNS)))
    found[draw(st.sampled_from(("Resource", "Resource", "NotResource")))] = resources
    conditions: dict[str, dict[str, Any]] = {}
    for operator, key, values in draw(st.lists(_conditions(), max_size=3)):
        conditions.setdefault(operator, {})[key] = values
    return found | ({"Condition": conditions} if conditions else {})


def documents(*, has_principal: bool = False) -> st.SearchStrategy[str]:
    """One policy; full access as often as not, lest everything be denied."""
    versions = st.sampled_from(("2012-10-17", "2012-10-17", "2008-10-17"))
    written = st.builds(
        lambda some, version: render_policy(*some, version=version),
        st.lists(statements(has_principal=has_principal), min_size=1, max_size=3),
        versions,
    )
    return st.just(FULL_RESOURCE if has_principal else FULL) | written


def levels(*, has_principal: bool = False) -> st.SearchStrategy[list[list[str]]]:
    """The policies from the organization's root down."""
    return st.lists(st.lists(documents(has_principal=has_principal), min_size=1, max_size=3), min_size=1, max_size=3)


@st.composite
def _contexts(draw: st.DrawFn) -> Mapping[str, str | tuple[str, ...]]:
    pools: dict[str, st.SearchStrategy[Any]] = {
        key.lower(): st.sampled_from(values)
        for pool in (_TEXTS, _LISTS, _NUMBERS, _MOMENTS, _ADDRESSES)
        for key, values in pool.items()
    }
    pools |= {key.lower(): st.sampled_from(("true", "false")) for key in _BOOLEANS}
    pools["aws:username"] = st.sampled_from(("amzn-s3-demo-bucket", "*"))
    found: dict[str, str | tuple[str, ...]] = draw(st.fixed_dictionaries({}, optional=pools))
    return found


def questions() -> st.SearchStrategy[Question]:
    return st.builds(Question, st.sampled_from(ACTIONS), st.sampled_from(RESOURCES), _contexts())


def keys_to_hide() -> st.SearchStrategy[set[str]]:
    """Condition keys of which nothing is known."""
    names = (*_TEXTS, *_LISTS, *_BOOLEANS, *_NUMBERS, *_MOMENTS, *_ADDRESSES, "aws:username")
    return st.sets(st.sampled_from(tuple(name.lower() for name in names)), max_size=5)
