"""A check: one thing that should be so, whether it is, and what shows it.

An unknown is a verdict of its own and never a pass: what couldn't be read, what AWS doesn't tell, and what nobody has
recorded.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.statuses import FailOn


class CheckVerdict(StrEnum):
    """Whether it is so."""

    FAIL = "fail"
    PASS = "pass"  # noqa: S105 - a verdict's name
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of a checking command."""

    name: str
    """Stable, for programs, such as ``mfa_devices``."""
    verdict: CheckVerdict
    evidence: str
    """One sentence for a person: what was found, or why it can't be known."""
    hint: str | None = None
    """What to do next; ``None`` where there is nothing to do."""
    account_id: AccountId | None = None
    """``None`` where it concerns no single account."""


def passed(name: str, evidence: str, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.PASS, evidence, account_id=account_id)


def failed(name: str, evidence: str, hint: str | None = None, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.FAIL, evidence, hint, account_id)


def unknown(name: str, evidence: str, hint: str | None = None, *, account_id: AccountId | None = None) -> Check:
    return Check(name, CheckVerdict.UNKNOWN, evidence, hint, account_id)


def unread(name: str, caller: str, said: str | None = None, *, account_id: AccountId | None = None) -> Check:
    """What this caller can't read, and ``caller`` could.

    :param said: how AWS refused it; ``None`` where it wasn't asked.
    """
    return unknown(name, f"needs {caller}: {said}" if said else f"needs {caller}", account_id=account_id)


def count_checks(checks: Iterable[Check]) -> dict[str, int]:
    """How many checks there are, and how many of each verdict."""
    counts = {"checks": 0} | {verdict.value: 0 for verdict in CheckVerdict}
    for check in checks:
        counts["checks"] += 1
        counts[check.verdict.value] += 1
    return counts


def has_bad_checks(checks: Iterable[Check], fail_on: frozenset[FailOn]) -> bool:
    """Whether the answer is bad: a failed check counts as ``present``."""
    verdicts = {check.verdict for check in checks}
    return (CheckVerdict.FAIL in verdicts and FailOn.PRESENT in fail_on) or (
        CheckVerdict.UNKNOWN in verdicts and FailOn.UNKNOWN in fail_on
    )
