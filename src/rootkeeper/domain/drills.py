"""Drills of the way back in: who opened the failsafe's or the management account's root login, when, how it went.

AWS doesn't tell of a drill, so it is somebody's word, kept in the ledger and shown as such. It also says what only the
person at the desk sees: whether the alarm went off, and what kind of MFA device was used.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rootkeeper.domain.checks import Check, failed, passed
from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry
from rootkeeper.domain.organizations import AccountId
from rootkeeper.errors import InputError

DRILL_EVERY = timedelta(days=90)
"""Source: needs of the product, after Microsoft's guidance for emergency access accounts (validate every 90 days)."""

RECORD_COMMAND = "rootkeeper failsafe record-drill"


class DrillOutcome(StrEnum):
    """Whether the way in worked."""

    FAILED = "failed"
    PASSED = "passed"


class AlarmObservation(StrEnum):
    """Whether somebody was alarmed by the sign-in."""

    MISSED = "missed"
    SEEN = "seen"


class SignInDevice(StrEnum):
    """What kind of MFA device the code came from."""

    HARDWARE = "hardware"
    SOFTWARE = "software"


@dataclass(frozen=True, slots=True)
class Drill:
    """One drill, as somebody told it."""

    account_id: AccountId
    held_at: datetime
    held_by: str
    outcome: DrillOutcome
    recorded_by: str
    recorded_at: datetime
    alarm: AlarmObservation | None = None
    """``None`` where nobody looked."""
    device: SignInDevice | None = None
    """``None`` where it isn't told."""

    def is_recent(self, now: datetime) -> bool:
        return now - self.held_at <= DRILL_EVERY

    @property
    def source(self) -> str:
        """Whose word it is."""
        return f"self-asserted by {self.recorded_by}"


def require_drill(drill: Drill, now: datetime) -> Drill:
    """``drill``, if it may be recorded.

    :raises InputError: if nobody held it, or it wasn't held yet.
    """
    if not drill.held_by:
        raise InputError("A drill needs somebody who held it.", hint="Name who signed in: --by NAME")
    if drill.held_at > now:
        raise InputError(
            f"A drill can't be recorded before it was held ({drill.held_at.isoformat(timespec='seconds')}).",
            hint="Give the day on which it was held: --at YYYY-MM-DD",
        )
    return drill


def describe_drill(drill: Drill) -> dict[str, JsonValue]:
    """What the ledger keeps of a drill."""
    return {
        "held_at": drill.held_at.isoformat(),
        "held_by": drill.held_by,
        "outcome": drill.outcome.value,
        "alarm": drill.alarm.value if drill.alarm else None,
        "device": drill.device.value if drill.device else None,
    }


def find_drills(entries: Iterable[LedgerEntry], organization_id: str, *, in_sandbox: bool) -> tuple[Drill, ...]:
    """The drills of one organization among ledger entries, the latest held first; of one moment, the latest recorded.

    What was recorded of a sandbox never counts for AWS, nor the other way round.
    """
    drills = [
        _parse_drill(entry)
        for entry in entries
        if entry.action is Action.FAILSAFE_DRILL
        and entry.organization_id == organization_id
        and (entry.endpoint != "AWS") is in_sandbox
    ]
    return tuple(sorted((one for one in drills if one is not None), key=_recency, reverse=True))


def _recency(drill: Drill) -> tuple[datetime, datetime]:
    """Of two drills of one day, what was recorded later corrects what was recorded before."""
    return drill.held_at, drill.recorded_at


def _parse_drill(entry: LedgerEntry) -> Drill | None:
    """``None`` for an entry that a later release wrote in another way."""
    reported, account_id = entry.parameters, entry.account_id
    try:
        drill = Drill(
            account_id=account_id or AccountId(""),
            held_at=datetime.fromisoformat(str(reported["held_at"])),
            held_by=str(reported["held_by"]),
            outcome=DrillOutcome(str(reported["outcome"])),
            recorded_by=entry.actor.name,
            recorded_at=entry.at,
            alarm=AlarmObservation(str(reported["alarm"])) if reported.get("alarm") else None,
            device=SignInDevice(str(reported["device"])) if reported.get("device") else None,
        )
    except (KeyError, ValueError):
        return None
    return drill if account_id and drill.held_at.tzinfo else None


def check_drills(drills: Iterable[Drill], now: datetime, account_id: AccountId | None = None) -> Check:
    """Whether the last drill is recent and went well. ``account_id`` narrows to one account."""
    known = [one for one in drills if account_id in (None, one.account_id)]
    if not known:
        where = f" of {account_id}" if account_id else ""
        hint = _HINT.format(account_id or "ACCOUNT")
        return failed("drill", f"No drill{where} is recorded.", hint, account_id=account_id)
    last = max(known, key=_recency)
    reported = f"{last.held_at:%Y-%m-%d} by {last.held_by} in {last.account_id} ({last.source})"
    hint = _HINT.format(last.account_id)
    if last.outcome is DrillOutcome.FAILED:
        return failed("drill", f"The last drill failed: {reported}.", hint, account_id=account_id)
    if not last.is_recent(now):
        return failed(
            "drill", f"The last drill is over {DRILL_EVERY.days} days old: {reported}.", hint, account_id=account_id
        )
    return passed("drill", f"Held {reported}.", account_id=account_id)


_HINT = (
    "Walk through `rootkeeper failsafe runbook`, then record it: "
    f"{RECORD_COMMAND} {{}} --by NAME --at DATE --outcome passed"
)
