"""The condition operators: how one value of a policy compares with one value of a request.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import ipaddress
import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from rootkeeper.domain.policies.patterns import (
    PartialText,
    Tokens,
    arn_tokens,
    literal_tokens,
    match,
)

Test: TypeAlias = Callable[[PartialText], bool | None]
"""Of a request's value; ``None`` where it hangs on what is unknown of the value."""
Preparation: TypeAlias = Callable[[Tokens], Test]
"""Makes the test for a policy's value.

:raises ValueError: if the value doesn't suit the operator.
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """One condition operator, without ``IfExists`` and set prefixes."""

    prepare: Preparation
    is_negated: bool = False
    """Whether it holds when none of the policy's values matches, and when the key is absent."""
    takes_variables: bool = False


def _equals(tokens: Tokens) -> Test:
    return _matching(literal_tokens(tokens))


def _equals_ignoring_case(tokens: Tokens) -> Test:
    test = _matching(tuple(token.lower() for token in literal_tokens(tokens) if isinstance(token, str)))
    return lambda value: test(PartialText(tuple(piece.lower() for piece in value.pieces)))


def _like(tokens: Tokens) -> Test:
    return _matching(tokens)


def _arn_like(tokens: Tokens) -> Test:
    return _matching(arn_tokens(tokens))


def _matching(tokens: Tokens) -> Test:
    return lambda value: match(tokens, value)


def _known(test: Callable[[str], bool]) -> Test:
    """A test that needs the whole value."""

    def test_known(value: PartialText) -> bool | None:
        return None if value.known is None else test(value.known)

    return test_known


def _plain(tokens: Tokens) -> str:
    return "".join(str(token) for token in literal_tokens(tokens))


def _bool(tokens: Tokens) -> Test:
    text = _plain(tokens).lower()
    if text not in ("true", "false"):
        raise ValueError(f"{text!r} is not a boolean")
    return _known(lambda value: value.lower() == text)


def _binary_equals(tokens: Tokens) -> Test:
    expected = _decode(_plain(tokens))
    if expected is None:
        raise ValueError("a binary value must be base64 text")
    return _known(lambda value: _decode(value) == expected)


def _decode(text: str) -> bytes | None:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def _read_number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read_moment(text: str) -> float | None:
    """An ISO 8601 date, or seconds since 1970. Four digits are a year."""
    is_year = len(text) == 4 and text.isdecimal()
    seconds = None if is_year else _read_number(text)
    if seconds is not None:
        return seconds
    try:
        moment = datetime.fromisoformat(f"{text}-01-01" if is_year else text)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _comparing(
    read: Callable[[str], float | None], holds: Callable[[float, float], bool], kind: str, *, is_negated: bool
) -> Operator:
    def prepare(tokens: Tokens) -> Test:
        text = _plain(tokens)
        expected = read(text)
        if expected is None:
            raise ValueError(f"{text!r} is not a {kind}")

        def test(value: str) -> bool:
            found = read(value)
            return found is not None and holds(found, expected)

        return _known(test)

    return Operator(prepare, is_negated)


def _number(holds: Callable[[float, float], bool], *, is_negated: bool = False) -> Operator:
    return _comparing(_read_number, holds, "number", is_negated=is_negated)


def _date(holds: Callable[[float, float], bool], *, is_negated: bool = False) -> Operator:
    return _comparing(_read_moment, holds, "date", is_negated=is_negated)


def _ip_address(tokens: Tokens) -> Test:
    text = _plain(tokens)
    try:
        network = ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise ValueError(f"{text!r} is not a range of IP addresses") from None
    return _known(lambda value: _is_within(value, network))


def _is_within(value: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(value) in network
    except ValueError:
        return False


def _text(prepare: Preparation, *, is_negated: bool = False) -> Operator:
    return Operator(prepare, is_negated, takes_variables=True)


OPERATORS = {
    "arnequals": _text(_arn_like),
    "arnlike": _text(_arn_like),
    "arnnotequals": _text(_arn_like, is_negated=True),
    "arnnotlike": _text(_arn_like, is_negated=True),
    "binaryequals": Operator(_binary_equals),
    "bool": _text(_bool),
    "dateequals": _date(operator.eq),
    "dategreaterthan": _date(operator.gt),
    "dategreaterthanequals": _date(operator.ge),
    "datelessthan": _date(operator.lt),
    "datelessthanequals": _date(operator.le),
    "datenotequals": _date(operator.eq, is_negated=True),
    "ipaddress": Operator(_ip_address),
    "notipaddress": Operator(_ip_address, is_negated=True),
    "numericequals": _number(operator.eq),
    "numericgreaterthan": _number(operator.gt),
    "numericgreaterthanequals": _number(operator.ge),
    "numericlessthan": _number(operator.lt),
    "numericlessthanequals": _number(operator.le),
    "numericnotequals": _number(operator.eq, is_negated=True),
    "stringequals": _text(_equals),
    "stringequalsignorecase": _text(_equals_ignoring_case),
    "stringlike": _text(_like),
    "stringnotequals": _text(_equals, is_negated=True),
    "stringnotequalsignorecase": _text(_equals_ignoring_case, is_negated=True),
    "stringnotlike": _text(_like, is_negated=True),
}
"""By lower-case name; all but Null, which asks for the key and not for its value."""
