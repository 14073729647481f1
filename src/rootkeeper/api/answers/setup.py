"""The set-up of root access management, and the overview that begins with it."""

from __future__ import annotations

from typing import Literal

from rootkeeper.api.answers.accounts import StatusCounts
from rootkeeper.api.answers.audits import ChangeCounts, KeptAudit
from rootkeeper.api.answers.shapes import AccountNumber, Answer, Count, Page, Record
from rootkeeper.api.answers.windows import RecoveryWindow
from rootkeeper.domain.ledger import Action
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.windows import WindowState
from rootkeeper.workflows.setup_steps import StepOutcome


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
