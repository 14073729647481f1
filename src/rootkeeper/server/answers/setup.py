"""The set-up, the overview and the server itself."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from typing_extensions import TypedDict

from rootkeeper.access.rules import ServerRole
from rootkeeper.history.records import ChangeCounts, KeptAuditRecord
from rootkeeper.notifications.records import TargetTestRecord
from rootkeeper.organization.accounts import Feature
from rootkeeper.organization.records import RootLoginsLeftRecord, StatusCounts
from rootkeeper.setup.records import DoneStepRecord, PlannedStepRecord
from rootkeeper.shapes import AccountNumber, Answer, Count, Moment, Page, record
from rootkeeper.windows.records import WindowRecord
from rootkeeper.windows.rules import WindowState
from rootkeeper.worker.schedules import ScheduleKind


@record
class DelegatedAdministrator(TypedDict):
    """A member account that may use root access management."""

    account_id: AccountNumber
    name: str | None
    """``null`` while it wasn't listed."""


@record
class SetupStateRecord(TypedDict):
    """What is on; ``null`` in all that couldn't be read."""

    trusted_access: bool | None
    features: list[Feature] | None
    delegated_administrators: list[DelegatedAdministrator] | None
    unknown: list[str]
    """Why something couldn't be read."""


@record
class SetupAnswer(SetupStateRecord, Answer):
    """The set-up."""


@record
class FeatureState(TypedDict):
    """Whether a feature is on."""

    name: Feature
    is_on: bool | None
    """``null`` where it couldn't be read."""


@record
class FeaturePage(Page):
    """Both features."""

    features: list[FeatureState]


@record
class SetupPlanAnswer(Answer):
    """What a change will do."""

    steps: list[PlannedStepRecord]
    unneeded: list[str]
    """What is so already."""
    remarks: list[str]


@record
class SetupChangeAnswer(Answer):
    """What a change did."""

    steps: list[DoneStepRecord]
    unneeded: list[str]
    """What was so already."""
    remarks: list[str]
    is_proven: bool
    """Whether a re-read shows everything as requested."""
    setup: SetupStateRecord


@record
class SetupProblem(TypedDict):
    """Why the set-up couldn't be read."""

    detail: str
    hint: str | None


@record
class MissingPart(TypedDict):
    """What is missing, why it is needed, and how to fix it."""

    what: str
    why: str
    action: str


@record
class WindowOverview(TypedDict):
    """Recovery windows."""

    by_state: dict[WindowState, Count]
    open: list[WindowRecord]
    """Windows that must still be closed."""
    waiting: list[WindowRecord]
    """Windows that wait for a person: for an approval, to be opened, or for a review."""


@record
class AuditDifferences(ChangeCounts):
    """What changed between the last two audits of the whole organization."""

    older: KeptAuditRecord
    newer: KeptAuditRecord


@record
class FailsafeState(TypedDict):
    """A delegated administrator's root login."""

    account_id: AccountNumber
    name: str
    is_in_order: bool | None
    """``null`` while it wasn't read."""
    detail: str | None
    """What it lacks."""


@record
class OverviewAnswer(Answer):
    """What needs attention first."""

    organization_id: str
    management_account_id: AccountNumber | None
    endpoint: str
    is_sandbox: bool
    setup: SetupStateRecord | None
    """``null`` while AWS can't be reached."""
    setup_problem: SetupProblem | None
    missing: list[MissingPart]
    root_logins_left_to_secure: RootLoginsLeftRecord
    summary: StatusCounts
    windows: WindowOverview
    drift: AuditDifferences | None
    """``null`` while there aren't two audits."""
    last_audit: KeptAuditRecord | None
    failsafe: list[FailsafeState]


@record
class TrendDay(TypedDict):
    """One day, in UTC."""

    day: str
    """Such as ``2026-01-15``."""
    left_known: Count | None
    """Root logins left to secure, by the day's last audit of the whole organization; ``null`` if there was none."""
    left_unknown: Count | None
    """Accounts whose root login that audit couldn't read."""
    windows_opened: Count


@record
class TrendAnswer(Answer):
    """How root logins and recovery windows developed, the oldest day first."""

    days: list[TrendDay]


ApiDocument: TypeAlias = dict[str, Any]
"""Source: OpenAPI Specification 3.1."""


@record
class HealthAnswer(TypedDict):
    """That the process answers."""

    status: Literal["ok"]


@record
class ReadinessCheck(TypedDict):
    """One thing that a server needs."""

    name: str
    is_good: bool
    explanation: str
    """Empty for requests from another machine."""


@record
class ReadinessAnswer(TypedDict):
    """Whether the server can do its work."""

    status: Literal["ready", "not_ready"]
    checks: list[ReadinessCheck]


@record
class WindowPolicy(TypedDict):
    """What holds for recovery windows."""

    longest_seconds: Count
    default_seconds: Count
    """The duration if a request doesn't say."""
    approvals: Count
    approval_valid_seconds: Count
    requesters: list[str]
    """Who may request one; if empty, every role with the permission."""
    approvers: list[str]
    emergency: bool
    """Whether one may be opened before it is approved."""
    read_again_after: list[str]
    """How long after its closing an account is read again, such as ``15m``."""


@record
class DeletionPolicy(TypedDict):
    """What holds for deletions."""

    recently_used_days: Count
    never_changed_policies: list[str]


@record
class RetentionPolicy(TypedDict):
    """For how long things are kept, and count."""

    audits_seconds: Count
    stale_after_seconds: Count
    """A reading older than this at the end of a report's period counts as unknown."""


@record
class PolicyAnswer(Answer):
    """The settings."""

    windows: WindowPolicy
    deletion: DeletionPolicy
    retention: RetentionPolicy
    notification_targets: list[str]
    """Their names."""


@record
class ScheduleRecord(TypedDict):
    """A job that the server repeats."""

    schedule_id: str
    kind: ScheduleKind
    expression: str
    """In cron's words."""
    time_zone: str
    last_run_at: Moment | None
    """The moment for which it ran last."""
    next_run_at: Moment


@record
class SchedulePage(Page):
    """Schedules."""

    schedules: list[ScheduleRecord]


@record
class TargetPage(Page):
    """Notification targets."""

    targets: list[TargetTestRecord]


@record
class StoryUser(TypedDict):
    """A user of the demo."""

    name: str
    role: ServerRole


@record
class StoryStep(TypedDict):
    """A step of the guided story."""

    step_id: str
    title: str
    users: list[StoryUser]
    """The users to sign in as, in this order; empty if it is done at the sandbox's pages."""
    how: str
    place: Literal["console", "sandbox"]
    path: str
    """Where it is done, in that place."""
    is_done: bool


@record
class StoryAnswer(Answer):
    """The guided story of a demo."""

    people_url: str | None
    steps: list[StoryStep]
