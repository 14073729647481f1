"""Yes, no, or an open question: the logic in which policies are judged before a request exists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


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
