from __future__ import annotations

import pytest

from rootkeeper.policy_language.patterns import OPERATORS, PartialText, known_text, wildcard_tokens


@pytest.mark.parametrize(
    ("operator", "policy_value", "value", "expected"),
    [
        ("arnequals", "arn:aws:iam::*:root", "arn:aws:iam::111122223333:root", True),
        ("arnlike", "arn:aws:iam::*", "arn:aws:iam::111122223333:root", False),
        ("binaryequals", "QmluYXJ5", "QmluYXJ5", True),
        ("binaryequals", "QmluYXJ5", "not base64!", False),
        ("bool", "TRUE", "true", True),
        ("bool", "false", "true", False),
        ("dateequals", "2026-01-15T09:00:00Z", "1768467600", True),
        ("dategreaterthan", "2020-01-01", "2026-01-15T09:00:00Z", True),
        ("dategreaterthanequals", "2026", "2026-01-01T00:00:00Z", True),
        ("datelessthan", "2020-01-01", "2026-01-15T09:00:00Z", False),
        ("datelessthanequals", "2026-01-15", "no date", False),
        ("ipaddress", "192.0.2.0/24", "192.0.2.7", True),
        ("ipaddress", "2001:db8::/32", "2001:db8::1", True),
        ("ipaddress", "192.0.2.0/24", "no address", False),
        ("numericequals", "300", "300.0", True),
        ("numericgreaterthan", "300", "301", True),
        ("numericlessthan", "1.2", "1.3", False),
        ("numericlessthanequals", "300", "nan", False),
        ("stringequals", "a*", "ab", False),
        ("stringequals", "a*", "a*", True),
        ("stringequalsignorecase", "ABC", "abc", True),
        ("stringlike", "a*c", "abc", True),
        ("stringlike", "A*c", "abc", False),
    ],
)
def test_a_value_matches_or_not(operator: str, policy_value: str, value: str, expected: bool) -> None:
    assert OPERATORS[operator].prepare(wildcard_tokens(policy_value))(known_text(value)) is expected


@pytest.mark.parametrize(
    ("operator", "policy_value"),
    [
        ("binaryequals", "no base64!"),
        ("bool", "yes"),
        ("dateequals", "yesterday"),
        ("ipaddress", "192.0.2.0/99"),
        ("numericequals", "many"),
        ("numericequals", "inf"),
    ],
)
def test_a_policy_value_must_suit_its_operator(operator: str, policy_value: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        OPERATORS[operator].prepare(wildcard_tokens(policy_value))


@pytest.mark.parametrize("operator", sorted(OPERATORS))
def test_every_operator_but_those_of_text_needs_the_whole_value(operator: str) -> None:
    operand = {"numeric": "1", "date": "2026", "binary": "QQ==", "bool": "true"}
    start = next((name for name in operand if operator.startswith(name)), "")
    text = operand.get(start, "192.0.2.0/24" if "ipaddress" in operator else "a-*")
    answer = OPERATORS[operator].prepare(wildcard_tokens(text))(PartialText(("a-", "")))
    assert answer is (True if operator in ("stringlike", "stringnotlike") else None) or "arn" in operator


def test_an_operator_that_negates_has_one_that_doesnt() -> None:
    negated = {name for name, operator in OPERATORS.items() if operator.is_negated}
    assert {name.replace("not", "") for name in negated} <= OPERATORS.keys() - negated
