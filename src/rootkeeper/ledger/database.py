"""The database as the rest of the product sees it: opened once, it hands out the ledger and the stores."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, Self, TypeVar

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from rootkeeper.database import schema
from rootkeeper.database.engines import BUSY_SECONDS, Store, open_store, reading
from rootkeeper.database.problems import explain
from rootkeeper.database.version import prepare_schema
from rootkeeper.errors import DatabaseError, OrganizationMismatchError
from rootkeeper.ledger import verification
from rootkeeper.ledger.anchor import Anchor, FileAnchor
from rootkeeper.ledger.copies import LedgerCopies, Mirror
from rootkeeper.ledger.memory import CopyMemory, CopyName
from rootkeeper.ledger.owners import AccountLocks, Owner, UnregisteredOwner
from rootkeeper.ledger.rolling import STEP_ENTRIES, RollingVerification
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.ledger.verification import LedgerReader, RowsCheck
from rootkeeper.ledger.writer import GroupCommit, Head, read_head

if TYPE_CHECKING:
    from rootkeeper.clock import Clock
    from rootkeeper.ledger.rules import Actor, LedgerEntry
    from rootkeeper.ledger.spill import SpillLedger
    from rootkeeper.organization.accounts import Endpoint

P = ParamSpec("P")
StoreT = TypeVar("StoreT")

DEFAULT_LEASE_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class DatabaseOptions:
    """How a database is opened."""

    create: bool = True
    """Whether a missing database is made; a command that only reads has no use for an empty database."""
    any_version: bool = False
    """Whether a database of another version is opened, which only a check or an upgrade can use."""
    has_mirror: bool = True
    mirror_path: Path | None = None
    """``None``: beside the database's file, with ``.mirror.jsonl`` at its end; no mirror where there is no file."""
    anchor_path: Path | None = None
    """Of an anchor in a file; ``None``: no such anchor."""
    anchor: Anchor | None = None
    """An anchor that isn't a file."""
    memory_folder: Path | None = None
    """Of the file that remembers the copies' last heads; ``None``: the database alone remembers that they began."""
    spill_folder: Path | None = None
    """``None``: the database's own folder. Where it can't be written, the user's folder for temporary files."""
    busy_timeout_seconds: float = BUSY_SECONDS
    """How long to wait while another process writes."""
    warn: Callable[[str], None] = logging.getLogger(__name__).warning
    """Called from any thread with problems beside the ledger."""


def open_database(url: str, options: DatabaseOptions | None = None) -> Database:
    """Open the database, and create it if necessary.

    A database that is current is only read: this works on a read-only file, and while another process writes.

    :raises SettingsError: if the URL can't be used.
    :raises DatabaseOutdatedError: if it is of an older version than this program.
    :raises DatabaseNewerError: if it is of a newer version.
    :raises DatabaseError: if it can't be opened.
    """
    options = options or DatabaseOptions()
    store = open_store(url, options.busy_timeout_seconds)
    try:
        if not store.exists():
            if not options.create:
                raise DatabaseError(
                    f"There is no database {store.place} yet.",
                    hint="It is made by the first command that audits or changes something.",
                )
            store.create()
        if not options.any_version:
            prepare_schema(store)
    except OSError as error:
        store.engine.dispose()
        reason, hint = explain(error)
        raise DatabaseError(f"The database {store.place} can't be made or opened: {reason}.", hint=hint) from error
    except BaseException:
        store.engine.dispose()
        raise
    return Database(store, options)


class Database:
    """An open database. Close it, so that mirror and anchor are brought up to date."""

    def __init__(self, store: Store, options: DatabaseOptions) -> None:
        self.store = store
        self._options = options
        mirror_path = options.mirror_path
        if mirror_path is None and store.path is not None:
            mirror_path = store.path.with_name(store.path.name + ".mirror.jsonl")
        mirror = Mirror(mirror_path) if options.has_mirror and mirror_path is not None else None
        anchor = options.anchor
        if anchor is None and options.anchor_path is not None:
            anchor = FileAnchor(options.anchor_path)
        # Files beside a server are of its machine; the files of a SQLite database move with it.
        machine = "" if store.path is not None else socket.gethostname()[:64]
        is_shared = options.anchor is not None
        machines = {CopyName.MIRROR: machine, CopyName.ANCHOR: "" if is_shared else machine}
        memory = CopyMemory(store, options.memory_folder, machines)
        self._copies = LedgerCopies(store, mirror, anchor, memory, options.warn)
        self.commits = GroupCommit(store, self._copies.notify)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def register_owner(
        self,
        clock: Clock,
        lease_seconds: float = DEFAULT_LEASE_SECONDS,
        *,
        must_be_registered: bool = True,
        replaces_itself: bool = False,
    ) -> Owner:
        """Register this process as an owner, which renews its lease until it is closed.

        :param must_be_registered: ``False`` for an owner that may have to continue with a spill file alone.
        :param replaces_itself: for an owner that continues after the database was away.
        :raises DatabaseError: if the database can't be written, and it must be registered.
        """
        return Owner(
            self.commits, clock, lease_seconds, must_be_registered=must_be_registered, replaces_itself=replaces_itself
        )

    def ledger(self, organization_id: str, endpoint: Endpoint, actor: Actor, owner: Owner) -> SqlLedger:
        return SqlLedger(self.store, self.commits, organization_id, endpoint, actor, owner)

    def ledger_reader(self, check_rows: RowsCheck = lambda _: ()) -> LedgerReader:
        """:param check_rows: what a verification compares with an intact chain."""
        return LedgerReader(self.store, self._copies, check_rows)

    def rolling_verification(self, step_entries: int = STEP_ENTRIES) -> RollingVerification:
        """For a server that verifies the ledger while it runs."""
        return RollingVerification(self.store, self._copies, step_entries)

    def are_copies_beside(self) -> bool:
        """Whether mirror and anchor are both on the database's file system, so that a single person can change all."""
        return self._copies.are_beside()

    def locks(self, organization_id: str, owner: Owner) -> AccountLocks:
        return AccountLocks(self.store, self.commits, organization_id, owner)

    def get_store(
        self,
        kind: Callable[Concatenate[Store, GroupCommit, str, P], StoreT],
        organization_id: str,
        *others: P.args,
        **named: P.kwargs,
    ) -> StoreT:
        """Make a store of an organization, such as ``RecoveryWindowStore``."""
        return kind(self.store, self.commits, organization_id, *others, **named)

    def list_organization_ids(self) -> tuple[str, ...]:
        """Organizations that the ledger or the inventory knows.

        :raises DatabaseError: if the database can't be read.
        """
        with reading(self.store) as connection:
            ledger = connection.execute(select(schema.ledger_entries.c.organization_id).distinct()).scalars()
            inventories = connection.execute(select(schema.inventories.c.organization_id)).scalars()
            return tuple(sorted({*ledger, *inventories}))

    def find_head(self) -> Head:
        """Return the last entry of the ledger.

        :raises DatabaseError: if the database can't be read.
        """
        with reading(self.store) as connection:
            return read_head(connection)

    def require_organization(self, organization_id: str) -> None:
        """:raises OrganizationMismatchError: if the last entry of the ledger is another organization's.

        :raises DatabaseError: if the database can't be read.
        """
        found = self.find_head().organization_id
        if found not in ("", organization_id):
            raise OrganizationMismatchError(
                f"The database {self.store.place} is of organization {found}, not of {organization_id}.",
                hint="Give the organization a database of its own in the settings file.",
            )

    def require_not_outdated(self) -> None:
        """:raises LedgerOutdatedError: if mirror or anchor have entries that the database doesn't have."""
        verification.require_not_outdated(self.store, self._copies)

    def adopt(self, ledger: SqlLedger) -> LedgerEntry | None:
        """Record that work continues with this database, although its copies have another ledger.

        :returns: the entry; ``None`` if there is nothing to adopt.
        :raises LedgerUnavailableError: if it can't be recorded.
        """
        return verification.adopt(self.store, self._copies, ledger)

    def open_spill(
        self,
        organization_id: str,
        endpoint: Endpoint,
        actor: Actor,
        owner: Owner | UnregisteredOwner,
        ledger_id: str | None = None,
    ) -> SpillLedger:
        """A ledger on a file of its own, for closing a window while the database's ledger can't be written.

        :param ledger_id: the hash of the ledger's first entry; ``None`` to find it in the database.
        :raises LedgerUnavailableError: if no file can be made either.
        """
        from rootkeeper.ledger.spill import open_spill

        ledger_id = ledger_id or self.commits.find_ledger_id()
        return open_spill(self._spill_folder(), ledger_id, organization_id, endpoint, actor, owner)

    def list_spills(self) -> tuple[Path, ...]:
        """Spill files that are still to be merged, here or into another ledger of this user."""
        from rootkeeper.ledger.spill import list_spill_files

        return list_spill_files(self._spill_folder())

    def close(self) -> None:
        """Finish waiting commits. Owners are closed before."""
        self.commits.close()
        self._copies.close()
        self.store.engine.dispose()

    def check(self) -> None:
        """Check that this is still the opened database, with the last known entry of the ledger.

        :raises DatabaseError: if it can't be read, was replaced or is damaged.
        """
        self.commits.require_known_ledger()

    def check_pages(self) -> None:
        """Read the whole file past all caches; on a server, nothing. After an error, nothing is written to the file.

        :raises DatabaseError: if it can't be read or is damaged.
        """
        try:
            self.store.check_pages()
        except SQLAlchemyError as error:
            reason, hint = explain(error)
            raise DatabaseError(f"The database {self.store.place} can't be read: {reason}.", hint=hint) from error

    def _spill_folder(self) -> Path | None:
        """A folder of the database that was removed isn't made again: it would be in the way of its return."""
        own = None if self.store.path is None else self.store.path.parent
        folder = self._options.spill_folder or own
        return None if folder is None or (folder == own and not folder.exists()) else folder
