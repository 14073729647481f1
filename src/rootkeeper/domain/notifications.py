"""What people are told of beside the command line and the console, and how urgent it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from rootkeeper.domain.organizations import AccountId


class Severity(StrEnum):
    """How urgent it is; ``rank`` orders them."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        return tuple(Severity).index(self)


class NotificationEvent(StrEnum):
    """What happened, ``resource:action:outcome``, alphabetical."""

    AUDIT_FINDINGS = "audit:end:findings"
    AUDIT_FAILED = "audit:run:failed"
    AWS_CREDENTIALS_FAILED = "aws_credentials:renew:failed"
    AWS_CREDENTIALS_RESTORED = "aws_credentials:renew:restored"
    CLOCK_WRONG = "clock:check:wrong"
    DRILL_DUE = "drill:remind:due"
    JOB_FAILED = "job:run:failed"
    NOTIFICATION_FAILED = "notification:deliver:failed"
    NOTIFICATION_TEST = "notification:deliver:test"
    SCHEDULE_MISSED = "schedule:run:missed"
    SETUP_DRIFTED = "setup:check:drifted"
    WATCHING_FAILED = "watching:read:failed"
    WINDOW_APPROVED = "window:approve:done"
    WINDOW_CANCELLED = "window:cancel:done"
    WINDOW_CLOSED = "window:close:done"
    WINDOW_CLOSE_FAILED = "window:close:failed"
    WINDOW_DENIED = "window:deny:done"
    WINDOW_EMERGENCY = "window:emergency:opened"
    WINDOW_EXTENDED = "window:extend:done"
    WINDOW_LAPSED = "window:lapse:done"
    WINDOW_OPENED = "window:open:done"
    WINDOW_OPEN_FAILED = "window:open:failed"
    WINDOW_REOPENED = "window:reread:found"
    WINDOW_REQUESTED = "window:request:done"
    WINDOW_REVIEW_OVERDUE = "window:review:overdue"
    WINDOW_SUSPICIOUS = "window:watch:suspicious"


_CRITICAL = frozenset(
    {
        NotificationEvent.AWS_CREDENTIALS_FAILED,
        NotificationEvent.CLOCK_WRONG,
        NotificationEvent.WATCHING_FAILED,
        NotificationEvent.WINDOW_CLOSE_FAILED,
        NotificationEvent.WINDOW_EMERGENCY,
        NotificationEvent.WINDOW_REOPENED,
        NotificationEvent.WINDOW_REVIEW_OVERDUE,
        NotificationEvent.WINDOW_SUSPICIOUS,
    }
)
_WARNING = frozenset(
    {
        NotificationEvent.AUDIT_FAILED,
        NotificationEvent.AUDIT_FINDINGS,
        NotificationEvent.DRILL_DUE,
        NotificationEvent.JOB_FAILED,
        NotificationEvent.NOTIFICATION_FAILED,
        NotificationEvent.SCHEDULE_MISSED,
        NotificationEvent.SETUP_DRIFTED,
        NotificationEvent.WINDOW_OPEN_FAILED,
    }
)
USUAL_SEVERITIES: Mapping[NotificationEvent, Severity] = MappingProxyType(
    {
        event: Severity.CRITICAL if event in _CRITICAL else Severity.WARNING if event in _WARNING else Severity.INFO
        for event in NotificationEvent
    }
)
"""How urgent an event is when nothing about it says otherwise. Critical: root may be open, or nobody would notice."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One thing to tell. Holds no secret: it leaves the house."""

    event: NotificationEvent
    severity: Severity
    title: str
    """One line."""
    body: str
    """A few sentences, plain text; what to do next is the last one."""
    at: datetime
    organization_id: str
    endpoint: str
    """``AWS``, or ``SANDBOX 127.0.0.1:4599``: every message names it."""
    account_id: AccountId | None = None
    window_id: str | None = None
    deduplication_key: str = ""
    """Two notifications of one key are one; empty for one that is never the same as another."""
