"""One account's past as one time line: what audits found, what the ledger tells, its windows, and watched events."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from rootkeeper.domain.audit_diffs import PresenceChange, compare_kinds
from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry, Phase, Result
from rootkeeper.domain.root_credentials import KIND_ORDER, CredentialKind
from rootkeeper.domain.statuses import AccountStatus, Status
from rootkeeper.domain.window_events import EventVerdict, WatchedEvent
from rootkeeper.domain.windows import RecoveryWindow, WindowState

_SHOWN_ELSEWHERE = frozenset({Action.WINDOW_EVENT})
"""Facts of which the time line has the thing itself."""
_OMITTED_PARAMETERS = frozenset({"task_policy", "expires_at", "request_id"})
_LONGEST_TEXT = 200


class TimelineKind(StrEnum):
    """Where an entry comes from."""

    EVENT = "event"
    """A root event of CloudTrail."""
    LEDGER = "ledger"
    STATUS = "status"
    """An audit that found something else than the one before it."""
    WINDOW = "window"


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One thing that happened, or was found."""

    at: datetime
    kind: TimelineKind
    what: str
    """A status, an action of the ledger, a step of a window or an event's name."""
    detail: str
    """For a person."""
    reference: str
    """The audit, the entry's sequence, the window or the event."""
    actor: str | None = None
    is_alarming: bool = False


@dataclass(frozen=True, slots=True)
class KeptStatus:
    """What one audit found in the account."""

    audit_id: str
    ended_at: datetime
    status: AccountStatus


def compile_timeline(
    found: Iterable[KeptStatus],
    entries: Iterable[LedgerEntry],
    windows: Iterable[RecoveryWindow],
    events: Iterable[WatchedEvent],
) -> tuple[TimelineEntry, ...]:
    """Everything in the order of its time.

    :param found: the oldest first.
    :param entries: of the account, in the order of their sequence.
    """
    all_of_it = (*_list_statuses(found), *_list_ledger(entries), *_list_windows(windows), *_list_events(events))
    return tuple(sorted(all_of_it, key=lambda entry: entry.at))


def _list_statuses(found: Iterable[KeptStatus]) -> Iterator[TimelineEntry]:
    """The first one, and each that differs from the one before."""
    before: AccountStatus | None = None
    for one in found:
        if before is None or _differs(before, one.status):
            yield TimelineEntry(
                at=one.status.observed_at or one.ended_at,
                kind=TimelineKind.STATUS,
                what=one.status.status.value,
                detail=_describe_status(before, one.status),
                reference=one.audit_id,
                is_alarming=one.status.status is Status.PRESENT,
            )
        before = one.status


def _differs(before: AccountStatus, after: AccountStatus) -> bool:
    is_same = (before.status, before.reason, before.account.state) == (after.status, after.reason, after.account.state)
    return not is_same or bool(compare_kinds(before, after))


def _describe_status(before: AccountStatus | None, after: AccountStatus) -> str:
    sentences = [after.detail or ""]
    if before is not None:
        sentences += [
            f"{_render_parameter(one.kind)}: {_CHANGE_TEXTS[one.change]}" for one in compare_kinds(before, after)
        ]
    elif after.summary is not None:
        sentences += [f"{kind}: present" for kind in _list_present(after)]
    return "; ".join(sentence for sentence in sentences if sentence)


def _list_present(status: AccountStatus) -> list[str]:
    summary = status.summary
    if summary is None:
        return []
    return [_render_parameter(kind) for kind in KIND_ORDER if summary.has(kind)]


def _render_parameter(kind: CredentialKind) -> str:
    return kind.value.replace("_", " ")


_CHANGE_TEXTS = {
    PresenceChange.APPEARED: "appeared",
    PresenceChange.GONE: "gone",
    PresenceChange.READ: "read again",
    PresenceChange.REPLACED: "replaced",
    PresenceChange.UNREAD: "not read any more",
}


def _list_ledger(entries: Iterable[LedgerEntry]) -> Iterator[TimelineEntry]:
    """An intent and its outcome are one; an intent without one is told as open."""
    intents: dict[int, LedgerEntry] = {}
    for entry in entries:
        if entry.action in _SHOWN_ELSEWHERE:
            continue
        if entry.phase is Phase.INTENT:
            intents[entry.sequence] = entry
        else:
            intent = None if entry.intent_sequence is None else intents.pop(entry.intent_sequence, None)
            yield _describe_entry(entry, intent)
    for entry in intents.values():
        yield _describe_entry(entry, None)


def _describe_entry(entry: LedgerEntry, intent: LedgerEntry | None) -> TimelineEntry:
    reported = {**({} if intent is None else intent.parameters), **entry.parameters}
    result = "without an outcome" if entry.result is None else entry.result.value
    return TimelineEntry(
        at=entry.at,
        kind=TimelineKind.LEDGER,
        what=entry.action.value,
        detail="; ".join([result, *_describe_parameters(reported)]),
        reference=str(entry.sequence),
        actor=entry.actor.name,
        is_alarming=entry.result is not Result.DONE,
    )


def _describe_parameters(parameters: Mapping[str, JsonValue]) -> Iterator[str]:
    for name, value in parameters.items():
        if isinstance(value, str | int) and value != "" and name not in _OMITTED_PARAMETERS:
            yield f"{name.replace('_', ' ')}: {str(value)[:_LONGEST_TEXT]}"


def _list_windows(windows: Iterable[RecoveryWindow]) -> Iterator[TimelineEntry]:
    for window in windows:
        ticket = f" ({window.ticket})" if window.ticket else ""
        yield _describe_step(window, window.requested_at, "requested", f"{window.reason}{ticket}", window.requested_by)
        for approval in window.approvals:
            yield _describe_step(window, approval.at, "approved", approval.purpose.value, approval.approver)
        if window.opened_at is not None:
            watched = f"watched by {window.watched_by}" if window.watched_by else "not watched"
            until = "" if window.expires_at is None else f"until {window.expires_at:%Y-%m-%d %H:%M:%S UTC}, "
            approved = "" if window.is_approved else ", unapproved"
            opened_at = _not_before(window.opened_at, window.requested_at)
            yield _describe_step(window, opened_at, "opened", f"{until}{watched}{approved}", window.activated_by)
        if window.closed_at is not None:
            detail = "a re-read showed no root user credentials"
            yield _describe_step(window, window.closed_at, "closed", detail, window.closed_by)
        elif window.state is WindowState.CLOSE_FAILED and window.expires_at is not None:
            yield _describe_step(window, window.expires_at, "not closed", window.failure or "", None, is_alarming=True)


def _not_before(opened_at: datetime, requested_at: datetime) -> datetime:
    """AWS tells the opening to the second: in the second of its request it came after that."""
    is_same_second = opened_at == requested_at.replace(microsecond=0)
    return requested_at if is_same_second else opened_at


def _describe_step(
    window: RecoveryWindow, at: datetime, what: str, detail: str, actor: str | None, *, is_alarming: bool = False
) -> TimelineEntry:
    return TimelineEntry(at, TimelineKind.WINDOW, what, detail, window.window_id, actor, is_alarming)


def _list_events(events: Iterable[WatchedEvent]) -> Iterator[TimelineEntry]:
    for event in events:
        yield TimelineEntry(
            at=event.at,
            kind=TimelineKind.EVENT,
            what=event.name,
            detail=f"{event.verdict.value}: {event.explanation}",
            reference=event.event_id,
            is_alarming=event.verdict is EventVerdict.SUSPICIOUS,
        )
