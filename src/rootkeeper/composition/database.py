"""The database as the rest of the product sees it: opened once, it hands out the stores, and counts what it holds."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Self

from sqlalchemy import Connection, Table, func, select

from rootkeeper.access.counts import FailureCounter, StoredAnswers
from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import Store, explain, open_store, reading
from rootkeeper.database.version import migrate_if_needed
from rootkeeper.errors import DatabaseError
from rootkeeper.exceptions.service import DeletionExceptionStore
from rootkeeper.inventory.store import AuditHistory, InventoryStore
from rootkeeper.jobs.rules import JobState
from rootkeeper.jobs.store import JobStore
from rootkeeper.ledger import verification
from rootkeeper.ledger.copies import Anchor, LedgerCopies, Mirror
from rootkeeper.ledger.owners import AccountLocks, Owner
from rootkeeper.ledger.rules import Actor, LedgerEntry
from rootkeeper.ledger.spill import SpillLedger, list_spill_files, open_spill
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.ledger.verification import LedgerReader
from rootkeeper.ledger.writer import GroupCommit, read_head
from rootkeeper.notifications.store import NotificationStore
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.root_emails.store import EmailAttestationStore
from rootkeeper.setup.drift import AcceptedSetupStore
from rootkeeper.windows.imports import (
    LedgerImport,
    LedgerSource,
    import_ledger,
    list_unimported,
    merge_spill,
    read_source,
)
from rootkeeper.windows.rules import WindowState
from rootkeeper.windows.store import RecoveryWindowStore
from rootkeeper.worker.schedules import ScheduleStore

if TYPE_CHECKING:
    from rootkeeper.access.factor_store import FactorStore, KeyFileCipher, SignInStartStore
    from rootkeeper.access.store import FirstAdministratorStore, IdentityStore, SessionStore
    from rootkeeper.aws.pacing import SqlQuotas
    from rootkeeper.watching.store import WatchedEventReader, WindowEventStore
    from rootkeeper.worker.service import RetentionStore


@dataclass(frozen=True, slots=True)
class StoredMeasurements:
    """Of the database, which all servers and workers share."""

    windows: Mapping[WindowState, int]
    """Recovery windows in each state; a state without any is left out."""
    jobs: Mapping[JobState, int]
    """Jobs in each state, as they were written: one whose process died counts as running until it is taken up."""
    ledger_sequence: int
    """Of the last entry; 0 if there is none."""
    ledger_head_at: datetime | None
    """When the last entry was written."""


@dataclass(frozen=True, slots=True)
class Measurements:
    """One look."""

    stored: StoredMeasurements | None
    """``None`` if the database can't be read."""
    throttles: Mapping[str, int]
    """How often AWS has throttled this process, by quota (``organizations:ListAccounts``)."""
    notification_targets: int
    failing_notification_targets: int
    """Those whose last attempt of this process failed."""
    is_ready: bool


def measure(store: Store, organization_id: str) -> StoredMeasurements:
    """:raises DatabaseError: if the database can't be read."""
    with reading(store) as connection:
        head = read_head(connection)
        windows = _count_states(connection, schema.recovery_windows, organization_id)
        jobs = _count_states(connection, schema.jobs, organization_id)
        return StoredMeasurements(
            windows={state: windows[state] for state in WindowState if state in windows},
            jobs={state: jobs[state] for state in JobState if state in jobs},
            ledger_sequence=head.sequence,
            ledger_head_at=_find_time(connection, head.sequence),
        )


def _count_states(connection: Connection, table: Table, organization_id: str) -> dict[str, int]:
    columns = table.c
    statement = select(columns.state, func.count().label("counted")).where(columns.organization_id == organization_id)
    return {row.state: row.counted for row in connection.execute(statement.group_by(columns.state))}


def _find_time(connection: Connection, sequence: int) -> datetime | None:
    """``None`` if there is no such entry, or its time can't be read; the verification reports that."""
    entries = schema.ledger_entries.c
    text = connection.execute(select(entries.at).where(entries.sequence == sequence)).scalar_one_or_none()
    try:
        found = None if text is None else datetime.fromisoformat(text)
    except (TypeError, ValueError):
        return None
    return found if found is not None and found.tzinfo is not None else None


DEFAULT_LEASE_SECONDS = 30.0


def _log_warning(text: str) -> None:
    logging.getLogger(__name__).warning("%s", text)


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """How a database is opened."""

    create: bool = True
    """Whether a missing database is made; a command that only reads has no use for an empty one."""
    has_mirror: bool = True
    mirror_path: Path | None = None
    """``None``: beside the database's file, with ``.mirror.jsonl`` at its end; no mirror where there is no file."""
    anchor_path: Path | None = None
    """``None``: no anchor."""
    spill_folder: Path | None = None
    """``None``: the database's own folder. Where it can't be written, the user's folder for temporary files."""
    busy_timeout_seconds: float = 5.0
    """How long to wait while another process writes."""
    warn: Callable[[str], None] = _log_warning
    """Called from any thread with what went wrong beside the ledger."""


def open_database(url: str, options: DatabaseOptions | None = None) -> Database:
    """Open the database, make it if need be, and bring its schema up to date.

    A database that is current is only read: this works on a read-only file, and while another process writes.

    :raises SettingsError: if the URL can't be used.
    :raises DatabaseError: if it can't be opened, or its schema is newer than this program.
    """
    options = options or DatabaseOptions()
    store = open_store(url, options.busy_timeout_seconds)
    try:
        _create_if_missing(store, options)
        migrate_if_needed(store)
    except BaseException:
        store.engine.dispose()
        raise
    return Database(store, options)


def _create_if_missing(store: Store, options: DatabaseOptions) -> None:
    try:
        if store.exists():
            return
        if not options.create:
            raise DatabaseError(
                f"There is no database {store.place} yet.",
                hint="It is made by the first command that audits or changes something.",
            )
        store.create()
    except OSError as error:
        reason, hint = explain(error)
        raise DatabaseError(f"The database {store.place} can't be made or opened: {reason}.", hint=hint) from error


class Database:
    """An open database. Close it, so that mirror and anchor are brought up to date."""

    def __init__(self, store: Store, options: DatabaseOptions) -> None:
        self._store = store
        self._options = options
        anchor = None if options.anchor_path is None else Anchor(options.anchor_path)
        self._copies = LedgerCopies(store, _find_mirror(store, options), anchor, options.warn)
        self._commits = GroupCommit(store, self._copies.notify)
        self._sealings: dict[str, KeyFileCipher] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def place(self) -> str:
        """Where it is, for messages."""
        return self._store.place

    def register_owner(
        self,
        clock: Clock,
        lease_seconds: float = DEFAULT_LEASE_SECONDS,
        *,
        must_be_registered: bool = True,
        replaces_itself: bool = False,
    ) -> Owner:
        """Register this process as one that acts; it renews its lease until it is closed.

        :param must_be_registered: ``False`` for one that may have to go on with a spill alone.
        :param replaces_itself: for one that lives on after the database was away.
        :raises DatabaseError: if the database can't be written, and it must be registered.
        """
        return Owner(
            self._commits,
            clock,
            lease_seconds,
            must_be_registered=must_be_registered,
            replaces_itself=replaces_itself,
        )

    def ledger(self, organization_id: str, endpoint: Endpoint, actor: Actor, owner: Owner) -> SqlLedger:
        return SqlLedger(self._store, self._commits, organization_id, endpoint, actor, owner)

    def ledger_reader(self) -> LedgerReader:
        return LedgerReader(self._store, self._copies)

    def locks(self, organization_id: str, owner: Owner) -> AccountLocks:
        return AccountLocks(self._store, self._commits, organization_id, owner)

    def windows(self, organization_id: str) -> RecoveryWindowStore:
        return RecoveryWindowStore(self._store, self._commits, organization_id)

    def inventory(self, organization_id: str) -> InventoryStore:
        return InventoryStore(self._store, self._commits, organization_id)

    def jobs(self, organization_id: str, clock: Clock, owner: Callable[[], Owner]) -> JobStore:
        return JobStore(self._store, self._commits, organization_id, clock, owner)

    def deletion_exceptions(self, organization_id: str) -> DeletionExceptionStore:
        return DeletionExceptionStore(self._store, self._commits, organization_id)

    def email_attestations(self, organization_id: str) -> EmailAttestationStore:
        return EmailAttestationStore(self._store, self._commits, organization_id)

    def identities(self, organization_id: str, clock: Clock) -> IdentityStore:
        from rootkeeper.access.store import IdentityStore

        return IdentityStore(self._store, self._commits, organization_id, clock)

    def failure_counts(self, organization_id: str, clock: Clock) -> FailureCounter:
        return FailureCounter(self._commits, organization_id, clock)

    def kept_answers(self, organization_id: str, clock: Clock, owner: Callable[[], Owner]) -> StoredAnswers:
        return StoredAnswers(self._commits, organization_id, clock, owner)

    def sessions(self, organization_id: str, clock: Clock) -> SessionStore:
        from rootkeeper.access.store import SessionStore

        return SessionStore(self._store, self._commits, organization_id, clock)

    def open_cipher(self, organization_id: str, key_file: Path) -> None:
        """Find or make the key by which second factors are encrypted.

        :raises SettingsError: if the file is missing or can't be used, or the database knows another key.
        """
        from rootkeeper.access.factor_store import open_cipher

        self._sealings[organization_id] = open_cipher(self._store, self._commits, organization_id, key_file)

    def factors(self, organization_id: str) -> FactorStore:
        """Without :meth:`open_cipher` before, authenticator apps can be listed and removed, and no more."""
        from rootkeeper.access.factor_store import FactorStore

        return FactorStore(self._store, self._commits, organization_id, self._sealings.get(organization_id))

    def first_administrators(self, organization_id: str, clock: Clock) -> FirstAdministratorStore:
        from rootkeeper.access.store import FirstAdministratorStore

        return FirstAdministratorStore(self._store, self._commits, organization_id, clock)

    def sign_in_starts(self, organization_id: str, clock: Clock) -> SignInStartStore:
        from rootkeeper.access.factor_store import SignInStartStore

        return SignInStartStore(self._commits, organization_id, clock)

    def watched_events(self, organization_id: str) -> WatchedEventReader:
        """To be read; works without AWS."""
        from rootkeeper.watching.store import WatchedEventReader

        return WatchedEventReader(self._store, organization_id)

    def window_events(self, organization_id: str, ledger: SqlLedger, owner: Owner) -> WindowEventStore:
        from rootkeeper.watching.store import WindowEventStore

        return WindowEventStore(self._store, self._commits, organization_id, ledger, owner)

    def audit_history(self, organization_id: str) -> AuditHistory:
        return AuditHistory(self._store, self._commits, organization_id)

    def retention(self, organization_id: str) -> RetentionStore:
        from rootkeeper.worker.service import RetentionStore

        return RetentionStore(self._store, self._commits, organization_id)

    def accepted_setups(self, organization_id: str) -> AcceptedSetupStore:
        return AcceptedSetupStore(self._store, self._commits, organization_id)

    def notifications(self, organization_id: str) -> NotificationStore:
        return NotificationStore(self._store, self._commits, organization_id)

    def schedules(self, organization_id: str) -> ScheduleStore:
        return ScheduleStore(self._store, self._commits, organization_id)

    def quotas(self, organization_id: str, caller: str, clock: Clock) -> SqlQuotas:
        from rootkeeper.aws.pacing import SqlQuotas

        return SqlQuotas(self._commits, organization_id, caller, clock)

    def measure(self, organization_id: str) -> StoredMeasurements:
        """How much of everything there is.

        :raises DatabaseError: if the database can't be read.
        """
        return measure(self._store, organization_id)

    def list_organization_ids(self) -> tuple[str, ...]:
        """Organizations that the ledger or the inventory knows.

        :raises DatabaseError: if the database can't be read.
        """
        with reading(self._store) as connection:
            ledger = connection.execute(select(schema.ledger_entries.c.organization_id).distinct()).scalars()
            inventories = connection.execute(select(schema.inventories.c.organization_id)).scalars()
            return tuple(sorted({*ledger, *inventories}))

    def require_not_outdated(self) -> None:
        """:raises LedgerOutdatedError: if mirror or anchor know what the database doesn't."""
        verification.require_not_outdated(self._store, self._copies)

    def adopt(self, ledger: SqlLedger) -> LedgerEntry | None:
        """Record that this database is the one to go on with, although its copies know another.

        :returns: the entry; ``None`` if there is nothing to adopt.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        return verification.adopt(self._store, self._copies, ledger)

    def open_spill(self, organization_id: str, endpoint: Endpoint, actor: Actor, owner: Owner) -> SpillLedger:
        """A ledger on a file of its own, for closing a window while this one can't be written.

        :raises LedgerUnavailableError: if no file can be made either.
        """
        return open_spill(self._spill_folder(), organization_id, endpoint, actor, owner)

    def list_spills(self) -> tuple[Path, ...]:
        """Spill files that are still to be merged."""
        return list_spill_files(self._spill_folder())

    def merge_spill(self, path: Path, ledger: SqlLedger) -> int:
        """Append what a spill file holds, and remove it; again and again without harm.

        :returns: how many entries were appended: 0 if they were before, or if its writer still runs.
        :raises LedgerUnavailableError: if that isn't possible; the file is kept.
        :raises DatabaseError: if the file isn't a spill.
        """
        return merge_spill(path, self._commits, ledger)

    def read_ledger_source(self, path: Path) -> LedgerSource:
        """Another database of Rootkeeper's, such as an emergency's, verified and ready to be imported into this one.

        :raises InputError: if it is none, isn't intact, holds nothing, or a command still works on it.
        """
        return read_source(path)

    def list_unimported_ledgers(self, paths: Iterable[Path]) -> tuple[Path, ...]:
        """Those of these files that hold a ledger which was never imported.

        :raises DatabaseError: if this database can't be read.
        """
        return list_unimported(paths, self._store)

    def import_ledger(self, source: LedgerSource, ledger: SqlLedger) -> LedgerImport:
        """Append what another ledger holds, and keep its windows, in one transaction and only once.

        :raises InputError: if it is of another organization, or is this very ledger, or has grown since it was
            imported.
        :raises WindowConflictError: if an account has a window in both that isn't over.
        :raises LedgerUnavailableError: if that can't be recorded; nothing was imported.
        """
        return import_ledger(source, self._commits, ledger)

    def close(self) -> None:
        """Finish what is waiting. Owners are closed before."""
        self._commits.close()
        self._copies.close()
        self._store.engine.dispose()

    def _spill_folder(self) -> Path | None:
        if self._options.spill_folder is not None:
            return self._options.spill_folder
        return None if self._store.path is None else self._store.path.parent


def _find_mirror(store: Store, options: DatabaseOptions) -> Mirror | None:
    if not options.has_mirror:
        return None
    if options.mirror_path is not None:
        return Mirror(options.mirror_path)
    return None if store.path is None else Mirror(store.path.with_name(store.path.name + ".mirror.jsonl"))
