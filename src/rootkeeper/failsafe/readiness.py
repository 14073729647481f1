"""Whether emergency access is in order: the failsafes' last check, and their drills as recorded since.

A check counts for a week. What wasn't checked, or couldn't be read, is unknown and never good.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rootkeeper.failsafe.confirmations import KnownFailsafe, KnownFailsafes
from rootkeeper.failsafe.rules import CheckVerdict
from rootkeeper.organization.statuses import AccountRole
from rootkeeper.values import json_time, parse_instant

CHECK_COUNTS_FOR = timedelta(days=7)
"""After that, AWS may differ from the check, so the verdict is unknown."""


@dataclass(frozen=True, slots=True)
class CheckedFailsafes:
    """The last check of the failsafes that has a result."""

    observed_at: datetime
    account_ids: frozenset[str]
    checks: Sequence[Mapping[str, Any]]
    """As the job's outcome has them."""


@dataclass(frozen=True, slots=True)
class EmergencyVerdict:
    """The verdict in one line, and why."""

    verdict: CheckVerdict
    reasons: tuple[str, ...]
    """The failures, or if there are none, the unknowns; empty if emergency access is in order."""
    checked_at: datetime | None


def parse_checked(outcome: Mapping[str, Any]) -> CheckedFailsafes | None:
    """Read a job's outcome; ``None`` if the job failed."""
    if "checks" not in outcome:
        return None
    return CheckedFailsafes(
        parse_instant(outcome["observed_at"]), frozenset(outcome["failsafe_account_ids"]), outcome["checks"]
    )


def evaluate_emergency_access(
    known: KnownFailsafes, checked: CheckedFailsafes | None, now: datetime
) -> EmergencyVerdict:
    """Evaluate the failsafes; the management account isn't a failsafe."""
    checked_at = None if checked is None else checked.observed_at
    if known.unknown is not None:
        return EmergencyVerdict(CheckVerdict.UNKNOWN, (known.unknown,), checked_at)
    failsafes = [account for account in known.accounts if account.role is AccountRole.FAILSAFE]
    if not failsafes:
        reason = "No failsafe: no delegated administrator for IAM is registered."
        return EmergencyVerdict(CheckVerdict.FAIL, (reason,), checked_at)
    if faults := tuple(_list_findings(failsafes, checked, CheckVerdict.FAIL)):
        return EmergencyVerdict(CheckVerdict.FAIL, faults, checked_at)
    gaps = (*_list_gaps(failsafes, checked, now), *_list_findings(failsafes, checked, CheckVerdict.UNKNOWN))
    return EmergencyVerdict(CheckVerdict.UNKNOWN if gaps else CheckVerdict.PASS, gaps, checked_at)


def _list_findings(
    failsafes: Sequence[KnownFailsafe], checked: CheckedFailsafes | None, verdict: CheckVerdict
) -> Iterator[str]:
    """Drills come from the ledger as it is now, because a person can record them after the check."""
    for failsafe in failsafes:
        if failsafe.drill.verdict is verdict:
            yield failsafe.drill.evidence
    account_ids = {failsafe.account.account_id for failsafe in failsafes}
    for check in () if checked is None else checked.checks:
        is_ours = check["account_id"] in account_ids
        if is_ours and check["check"] != "drill" and check["verdict"] == verdict.value:
            named = f"{check['account_id']}: " if len(failsafes) > 1 else ""
            yield f"{named}{check['evidence']}"


def _list_gaps(failsafes: Sequence[KnownFailsafe], checked: CheckedFailsafes | None, now: datetime) -> Iterator[str]:
    if checked is None:
        yield "The failsafe wasn't checked yet."
        return
    for failsafe in failsafes:
        if failsafe.account.account_id not in checked.account_ids:
            yield f"{failsafe.account.account_id} wasn't checked since it became a failsafe."
    if now - checked.observed_at > CHECK_COUNTS_FOR:
        yield f"The last check is older than {CHECK_COUNTS_FOR.days} days: {json_time(checked.observed_at)}."
