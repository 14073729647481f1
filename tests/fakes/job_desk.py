"""A server's jobs at work on a fake organization: who asks for them, and what performs them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import cast

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.audit.service import Audit
from rootkeeper.aws.rules import AwsWork
from rootkeeper.deletion.service import Deletion
from rootkeeper.delivery.planning import DeliveryPlanner
from rootkeeper.delivery.service import ReportSender
from rootkeeper.errors import RootkeeperError
from rootkeeper.failsafe.breakglass_service import BreakGlassReader
from rootkeeper.failsafe.confirmations import FailsafeConfirmer
from rootkeeper.failsafe.service import FailsafeChecker
from rootkeeper.guardrails.service import BlockingPolicyFinder, Preflight
from rootkeeper.inventory.listing import InventoryReader
from rootkeeper.jobs.rules import Job, JobKind
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.organization.accounts import Inventory
from rootkeeper.organization.progress import Progress
from rootkeeper.settlement.service import Settlement, SettlementReport
from rootkeeper.setup.drift import DriftReader
from rootkeeper.setup.service import SetupReader
from rootkeeper.unlock.service import UnlockPlanner, UnlockReader, UnlockRun
from rootkeeper.values import JsonValue
from rootkeeper.worker.requests import JobRequestService
from rootkeeper.worker.service import JobReconciler, JobRunner
from tests.fakes.access import InMemoryIdentities
from tests.fakes.breakglass_desk import BreakGlassDesk
from tests.fakes.desk import CLEAN, PROD, Desk
from tests.fakes.engines import InMemoryEngine
from tests.fakes.jobs import StopAt
from tests.fakes.notifications import RecordingNotifier
from tests.fakes.root_users import root_user_with_everything
from tests.fakes.saved_policies import InMemorySavedPolicies
from tests.fakes.stores import InMemoryConfirmations

ANA = Actor("ana", ActorKind.SIGNED_IN)
SCHEDULES = Actor("rootkeeper", ActorKind.SERVER)


@dataclass
class JobDesk:
    """A server with one organization; PROD has everything, CLEAN nothing."""

    desk: Desk = field(default_factory=Desk)
    engine: InMemoryEngine = field(default_factory=InMemoryEngine)
    notifier: RecordingNotifier = field(default_factory=RecordingNotifier)
    saved: InMemorySavedPolicies = field(default_factory=InMemorySavedPolicies)
    confirmations: InMemoryConfirmations = field(default_factory=InMemoryConfirmations)
    acted: list[tuple[Actor, AwsWork]] = field(default_factory=list)
    refusal: RootkeeperError | None = None
    """What acting ends with, such as a role that can't be assumed."""
    settled: int = 0
    closed: list[str] = field(default_factory=list)
    """When each that acted was to let go of its locks and its lease."""
    stop: StopAt = field(init=False)
    identities: InMemoryIdentities = field(init=False)
    _numbers: count[int] = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        self.desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
        self.desk.organization.add_account(CLEAN, "clean")
        self.stop = StopAt(self.desk.clock)
        self.identities = InMemoryIdentities(self.desk.clock)
        ana = Identity("u-1", IdentityKind.USER, ANA.name, ServerRole.OPERATOR, "admin", self.desk.clock.now())
        self.identities.add_user(ana, "correct horse battery")

    def requesting(self, actor: Actor = ANA) -> JobRequestService:
        organization = self.desk.organization
        return JobRequestService(
            self.desk.jobs,
            self.desk.ledger,
            self.engine,
            self.desk.clock,
            organization.organization.organization_id,
            organization.endpoint.label,
            actor,
            lambda: f"j-{next(self._numbers)}",
        )

    @property
    def performing(self) -> JobRunner:
        organization = self.desk.organization
        return JobRunner(
            self.desk.jobs,
            self.act_as,
            self.desk.clock,
            self.stop,
            self.notifier,
            organization.organization.organization_id,
            organization.endpoint.label,
            self.identities,
        )

    @property
    def reconciling(self) -> JobReconciler:
        return JobReconciler(self.desk.jobs, self.engine, self.desk.clock)

    def request(
        self,
        kind: JobKind,
        parameters: Mapping[str, JsonValue] | None = None,
        document: str | None = None,
        actor: Actor = ANA,
    ) -> str:
        return self.requesting(actor).request(kind, parameters or {}, document).job_id

    def perform(self, job_id: str) -> Job:
        """The job as it is afterwards."""
        self.performing.perform(job_id)
        return self.desk.jobs.get(job_id)

    def do(self, kind: JobKind, parameters: Mapping[str, JsonValue] | None = None, document: str | None = None) -> Job:
        """Request it and perform it."""
        return self.perform(self.request(kind, parameters, document))

    def act_as(self, actor: Actor, work: AwsWork) -> ActingDesk:
        if self.refusal is not None:
            raise self.refusal
        self.acted.append((actor, work))
        return ActingDesk(self)


@dataclass
class FakeSettlement:
    """Implements Settlement: finds nothing that a dead process left."""

    job_desk: JobDesk
    progress: Progress

    def settle(self) -> SettlementReport:
        self.progress.remark("Settled what was left.")
        self.job_desk.settled += 1
        return SettlementReport()


@dataclass
class ActingDesk:
    """Implements ActingUseCases."""

    job_desk: JobDesk

    @property
    def desk(self) -> Desk:
        return self.job_desk.desk

    @property
    def audit(self) -> Audit:
        return self.desk.audit

    @property
    def deletion(self) -> Deletion:
        return self.desk.deletion

    @property
    def preflight(self) -> Preflight:
        return Preflight(self.desk.inventory, self.desk.policies, self.desk.clock)

    @property
    def setup_reader(self) -> SetupReader:
        return SetupReader(self.desk.organization)

    @property
    def drift_reader(self) -> DriftReader:
        return self.desk.drift_reader

    @property
    def inventory_reader(self) -> InventoryReader:
        return self.desk.inventory

    @property
    def ledger_reader(self) -> LedgerReader:
        return self.desk.ledger

    @property
    def unlock_reader(self) -> UnlockReader:
        return UnlockReader(self.desk.act())

    @property
    def unlock_planner(self) -> UnlockPlanner:
        return UnlockPlanner(self.unlock_reader)

    @property
    def unlock_run(self) -> UnlockRun:
        return UnlockRun(self.unlock_reader, self.job_desk.saved, queue_pauses_seconds=(1.0,))

    @property
    def failsafe_checker(self) -> FailsafeChecker:
        return self._emergency.checking

    @property
    def failsafe_confirmer(self) -> FailsafeConfirmer:
        return FailsafeConfirmer(self.desk.act(self.job_desk.confirmations))

    @property
    def breakglass_reading(self) -> BreakGlassReader:
        return self._emergency.reading

    @property
    def _emergency(self) -> BreakGlassDesk:
        return BreakGlassDesk(self.desk)

    @property
    def delivery_planner(self) -> DeliveryPlanner:
        raise NotImplementedError("no report is sent from this desk")

    @property
    def report_sender(self) -> ReportSender:
        raise NotImplementedError("no report is sent from this desk")

    def blocking_policy_finder(self, inventory: Inventory) -> BlockingPolicyFinder:
        return BlockingPolicyFinder(self.desk.policies, inventory)

    def settlement(self, progress: Progress) -> Settlement:
        return cast("Settlement", FakeSettlement(self.job_desk, progress))

    def close(self) -> None:
        self.job_desk.closed.append("now")

    def close_later(self) -> None:
        self.job_desk.closed.append("later")
