"""The program as commands see it, with the preparations for a change, and the program for an emergency.

In an emergency the database of the settings can't be reached, and the program uses a new file.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from rootkeeper.acting import describe_user
from rootkeeper.aws.rules import AwsWork
from rootkeeper.clock import SystemClock
from rootkeeper.composition.adapters import AwsAccessPool
from rootkeeper.composition.services import UseCases, make_outbox
from rootkeeper.database.processes import RunningServer, find_running_server
from rootkeeper.errors import Hint, ServerRunningError
from rootkeeper.ledger.rules import Actor, ActorKind
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.settings.reading import APPLICATION_NAME, SQLITE_PREFIX
from rootkeeper.settings.sections import DatabaseSettings, LedgerSettings, Settings

if TYPE_CHECKING:
    from rootkeeper.organization.progress import Progress
    from rootkeeper.settlement.service import SettlementReport
    from rootkeeper.windows.imports import LedgerImport, LedgerSource
    from rootkeeper.windows.rules import CloseResult


@dataclass(frozen=True, slots=True)
class PreparationReport:
    """Unfinished work of earlier commands, and how it was settled."""

    merged_entries: int
    settlement: SettlementReport
    closings: tuple[CloseResult, ...]


class Application(UseCases):
    """Everything that a command may need."""

    def find_running_server(self) -> RunningServer | None:
        """The server that runs on this SQLite file; ``None`` if none does, or on PostgreSQL."""
        return find_running_server(self.settings.database.url)

    def require_no_server_runs(self, *, closes_window: bool = False) -> str | None:
        """Refuse to act beside a server on the same SQLite file; the server does such work itself.

        :param closes_window: a server that is stopped or hung closes nothing, so a window is closed in its place.
            Its locks are taken over with a new fencing token; its own calls are refused when it continues.
        :returns: a sentence about the server that is stopped or hung; ``None`` if none runs.
        :raises ServerRunningError: if a server runs on this SQLite file.
        """
        running = self.find_running_server()
        if running is None:
            return None
        silence = running.find_silence(self.clock)
        if silence is None:
            raise ServerRunningError(
                f"A server runs on this database: {running.describe()}. Nothing was changed beside it.",
                hint=Hint(f"Let the server at {running.url} do it.", "server.use", url=running.url)
                if running.url
                else "Stop it first, or use a server that has an API.",
            )
        stopped = (
            f"The lease of the server on this database ({running.describe()}) ended {silence:.0f} seconds ago: it is "
            "stopped or hung, and closes no recovery window."
        )
        if not closes_window:
            raise ServerRunningError(
                f"{stopped} Nothing was changed beside it.",
                hint=Hint("Close its windows here, then end it and start it again.", "server.silent"),
            )
        return stopped

    def prepare_for_changes(self, progress: Progress) -> PreparationReport:
        """Prepare a change: merge spill files, settle orphaned intents, close overdue windows.

        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        from rootkeeper.windows.closing import close_overdue
        from rootkeeper.windows.imports import merge_spill

        self.database.require_not_outdated()
        merged = sum(merge_spill(path, self.database.commits, self.ledger) for path in self.database.list_spills())
        settlement = self.settlement(progress).settle()
        closings = close_overdue(self.windows, self.window_closer(progress), progress, self.window_clock.now())
        return PreparationReport(merged, settlement, closings)

    def use_known_organization(self) -> None:
        """Act on the database's only organization without AWS, such as for an entry about the ledger itself.

        A database of no or several organizations doesn't know it; then AWS is asked.
        """
        self._shares_quotas = False
        organization_ids = self.database.list_organization_ids()
        entries = self.ledger_reader.list_entries() if len(organization_ids) == 1 else iter(())
        last = deque(entries, maxlen=1)
        if last:
            self.use_organization(last[0].organization_id, Endpoint(last[0].endpoint))
        elif self.settings.aws_roles.audit and "aws" not in vars(self):
            # The starting credentials may be allowed only to assume roles.
            accesses = AwsAccessPool(self.settings, self.clock, self._profile, self._region)
            self.aws = accesses.gateway_pool.gateway(AwsWork.AUDIT, describe_user())

    def use_organization(self, organization_id: str, endpoint: Endpoint) -> None:
        """Act on an organization of the database without AWS."""
        self._shares_quotas = False
        self.organization_id, self.endpoint = organization_id, endpoint
        self.actor = Actor(describe_user(), ActorKind.SELF_ASSERTED)

    def import_emergency(self, source: LedgerSource) -> LedgerImport:
        """Import another ledger, such as an emergency's, and notify people of its windows.

        :raises SettingsError: if a notification target can't be understood; nothing was imported.
        :raises InputError: if it can't be imported.
        :raises WindowConflictError: if an account has a window in both that isn't over.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        from rootkeeper.windows.decisions import WindowNotices, notify_imported
        from rootkeeper.windows.imports import import_ledger

        outbox = make_outbox(self.settings, self.database, self.organization_id, self.clock, self.warn)
        self.database.require_not_outdated()
        found = import_ledger(source, self.database.commits, self.ledger)
        notify_imported(WindowNotices(outbox, self.clock, self.endpoint.label), found.windows)
        return found


def open_emergency_application(
    settings: Settings, *, profile: str | None, region: str | None, warn: Callable[[str], None]
) -> tuple[Application, Path]:
    """The program on a fresh file in the user's data folder, which is made when something is kept in it."""
    folder = platformdirs.user_data_path(APPLICATION_NAME, appauthor=False)
    own, path = make_emergency_settings(settings, folder, SystemClock().now())
    return Application(own, profile=profile, region=region, warn=warn), path


def list_emergency_files() -> tuple[Path, ...]:
    """List the ledger files of this user's emergencies in the data folder, imported or not, oldest first."""
    return tuple(sorted(platformdirs.user_data_path(APPLICATION_NAME, appauthor=False).glob("emergency-*.db")))


def make_emergency_settings(settings: Settings, folder: Path, now: datetime) -> tuple[Settings, Path]:
    """The same settings on a new file named for that moment, with the copies of its ledger beside it."""
    path = folder / f"emergency-{now:%Y%m%dT%H%M%SZ}.db"
    ledger = LedgerSettings(
        anchor=path.with_name(path.name + ".anchor.jsonl"),
        mirror=path.with_name(path.name + ".mirror.jsonl"),
        spill=folder,
    )
    unlock = replace(settings.unlock, saved_policies=path.with_name(path.name + ".policies"))
    database = DatabaseSettings(f"{SQLITE_PREFIX}{path}")
    return replace(settings, database=database, ledger=ledger, unlock=unlock), path
