"""Whether a statement's conditions hold for every ordinary caller of the resource's own account.

Three answers: yes, no, and ``None`` where it depends on who calls, from where or when. A condition that can't be read
is never taken for one that lets callers pass.

Source: IAM User Guide, "IAM JSON policy elements: Condition operators".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from rootkeeper.domain.resource_policies.callers import PRINCIPAL_KEYS, OrdinaryCaller
from rootkeeper.domain.resource_policies.documents import as_texts
from rootkeeper.domain.resource_policies.patterns import has_wildcard, matches_any


@dataclass(frozen=True, slots=True)
class CallerMatch:
    """How one part of a statement bears on ordinary callers."""

    holds: bool | None
    """Whether it takes in every one of them; ``None``: it depends."""
    exceptions: tuple[str, ...] = ()
    """Principals of the account that it leaves out."""
    conditions: tuple[str, ...] = ()
    """What else it depends on, as the policy has it."""


HOLDS = CallerMatch(holds=True)
FAILS = CallerMatch(holds=False)


def combine(caller_matches: Iterable[CallerMatch]) -> CallerMatch:
    """All parts of a statement must hold."""
    found = tuple(caller_matches)
    if any(caller_match.holds is False for caller_match in found):
        return FAILS
    if all(caller_match.holds for caller_match in found):
        return HOLDS
    return CallerMatch(
        None,
        exceptions=tuple(text for caller_match in found for text in caller_match.exceptions),
        conditions=tuple(text for caller_match in found for text in caller_match.conditions),
    )


def evaluate_conditions(block: Any, caller: OrdinaryCaller) -> CallerMatch:
    """Judge a statement's ``Condition``."""
    if not isinstance(block, Mapping):
        return HOLDS if block is None else CallerMatch(None, conditions=("a Condition that can't be read",))
    return combine(
        _evaluate(_Operator.parse(operator), str(key), as_texts(values), caller)
        for operator, pairs in block.items()
        for key, values in (pairs.items() if isinstance(pairs, Mapping) else [("a key that can't be read", pairs)])
    )


@dataclass(frozen=True, slots=True)
class _Operator:
    """``ForAllValues:StringNotEqualsIfExists``, taken apart."""

    written: str
    quantifier: str
    comparison: str
    """In lower case, without ``Not``, quantifier and ``IfExists``."""
    is_negated: bool
    if_exists: bool

    @staticmethod
    def parse(written: str) -> _Operator:
        quantifier, _, name = written.lower().rpartition(":")
        if_exists = name.endswith("ifexists")
        name = name.removesuffix("ifexists")
        is_negated = "not" in name
        return _Operator(written, quantifier, name.replace("not", "", 1), is_negated, if_exists)

    def holds_without_key(self) -> bool:
        return self.quantifier == "forallvalues" or (
            self.quantifier != "foranyvalue" and (self.if_exists or self.is_negated)
        )


def _evaluate(operator: _Operator, key: str, values: Sequence[str], caller: OrdinaryCaller) -> CallerMatch:
    name = key.lower()
    depends = CallerMatch(None, conditions=(f"{operator.written} {key} {', '.join(values)}",))
    if operator.comparison == "null":
        return _evaluate_null(name, values, caller, depends)
    if caller.lacks(name):
        return HOLDS if operator.holds_without_key() else FAILS
    if any("${" in value for value in values):
        return depends
    if name in PRINCIPAL_KEYS:
        return _evaluate_principal(operator, values, caller, depends)
    known, compare = caller.known.get(name), _COMPARISONS.get(operator.comparison)
    if known is None or compare is None:
        return depends
    try:
        is_met = any(compare(known, value) for value in values)
    except ValueError:
        return depends
    return HOLDS if is_met is not operator.is_negated else FAILS


def _evaluate_null(name: str, values: Sequence[str], caller: OrdinaryCaller, depends: CallerMatch) -> CallerMatch:
    is_absent = True if caller.lacks(name) else False if name in caller.known or name in PRINCIPAL_KEYS else None
    if is_absent is None:
        return depends
    return HOLDS if str(is_absent).lower() in [value.lower() for value in values] else FAILS


def _evaluate_principal(
    operator: _Operator, values: Sequence[str], caller: OrdinaryCaller, depends: CallerMatch
) -> CallerMatch:
    if operator.comparison not in _COMPARISONS:
        return depends
    if operator.is_negated:
        return evaluate_exceptions(values, caller)
    if any(covers_everyone(value, caller) for value in values):
        return HOLDS
    return depends if any(has_wildcard(value) and _may_be_a_caller(value, caller) for value in values) else FAILS


def evaluate_exceptions(excepted: Sequence[str], caller: OrdinaryCaller) -> CallerMatch:
    """Everyone but these: who of them there is isn't known.

    The account's root user is no exception: it gets past every bucket and queue policy anyway, and mostly can't sign
    in. Principals of other accounts can't change the policy at all.
    """
    if any(covers_everyone(value, caller) for value in excepted):
        return FAILS
    mattering = tuple(value for value in excepted if _may_be_a_caller(value, caller))
    return CallerMatch(None, exceptions=mattering) if mattering else HOLDS


def covers_everyone(pattern: str, caller: OrdinaryCaller) -> bool:
    """Whether it takes in any role or any user of the account, whatever its name."""
    return any(
        matches_any(f"arn:{caller.resource.partition}:iam::{caller.resource.account_id}:{kind}/\0", [pattern])
        for kind in ("role", "user")
    )


def _may_be_a_caller(pattern: str, caller: OrdinaryCaller) -> bool:
    """Whether it may name a user or role of the account, its root user aside."""
    parts = pattern.split(":", 5)
    if len(parts) < 6:
        return has_wildcard(pattern)
    return matches_any(caller.resource.account_id, [parts[4]]) and parts[5] != "root"


def _compare_numbers(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda known, value: compare(float(known), float(value))


def _is_like(known: str, value: str) -> bool:
    return matches_any(known, [value])


def _is_same(known: str, value: str) -> bool:
    return known.lower() == value.lower()


_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = MappingProxyType(
    {
        "arnequals": _is_like,
        "arnlike": _is_like,
        "bool": _is_same,
        "numericequals": _compare_numbers(lambda known, value: known == value),
        "numericgreaterthan": _compare_numbers(lambda known, value: known > value),
        "numericgreaterthanequals": _compare_numbers(lambda known, value: known >= value),
        "numericlessthan": _compare_numbers(lambda known, value: known < value),
        "numericlessthanequals": _compare_numbers(lambda known, value: known <= value),
        "stringequals": lambda known, value: known == value,
        "stringequalsignorecase": _is_same,
        "stringlike": _is_like,
    }
)
