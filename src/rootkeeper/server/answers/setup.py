"""The set-up, the overview and the server itself.

The set-up of root access management, and the overview that begins with it.

The server itself: whether it works, what it permits and does by itself, and a demo's story.
"""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

from rootkeeper.ledger.rules import Action
from rootkeeper.notifications.rules import Severity
from rootkeeper.organization.accounts import Feature
from rootkeeper.server.answers.accounts import ChangeCounts, KeptAudit, StatusCounts
from rootkeeper.server.answers.shapes import AccountNumber, Answer, Count, Moment, Page, Record
from rootkeeper.server.answers.windows import RecoveryWindow
from rootkeeper.setup.service import StepOutcome
from rootkeeper.windows.rules import WindowState
from rootkeeper.worker.schedules import ScheduleKind


class DelegatedAdministrator(Record):
    """A member account that may use root access management."""

    account_id: AccountNumber
    name: str | None
    """``null`` while it wasn't listed."""


class SetupState(Record):
    """What is on; ``null`` in all that couldn't be read."""

    trusted_access: bool | None
    features: list[Feature] | None
    delegated_administrators: list[DelegatedAdministrator] | None
    unknown: list[str]
    """Why something couldn't be read."""


class SetupAnswer(SetupState, Answer):
    """The set-up."""


class FeatureState(Record):
    """Whether a feature is on."""

    name: Feature
    is_on: bool | None
    """``null`` where it couldn't be read."""


class FeaturePage(Page):
    """Both features."""

    features: list[FeatureState]


class PlannedStep(Record):
    """A step that a change will take."""

    action: Action
    what: str
    outcome: Literal["planned"]
    detail: str


class SetupPlanAnswer(Answer):
    """What a change will do."""

    steps: list[PlannedStep]
    unneeded: list[str]
    """What is so already."""
    remarks: list[str]


class DoneStep(Record):
    """What came of a step."""

    action: Action
    what: str
    outcome: StepOutcome
    detail: str


class SetupChangeAnswer(Answer):
    """What a change did."""

    steps: list[DoneStep]
    unneeded: list[str]
    """What was so already."""
    remarks: list[str]
    is_proven: bool
    """Whether a re-read shows everything as it was asked for."""
    setup: SetupState


class SetupProblem(Record):
    """Why the set-up couldn't be read."""

    detail: str
    hint: str | None


class MissingPart(Record):
    """What is known to be missing, why it is wanted, and what mends it."""

    what: str
    why: str
    action: str


class WindowOverview(Record):
    """Recovery windows."""

    by_state: dict[WindowState, Count]
    open: list[RecoveryWindow]
    """Those whose closing is owed."""


class AuditDifferences(ChangeCounts):
    """What changed between the last two audits of the whole organization."""

    older: KeptAudit
    newer: KeptAudit


class FailsafeState(Record):
    """A delegated administrator's root login."""

    account_id: AccountNumber
    name: str
    is_in_order: bool | None
    """``null`` while it wasn't read."""
    detail: str | None
    """What it lacks."""


class OverviewAnswer(Answer):
    """Everything that somebody looks at first."""

    organization_id: str
    management_account_id: AccountNumber | None
    endpoint: str
    is_sandbox: bool
    setup: SetupState | None
    """``null`` while AWS can't be asked."""
    setup_problem: SetupProblem | None
    missing: list[MissingPart]
    root_logins_left: Count
    """Those that are there and shouldn't be, and those kept on purpose that aren't in order."""
    summary: StatusCounts
    windows: WindowOverview
    drift: AuditDifferences | None
    """``null`` while there aren't two audits."""
    last_audit: KeptAudit | None
    failsafe: list[FailsafeState]


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
