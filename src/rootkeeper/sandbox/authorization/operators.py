"""The condition operators: how one value of a policy compares with one value of a request.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from rootkeeper.sandbox.authorization.patterns import (
    Fragments,
    Predicate,
    compile_arn,
    compile_wildcards,
    join_fragments,
)

Comparison = Callable[[Fragments], Predicate]
"""Compiles a policy's value to the test of a request's value."""


class OperandError(ValueError):
    """A policy's value doesn't suit its operator."""


@dataclass(frozen=True, slots=True)
class Operator:
    """One condition operator, without ``IfExists`` and set prefixes."""

    compare: Comparison
    is_negated: bool = False
    """Whether it holds when no value of the policy matches; also when the key is absent."""
    takes_variables: bool = False


def _string_equals(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments)
    return lambda value: value == text


def _string_equals_ignoring_case(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments).lower()
    return lambda value: value.lower() == text


def _bool(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments).lower()
    if text not in ("true", "false"):
        raise OperandError(f"{text!r} is not a boolean.")
    return lambda value: value.lower() == text


def _binary_equals(fragments: Fragments) -> Predicate:
    expected = _decode(join_fragments(fragments))
    if expected is None:
        raise OperandError("A binary value must be base64 text.")
    return lambda value: _decode(value) == expected


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None


def _parse_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _parse_date(text: str) -> float | None:
    """Read an ISO 8601 date or seconds since 1970."""
    number = _parse_number(text)
    if number is not None and not (len(text) == 4 and text.isdecimal()):
        return number
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if len(text) == 4 else text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _ordered(parse: Callable[[str], float | None], holds: Callable[[float, float], bool], kind: str) -> Comparison:
    def compare(fragments: Fragments) -> Predicate:
        text = join_fragments(fragments)
        expected = parse(text)
        if expected is None:
            raise OperandError(f"{text!r} is not a {kind}.")

        def matches(value: str) -> bool:
            found = parse(value)
            return found is not None and holds(found, expected)

        return matches

    return compare


def _ip_address(fragments: Fragments) -> Predicate:
    text = join_fragments(fragments)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise OperandError(f"{text!r} is not an IP address range.") from None

    def matches(value: str) -> bool:
        try:
            return ipaddress.ip_address(value) in network
        except ValueError:
            return False

    return matches


def _number(holds: Callable[[float, float], bool], *, is_negated: bool = False) -> Operator:
    return Operator(_ordered(_parse_number, holds, "number"), is_negated)


def _date(holds: Callable[[float, float], bool], *, is_negated: bool = False) -> Operator:
    return Operator(_ordered(_parse_date, holds, "date"), is_negated)


OPERATORS = {
    "ArnEquals": Operator(compile_arn, takes_variables=True),
    "ArnLike": Operator(compile_arn, takes_variables=True),
    "ArnNotEquals": Operator(compile_arn, is_negated=True, takes_variables=True),
    "ArnNotLike": Operator(compile_arn, is_negated=True, takes_variables=True),
    "BinaryEquals": Operator(_binary_equals),
    "Bool": Operator(_bool, takes_variables=True),
    "DateEquals": _date(operator.eq),
    "DateGreaterThan": _date(operator.gt),
    "DateGreaterThanEquals": _date(operator.ge),
    "DateLessThan": _date(operator.lt),
    "DateLessThanEquals": _date(operator.le),
    "DateNotEquals": _date(operator.eq, is_negated=True),
    "IpAddress": Operator(_ip_address),
    "NotIpAddress": Operator(_ip_address, is_negated=True),
    "NumericEquals": _number(operator.eq),
    "NumericGreaterThan": _number(operator.gt),
    "NumericGreaterThanEquals": _number(operator.ge),
    "NumericLessThan": _number(operator.lt),
    "NumericLessThanEquals": _number(operator.le),
    "NumericNotEquals": _number(operator.eq, is_negated=True),
    "StringEquals": Operator(_string_equals, takes_variables=True),
    "StringEqualsIgnoreCase": Operator(_string_equals_ignoring_case, takes_variables=True),
    "StringLike": Operator(compile_wildcards, takes_variables=True),
    "StringNotEquals": Operator(_string_equals, is_negated=True, takes_variables=True),
    "StringNotEqualsIgnoreCase": Operator(_string_equals_ignoring_case, is_negated=True, takes_variables=True),
    "StringNotLike": Operator(compile_wildcards, is_negated=True, takes_variables=True),
}
"""All operators but Null, which asks for the key and not for its value."""
