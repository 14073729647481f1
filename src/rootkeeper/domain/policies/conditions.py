"""The Condition element: operators with ``IfExists``, ``ForAllValues``, ``ForAnyValue``, and Null.

Source: IAM User Guide, "Condition operators" and "Set operators for multivalued context keys".
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from rootkeeper.domain.policies.contexts import EvaluationContext, OneOf, Presence, Template, Values, parse_template
from rootkeeper.domain.policies.operators import OPERATORS, Operator, Test
from rootkeeper.domain.policies.patterns import EVERYTHING, PartialText
from rootkeeper.domain.policies.truths import NO, YES, TruthValue, all_of, any_of, open_question, truth_value_of

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
