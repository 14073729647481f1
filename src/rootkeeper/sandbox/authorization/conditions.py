"""The Condition element: operators with ``IfExists``, ``ForAllValues``, ``ForAnyValue``, and Null.

Source: IAM User Guide, "Condition operators" and "Set operators for multivalued context keys".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Protocol

from rootkeeper.sandbox.authorization.operators import OPERATORS, OperandError, Operator
from rootkeeper.sandbox.authorization.variables import Context, Template, parse_template

_OPERATORS_BY_LOWER_NAME = {name.lower(): known for name, known in OPERATORS.items()}
_IF_EXISTS = "ifexists"
_NULL = "null"

ValueTest = Callable[[str, Context], bool]


class Condition(Protocol):
    """One key under one operator."""

    def holds(self, context: Context) -> bool:
        """Tell whether a request satisfies it."""


class SetOperator(StrEnum):
    """How the values of a multivalued key are taken together."""

    FOR_ALL_VALUES = "forallvalues"
    FOR_ANY_VALUE = "foranyvalue"


@dataclass(frozen=True, slots=True)
class NullCondition:
    """Asks whether a key is absent."""

    key: str
    is_absent: bool

    def holds(self, context: Context) -> bool:
        return (self.key not in context) is self.is_absent


@dataclass(frozen=True, slots=True)
class ValueCondition:
    """Compares a key's values with the policy's."""

    key: str
    is_negated: bool
    set_operator: SetOperator | None
    if_exists: bool
    tests: tuple[ValueTest, ...]
    """One for each value of the policy, of which one must match, or none if negated."""

    def holds(self, context: Context) -> bool:
        found = context.get(self.key)
        if found is None:
            return self._holds_without_key()
        values = (found,) if isinstance(found, str) else found
        if self.set_operator is SetOperator.FOR_ALL_VALUES:
            return all(self._matches(value, context) is not self.is_negated for value in values)
        if self.set_operator is SetOperator.FOR_ANY_VALUE:
            return any(self._matches(value, context) is not self.is_negated for value in values)
        return any(self._matches(value, context) for value in values) is not self.is_negated

    def _holds_without_key(self) -> bool:
        if self.if_exists or self.set_operator is SetOperator.FOR_ALL_VALUES:
            return True
        return self.is_negated and self.set_operator is None

    def _matches(self, value: str, context: Context) -> bool:
        return any(test(value, context) for test in self.tests)


def parse_conditions(element: object, *, has_variables: bool) -> tuple[Condition, ...]:
    """Compile a Condition element.

    :raises ValueError: if an operator is unknown or a value doesn't suit it.
    """
    return tuple(
        _parse_condition(operator_name, key, values, has_variables)
        for operator_name, keys in _items(element, "Condition")
        for key, values in _items(keys, operator_name)
    )


def _items(element: object, name: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(element, Mapping):
        raise OperandError(f"{name} must be an object.")
    return element.items()


def _parse_condition(operator_name: str, key: str, values: object, has_variables: bool) -> Condition:
    set_operator, base, if_exists = _split_operator_name(operator_name)
    texts = [_to_text(value) for value in (values if isinstance(values, list) else [values])]
    if base == _NULL and set_operator is None and not if_exists:
        return NullCondition(key.lower(), _parse_null(texts))
    known = _OPERATORS_BY_LOWER_NAME.get(base)
    if known is None:
        raise OperandError(f"There is no condition operator {operator_name}.")
    tests = tuple(_compile_test(known, text, has_variables and known.takes_variables) for text in texts)
    return ValueCondition(key.lower(), known.is_negated, set_operator, if_exists, tests)


def _split_operator_name(name: str) -> tuple[SetOperator | None, str, bool]:
    prefix, colon, base = name.lower().rpartition(":")
    if colon and prefix not in list(SetOperator):
        raise OperandError(f"There is no condition operator {name}.")
    set_operator = SetOperator(prefix) if colon else None
    return set_operator, base.removesuffix(_IF_EXISTS), base.endswith(_IF_EXISTS)


def _to_text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | int | float):
        return str(value)
    raise OperandError("A condition's values must be texts, numbers or booleans.")


def _parse_null(texts: list[str]) -> bool:
    if len(texts) != 1 or texts[0].lower() not in ("true", "false"):
        raise OperandError("Null takes one boolean.")
    return texts[0].lower() == "true"


def _compile_test(known: Operator, text: str, has_variables: bool) -> ValueTest:
    template = parse_template(text, has_variables=has_variables)
    fragments = template.expand({}) if template.is_constant else None
    if fragments is None:
        return _template_test(known, template)
    matches = known.compare(fragments)
    return lambda value, _context: matches(value)


def _template_test(known: Operator, template: Template) -> ValueTest:
    """Make a test whose value depends on the request; one that can't be filled in matches nothing."""

    def test(value: str, context: Context) -> bool:
        fragments = template.expand(context)
        if fragments is None:
            return False
        try:
            return known.compare(fragments)(value)
        except OperandError:
            return False

    return test
