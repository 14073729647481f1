"""The server itself: whether it works, what it permits and does by itself, and a demo's story."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from rootkeeper.api.answers.shapes import Answer, Count, Moment, Page, Record
from rootkeeper.domain.notifications import Severity
from rootkeeper.domain.schedules import ScheduleKind

ApiDocument: TypeAlias = dict[str, Any]
"""Source: OpenAPI Specification 3.1."""


class HealthAnswer(Record):
    """That the process answers."""

    status: Literal["ok"]


class ReadinessCheck(Record):
    """One thing that a server needs."""

    name: str
    is_good: bool
    explanation: str
    """Empty for whoever asks from another machine."""


class ReadinessAnswer(Record):
    """Whether the server can do its work."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadinessCheck]


class WindowPolicy(Record):
    """What holds for recovery windows."""

    longest_seconds: Count
    approvals: Count
    approval_valid_seconds: Count
    requesters: list[str]
    """Who may ask for one; everybody whose role permits it if none is named."""
    approvers: list[str]
    emergency: bool
    """Whether one may be opened before it is approved."""
    read_again_after: list[str]
    """How long after its closing an account is read again, such as ``15m``."""


class DeletionPolicy(Record):
    """What holds for deletions."""

    recently_used_days: Count
    never_changed_policies: list[str]


class RetentionPolicy(Record):
    """For how long things are kept."""

    audits_seconds: Count


class PolicyAnswer(Answer):
    """The settings."""

    windows: WindowPolicy
    deletion: DeletionPolicy
    retention: RetentionPolicy
    notification_targets: list[str]
    """Their names."""


class Schedule(Record):
    """Something that is done again and again."""

    schedule_id: str
    kind: ScheduleKind
    expression: str
    """In cron's words."""
    time_zone: str
    last_run_at: Moment | None
    """The moment for which it ran last."""
    next_run_at: Moment


class SchedulePage(Page):
    """Schedules."""

    schedules: list[Schedule]


class TargetTrial(Record):
    """What a notification target made of a test."""

    target: str
    least_severity: Severity
    result: Literal["taken", "failed"]
    failure: str | None
    hint: str | None


class TargetPage(Page):
    """Notification targets."""

    targets: list[TargetTrial]


class StoryStep(Record):
    """A step of the guided story."""

    step_id: str
    title: str
    who: str
    """A user of the demo, or the person at the sandbox's pages."""
    how: str
    place: Literal["console", "sandbox"]
    path: str
    """Where it is done, in that place."""
    is_done: bool


class StoryAnswer(Answer):
    """The guided story of a demo."""

    people_url: str | None
    steps: list[StoryStep]
