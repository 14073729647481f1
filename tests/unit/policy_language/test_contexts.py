from __future__ import annotations

import pytest

from rootkeeper.policy_language.conditions import EvaluationContext, Presence, known_values, one_of, parse_template
from rootkeeper.policy_language.patterns import PartialText, known_text, match

CONTEXT = EvaluationContext(
    {
        **known_values(
            {
                "aws:PrincipalAccount": "111122223333",
                "aws:username": "a*",
                "aws:PrincipalOrgPaths": ("o-1/r-1/", "o-1/r-2/"),
            }
        ),
        "aws:principalarn": (PartialText(("arn:aws:iam::111122223333:", "")),),
        "s3:tlsversion": one_of("1.2", "1.3"),
    },
    present=frozenset({"aws:currenttime"}),
    absent=frozenset({"aws:principaltag/", "saml:", "aws:assumedroot"}),
)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("aws:principalaccount", (known_text("111122223333"),)),
        ("s3:tlsversion", one_of("1.2", "1.3")),
        ("aws:currenttime", Presence.PRESENT),
        ("aws:assumedroot", Presence.ABSENT),
        ("aws:principaltag/team", Presence.ABSENT),
        ("saml:aud", Presence.ABSENT),
        ("aws:sourceip", Presence.UNCERTAIN),
        ("aws:resourcetag/team", Presence.UNCERTAIN),
    ],
)
def test_a_key_is_known_absent_there_or_uncertain(key: str, expected: object) -> None:
    assert CONTEXT.find(key) == expected


@pytest.mark.parametrize(
    ("text", "value", "expected"),
    [
        ("${aws:PrincipalAccount}", "111122223333", True),
        ("x-${AWS:principalaccount}-*", "x-111122223333-y", True),
        ("${aws:username}", "a*", True),
        ("${aws:username}", "ab", False),
        ("${*}", "*", True),
        ("${*}", "x", False),
        ("a${?}${$}", "a?$", True),
        ("${aws:PrincipalTag/team, 'none'}", "none", True),
        ("$aws:username", "$aws:username", True),
    ],
)
def test_variables_stand_for_values_of_the_request(text: str, value: str, expected: bool) -> None:
    template = parse_template(text, has_variables=True)
    assert template.find_unknown(CONTEXT) == frozenset()
    tokens = template.fill(CONTEXT)
    assert tokens is not None
    assert match(tokens, known_text(value)) is expected


@pytest.mark.parametrize("text", ["${aws:PrincipalTag/team}", "x${aws:PrincipalOrgPaths}"])
def test_a_variable_without_a_value_fills_nothing(text: str) -> None:
    template = parse_template(text, has_variables=True)
    assert template.find_unknown(CONTEXT) == frozenset()
    assert template.fill(CONTEXT) is None


@pytest.mark.parametrize("key", ["aws:CurrentTime", "aws:SourceIp", "aws:PrincipalArn", "s3:TlsVersion"])
def test_a_variable_that_cant_be_known_is_named(key: str) -> None:
    assert parse_template(f"a${{{key}}}b", has_variables=True).find_unknown(CONTEXT) == {key}


def test_the_old_policy_version_knows_no_variables() -> None:
    template = parse_template("${aws:username}", has_variables=False)
    assert template.constant == tuple("${aws:username}")
    assert parse_template("", has_variables=True).constant == ()
