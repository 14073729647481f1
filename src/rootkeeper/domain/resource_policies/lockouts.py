"""Which statement of a bucket or queue policy locks everyone of the account out, so that only its root user is left.

What counts is whether anybody can still change the policy: who can does not need a root session. Denials alone can lock
out, since identity policies of the account itself allow as much as they like.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from rootkeeper.domain.resource_policies.callers import OrdinaryCaller
from rootkeeper.domain.resource_policies.conditions import (
    FAILS,
    HOLDS,
    CallerMatch,
    combine,
    evaluate_conditions,
    evaluate_exceptions,
)
from rootkeeper.domain.resource_policies.documents import (
    Element,
    PolicyDocument,
    as_texts,
    get_statement_name,
    parse_policy,
)
from rootkeeper.domain.resource_policies.patterns import matches_any
from rootkeeper.domain.resource_policies.resources import Resource
from rootkeeper.errors import PolicyDocumentError


class LockoutVerdict(StrEnum):
    """Who can still change the policy."""

    DEPENDS = "depends"
    """Only those whom a statement excepts, if there are any left."""
    LOCKED = "locked"
    """Nobody but a root session."""
    NO_POLICY = "no_policy"
    OPEN = "open"
    """Whoever the account's identity policies let."""
    UNKNOWN = "unknown"
    """It couldn't be read."""


_SEVERITY = (LockoutVerdict.OPEN, LockoutVerdict.DEPENDS, LockoutVerdict.LOCKED)


@dataclass(frozen=True, slots=True)
class LockingStatement:
    """A statement that keeps everyone, or everyone but its exceptions, from changing the policy."""

    number: int
    """Its place in the policy, from 0."""
    name: str
    verdict: LockoutVerdict
    """``LOCKED`` or ``DEPENDS``."""
    exceptions: tuple[str, ...]
    """Principals that it excepts."""
    conditions: tuple[str, ...]
    """What else it depends on."""
    content: Element

    @property
    def explanation(self) -> str:
        """One sentence for a person."""
        sentence = f"{_capitalized(self.name)} denies everyone in the account"
        if self.exceptions:
            sentence += f" but {', '.join(self.exceptions)}"
        if self.conditions:
            sentence += f" where {' and '.join(self.conditions)}"
        return f"{sentence}."


@dataclass(frozen=True, slots=True)
class Lockout:
    """What a policy does to the account's own people."""

    verdict: LockoutVerdict
    statements: tuple[LockingStatement, ...] = ()
    """Those to blame, in the policy's order."""
    reason: str | None = None
    """Why the verdict isn't known."""

    @property
    def explanation(self) -> str:
        if self.verdict in (LockoutVerdict.LOCKED, LockoutVerdict.DEPENDS):
            return " ".join(statement.explanation for statement in self.statements)
        return _EXPLANATIONS.get(self.verdict) or self.reason or ""


_EXPLANATIONS = {
    LockoutVerdict.NO_POLICY: "There is no policy.",
    LockoutVerdict.OPEN: "No statement locks everyone out.",
}


def evaluate_policy(text: str | None, resource: Resource, organization_id: str) -> Lockout:
    """Judge a policy as AWS gave it; one that can't be read is unknown, never open."""
    if text is None:
        return Lockout(LockoutVerdict.NO_POLICY)
    try:
        document = parse_policy(text, f"The policy of {resource.kind.noun} {resource.name}")
    except PolicyDocumentError as error:
        return Lockout(LockoutVerdict.UNKNOWN, reason=error.message)
    return evaluate_document(document, OrdinaryCaller.of(resource, organization_id))


def evaluate_document(document: PolicyDocument, caller: OrdinaryCaller) -> Lockout:
    """One way to change the policy is enough to be open; each of them is judged by its worst statement."""
    found = {
        action: [_evaluate_statement(statement, action, caller) for statement in document.statements]
        for action in caller.resource.kind.fix_actions
    }
    verdict = _least(_worst(_verdict(one) for one in caller_matches) for caller_matches in found.values())
    if verdict is LockoutVerdict.OPEN:
        return Lockout(LockoutVerdict.OPEN)
    blamed = []
    for number, statement in enumerate(document.statements):
        worst = max(
            (caller_matches[number] for caller_matches in found.values()),
            key=lambda one: _SEVERITY.index(_verdict(one)),
        )
        if _verdict(worst) is not LockoutVerdict.OPEN:
            name = get_statement_name(statement, number)
            blamed.append(
                LockingStatement(number, name, _verdict(worst), worst.exceptions, worst.conditions, statement)
            )
    return Lockout(verdict, tuple(blamed))


def _verdict(caller_match: CallerMatch) -> LockoutVerdict:
    if caller_match.holds is None:
        return LockoutVerdict.DEPENDS
    return LockoutVerdict.LOCKED if caller_match.holds else LockoutVerdict.OPEN


def _worst(verdicts: Iterable[LockoutVerdict]) -> LockoutVerdict:
    return max(verdicts, key=_SEVERITY.index, default=LockoutVerdict.OPEN)


def _least(verdicts: Iterable[LockoutVerdict]) -> LockoutVerdict:
    return min(verdicts, key=_SEVERITY.index, default=LockoutVerdict.OPEN)


def _evaluate_statement(statement: Element, action: str, caller: OrdinaryCaller) -> CallerMatch:
    if statement.get("Effect") != "Deny":
        return FAILS
    if not _takes_in(statement, "Action", action, lowered=True):
        return FAILS
    if not _takes_in(statement, "Resource", caller.resource.arn):
        return FAILS
    return combine((_evaluate_principals(statement, caller), evaluate_conditions(statement.get("Condition"), caller)))


def _takes_in(statement: Element, element: str, text: str, *, lowered: bool = False) -> bool:
    """Whether ``Action`` or ``NotAction`` (``Resource``, ``NotResource``) covers it; without either it does."""
    for name, is_negated in ((element, False), (f"Not{element}", True)):
        if name in statement:
            patterns = as_texts(statement[name])
            covered = matches_any(text, [pattern.lower() for pattern in patterns] if lowered else patterns)
            return covered is not is_negated
    return True


def _evaluate_principals(statement: Element, caller: OrdinaryCaller) -> CallerMatch:
    if "NotPrincipal" in statement:
        return evaluate_exceptions(_list_named(statement["NotPrincipal"], caller), caller)
    named = _list_named(statement.get("Principal"), caller)
    own_root = f"arn:{caller.resource.partition}:iam::{caller.resource.account_id}:root"
    if "*" in named or own_root in named:
        return HOLDS
    if isinstance(statement.get("Principal"), dict) and "CanonicalUser" in statement["Principal"]:
        return CallerMatch(None, conditions=("the account has a canonical id that it names",))
    return FAILS


def _list_named(principal: Any, caller: OrdinaryCaller) -> Sequence[str]:
    """AWS principals as ARNs, or ``*``; unique ids (``AROA…``) stand for what was deleted, and are nobody."""
    named = as_texts(principal.get("AWS")) if isinstance(principal, dict) else as_texts(principal)
    partition = caller.resource.partition
    spelled = [f"arn:{partition}:iam::{text}:root" if text.isdigit() else text for text in named]
    return [text for text in spelled if text == "*" or text.startswith("arn:")]


def _capitalized(text: str) -> str:
    return text[:1].upper() + text[1:]
