"""Every condition operator, with IfExists, set operators and Null: a table, and what holds for all of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.authorization.conditions import OPERATORS, Context, OperandError, parse_conditions

ROOT = "arn:aws:iam::111122223333:root"


def holds(operator: str, key: str, values: Any, context: Context) -> bool:
    conditions = parse_conditions({operator: {key: values}}, has_variables=True)
    return all(condition.holds(context) for condition in conditions)


@pytest.mark.parametrize(
    ("operator", "policy_value", "request_value", "expected"),
    [
        ("StringEquals", "a", "a", True),
        ("StringEquals", "a*", "ab", False),
        ("StringEquals", "a", "A", False),
        ("StringEquals", ["a", "b"], "b", True),
        ("StringNotEquals", "a", "b", True),
        ("StringNotEquals", ["a", "b"], "b", False),
        ("StringEqualsIgnoreCase", "Straße", "STRASSE".lower(), False),
        ("StringEqualsIgnoreCase", "ABC", "abc", True),
        ("StringNotEqualsIgnoreCase", "ABC", "abc", False),
        ("StringLike", "a*c?", "abbbcd", True),
        ("StringLike", "A*", "abc", False),
        ("StringNotLike", "arn:aws:iam::*:root", ROOT, False),
        ("StringNotLike", "arn:aws:iam::*:root", "arn:aws:iam::111122223333:user/a", True),
        ("ArnEquals", "arn:aws:iam::*:root", ROOT, True),
        ("ArnLike", "arn:aws:iam::*:root", ROOT, True),
        ("ArnLike", "arn:aws:iam::*", ROOT, False),
        ("ArnNotEquals", "arn:aws:iam::*:root", ROOT, False),
        ("ArnNotLike", ["arn:aws:iam::*:user/*", "arn:aws:iam::*:role/*"], ROOT, True),
        ("NumericEquals", 5, "5", True),
        ("NumericEquals", "5.0", "5", True),
        ("NumericEquals", "5", "five", False),
        ("NumericNotEquals", "5", "6", True),
        ("NumericLessThan", "5", "4.9", True),
        ("NumericLessThan", "5", "5", False),
        ("NumericLessThanEquals", "5", "5", True),
        ("NumericGreaterThan", "-5", "-4", True),
        ("NumericGreaterThan", "5", "10", True),
        ("NumericGreaterThanEquals", "5", "4", False),
        ("DateEquals", "2026-11-25T10:00:00Z", "2026-11-25T11:00:00+01:00", True),
        ("DateEquals", "1795600800", "2026-11-25T10:00:00Z", True),
        ("DateNotEquals", "2026-11-25", "2026-11-25T00:00:01Z", True),
        ("DateLessThan", "2026-11-25T10:00:00Z", "2026-11-25T09:59:59Z", True),
        ("DateLessThanEquals", "2026-11-25T10:00:00Z", "2026-11-25T10:00:00Z", True),
        ("DateGreaterThan", "2026", "2026-01-01T00:00:01Z", True),
        ("DateGreaterThanEquals", "2026-11-25T10:00:00Z", "2026-11-25T09:00:00Z", False),
        ("Bool", "true", "true", True),
        ("Bool", True, "TRUE", True),
        ("Bool", "false", "true", False),
        ("BinaryEquals", "QmluYXJ5", "QmluYXJ5", True),
        ("BinaryEquals", "QmluYXJ5", "b3RoZXI=", False),
        ("BinaryEquals", "QmluYXJ5", "no base64!", False),
        ("IpAddress", "192.0.2.0/24", "192.0.2.9", True),
        ("IpAddress", "192.0.2.9", "192.0.2.9", True),
        ("IpAddress", ["198.51.100.0/24", "192.0.2.0/24"], "203.0.113.1", False),
        ("IpAddress", "2001:db8::/32", "2001:db8:1::1", True),
        ("IpAddress", "192.0.2.0/24", "2001:db8::1", False),
        ("NotIpAddress", "192.0.2.0/24", "203.0.113.1", True),
        ("NotIpAddress", ["192.0.2.0/24", "203.0.113.0/24"], "203.0.113.1", False),
    ],
)
def test_an_operator_compares(operator: str, policy_value: Any, request_value: str, expected: bool) -> None:
    assert holds(operator, "aws:Key", policy_value, {"aws:key": request_value}) is expected


EXAMPLES = {
    "Arn": ROOT,
    "Binary": "QmluYXJ5",
    "Bool": "true",
    "Date": "2026-11-25T10:00:00Z",
    "IpAddress": "192.0.2.0/24",
    "NotIp": "192.0.2.0/24",
    "Numeric": "5",
    "String": "a",
}
"""A value that suits an operator, by what the operator's name begins with."""

ALL_OPERATORS = sorted(OPERATORS)


def example(operator: str) -> str:
    return next(value for beginning, value in EXAMPLES.items() if operator.startswith(beginning))


def is_negated(operator: str) -> bool:
    return "Not" in operator


@pytest.mark.parametrize("operator", ALL_OPERATORS)
def test_without_its_key_only_a_negated_operator_holds(operator: str) -> None:
    assert holds(operator, "aws:Key", example(operator), {}) is is_negated(operator)


@pytest.mark.parametrize("operator", ALL_OPERATORS)
def test_if_exists_holds_without_the_key_and_compares_with_it(operator: str) -> None:
    value = example(operator)
    request_value = "192.0.2.1" if "Ip" in operator else value
    assert holds(f"{operator}IfExists", "aws:Key", value, {})
    with_key = {"aws:key": request_value}
    assert holds(f"{operator}IfExists", "aws:Key", value, with_key) is holds(operator, "aws:Key", value, with_key)


@pytest.mark.parametrize("operator", ALL_OPERATORS)
def test_for_all_values_holds_without_the_key(operator: str) -> None:
    assert holds(f"ForAllValues:{operator}", "aws:Key", example(operator), {})


@pytest.mark.parametrize("operator", ALL_OPERATORS)
def test_for_any_value_needs_the_key(operator: str) -> None:
    assert not holds(f"ForAnyValue:{operator}", "aws:Key", example(operator), {})
    assert holds(f"ForAnyValue:{operator}IfExists", "aws:Key", example(operator), {})


@pytest.mark.parametrize("operator", [name for name in ALL_OPERATORS if not is_negated(name)])
def test_an_operator_s_own_value_matches_it(operator: str) -> None:
    value = "192.0.2.1" if "Ip" in operator else example(operator)
    strict = operator.endswith("Than")
    assert holds(operator, "aws:Key", example(operator), {"aws:key": value}) is not strict


@pytest.mark.parametrize(
    ("operator", "policy_values", "request_values", "expected"),
    [
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "b"), True),
        ("ForAllValues:StringEquals", ["a", "b"], ("a", "c"), False),
        ("ForAllValues:StringEquals", ["a", "b"], (), True),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "a"), True),
        ("ForAnyValue:StringEquals", ["a", "b"], ("c", "d"), False),
        ("ForAnyValue:StringEquals", ["a", "b"], (), False),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "d"), True),
        ("ForAllValues:StringNotEquals", ["a", "b"], ("c", "a"), False),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("c", "a"), True),
        ("ForAnyValue:StringNotEquals", ["a", "b"], ("a", "b"), False),
        ("ForAnyValue:StringLike", ["o-1/r-1/ou-1/*"], ("o-1/r-1/ou-1/ou-2/",), True),
        ("forallvalues:stringequals", ["a"], ("a",), True),
    ],
)
def test_set_operators_take_many_values_together(
    operator: str, policy_values: list[str], request_values: tuple[str, ...], expected: bool
) -> None:
    assert (
        holds(operator, "aws:PrincipalOrgPaths", policy_values, {"aws:principalorgpaths": request_values}) is expected
    )


@pytest.mark.parametrize(
    ("is_null", "context", "expected"),
    [
        ("true", {}, True),
        (True, {}, True),
        ("true", {"aws:assumedroot": "true"}, False),
        ("false", {"aws:assumedroot": "true"}, True),
        (["false"], {}, False),
    ],
)
def test_null_asks_whether_a_key_is_absent(is_null: Any, context: Context, expected: bool) -> None:
    assert holds("Null", "aws:AssumedRoot", is_null, context) is expected


@pytest.mark.parametrize(
    ("element", "complaint"),
    [
        ({"StringSortOfEquals": {"aws:Key": "a"}}, "no condition operator StringSortOfEquals"),
        ({"ForSomeValues:StringEquals": {"aws:Key": "a"}}, "no condition operator ForSomeValues:StringEquals"),
        ({"NullIfExists": {"aws:Key": "true"}}, "no condition operator NullIfExists"),
        ({"Null": {"aws:Key": "perhaps"}}, "Null takes one boolean"),
        ({"Bool": {"aws:Key": "perhaps"}}, "'perhaps' is not a boolean"),
        ({"NumericEquals": {"aws:Key": "many"}}, "'many' is not a number"),
        ({"DateLessThan": {"aws:Key": "soon"}}, "'soon' is not a date"),
        ({"IpAddress": {"aws:Key": "here"}}, "'here' is not an IP address range"),
        ({"BinaryEquals": {"aws:Key": "???"}}, "must be base64"),
        ({"StringEquals": {"aws:Key": {"a": 1}}}, "must be texts"),
        ({"StringEquals": {"aws:Key": [None]}}, "must be texts"),
        ({"StringEquals": "a"}, "StringEquals must be an object"),
        (["StringEquals"], "Condition must be an object"),
    ],
)
def test_a_condition_that_means_nothing_is_refused(element: object, complaint: str) -> None:
    with pytest.raises(OperandError, match=complaint):
        parse_conditions(element, has_variables=True)


def test_a_variable_without_a_value_matches_nothing() -> None:
    context = {"aws:key": ""}
    assert not holds("StringEquals", "aws:Key", "${aws:username}", context)
    assert holds("StringNotEquals", "aws:Key", "${aws:username}", context)
    assert not holds("Bool", "aws:Key", "${aws:key}", context)


def test_keys_and_operators_combine_by_and_values_by_or() -> None:
    element = {
        "StringEquals": {"aws:PrincipalAccount": ["111122223333", "444455556666"], "aws:RequestedRegion": "us-east-1"},
        "Bool": {"aws:SecureTransport": "true"},
    }
    conditions = parse_conditions(element, has_variables=True)
    context = {
        "aws:principalaccount": "444455556666",
        "aws:requestedregion": "us-east-1",
        "aws:securetransport": "true",
    }
    assert all(condition.holds(context) for condition in conditions)
    for key in context:
        assert not all(condition.holds(context | {key: "other"}) for condition in conditions)


VALUES = st.lists(st.sampled_from(["a", "b", "c", "1", "2.5", "2026-11-25", "true", ROOT]), min_size=1, max_size=4)


@given(VALUES, st.sampled_from(["a", "b", "z", ROOT]), st.sampled_from(["String", "Arn", "StringIgnoreCase", "Like"]))
def test_a_negated_operator_is_the_opposite_of_its_positive(values: list[str], request_value: str, family: str) -> None:
    positive, negative = {
        "String": ("StringEquals", "StringNotEquals"),
        "Arn": ("ArnLike", "ArnNotLike"),
        "StringIgnoreCase": ("StringEqualsIgnoreCase", "StringNotEqualsIgnoreCase"),
        "Like": ("StringLike", "StringNotLike"),
    }[family]
    context = {"aws:key": request_value}
    assert holds(positive, "aws:Key", values, context) is not holds(negative, "aws:Key", values, context)


@given(VALUES, st.lists(st.sampled_from(["a", "b", "z"]), max_size=4))
def test_for_all_and_for_any_are_duals(values: list[str], request_values: list[str]) -> None:
    context = {"aws:key": tuple(request_values)}
    all_match = holds("ForAllValues:StringEquals", "aws:Key", values, context)
    assert all_match is not holds("ForAnyValue:StringNotEquals", "aws:Key", values, context)
