"""Conditions: operators, keys of a request, patterns, and three-valued truth.

Yes, no, or an open question: the logic in which policies are judged before a request exists.

Patterns with ``*`` and ``?``, compared with texts of which only a part may be known.

Before a call is made the Region of a queue or the name of a bucket isn't known. A pattern then matches always, never,
or it depends. A pattern is a sequence of tokens, and all positions that a text can have reached in it are followed at
once: no pattern, however hostile, takes more than its length times the text's.

Source: IAM User Guide, "IAM JSON policy elements: Resource" and "Amazon Resource Name (ARN) condition operators".

The condition operators: how one value of a policy compares with one value of a request.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".

The condition keys of a request as far as they are known beforehand, and policy variables that stand for them.

Source: IAM User Guide, "AWS global condition context keys" and "IAM policy elements: Variables and tags".

The Condition element: operators with ``IfExists``, ``ForAllValues``, ``ForAnyValue``, and Null.

Source: IAM User Guide, "Condition operators" and "Set operators for multivalued context keys".
"""

from __future__ import annotations

import base64
import ipaddress
import math
import operator
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum, StrEnum, auto
from functools import lru_cache
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class TruthValue:
    """One answer."""

    value: bool | None
    """``None`` where it can't be known beforehand."""
    unknown: frozenset[str] = frozenset()
    """What would have to be known: condition keys as the policy spells them, or the resource's name."""

    @property
    def is_yes(self) -> bool:
        return self.value is True

    @property
    def is_no(self) -> bool:
        return self.value is False

    def negated(self) -> TruthValue:
        return self if self.value is None else TruthValue(not self.value)


YES = TruthValue(value=True)


NO = TruthValue(value=False)


def open_question(*unknown: str) -> TruthValue:
    """The answer that hangs on these."""
    return TruthValue(None, frozenset(unknown))


def truth_value_of(value: bool | None, unknown: str) -> TruthValue:
    """``value``, or an open question about ``unknown``."""
    if value is None:
        return open_question(unknown)
    return YES if value else NO


def all_of(truths: Iterable[TruthValue]) -> TruthValue:
    """No if any is no, whatever the others are."""
    unknown: frozenset[str] = frozenset()
    for truth in truths:
        if truth.is_no:
            return NO
        unknown |= truth.unknown
    return TruthValue(None, unknown) if unknown else YES


def any_of(truths: Iterable[TruthValue]) -> TruthValue:
    """Yes if any is yes, whatever the others are."""
    unknown: frozenset[str] = frozenset()
    for truth in truths:
        if truth.is_yes:
            return YES
        unknown |= truth.unknown
    return TruthValue(None, unknown) if unknown else NO


_ARN_COLONS = 5
"""In ``arn:partition:service:region:account:resource``; what follows belongs to the resource."""


class Wildcard(Enum):
    """What isn't a character of its own in a pattern."""

    RUN = auto()
    """``*``: any characters, or none."""
    RUN_IN_SEGMENT = auto()
    """``*`` that stays between two colons of an ARN."""
    ONE = auto()
    """``?``: any one character."""
    ONE_IN_SEGMENT = auto()


Token: TypeAlias = str | Wildcard
"""One character, or a wildcard."""


Tokens: TypeAlias = tuple[Token, ...]


_ThroughGap: TypeAlias = Callable[[Tokens, frozenset[int]], frozenset[int]]


EVERYTHING: Tokens = (Wildcard.RUN,)


_RUNS = frozenset({Wildcard.RUN, Wildcard.RUN_IN_SEGMENT})


_IN_SEGMENT = {Wildcard.RUN: Wildcard.RUN_IN_SEGMENT, Wildcard.ONE: Wildcard.ONE_IN_SEGMENT}


_CHARACTERS = {Wildcard.RUN: "*", Wildcard.ONE: "?"}


@dataclass(frozen=True, slots=True)
class PartialText:
    """A text of which something may be unknown."""

    pieces: tuple[str, ...]
    """What is known, in order. Between each two stands something unknown, perhaps nothing, but never a colon."""

    @property
    def known(self) -> str | None:
        """The whole text, if all of it is known."""
        return self.pieces[0] if len(self.pieces) == 1 else None


def known_text(text: str) -> PartialText:
    """A text of which everything is known."""
    return PartialText((text,))


def wildcard_tokens(text: str) -> Tokens:
    """``*`` and ``?`` as wildcards."""
    wildcards = {"*": Wildcard.RUN, "?": Wildcard.ONE}
    return tuple(wildcards.get(character, character) for character in text)


def literal_tokens(tokens: Iterable[Token]) -> Tokens:
    """``*`` and ``?`` as the characters that they are, for operators that know no wildcards."""
    return tuple(_CHARACTERS[token] if isinstance(token, Wildcard) else token for token in tokens)


def resource_tokens(tokens: Tokens) -> Tokens:
    """As the Resource element takes them: within the first five segments of an ARN only a ``*`` that ends its segment
    reaches over the colon.
    """
    return _bound(tokens, keeps_ends=True)


def arn_tokens(tokens: Tokens) -> Tokens:
    """As the Arn operators take them: each of the six segments stands for itself; a lone ``*`` is everything."""
    return tokens if tokens == EVERYTHING else _bound(tokens, keeps_ends=False)


def _bound(tokens: Tokens, *, keeps_ends: bool) -> Tokens:
    bound: list[Token] = []
    colons = 0
    for index, part in enumerate(tokens):
        colons += part == ":"
        is_free = colons >= _ARN_COLONS or (keeps_ends and part is Wildcard.RUN and _ends_segment(tokens, index))
        bound.append(part if is_free or isinstance(part, str) else _IN_SEGMENT[part])
    return tuple(bound)


def _ends_segment(tokens: Tokens, index: int) -> bool:
    return index + 1 == len(tokens) or tokens[index + 1] == ":"


@lru_cache(maxsize=65_536)
def match(tokens: Tokens, text: PartialText) -> bool | None:
    """Whether the pattern matches the text: always, never, or ``None`` where it hangs on what is unknown of it."""
    if tokens == EVERYTHING:
        return True
    if text.known is not None:
        return _reaches_end(tokens, text, _through_gap_never)
    if _reaches_end(tokens, text, _through_gap_always):
        return True
    return None if _reaches_end(tokens, text, _through_gap_perhaps) else False


def _through_gap_never(_tokens: Tokens, _positions: frozenset[int]) -> frozenset[int]:
    return frozenset()


def _through_gap_always(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Only a ``*`` takes whatever stands there."""
    return frozenset(position for position in positions if position < len(tokens) and tokens[position] in _RUNS)


def _through_gap_perhaps(tokens: Tokens, positions: frozenset[int]) -> frozenset[int]:
    """Everything that fits up to the next colon may stand there."""
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
    """The positions after one more character."""
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
    """A ``*`` may be empty, so that what follows it is reached, too."""
    reached = set(positions)
    for position in positions:
        following = position
        while following < len(tokens) and tokens[following] in _RUNS:
            following += 1
            reached.add(following)
    return frozenset(reached)


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


Values: TypeAlias = tuple[PartialText, ...]


class Presence(Enum):
    """What is known of a key whose value isn't."""

    ABSENT = auto()
    PRESENT = auto()
    """It is there, with a value that can't be known beforehand."""
    UNCERTAIN = auto()
    """Not even whether it is there can be known beforehand."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A value that is one of these; which one can't be known beforehand."""

    values: Values


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """Condition keys by lower-case name. A key that isn't mentioned at all is uncertain."""

    values: Mapping[str, Values | OneOf] = field(default_factory=dict)
    """Several for multivalued keys."""
    present: frozenset[str] = frozenset()
    """There, with unknown values."""
    absent: frozenset[str] = frozenset()
    """Not there; a name that ends with ``:`` or ``/`` means all keys that begin so."""

    def find(self, key: str) -> Values | OneOf | Presence:
        """The values of a key, given by its lower-case name, or what else is known of it."""
        found = self.values.get(key)
        if found is not None:
            return found
        if key in self.present:
            return Presence.PRESENT
        beginnings = (key[: end + 1] for end, character in enumerate(key) if character in ":/")
        is_absent = key in self.absent or any(beginning in self.absent for beginning in beginnings)
        return Presence.ABSENT if is_absent else Presence.UNCERTAIN


def one_of(*values: str) -> OneOf:
    """One of these texts."""
    return OneOf(tuple(map(known_text, values)))


def known_values(values: Mapping[str, str | Sequence[str]]) -> dict[str, Values | OneOf]:
    """Plain texts as values of keys; a list is a multivalued key."""
    return {
        key.lower(): (known_text(value),) if isinstance(value, str) else tuple(map(known_text, value))
        for key, value in values.items()
    }


_VARIABLE = re.compile(r"\$\{([^{}]*)\}")


_WITH_DEFAULT = re.compile(r"\s*([^,]+?)\s*,\s*'([^']*)'\s*")


@dataclass(frozen=True, slots=True)
class Variable:
    """A place that the request fills."""

    key: str
    default: str | None = None

    def find_value(self, context: EvaluationContext) -> str | Presence:
        """The one text that it stands for; ``ABSENT`` if it stands for nothing."""
        found = context.find(self.key.lower())
        if isinstance(found, Presence):
            is_default = found is Presence.ABSENT and self.default is not None
            return self.default or "" if is_default else found
        if isinstance(found, OneOf):
            return Presence.PRESENT
        if len(found) != 1:
            return Presence.ABSENT
        value = found[0].known
        return Presence.PRESENT if value is None else value


@dataclass(frozen=True, slots=True)
class Template:
    """A text of a policy, cut into tokens and variables."""

    text: str
    parts: tuple[Tokens | Variable, ...]

    @property
    def constant(self) -> Tokens | None:
        """Its tokens, if it has no variables."""
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, tuple) else None

    def find_unknown(self, context: EvaluationContext) -> frozenset[str]:
        """The variables whose values can't be known beforehand."""
        return frozenset(
            part.key
            for part in self.parts
            if isinstance(part, Variable) and part.find_value(context) in (Presence.PRESENT, Presence.UNCERTAIN)
        )

    def fill(self, context: EvaluationContext) -> Tokens | None:
        """Its tokens for a request; ``None`` if a variable stands for nothing, so that it matches nothing."""
        tokens: list[Tokens] = []
        for part in self.parts:
            value = part.find_value(context) if isinstance(part, Variable) else part
            if isinstance(value, Presence):
                return None
            tokens.append(tuple(value))
        return tuple(token for some in tokens for token in some)


def parse_template(text: str, *, has_variables: bool) -> Template:
    """Cut a text at its variables; documents of version 2008-10-17 have none."""
    parts: list[Tokens | Variable] = []
    position = 0
    for found in _VARIABLE.finditer(text) if has_variables else ():
        parts.append(wildcard_tokens(text[position : found.start()]))
        parts.append(_parse_variable(found.group(1)))
        position = found.end()
    parts.append(wildcard_tokens(text[position:]))
    return Template(text, tuple(_join(parts)))


def _parse_variable(inside: str) -> Tokens | Variable:
    if inside in ("*", "?", "$"):
        return (inside,)
    with_default = _WITH_DEFAULT.fullmatch(inside)
    if with_default:
        return Variable(with_default.group(1), with_default.group(2))
    return Variable(inside.strip())


def _join(parts: Sequence[Tokens | Variable]) -> list[Tokens | Variable]:
    """Tokens that stand side by side become one part."""
    joined: list[Tokens | Variable] = []
    for part in parts:
        last = joined[-1] if joined else None
        if isinstance(part, tuple) and isinstance(last, tuple):
            joined[-1] = last + part
        elif part != ():
            joined.append(part)
    return joined or [()]


_IF_EXISTS = "ifexists"


_NULL = "null"


class SetOperator(StrEnum):
    """How the values of a multivalued key are taken together."""

    FOR_ALL_VALUES = "forallvalues"
    FOR_ANY_VALUE = "foranyvalue"


class Condition(Protocol):
    """One key under one operator."""

    @property
    def key(self) -> str:
        """As the policy spells it."""
        ...

    def evaluate(self, context: EvaluationContext) -> TruthValue:
        """Whether a request satisfies it."""
        ...


@dataclass(frozen=True, slots=True)
class NullCondition:
    """Asks whether a key is absent."""

    key: str
    is_absent: bool

    def evaluate(self, context: EvaluationContext) -> TruthValue:
        found = context.find(self.key.lower())
        if found is Presence.UNCERTAIN:
            return open_question(self.key)
        return YES if (found is Presence.ABSENT) is self.is_absent else NO


@dataclass(frozen=True, slots=True)
class PolicyValue:
    """One value of the policy."""

    template: Template
    operator: Operator
    constant: Test | None
    """Its test, where it has no variables."""

    def evaluate(self, value: PartialText, key: str, context: EvaluationContext) -> TruthValue:
        if self.constant is not None:
            return truth_value_of(self.constant(value), key)
        unknown = self.template.find_unknown(context)
        if unknown:
            return open_question(*unknown)
        tokens = self.template.fill(context)
        if tokens is None:
            return NO
        try:
            return truth_value_of(self.operator.prepare(tokens)(value), key)
        except ValueError:
            return NO


@dataclass(frozen=True, slots=True)
class ValueCondition:
    """Compares a key's values with the policy's."""

    key: str
    operator: Operator
    set_operator: SetOperator | None
    if_exists: bool
    values: tuple[PolicyValue, ...]
    """One must match, or none if the operator is negated."""
    takes_wildcards: bool

    def evaluate(self, context: EvaluationContext) -> TruthValue:
        found = context.find(self.key.lower())
        if isinstance(found, OneOf):
            return self._evaluate_one_of(found, context)
        if not isinstance(found, Presence):
            return self._evaluate_values(found, context)
        if found is Presence.ABSENT:
            return self._evaluate_absent()
        with_value = self._evaluate_any_value()
        if found is Presence.PRESENT or with_value == self._evaluate_absent():
            return with_value
        return open_question(self.key)

    def _evaluate_values(self, found: Values, context: EvaluationContext) -> TruthValue:
        each = [any_of(value.evaluate(one, self.key, context) for value in self.values) for one in found]
        if self.set_operator is None:
            return self._turned(any_of(each))
        turned = [self._turned(truth) for truth in each]
        return all_of(turned) if self.set_operator is SetOperator.FOR_ALL_VALUES else any_of(turned)

    def _evaluate_one_of(self, found: OneOf, context: EvaluationContext) -> TruthValue:
        truths = {self._evaluate_values((value,), context) for value in found.values}
        return truths.pop() if len(truths) == 1 else open_question(self.key)

    def _turned(self, truth: TruthValue) -> TruthValue:
        return truth.negated() if self.operator.is_negated else truth

    def _evaluate_absent(self) -> TruthValue:
        if self.if_exists or self.set_operator is SetOperator.FOR_ALL_VALUES:
            return YES
        return YES if self.operator.is_negated and self.set_operator is None else NO

    def _evaluate_any_value(self) -> TruthValue:
        """For a value that is there and unknown: only a lone ``*`` is sure to match it."""
        is_sure = self.takes_wildcards and any(value.template.constant == EVERYTHING for value in self.values)
        return self._turned(YES) if is_sure else open_question(self.key)


def parse_conditions(element: object, *, has_variables: bool) -> tuple[Condition, ...]:
    """Read a Condition element.

    :raises ValueError: if an operator is unknown or a value doesn't suit it.
    """
    return tuple(
        _parse_condition(name, key, values, has_variables=has_variables)
        for name, keys in _items(element, "Condition")
        for key, values in _items(keys, name)
    )


def _items(element: object, name: str) -> Iterator[tuple[str, object]]:
    if not isinstance(element, Mapping):
        raise ValueError(f"{name} must be an object")
    yield from element.items()


def _parse_condition(name: str, key: str, element: object, *, has_variables: bool) -> Condition:
    set_operator, base, if_exists = _split_name(name)
    texts = [_to_text(value, key) for value in (element if isinstance(element, list) else [element])]
    if base == _NULL and set_operator is None and not if_exists:
        return NullCondition(key, _parse_null(texts))
    operator = OPERATORS.get(base)
    if operator is None:
        raise ValueError(f"there is no condition operator {name[:100]}")
    takes_variables = has_variables and operator.takes_variables
    return ValueCondition(
        key=key,
        operator=operator,
        set_operator=set_operator,
        if_exists=if_exists,
        values=tuple(_parse_value(text, operator, takes_variables=takes_variables) for text in texts),
        takes_wildcards=base.endswith("like"),
    )


def _split_name(name: str) -> tuple[SetOperator | None, str, bool]:
    prefix, colon, base = name.lower().rpartition(":")
    if colon and prefix not in list(SetOperator):
        raise ValueError(f"there is no condition operator {name[:100]}")
    return SetOperator(prefix) if colon else None, base.removesuffix(_IF_EXISTS), base.endswith(_IF_EXISTS)


def _parse_value(text: str, operator: Operator, *, takes_variables: bool) -> PolicyValue:
    template = parse_template(text, has_variables=takes_variables)
    constant = template.constant
    return PolicyValue(template, operator, None if constant is None else operator.prepare(constant))


def _to_text(value: object, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"the values of {key[:100]} must be texts, numbers or booleans")


def _parse_null(texts: list[str]) -> bool:
    if len(texts) != 1 or texts[0].lower() not in ("true", "false"):
        raise ValueError("Null takes one boolean")
    return texts[0].lower() == "true"
