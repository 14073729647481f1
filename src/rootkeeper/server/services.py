"""What the API needs of the program: the stores that it reads, and the use cases in one person's name.

The composition root hands in something that fits; nothing here knows an adapter.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from rootkeeper.access.counts import FailureCounter, StoredAnswers
from rootkeeper.access.factor_store import FactorStore
from rootkeeper.access.factors import FactorService
from rootkeeper.access.provider import ProviderSignInService
from rootkeeper.access.service import IdentityService, SessionEnder
from rootkeeper.access.store import FirstAdministratorStore, IdentityStore, SessionStore
from rootkeeper.aws.rules import AwsWork
from rootkeeper.clock import Clock
from rootkeeper.composition.database import Measurements
from rootkeeper.composition.story import StoryStep
from rootkeeper.evidence.rules import Period
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.evidence.windows import WindowReporter
from rootkeeper.exceptions.service import ExceptionService
from rootkeeper.history.service import HistoryReader
from rootkeeper.inventory.store import AuditHistory, InventoryStore
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger.rules import Actor
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.notifications.service import NotificationTester
from rootkeeper.organization.accounts import AccountId, Endpoint, Feature, Inventory
from rootkeeper.organization.progress import Progress
from rootkeeper.settings.sections import Settings
from rootkeeper.setup.service import SetupChange, SetupPlan, SetupReport
from rootkeeper.values import JsonValue
from rootkeeper.windows.approvals import ApprovalTerms
from rootkeeper.windows.checks import RecoveryPlan, RecoveryRequest
from rootkeeper.windows.closing import CloseResult
from rootkeeper.windows.opening import OpenResult
from rootkeeper.windows.rules import RecoveryWindow
from rootkeeper.windows.store import RecoveryWindowStore
from rootkeeper.worker.health import Readiness
from rootkeeper.worker.schedules import ScheduleStatus


class InventoryReaderProtocol(Protocol):
    """The organization's accounts."""

    def find_known(self) -> Inventory | None: ...

    def read(self, progress: Progress) -> Inventory: ...


class WindowRequesterProtocol(Protocol):
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


class WindowDeciderProtocol(Protocol):
    """What people decide about windows."""

    def approve(self, window_id: str, terms: ApprovalTerms) -> RecoveryWindow: ...

    def deny(self, window_id: str, reason: str) -> RecoveryWindow: ...

    def cancel(self, window_id: str, reason: str) -> RecoveryWindow: ...

    def extend(self, window_id: str, seconds: int) -> RecoveryWindow: ...

    def review(self, window_id: str) -> RecoveryWindow: ...


class WindowActivatorProtocol(Protocol):
    """Opens what was approved."""

    def activate(self, window_id: str) -> OpenResult: ...


class WindowCloserProtocol(Protocol):
    """Closes one window."""

    def close(self, window: RecoveryWindow) -> CloseResult: ...


class JobRequesterProtocol(Protocol):
    """Takes jobs in, and ends them or lets them go on."""

    def request(self, kind: JobKind, parameters: Mapping[str, JsonValue], document: str | None = None) -> Job: ...

    def cancel(self, job_id: str) -> Job: ...

    def resume(self, job_id: str, *, retry_failed: bool = False) -> Job: ...


class SetupReaderProtocol(Protocol):
    """What of root access management is on."""

    def read(self) -> SetupReport: ...


class SetupEnablerProtocol(Protocol):
    """Switches it on."""

    def plan(
        self, features: frozenset[Feature] = ..., delegated_administrator: AccountId | None = None
    ) -> SetupPlan: ...

    def apply(self, plan: SetupPlan) -> SetupChange: ...


class EvidenceCompilerProtocol(Protocol):
    """Evidence of a period."""

    def compile(self, period: Period) -> EvidenceReport: ...


class ActorServices(Protocol):
    """The use cases, as one person has them with the AWS power of one kind of work."""

    @property
    def identity_service(self) -> IdentityService: ...

    @property
    def factor_service(self) -> FactorService: ...

    @property
    def session_ender(self) -> SessionEnder: ...

    @property
    def inventory_reader(self) -> InventoryReaderProtocol: ...

    @property
    def job_request_service(self) -> JobRequesterProtocol: ...

    @property
    def window_request_service(self) -> WindowRequesterProtocol: ...

    @property
    def window_decision_service(self) -> WindowDeciderProtocol: ...

    @property
    def window_activator(self) -> WindowActivatorProtocol: ...

    @property
    def window_reporter(self) -> WindowReporter: ...

    def window_closer(self, progress: Progress) -> WindowCloserProtocol: ...

    def make_notification_tester(self, organization_id: str, endpoint: Endpoint) -> NotificationTester: ...

    def history_reader(self, organization_id: str | None = None) -> HistoryReader: ...

    @property
    def setup_reader(self) -> SetupReaderProtocol: ...

    def setup_enabler(self, progress: Progress) -> SetupEnablerProtocol: ...

    @property
    def exceptions(self) -> ExceptionService: ...

    def evidence_compiler(self, organization_id: str | None) -> EvidenceCompilerProtocol: ...


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
    def first_administrators(self) -> FirstAdministratorStore: ...

    @property
    def provider_sign_in_service(self) -> ProviderSignInService | None:
        """``None`` where the settings name no identity provider."""
        ...

    @property
    def stored_answers(self) -> StoredAnswers: ...

    @property
    def failure_counter(self) -> FailureCounter: ...

    @property
    def windows(self) -> RecoveryWindowStore: ...

    @property
    def jobs(self) -> JobStore: ...

    @property
    def inventory_store(self) -> InventoryStore: ...

    @property
    def history(self) -> AuditHistory: ...

    @property
    def ledger_reader(self) -> LedgerReader: ...

    @property
    def is_stopping(self) -> bool:
        """Whether the process is about to end, so that no stream of events may hold it up."""
        ...

    def readiness(self) -> Readiness: ...

    def measure(self) -> Measurements: ...

    def list_schedules(self) -> Sequence[ScheduleStatus]: ...

    def get_story(self) -> Sequence[StoryStep]:
        """:raises NotFoundError: if it isn't a demo's server."""
        ...

    def act_as(self, actor: Actor, work: AwsWork | None) -> AbstractContextManager[ActorServices]:
        """The use cases in somebody's name.

        :param work: ``None`` for what asks AWS nothing, so that it doesn't wait for AWS.
        """
        ...
