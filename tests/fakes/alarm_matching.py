"""What AWS does with an alarm: an EventBridge pattern and a CloudWatch metric filter, held against one record.

Only what the shipped alarms use; anything else is an error, so that a new construct isn't waved through.
Sources: EventBridge User Guide, "Comparison operators for use in event patterns"; CloudWatch Logs User Guide, "Filter
pattern syntax for metric filters" (JSON).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

_MISSING = object()
_TOKEN = re.compile(r'\s*(&&|\|\||[(){}]|!=|=|NOT EXISTS|"(?:[^"\\]|\\.)*"|\$[\w.]+)')


def as_event(record: Mapping[str, Any]) -> dict[str, Any]:
    """How EventBridge delivers a CloudTrail record."""
    by_sign_in = record["eventType"] == "AwsConsoleSignIn"
    return {
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "detail-type": "AWS Console Sign In via CloudTrail" if by_sign_in else "AWS API Call via CloudTrail",
        "account": record["recipientAccountId"],
        "detail": record,
    }


def matches_pattern(pattern: Mapping[str, Any], event: Any) -> bool:
    """Every field must match; a field's alternatives are a list. What is missing matches ``exists: false`` alone."""
    return all(
        matches_pattern(wanted, _member(event, name))
        if isinstance(wanted, Mapping)
        else any(_matches_alternative(one, _member(event, name)) for one in wanted)
        for name, wanted in pattern.items()
    )


def _member(value: Any, name: str) -> Any:
    return value.get(name, _MISSING) if isinstance(value, Mapping) else _MISSING


def _matches_alternative(wanted: Any, value: Any) -> bool:
    if not isinstance(wanted, Mapping):
        return value is not _MISSING and bool(wanted == value)
    ((operator, operand),) = wanted.items()
    if operator == "exists":
        return (value is not _MISSING) is operand
    if operator == "anything-but":
        return value is not _MISSING and value not in (operand if isinstance(operand, list) else [operand])
    raise AssertionError(f"the matcher doesn't know {operator!r}")


def matches_filter(text: str, record: Mapping[str, Any]) -> bool:
    """``{ $.a.b = "text" && ($.c NOT EXISTS || $.d != "text") }``; comparing what is missing is never true."""
    tokens = list(_tokenize(text))
    assert (tokens[0], tokens[-1]) == ("{", "}"), text
    value, rest = _read_or(tokens[1:-1], record)
    assert not rest, rest
    return value


def _tokenize(text: str) -> Iterator[str]:
    position = 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        assert found, text[position:]
        yield found[1]
        position = found.end()


def _read_or(tokens: Sequence[str], record: Mapping[str, Any]) -> tuple[bool, Sequence[str]]:
    value, tokens = _read_and(tokens, record)
    while tokens and tokens[0] == "||":
        other, tokens = _read_and(tokens[1:], record)
        value = value or other
    return value, tokens


def _read_and(tokens: Sequence[str], record: Mapping[str, Any]) -> tuple[bool, Sequence[str]]:
    value, tokens = _read_term(tokens, record)
    while tokens and tokens[0] == "&&":
        other, tokens = _read_term(tokens[1:], record)
        value = value and other
    return value, tokens


def _read_term(tokens: Sequence[str], record: Mapping[str, Any]) -> tuple[bool, Sequence[str]]:
    if tokens[0] == "(":
        value, tokens = _read_or(tokens[1:], record)
        assert tokens[0] == ")"
        return value, tokens[1:]
    found: Any = record
    for name in tokens[0].removeprefix("$.").split("."):
        found = _member(found, name)
    if tokens[1] == "NOT EXISTS":
        return found is _MISSING, tokens[2:]
    wanted = tokens[2].strip('"')
    is_equal = found == wanted
    return found is not _MISSING and (is_equal if tokens[1] == "=" else not is_equal), tokens[3:]
