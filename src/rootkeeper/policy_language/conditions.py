"""The Condition element: three-valued truth, the condition keys of a request, policy variables, and set operators.

A condition is true, false, or open, because some condition keys aren't known before the request exists.

Source: IAM User Guide, "AWS global condition context keys", "IAM policy elements: Variables and tags", "Condition
operators" and "Set operators for multivalued context keys".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import TypeAlias

from rootkeeper.policy_language.patterns import (
    EVERYTHING,
    OPERATORS,
    Operator,
    PartialText,
    Test,
    Tokens,
    known_text,
    wildcard_tokens,
)


@dataclass(frozen=True, slots=True)
class TruthValue:
    """A truth value: yes, no, or open."""

    value: bool | None
    """``None`` if it can't be known before the request."""
    unknown: frozenset[str] = frozenset()
    """The unknown facts that decide: condition keys as in the policy, or the resource's name."""

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
    """Return the answer that depends on these."""
    return TruthValue(None, frozenset(unknown))


def truth_value_of(value: bool | None, unknown: str) -> TruthValue:
    """Return ``value``, or an open question about ``unknown`` if it is ``None``."""
    if value is None:
        return open_question(unknown)
    return YES if value else NO


def all_of(truths: Iterable[TruthValue]) -> TruthValue:
    """No if any is no, even if others are open."""
    return any_of(truth.negated() for truth in truths).negated()


def any_of(truths: Iterable[TruthValue]) -> TruthValue:
    """Yes if any is yes, even if others are open."""
    unknown: frozenset[str] = frozenset()
    for truth in truths:
        if truth.is_yes:
            return YES
        unknown |= truth.unknown
    return TruthValue(None, unknown) if unknown else NO


Values: TypeAlias = tuple[PartialText, ...]


class Presence(Enum):
    """The presence of a key without a known value."""

    ABSENT = auto()
    PRESENT = auto()
    """It exists, with an unknown value."""
    UNCERTAIN = auto()
    """It may or may not exist."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """An unknown value among these values."""

    values: Values


@dataclass(frozen=True, slots=True)
class EvaluationContext:
    """Condition keys by lower-case name. Any other key is uncertain."""

    values: Mapping[str, Values | OneOf] = field(default_factory=dict)
    """Several for multivalued keys."""
    present: frozenset[str] = frozenset()
    """Keys that exist with unknown values."""
    absent: frozenset[str] = frozenset()
    """Keys that don't exist; a name that ends with ``:`` or ``/`` is a prefix."""

    def find(self, key: str) -> Values | OneOf | Presence:
        """Find the values of a key, by its lower-case name, or its presence."""
        found = self.values.get(key)
        if found is not None:
            return found
        if key in self.present:
            return Presence.PRESENT
        beginnings = (key[: end + 1] for end, character in enumerate(key) if character in ":/")
        is_absent = key in self.absent or any(beginning in self.absent for beginning in beginnings)
        return Presence.ABSENT if is_absent else Presence.UNCERTAIN


def one_of(*values: str) -> OneOf:
    """Make an unknown value among these texts."""
    return OneOf(tuple(map(known_text, values)))


def known_values(values: Mapping[str, str | Sequence[str]]) -> dict[str, Values | OneOf]:
    """Convert texts to values of keys; a list is a multivalued key."""
    return {
        key.lower(): (known_text(value),) if isinstance(value, str) else tuple(map(known_text, value))
        for key, value in values.items()
    }


_VARIABLE = re.compile(r"\$\{([^{}]*)\}")
_WITH_DEFAULT = re.compile(r"\s*([^,]+?)\s*,\s*'([^']*)'\s*")


@dataclass(frozen=True, slots=True)
class Variable:
    """A policy variable; its value comes from the request."""

    key: str
    default: str | None = None

    def find_value(self, context: EvaluationContext) -> str | Presence:
        """Find its only value; ``ABSENT`` if it has none."""
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
    """A text of a policy, split into tokens and variables."""

    text: str
    parts: tuple[Tokens | Variable, ...]

    @property
    def constant(self) -> Tokens | None:
        """Its tokens, if it has no variables."""
        first = self.parts[0] if len(self.parts) == 1 else None
        return first if isinstance(first, tuple) else None

    def find_unknown(self, context: EvaluationContext) -> frozenset[str]:
        """Find the variables with unknown values."""
        return frozenset(
            part.key
            for part in self.parts
            if isinstance(part, Variable) and part.find_value(context) in (Presence.PRESENT, Presence.UNCERTAIN)
        )

    def fill(self, context: EvaluationContext) -> Tokens | None:
        """Return its tokens for a request; ``None`` if a variable has no value, so that it matches nothing."""
        tokens: list[Tokens] = []
        for part in self.parts:
            value = part.find_value(context) if isinstance(part, Variable) else part
            if isinstance(value, Presence):
                return None
            tokens.append(tuple(value))
        return tuple(token for some in tokens for token in some)


def parse_template(text: str, *, has_variables: bool) -> Template:
    """Split a text at its variables; documents of version 2008-10-17 have none."""
    parts: list[Tokens | Variable] = []
    tokens: Tokens = ()
    position = 0
    for found in _VARIABLE.finditer(text) if has_variables else ():
        tokens += wildcard_tokens(text[position : found.start()])
        position, inside = found.end(), found.group(1)
        if inside in ("*", "?", "$"):
            tokens += (inside,)
            continue
        with_default = _WITH_DEFAULT.fullmatch(inside)
        variable = Variable(*with_default.groups()) if with_default else Variable(inside.strip())
        parts += [tokens, variable] if tokens else [variable]
        tokens = ()
    tokens += wildcard_tokens(text[position:])
    return Template(text, tuple(parts) if parts and not tokens else (*parts, tokens))


_IF_EXISTS = "ifexists"
_NULL = "null"


class SetOperator(StrEnum):
    """How the values of a multivalued key are combined."""

    FOR_ALL_VALUES = "forallvalues"
    FOR_ANY_VALUE = "foranyvalue"


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
    """A value of the policy."""

    template: Template
    operator: Operator
    constant: Test | None
    """Its test, if it has no variables."""

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
    """A match of any value is enough; if the operator is negated, none may match."""
    takes_wildcards: bool

    def evaluate(self, context: EvaluationContext) -> TruthValue:
        found = context.find(self.key.lower())
        if isinstance(found, OneOf):
            truths = {self._evaluate_values((value,), context) for value in found.values}
            return truths.pop() if len(truths) == 1 else open_question(self.key)
        if not isinstance(found, Presence):
            return self._evaluate_values(found, context)
        if found is Presence.ABSENT:
            return self._evaluate_absent()
        # Of an unknown value, only a lone ``*`` is sure to match it.
        is_sure = self.takes_wildcards and any(value.template.constant == EVERYTHING for value in self.values)
        with_value = self._turned(YES) if is_sure else open_question(self.key)
        if found is Presence.PRESENT or with_value == self._evaluate_absent():
            return with_value
        return open_question(self.key)

    def _evaluate_values(self, found: Values, context: EvaluationContext) -> TruthValue:
        each = [any_of(value.evaluate(text, self.key, context) for value in self.values) for text in found]
        if self.set_operator is None:
            return self._turned(any_of(each))
        turned = [self._turned(truth) for truth in each]
        return all_of(turned) if self.set_operator is SetOperator.FOR_ALL_VALUES else any_of(turned)

    def _turned(self, truth: TruthValue) -> TruthValue:
        return truth.negated() if self.operator.is_negated else truth

    def _evaluate_absent(self) -> TruthValue:
        if self.if_exists or self.set_operator is SetOperator.FOR_ALL_VALUES:
            return YES
        return YES if self.operator.is_negated and self.set_operator is None else NO


Condition: TypeAlias = NullCondition | ValueCondition


def parse_conditions(element: object, *, has_variables: bool) -> tuple[Condition, ...]:
    """:raises ValueError: if an operator is unknown or a value doesn't suit it."""
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
    prefix, colon, base = name.lower().rpartition(":")
    texts = [_to_text(value, key) for value in (element if isinstance(element, list) else [element])]
    if base == _NULL and not colon:
        if len(texts) != 1 or texts[0].lower() not in ("true", "false"):
            raise ValueError("Null takes one boolean")
        return NullCondition(key, is_absent=texts[0].lower() == "true")
    operator = OPERATORS.get(base.removesuffix(_IF_EXISTS))
    if operator is None or (colon and prefix not in list(SetOperator)):
        raise ValueError(f"there is no condition operator {name[:100]}")
    values = []
    for text in texts:
        template = parse_template(text, has_variables=has_variables and operator.takes_variables)
        constant = template.constant
        values.append(PolicyValue(template, operator, None if constant is None else operator.prepare(constant)))
    return ValueCondition(
        key=key,
        operator=operator,
        set_operator=SetOperator(prefix) if colon else None,
        if_exists=base.endswith(_IF_EXISTS),
        values=tuple(values),
        takes_wildcards=base.removesuffix(_IF_EXISTS).endswith("like"),
    )


def _to_text(value: object, key: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError(f"the values of {key[:100]} must be texts, numbers or booleans")
