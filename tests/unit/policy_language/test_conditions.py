from __future__ import annotations

import pytest

from rootkeeper.policy_language.conditions import (
    NO,
    YES,
    EvaluationContext,
    TruthValue,
    all_of,
    known_values,
    one_of,
    open_question,
    parse_conditions,
)

CONTEXT = EvaluationContext(
    {
        **known_values(
            {"aws:PrincipalAccount": "111122223333", "aws:AssumedRoot": "true", "aws:CalledVia": ("a", "b")}
        ),
        "s3:tlsversion": one_of("1.2", "1.3"),
    },
    present=frozenset({"aws:currenttime", "aws:useragent"}),
    absent=frozenset({"aws:username"}),
)


def judge(operator: str, key: str, values: object) -> TruthValue:
    conditions = parse_conditions({operator: {key: values}}, has_variables=True)
    return all_of(condition.evaluate(CONTEXT) for condition in conditions)


@pytest.mark.parametrize(
    ("operator", "key", "values", "expected"),
    [
        ("StringEquals", "AWS:principalaccount", ["x", "111122223333"], YES),
        ("StringNotEquals", "aws:PrincipalAccount", ["x", "111122223333"], NO),
        ("StringEquals", "aws:username", "x", NO),
        ("StringNotEquals", "aws:username", "x", YES),
        ("StringEqualsIfExists", "aws:username", "x", YES),
        ("StringEquals", "aws:SourceIp", "x", open_question("aws:SourceIp")),
        ("StringNotLike", "aws:SourceVpc", "vpc-*", open_question("aws:SourceVpc")),
        ("Null", "aws:AssumedRoot", "true", NO),
        ("Null", "aws:AssumedRoot", False, YES),
        ("Null", "aws:username", "true", YES),
        ("Null", "aws:currenttime", "true", NO),
        ("Null", "aws:SourceVpc", "true", open_question("aws:SourceVpc")),
        ("Bool", "aws:AssumedRoot", True, YES),
        ("BoolIfExists", "aws:AssumedRoot", "false", NO),
        ("DateGreaterThan", "aws:CurrentTime", "2020", open_question("aws:CurrentTime")),
        ("StringLike", "aws:UserAgent", "*", YES),
        ("StringNotLike", "aws:UserAgent", "*", NO),
        ("StringLikeIfExists", "aws:SourceVpc", "*", YES),
        ("StringLike", "aws:SourceVpc", "*", open_question("aws:SourceVpc")),
        ("ForAnyValue:StringEquals", "aws:CalledVia", "b", YES),
        ("ForAllValues:StringEquals", "aws:CalledVia", "b", NO),
        ("ForAllValues:StringEquals", "aws:username", "b", YES),
        ("ForAnyValue:StringEquals", "aws:username", "b", NO),
        ("ForAnyValue:StringNotEquals", "aws:username", "b", NO),
        ("StringEquals", "aws:CalledVia", "a", YES),
        ("NumericLessThan", "s3:TlsVersion", "1.2", NO),
        ("NumericLessThan", "s3:TlsVersion", "1.3", open_question("s3:TlsVersion")),
        ("StringEquals", "aws:PrincipalAccount", "${aws:SourceAccount}", open_question("aws:SourceAccount")),
        ("StringEquals", "aws:PrincipalAccount", "${aws:username}", NO),
        ("Bool", "aws:AssumedRoot", "${aws:PrincipalAccount}", NO),
    ],
)
def test_a_condition_holds_doesnt_or_is_open(operator: str, key: str, values: object, expected: TruthValue) -> None:
    assert judge(operator, key, values) == expected


@pytest.mark.parametrize(
    ("element", "problem"),
    [
        ("x", "Condition must be an object"),
        ({"StringEquals": "x"}, "StringEquals must be an object"),
        ({"StringSeems": {"aws:username": "x"}}, "no condition operator StringSeems"),
        ({"ForSome:StringEquals": {"aws:username": "x"}}, "no condition operator ForSome:StringEquals"),
        ({"NullIfExists": {"aws:username": "true"}}, "no condition operator NullIfExists"),
        ({"Null": {"aws:username": "perhaps"}}, "Null takes one boolean"),
        ({"Null": {"aws:username": ["true", "false"]}}, "Null takes one boolean"),
        ({"NumericEquals": {"aws:MultiFactorAuthAge": "many"}}, "'many' is not a number"),
        ({"NumericEquals": {"aws:MultiFactorAuthAge": "${aws:username}"}}, "is not a number"),
        ({"StringEquals": {"aws:username": None}}, "must be texts, numbers or booleans"),
    ],
)
def test_what_isnt_a_condition_is_reported(element: object, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        parse_conditions(element, has_variables=True)
