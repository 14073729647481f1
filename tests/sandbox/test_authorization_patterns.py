"""Wildcards in actions, resources and ARNs, and policy variables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper_sandbox.authorization.conditions import Context, parse_template
from rootkeeper_sandbox.authorization.patterns import (
    Fragment,
    compile_arn,
    compile_resource,
    compile_wildcards,
    join_fragments,
)
from tests.durations import measure_best

TEXT = st.text("ab:/*?", max_size=10)


def matches_slowly(pattern: str, text: str) -> bool:
    """The definition, by trying everything: an oracle that needs no cleverness."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(matches_slowly(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and matches_slowly(pattern[1:], text[1:])


@given(TEXT, TEXT)
def test_wildcards_match_what_their_definition_says(pattern: str, text: str) -> None:
    assert compile_wildcards((Fragment(pattern),))(text) is matches_slowly(pattern, text)


@given(TEXT, TEXT, TEXT, TEXT)
def test_a_literal_fragment_matches_only_itself(before: str, literal: str, after: str, text: str) -> None:
    fragments = (Fragment(before), Fragment(literal, is_literal=True), Fragment(after))
    marked = before + literal.translate({ord("*"): "x", ord("?"): "y"}) + after
    as_if_marked = text.replace(literal, literal.translate({ord("*"): "x", ord("?"): "y"}), 1)
    if compile_wildcards(fragments)(text):
        assert literal in text
    if literal and text.count(literal) == 1 and not set(text.replace(literal, "")) & set(literal):
        assert compile_wildcards(fragments)(text) is matches_slowly(marked, as_if_marked)


@pytest.mark.parametrize("compile_pattern", [compile_wildcards, compile_resource, compile_arn])
def test_hostile_patterns_take_no_time(compile_pattern) -> None:  # type: ignore[no-untyped-def]  # three functions
    matches = compile_pattern((Fragment("*a" * 40 + "*b"),))
    assert measure_best(lambda: matches("a" * 4000)) < 1.0
    assert not matches("a" * 4000)


ROOT = "arn:aws:iam::111122223333:root"
BUCKET = "arn:aws:s3:::amzn-s3-demo-bucket/a/b"


@pytest.mark.parametrize(
    ("pattern", "resource", "expected"),
    [
        ("*", ROOT, True),
        ("arn:aws:iam::*:root", ROOT, True),
        ("arn:*:iam::*:root", ROOT, True),
        ("arn:aws:iam::*:root", "arn:aws:iam::111122223333:user/a:root", True),
        ("arn:aws:iam::1*3:root", ROOT, True),
        ("arn:aws:iam::1*3:root", "arn:aws:iam::1:3:root", False),
        ("arn:aws:iam::11112222333?:root", ROOT, True),
        ("arn:aws:iam:?111122223333:root", ROOT, False),
        ("arn:aws:iam::*", ROOT, True),
        ("arn:aws:s3:::amzn-s3-*/b", BUCKET, True),
        ("arn:aws:s3:::AMZN-s3-*", BUCKET, False),
        ("arn:aws:sqs:*:*:*", "arn:aws:sqs:eu-central-1:111122223333:queue", True),
        ("arn:aws:logs:*:*:log-group:a*c", "arn:aws:logs:us-east-1:111122223333:log-group:a:b:c", True),
        ("arn:aws:iam::*:root", "*", False),
    ],
)
def test_resources_match_within_their_segments(pattern: str, resource: str, expected: bool) -> None:
    assert compile_resource((Fragment(pattern),))(resource) is expected


@pytest.mark.parametrize(
    ("pattern", "arn", "expected"),
    [
        ("arn:aws:iam::*:root", ROOT, True),
        ("arn:*:iam::*:root", "arn:aws-us-gov:iam::111122223333:root", True),
        ("arn:aws:iam::*", ROOT, False),
        ("*", ROOT, True),
        ("arn:aws:iam::*:user/*", "arn:aws:iam::111122223333:user/team/anna", True),
        ("arn:aws:iam::1111*:root", ROOT, True),
        ("arn:aws:iam:*:root", "arn:aws:iam:x:y:root", False),
        ("arn:aws:iam::*:role/Audit*", "arn:aws:iam::111122223333:role/auditor", False),
        ("arn:aws:sns:*:*:topic:*", "arn:aws:sns:us-east-1:111122223333:topic:a:b", True),
        ("arn:aws:iam::*:root", "not an arn", False),
    ],
)
def test_arn_operators_match_segment_by_segment(pattern: str, arn: str, expected: bool) -> None:
    assert compile_arn((Fragment(pattern),))(arn) is expected


def test_a_literal_asterisk_is_no_wildcard_to_arn_operators() -> None:
    assert not compile_arn((Fragment("*", is_literal=True),))(ROOT)


CONTEXT: Context = {
    "aws:principalaccount": "111122223333",
    "aws:username": "a*",
    "aws:principalorgpaths": ("o-1/r-1/",),
}


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
        ("${aws:PrincipalTag/team,'none'}", "other", False),
        ("${aws:PrincipalTag/team}", "", False),
        ("${aws:PrincipalOrgPaths}", "o/r/", False),
        ("$aws:username", "$aws:username", True),
    ],
)
def test_variables_stand_for_values_of_the_request(text: str, value: str, expected: bool) -> None:
    fragments = parse_template(text, has_variables=True).expand(CONTEXT)
    assert (fragments is not None and compile_wildcards(fragments)(value)) is expected


def test_the_old_policy_version_knows_no_variables() -> None:
    template = parse_template("${aws:username}", has_variables=False)
    assert template.is_constant
    assert join_fragments(template.expand({}) or ()) == "${aws:username}"
