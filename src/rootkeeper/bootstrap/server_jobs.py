"""The jobs of a server or worker: the engine, what performs, and what enqueues again."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from rootkeeper.ports.access import IdentityStore
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.engine import Engine, NullEngine
from rootkeeper.ports.jobs import JobStore
from rootkeeper.ports.notifications import Notifier
from rootkeeper.settings import Settings
from rootkeeper.workflows.job_performing import JobRunner
from rootkeeper.workflows.job_reconciling import JobReconciler
from rootkeeper.workflows.retention import EngineCleaner
from rootkeeper.workflows.stopping import ServerStopSignal

if TYPE_CHECKING:
    from rootkeeper.workflows.job_performers import ActAs

RECONCILING_SECONDS = 1.0
"""A job whose process died is put back at the second look after that is known; see ``job_reconciling``."""


def choose_engine(settings: Settings, organization_id: str) -> Engine:
    """The engine as the settings have it; nothing is opened yet.

    :raises SettingsError: if the database's URL can't be used.
    """
    if not settings.server.engine:
        return NullEngine()
    from rootkeeper.engine.dbos_engine import EngineOptions, open_engine

    return open_engine(
        settings.database.url, organization_id, EngineOptions(concurrency=settings.server.job_concurrency)
    )


@dataclass
class ServerJobs:
    """Everything that a server or worker does about jobs, from its first ``tick`` until ``stop``."""

    settings: Settings
    organization_id: str
    endpoint: str
    """Its label."""
    jobs: JobStore
    act_as: ActAs
    clock: Clock
    notifier: Notifier
    identities: IdentityStore
    engine: Engine = field(init=False)
    performing: JobRunner = field(init=False)
    reconciling: JobReconciler = field(init=False)
    retention_cleaner: EngineCleaner = field(init=False)
    _stopping: ServerStopSignal = field(default_factory=ServerStopSignal)
    _is_started: bool = False

    def __post_init__(self) -> None:
        self.engine = choose_engine(self.settings, self.organization_id)
        self.performing = JobRunner(
            self.jobs,
            self.act_as,
            self.clock,
            self._stopping,
            self.notifier,
            self.organization_id,
            self.endpoint,
            self.identities,
        )
        self.reconciling = JobReconciler(self.jobs, self.engine, self.clock)
        self.retention_cleaner = EngineCleaner(self.engine, self.clock)

    def tick(self) -> None:
        """Start the engine, until that succeeds; then reconcile it with our jobs, and let it forget what is old.

        Called each ``RECONCILING_SECONDS``.

        :raises DatabaseError: if a database can't be used; the next tick tries again.
        """
        if self._stopping.asked_once() or not self.settings.server.engine:
            return
        if not self._is_started:
            self.engine.start(self.performing.perform)
            self._is_started = True
        self.reconciling.tick()
        self.retention_cleaner.tick()

    def begin_stop(self) -> None:
        """Begin no further job; those that run come to a point where they can go on later. Returns at once."""
        self._stopping.ask()

    def stop(self, grace_seconds: float) -> bool:
        """Wait for those that run; what doesn't end in time is left to be taken up again.

        :returns: whether everything ended.
        """
        self.begin_stop()
        return self.engine.stop(grace_seconds)
