"""Patterns with ``*`` and ``?``, and the condition operators, on texts of which only a part may be known.

Before a call is made, the Region of a queue or the name of a bucket isn't known. A pattern then matches always, never,
or it depends. A pattern is a sequence of tokens, and all positions that a text can reach in it are followed at once: no
pattern, however hostile, takes more steps than its length times the text's length.

Source: IAM User Guide, "IAM JSON policy elements: Resource", "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

import base64
import ipaddress
import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum, auto
from functools import lru_cache
from typing import TypeAlias

_ARN_COLONS = 5
"""In ``arn:partition:service:region:account:resource``; later colons belong to the resource."""


class Wildcard(Enum):
    """The wildcards of a pattern."""

    RUN = auto()
    """``*``: any characters, or none."""
    RUN_IN_SEGMENT = auto()
    """``*`` that stays between two colons of an ARN."""
    ONE = auto()
    """``?``: any single character."""
    ONE_IN_SEGMENT = auto()


Token: TypeAlias = str | Wildcard
"""A character, or a wildcard."""
Tokens: TypeAlias = tuple[Token, ...]
_ThroughGap: TypeAlias = Callable[[Tokens, frozenset[int]], frozenset[int]]
EVERYTHING: Tokens = (Wildcard.RUN,)
_RUNS = frozenset({Wildcard.RUN, Wildcard.RUN_IN_SEGMENT})
_IN_SEGMENT = {Wildcard.RUN: Wildcard.RUN_IN_SEGMENT, Wildcard.ONE: Wildcard.ONE_IN_SEGMENT}
_CHARACTERS = {Wildcard.RUN: "*", Wildcard.ONE: "?"}


@dataclass(frozen=True, slots=True)
class PartialText:
    """A text of which parts may be unknown."""

    pieces: tuple[str, ...]
    """The known parts, in order. Between each two is an unknown text, which may be empty and has no colon."""

    @property
    def known(self) -> str | None:
        """The whole text, if it is known."""
        return self.pieces[0] if len(self.pieces) == 1 else None


def known_text(text: str) -> PartialText:
    """Make a text that is completely known."""
    return PartialText((text,))


def wildcard_tokens(text: str) -> Tokens:
    """Split a text into tokens, with ``*`` and ``?`` as wildcards."""
    wildcards = {"*": Wildcard.RUN, "?": Wildcard.ONE}
    return tuple(wildcards.get(character, character) for character in text)


def literal_tokens(tokens: Iterable[Token]) -> Tokens:
    """Turn wildcards back into characters, for operators without wildcards."""
    return tuple(_CHARACTERS[token] if isinstance(token, Wildcard) else token for token in tokens)


def resource_tokens(tokens: Tokens) -> Tokens:
    """Bind wildcards as the Resource element does: in the first five segments of an ARN, only a ``*`` at the end of its
    segment matches a colon.
    """
    return _bound(tokens, keeps_ends=True)


def arn_tokens(tokens: Tokens) -> Tokens:
    """Bind wildcards as the Arn operators do: each within its segment; a lone ``*`` is everything."""
    return tokens if tokens == EVERYTHING else _bound(tokens, keeps_ends=False)


def _bound(tokens: Tokens, *, keeps_ends: bool) -> Tokens:
    bound: list[Token] = []
    colons = 0
    for index, part in enumerate(tokens):
        colons += part == ":"
        ends_segment = tokens[index + 1 : index + 2] in ((), (":",))
        is_free = colons >= _ARN_COLONS or (keeps_ends and part is Wildcard.RUN and ends_segment)
        bound.append(part if is_free or isinstance(part, str) else _IN_SEGMENT[part])
    return tuple(bound)


@lru_cache(maxsize=65_536)
def match(tokens: Tokens, text: PartialText) -> bool | None:
    """Whether the pattern matches the text: always, never, or ``None`` if it depends on the unknown parts."""
    if tokens == EVERYTHING or _reaches_end(tokens, text, _through_gap_always):
        return True
    return None if text.known is None and _reaches_end(tokens, text, _through_gap_perhaps) else False


def _through_gap_always(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Positions after any unknown text: only a ``*`` matches each of them."""
    return frozenset(position for position in positions if position < len(tokens) and tokens[position] in _RUNS)


def _through_gap_perhaps(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Positions after some unknown text, up to the next colon."""
    reached = set(positions)
    for position in positions:
        following = position
        while following < len(tokens) and tokens[following] != ":":
            following += 1
            reached.add(following)
    return frozenset(reached)


def _reaches_end(tokens: Tokens, text: PartialText, through_gap: _ThroughGap) -> bool:
    positions = _over_runs(tokens, frozenset({0}))
    for number, piece in enumerate(text.pieces):
        if number:
            positions = _over_runs(tokens, through_gap(tokens, positions))
        for character in piece:
            positions = _over_runs(tokens, _take(tokens, positions, character))
            if not positions:
                return False
    return len(tokens) in positions


def _take(tokens: Tokens, positions: Iterable[int], character: str) -> frozenset[int]:
    """Positions after another character."""
    reached: set[int] = set()
    for position in positions:
        if position == len(tokens):
            continue
        token = tokens[position]
        if isinstance(token, str):
            if token == character:
                reached.add(position + 1)
        elif character != ":" or token in (Wildcard.RUN, Wildcard.ONE):
            reached.add(position if token in _RUNS else position + 1)
    return frozenset(reached)


def _over_runs(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Add the positions after each ``*``, which may be empty."""
    reached = set(positions)
    for position in positions:
        following = position
        while following < len(tokens) and tokens[following] in _RUNS:
            following += 1
            reached.add(following)
    return frozenset(reached)


Test: TypeAlias = Callable[[PartialText], bool | None]
"""A test of a request's value; ``None`` if it depends on unknown parts."""
Preparation: TypeAlias = Callable[[Tokens], Test]
"""Makes the test for a policy's value.

:raises ValueError: if the value doesn't suit the operator.
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """A condition operator, without ``IfExists`` and set prefixes."""

    prepare: Preparation
    is_negated: bool = False
    """Whether it is true if none of the policy's values matches, and if the key is absent."""
    takes_variables: bool = False


def _equals(tokens: Tokens) -> Test:
    return _matching(literal_tokens(tokens))


def _equals_ignoring_case(tokens: Tokens) -> Test:
    test = _matching(tuple(token.lower() for token in literal_tokens(tokens) if isinstance(token, str)))
    return lambda value: test(PartialText(tuple(piece.lower() for piece in value.pieces)))


def _arn_like(tokens: Tokens) -> Test:
    return _matching(arn_tokens(tokens))


def _matching(tokens: Tokens) -> Test:
    return lambda value: match(tokens, value)


def _known(test: Callable[[str], bool]) -> Test:
    """Make a test that needs the whole value."""
    return lambda value: None if value.known is None else test(value.known)


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
    """Read an ISO 8601 date, or seconds since 1970. Four digits are a year."""
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
    read: Callable[[str], float | None], kind: str, holds: Callable[[float, float], bool], *, is_negated: bool = False
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
    "ipaddress": Operator(_ip_address),
    "notipaddress": Operator(_ip_address, is_negated=True),
    "stringequals": _text(_equals),
    "stringequalsignorecase": _text(_equals_ignoring_case),
    "stringlike": _text(_matching),
    "stringnotequals": _text(_equals, is_negated=True),
    "stringnotequalsignorecase": _text(_equals_ignoring_case, is_negated=True),
    "stringnotlike": _text(_matching, is_negated=True),
    **{
        f"{prefix}{name}": _comparing(read, kind, holds)
        for prefix, read, kind in (("date", _read_moment, "date"), ("numeric", _read_number, "number"))
        for name, holds in (
            ("equals", operator.eq),
            ("greaterthan", operator.gt),
            ("greaterthanequals", operator.ge),
            ("lessthan", operator.lt),
            ("lessthanequals", operator.le),
        )
    },
    "datenotequals": _comparing(_read_moment, "date", operator.eq, is_negated=True),
    "numericnotequals": _comparing(_read_number, "number", operator.eq, is_negated=True),
}
"""By lower-case name; without Null, which is about the key and not its value."""
