"""Yes, no, or an open question: the logic in which policies are judged before a request exists."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Truth:
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

    def negated(self) -> Truth:
        return self if self.value is None else Truth(not self.value)


YES = Truth(value=True)
NO = Truth(value=False)


def open_question(*unknown: str) -> Truth:
    """The answer that hangs on these."""
    return Truth(None, frozenset(unknown))


def truth_of(value: bool | None, unknown: str) -> Truth:
    """``value``, or an open question about ``unknown``."""
    if value is None:
        return open_question(unknown)
    return YES if value else NO


def all_of(truths: Iterable[Truth]) -> Truth:
    """No if any is no, whatever the others are."""
    unknown: frozenset[str] = frozenset()
    for truth in truths:
        if truth.is_no:
            return NO
        unknown |= truth.unknown
    return Truth(None, unknown) if unknown else YES


def any_of(truths: Iterable[Truth]) -> Truth:
    """Yes if any is yes, whatever the others are."""
    unknown: frozenset[str] = frozenset()
    for truth in truths:
        if truth.is_yes:
            return YES
        unknown |= truth.unknown
    return Truth(None, unknown) if unknown else NO
