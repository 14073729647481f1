"""The spill: a ledger in a separate file, only for closing recovery windows while the real ledger can't be written.

Closing removes credentials, so a full disk must not prevent it (needs.md, P02). Each entry is on disk before its call
is sent; the entries have their own chain and are later appended to the real ledger. Account locks aren't checked here,
but two processes that close the same window do no harm.
"""

from __future__ import annotations

import os
import secrets
import stat
import tempfile
import threading
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Self

from rootkeeper.database.files import make_private_folder, open_locked, sync_folder, write_line
from rootkeeper.errors import LedgerUnavailableError, LockLostError
from rootkeeper.ledger.owners import AccountLock, Owner, UnregisteredOwner
from rootkeeper.ledger.rules import (
    GENESIS_HASH,
    Action,
    Actor,
    Intent,
    LedgerEntry,
    Phase,
    Result,
    chain_entry,
    render_entry,
)
from rootkeeper.ledger.store import EntryAuthor
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.values import JsonValue, canonical_json

SPILL_FORMAT = 1
_PREFIX = "rootkeeper-spill-"
_SUFFIX = ".jsonl"
_ROOM_BYTES = 48 * 1024
"""More than the entries of a closing take."""
_VALID_SECONDS = 60.0
"""How long a call may be sent on an intent of a spill."""


def open_spill(
    folder: Path | None,
    ledger_id: str | None,
    organization_id: str,
    endpoint: Endpoint,
    actor: Actor,
    owner: Owner | UnregisteredOwner,
) -> SpillLedger:
    """Create a spill file in ``folder``, or else in the user's folder for temporary files.

    An almost full disk has room for a few entries and not for a whole closing, so a folder with room comes first.

    :param ledger_id: of the ledger that it belongs to: the hash of the first entry; ``None`` if that isn't known.
    :raises LedgerUnavailableError: if neither can be written.
    """
    failure: OSError | None = None
    for room_bytes in (_ROOM_BYTES, 0):
        for candidate in _list_folders(folder):
            try:
                return SpillLedger(candidate, ledger_id, organization_id, endpoint, actor, owner, room_bytes)
            except OSError as error:
                failure = error
    raise LedgerUnavailableError(
        "Neither the ledger nor a spill file can be written.", hint="Free some space, or name a spill folder."
    ) from failure


def list_spill_files(folder: Path | None) -> tuple[Path, ...]:
    """List the spill files of both folders by name."""
    found: set[Path] = set()
    for candidate in _list_folders(folder):
        if candidate.is_dir():
            found.update(path for path in candidate.glob(f"{_PREFIX}*{_SUFFIX}") if path.is_file())
    return tuple(sorted(found))


def _list_folders(folder: Path | None) -> tuple[Path, ...]:
    private = Path(tempfile.gettempdir()) / f"rootkeeper-{os.getuid()}"
    return (private,) if folder is None else (folder, private)


def _require_room(descriptor: int, room_bytes: int) -> None:
    """Write that much to an empty file and take it back, because quotas don't show before.

    :raises OSError: if it can't be written.
    """
    written = 0
    while written < room_bytes:
        written += os.write(descriptor, bytes(room_bytes - written))
    os.fsync(descriptor)
    os.ftruncate(descriptor, 0)


def _make_folder(folder: Path) -> None:
    """Create the folder if needed; another user may have created a folder with that name among the temporary files."""
    make_private_folder(folder)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or (
        found.st_uid != os.getuid() and folder.parent == Path(tempfile.gettempdir())
    ):
        raise PermissionError(f"{folder} belongs to another user")


class SpillLedger(EntryAuthor):
    """Implements ``Ledger`` with a file. Close it, so that the file can be merged.

    Its intents have negative sequences; the merge assigns the real sequences.
    """

    def __init__(
        self,
        folder: Path,
        ledger_id: str | None,
        organization_id: str,
        endpoint: Endpoint,
        actor: Actor,
        owner: Owner | UnregisteredOwner,
        room_bytes: int = 0,
    ) -> None:
        """:param ledger_id: see :func:`open_spill`.
        :param room_bytes: how much the disk must have room for.

        :raises OSError: if the file can't be made.
        """
        self.spill_id = secrets.token_hex(8)
        self.path = folder / f"{_PREFIX}{self.spill_id}{_SUFFIX}"
        super().__init__(organization_id, endpoint, actor, owner)
        self._writing = threading.Lock()
        self._head = (0, GENESIS_HASH)
        self._open_intents: set[int] = set()
        _make_folder(folder)
        self._closing = ExitStack()
        self._handle = self._closing.enter_context(open_locked(self.path, 0))
        try:
            described: dict[str, JsonValue] = {"owner_id": owner.owner_id, **asdict(owner.process)}
            header: dict[str, JsonValue] = {
                "spill_id": self.spill_id,
                "format": SPILL_FORMAT,
                "ledger_id": ledger_id,
                "owner": described,
            }
            _require_room(self._handle.fileno(), room_bytes)
            write_line(self._handle, canonical_json(header))
            sync_folder(folder)
        except OSError:
            self.close()
            self.path.unlink(missing_ok=True)
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._closing.close()

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,  # noqa: ARG002 - as the port has it; see the module's docstring
    ) -> Intent:
        started = self._owner.clock.monotonic()
        entry = self._append(action, account_id, parameters, Phase.INTENT)
        self._open_intents.add(entry.sequence)
        return Intent(
            sequence=-entry.sequence,
            action=action,
            account_id=account_id,
            valid_until=started + _VALID_SECONDS,
            parameters=entry.parameters,
        )

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        """See the port. The intent may be of the real ledger, from before the ledger failed."""
        own = -intent.sequence
        if own > 0 and own not in self._open_intents:
            raise LockLostError(f"Intent {own} of spill {self.spill_id} has its outcome already.")
        described = intent.describe_outcome(details)
        entry = self._append(intent.action, intent.account_id, described, Phase.OUTCOME, intent.sequence, result)
        self._open_intents.discard(own)
        return entry

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        return self._append(action, account_id, parameters, Phase.OUTCOME, result=Result.DONE)

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        """Return none: orphans are in the real ledger."""
        return ()

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:  # noqa: ARG002 - as the port has it
        """:raises LedgerUnavailableError: always; orphans are settled in the real ledger."""
        raise LedgerUnavailableError(f"Entry {entry.sequence} can't be settled while the ledger can't be written.")

    def _append(
        self,
        action: Action,
        account_id: AccountId | None,
        parameters: Mapping[str, JsonValue] | None,
        phase: Phase,
        intent_sequence: int | None = None,
        result: Result | None = None,
    ) -> LedgerEntry:
        with self._writing:
            sequence, previous_hash = self._head
            draft = self._draft(action, account_id, parameters, phase, intent_sequence, result)
            entry = chain_entry(draft, sequence + 1, previous_hash)
            end = self._handle.seek(0, os.SEEK_END)
            try:
                write_line(self._handle, render_entry(entry))
            except OSError as error:
                with suppress(OSError):
                    os.ftruncate(self._handle.fileno(), end)
                message = f"The spill file {self.path} can't be written: {error.strerror}."
                raise LedgerUnavailableError(message) from error
            self._head = (entry.sequence, entry.entry_hash)
        return entry
