"""The program as commands see it.

The program as commands see it: its use cases, and what every one of them must deal with first.

A database of its own for an emergency, when the settings' one can't be reached.

The way to a Rootkeeper server: its address, and the token by which it knows the person.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from rootkeeper.aws.rules import AwsWork
from rootkeeper.clock import SystemClock
from rootkeeper.composition.adapters import describe_user
from rootkeeper.composition.services import UseCases
from rootkeeper.errors import Hint, NotSignedInError, ServerRunningError
from rootkeeper.ledger.rules import Actor, ActorKind, LedgerEntry
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.settings.reading import SQLITE_PREFIX, TOKEN_VARIABLE, load_settings
from rootkeeper.settings.sections import DatabaseSettings, LedgerSettings, Settings
from rootkeeper.windows.rules import RecoveryWindow

if TYPE_CHECKING:
    from rootkeeper.database.processes import RunningServer
    from rootkeeper.organization.progress import Progress
    from rootkeeper.remote.connections import StoredTokens
    from rootkeeper.remote.server import RemoteServer
    from rootkeeper.settlement.service import SettlementReport
    from rootkeeper.windows.imports import LedgerImport, LedgerSource
    from rootkeeper.windows.rules import CloseResult


APPLICATION_NAME = "rootkeeper"


_STOP_HINT = "Stop it first, or use a server that has an API."


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
        from rootkeeper.windows.closing import list_overdue

        return list_overdue(self.windows, self.clock.now())

    def find_running_server(self) -> RunningServer | None:
        """The server that runs on this SQLite file; ``None`` if none does, or on PostgreSQL."""
        from rootkeeper.database.processes import find_running_server

        return find_running_server(self.settings.database.url)

    def require_no_server_runs(self) -> None:
        """Refuse to act beside a server on the same SQLite file; the server does such work itself.

        :raises ServerRunningError: if a server runs on this SQLite file.
        """
        running = self.find_running_server()
        if running is not None:
            raise ServerRunningError(
                f"A server runs on this database: {running.describe()}. Nothing was changed beside it.",
                hint=Hint(f"Let the server at {running.url} do it.", "server.use", url=running.url)
                if running.url
                else _STOP_HINT,
            )

    def prepare_for_changes(self, progress: Progress) -> PreparationReport:
        """What every changing command does first: merge spill files, settle orphans, close what is overdue.

        :raises LedgerOutdatedError: if the database is older than its mirror or anchor.
        :raises LedgerUnavailableError: if the ledger can't be written.
        """
        from rootkeeper.windows.closing import close_overdue

        self.database.require_not_outdated()
        merged = sum(self.database.merge_spill(path, self.ledger) for path in self.database.list_spills())
        settlement = self.settlement(progress).settle()
        closings = close_overdue(self.windows, self.window_closer(progress), progress, self.clock.now())
        return PreparationReport(merged, settlement, closings)

    @cached_property
    def ledger_identity(self) -> LedgerIdentity:
        """The identity under which an entry about the ledger itself is written.

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
        from rootkeeper.composition.adapters import AwsAccessPool

        accesses = AwsAccessPool(self.settings, self.clock, self._profile, self._region)
        self.gateway = accesses.gateway(AwsWork.AUDIT, describe_user())

    def adopt_ledger(self) -> LedgerEntry | None:
        """Record that this database is the one to go on with; ``None`` if there is nothing to adopt.

        :raises LedgerUnavailableError: if it can't be recorded.
        """
        who = self.ledger_identity
        return self.database.adopt(self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner))

    def import_emergency(self, source: LedgerSource) -> LedgerImport:
        """Import another ledger, such as that of an emergency, and notify people of its windows.

        :raises SettingsError: if a notification target can't be understood; nothing was imported.
        :raises InputError: if it can't be imported.
        :raises WindowConflictError: if an account has a window in both that isn't over.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        from rootkeeper.composition.services import make_notification_services
        from rootkeeper.windows.decisions import WindowNotices, notify_imported

        who = self.ledger_identity
        notifying = make_notification_services(
            self.settings, self.database, who.organization_id, who.endpoint, self.clock, self._warn
        )
        self.database.require_not_outdated()
        ledger = self.database.ledger(who.organization_id, who.endpoint, who.actor, self.owner)
        found = self.database.import_ledger(source, ledger)
        notify_imported(WindowNotices(notifying.outbox, self.clock, who.endpoint.label), found.windows)
        return found


def open_emergency_application(
    settings: Settings, *, profile: str | None, region: str | None, warn: Callable[[str], None]
) -> tuple[Application, Path]:
    """The program on a fresh file in the user's data folder, which is made when something is kept in it."""
    folder = platformdirs.user_data_path(APPLICATION_NAME, appauthor=False)
    own, path = make_emergency_settings(settings, folder, SystemClock().now())
    return Application(own, profile=profile, region=region, warn=warn), path


def list_emergency_files() -> tuple[Path, ...]:
    """What emergencies of this user left in the data folder, imported or not, the oldest first."""
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


def open_remote_server(address: str, environment: Mapping[str, str] = os.environ) -> RemoteServer:
    """The server of that address, with the token of the environment or of the last sign-in; nothing is sent yet.

    :raises InputError: if it is no address, or its token isn't one or can't be read.
    :raises NotSignedInError: if there is no token.
    """
    from rootkeeper.remote.connections import parse_server_url, parse_token

    url = parse_server_url(address)
    given = environment.get(TOKEN_VARIABLE, "").strip()
    if given:
        return connect_to_server(url, parse_token(given, TOKEN_VARIABLE))
    stored = open_stored_tokens().find(url)
    if stored is None:
        raise NotSignedInError(
            f"There is no token for the server {url}.",
            hint=Hint(f"Sign in to it, or set {TOKEN_VARIABLE}.", "server.login", url=url, variable=TOKEN_VARIABLE),
        )
    return connect_to_server(url, stored.token)


def connect_to_server(url: str, token: str | None) -> RemoteServer:
    """The server of that address, spoken to with this token; without one, only signing in is possible."""
    from rootkeeper.remote.server import open_server

    return open_server(url, token)


def open_stored_tokens() -> StoredTokens:
    """The tokens that this person keeps on this machine."""
    from rootkeeper.remote.connections import StoredTokens

    return StoredTokens(platformdirs.user_config_path(APPLICATION_NAME, appauthor=False) / "servers")
