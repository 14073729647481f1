"""What the API needs of the program: the stores that it reads, and the use cases in one person's name.

The composition root hands in something that fits; nothing here knows an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rootkeeper.domain.approvals import Terms
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.evidence.periods import Period
from rootkeeper.domain.evidence.reports import EvidenceReport
from rootkeeper.domain.guided_story import StoryStep
from rootkeeper.domain.jobs import Job, JobKind
from rootkeeper.domain.ledger import Actor, JsonValue
from rootkeeper.domain.measurements import Measurements
from rootkeeper.domain.organizations import AccountId, Endpoint, Inventory
from rootkeeper.domain.readiness import Readiness
from rootkeeper.domain.schedules import ScheduleStatus
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.ports.access import IdentityStore
from rootkeeper.ports.answer_keeping import AnswerKeeping
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.factors import FactorStore, FirstAdministrators
from rootkeeper.ports.failure_counting import FailureCounting
from rootkeeper.ports.history import AuditHistory
from rootkeeper.ports.inventory import InventoryStore
from rootkeeper.ports.jobs import JobStore
from rootkeeper.ports.ledger import LedgerSearch
from rootkeeper.ports.progress import Progress
from rootkeeper.ports.sessions import SessionStore
from rootkeeper.ports.windows import RecoveryWindows
from rootkeeper.settings import Settings
from rootkeeper.workflows.access import IdentityKeeping
from rootkeeper.workflows.closing import Closing
from rootkeeper.workflows.exceptions import ExceptionKeeping
from rootkeeper.workflows.factors import FactorKeeping
from rootkeeper.workflows.history import HistoryReading
from rootkeeper.workflows.notification_testing import NotificationTesting
from rootkeeper.workflows.provider_sign_in import ProviderSigningIn
from rootkeeper.workflows.recovery import Opening
from rootkeeper.workflows.recovery_checks import RecoveryPlan, RecoveryRequest
from rootkeeper.workflows.sessions import SessionEnding
from rootkeeper.workflows.setup import SetupChange, SetupPlan, SetupReport
from rootkeeper.workflows.window_reporting import WindowReporting


class ReadsInventory(Protocol):
    """The organization's accounts."""

    def find_known(self) -> Inventory | None: ...

    def read(self, progress: Progress) -> Inventory: ...


class RequestsWindows(Protocol):
    """Takes requests for recovery windows in."""

    def plan(self, inventory: Inventory, request: RecoveryRequest, *, is_emergency: bool = False) -> RecoveryPlan: ...

    def request(
        self,
        inventory: Inventory,
        request: RecoveryRequest,
        *,
        is_drill: bool = False,
        is_emergency: bool = False,
    ) -> RecoveryWindow: ...


class DecidesOnWindows(Protocol):
    """What people decide about windows."""

    def approve(self, window_id: str, terms: Terms) -> RecoveryWindow: ...

    def deny(self, window_id: str, reason: str) -> RecoveryWindow: ...

    def cancel(self, window_id: str, reason: str) -> RecoveryWindow: ...

    def extend(self, window_id: str, seconds: int) -> RecoveryWindow: ...

    def review(self, window_id: str) -> RecoveryWindow: ...


class ActivatesWindows(Protocol):
    """Opens what was approved."""

    def activate(self, window_id: str) -> Opening: ...


class ClosesWindows(Protocol):
    """Closes one window."""

    def close(self, window: RecoveryWindow) -> Closing: ...


class RequestsJobs(Protocol):
    """Takes jobs in, and ends them or lets them go on."""

    def request(self, kind: JobKind, parameters: Mapping[str, JsonValue], document: str | None = None) -> Job: ...

    def cancel(self, job_id: str) -> Job: ...

    def resume(self, job_id: str, *, retry_failed: bool = False) -> Job: ...


class ReadsSetup(Protocol):
    """What of root access management is on."""

    def read(self) -> SetupReport: ...


class EnablesSetup(Protocol):
    """Switches it on."""

    def plan(
        self, features: frozenset[Feature] = ..., delegated_administrator: AccountId | None = None
    ) -> SetupPlan: ...

    def apply(self, plan: SetupPlan) -> SetupChange: ...


class CompilesReports(Protocol):
    """Evidence of a period."""

    def compile(self, period: Period) -> EvidenceReport: ...


class ActingServices(Protocol):
    """The use cases, as one person has them with the AWS power of one kind of work."""

    @property
    def identity_keeping(self) -> IdentityKeeping: ...

    @property
    def factor_keeping(self) -> FactorKeeping: ...

    @property
    def session_ending(self) -> SessionEnding: ...

    @property
    def inventory_reading(self) -> ReadsInventory: ...

    @property
    def job_requesting(self) -> RequestsJobs: ...

    @property
    def window_requesting(self) -> RequestsWindows: ...

    @property
    def window_deciding(self) -> DecidesOnWindows: ...

    @property
    def window_activating(self) -> ActivatesWindows: ...

    @property
    def window_reporting(self) -> WindowReporting: ...

    def window_closing(self, progress: Progress) -> ClosesWindows: ...

    def make_notification_testing(self, organization_id: str, endpoint: Endpoint) -> NotificationTesting: ...

    def history_reading(self, organization_id: str | None = None) -> HistoryReading: ...

    @property
    def setup_reading(self) -> ReadsSetup: ...

    def enabling(self, progress: Progress) -> EnablesSetup: ...

    @property
    def exceptions(self) -> ExceptionKeeping: ...

    def reporting(self, organization_id: str | None) -> CompilesReports: ...


class ServerServices(Protocol):
    """A server, as its API sees it."""

    @property
    def settings(self) -> Settings: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def organization_id(self) -> str: ...

    @property
    def endpoint(self) -> Endpoint: ...

    @property
    def identities(self) -> IdentityStore: ...

    @property
    def sessions(self) -> SessionStore: ...

    @property
    def factors(self) -> FactorStore: ...

    @property
    def first_administrators(self) -> FirstAdministrators: ...

    @property
    def provider_signing_in(self) -> ProviderSigningIn | None:
        """``None`` where the settings name no identity provider."""
        ...

    @property
    def answer_keeping(self) -> AnswerKeeping: ...

    @property
    def failure_counting(self) -> FailureCounting: ...

    @property
    def windows(self) -> RecoveryWindows: ...

    @property
    def jobs(self) -> JobStore: ...

    @property
    def inventory_store(self) -> InventoryStore: ...

    @property
    def history(self) -> AuditHistory: ...

    @property
    def ledger_reader(self) -> LedgerSearch: ...

    @property
    def is_stopping(self) -> bool:
        """Whether the process is about to end, so that no stream of events may hold it up."""
        ...

    def readiness(self) -> Readiness: ...

    def measure(self) -> Measurements: ...

    def list_schedules(self) -> Sequence[ScheduleStatus]: ...

    def tell_story(self) -> Sequence[StoryStep]:
        """:raises NotFoundError: if it isn't a demo's server."""
        ...

    def act_as(self, actor: Actor, work: AwsWork | None) -> AbstractContextManager[ActingServices]:
        """The use cases in somebody's name.

        :param work: ``None`` for what asks AWS nothing, so that it doesn't wait for AWS.
        """
        ...
