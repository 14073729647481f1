"""The program as commands see it: its use cases, and what every one of them must deal with first."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from rootkeeper.bootstrap.adapters import describe_user
from rootkeeper.bootstrap.use_cases import UseCases
from rootkeeper.domain.aws_roles import AwsWork
from rootkeeper.domain.ledger import Actor, ActorKind, LedgerEntry
from rootkeeper.domain.organizations import Endpoint
from rootkeeper.domain.windows import RecoveryWindow
from rootkeeper.errors import ServerRunningError
from rootkeeper.settings import Settings, load_settings

if TYPE_CHECKING:
    from rootkeeper.ports.progress import Progress
    from rootkeeper.storage.ledger_import import LedgerImport, LedgerSource
    from rootkeeper.storage.server_locks import RunningServer
    from rootkeeper.workflows.closing import CloseResult
    from rootkeeper.workflows.settlement import SettlementReport

APPLICATION_NAME = "rootkeeper"
_STOP_HINT = "Stop it first, or ask a server with an API by --server."


def load_user_settings(config: Path | None) -> Settings:
    """The settings of this user: file, environment, and the data folder for what neither names.

    :raises SettingsError: if one is unknown or out of range.
    """
    return load_settings(config, os.environ, platformdirs.user_data_path(APPLICATION_NAME, appauthor=False))


@dataclass(frozen=True, slots=True)
class PreparationReport:
    """What earlier commands left behind, and what became of it."""

    merged_entries: int
    settlement: SettlementReport
    closings: tuple[CloseResult, ...]


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """What an entry of the ledger names beside its content."""

    organization_id: str
    endpoint: Endpoint
    actor: Actor


class Application(UseCases):
    """Everything that a command may need."""

    def list_overdue(self) -> tuple[RecoveryWindow, ...]:
        """Windows whose closing is due; only read."""
        from rootkeeper.workflows.overdue import list_overdue

        return list_overdue(self.windows, self.clock.now())

    def find_running_server(self) -> RunningServer | None:
        """The server that runs on this SQLite file; ``None`` if none does, or on PostgreSQL."""
        from rootkeeper.storage.server_locks import find_running_server

        return find_running_server(self.settings.database.url)

    def require_no_server_runs(self) -> None:
        """Two that act on one SQLite file would get in each other's way: what the server does, it is asked to do.

        :raises ServerRunningError: if a server runs on this SQLite file.
        """
        running = self.find_running_server()
        if running is not None:
            raise ServerRunningError(
                f"A server runs on this database: {running.describe()}. Nothing was changed beside it.",
                hint=f"Let the server do it: add --server {running.url}." if running.url else _STOP_HINT,
            )

    def prepare_for_changes(self, progress: Progress) -> PreparationReport:
        """What every changing command does first: merge spill files, settle orphans, close what is overdue.

        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        from rootkeeper.workflows.overdue import OverdueWindowCloser

        self.database.require_not_outdated()
        merged = sum(self.database.merge_spill(path, self.ledger) for path in self.database.list_spills())
        settlement = self.settlement(progress).settle()
        closings = OverdueWindowCloser(self.windows, self.window_closer(progress), progress).close_overdue(
            self.clock.now()
        )
        return PreparationReport(merged, settlement, closings)

    @cached_property
    def ledger_identity(self) -> LedgerIdentity:
        """For whom an entry about the ledger itself is written.

        A database of one organization knows it by itself, so that this needs no AWS; else AWS is asked.
        """
        organization_ids = self.database.list_organization_ids()
        entries = self.ledger_reader.list_entries() if len(organization_ids) == 1 else iter(())
        last = deque(entries, maxlen=1)
        if not last:
            self._use_auditing_role()
            return LedgerIdentity(self._organization_id, self.endpoint, self.actor)
        actor = Actor(describe_user(), ActorKind.SELF_ASSERTED)
        return LedgerIdentity(last[0].organization_id, Endpoint(last[0].endpoint), actor)

    def _use_auditing_role(self) -> None:
        """Beside a new server: its starting credentials may do nothing but assume its roles."""
        if not self.settings.aws_roles.audit or "gateway" in vars(self):
            return
        from rootkeeper.bootstrap.aws_accesses import AwsAccessPool

        accesses = AwsAccessPool(self.settings, self.clock, self._profile, self._region)
        self.gateway = accesses.gateway(AwsWork.AUDIT, describe_user())

    def adopt_ledger(self) -> LedgerEntry | None:
        """Record that this database is the one to go on with; ``None`` if there is nothing to adopt.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        who = self.ledger_identity
        return self.database.adopt(self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner))

    def import_emergency(self, source: LedgerSource) -> LedgerImport:
        """Take another ledger in, such as an emergency's, and have people told of its windows.

        :raises SettingsError: if a notification target can't be understood; nothing was imported.
        :raises InputError: if it can't be imported.
        :raises WindowConflictError: if an account has a window in both that isn't over.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        from rootkeeper.bootstrap.notification_use_cases import make_notification_services
        from rootkeeper.workflows.window_notices import WindowNotices, notify_imported

        who = self.ledger_identity
        notifying = make_notification_services(
            self.settings, self.database, who.organization_id, who.endpoint, self.clock, self._warn
        )
        self.database.require_not_outdated()
        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        found = self.database.import_ledger(source, ledger)
        notify_imported(WindowNotices(notifying.outbox, self.clock, who.endpoint.label), found.windows)
        return found
