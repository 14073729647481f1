"""Appends what a spill file holds to the ledger, all in one transaction, and only once."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Connection, insert, select, update

from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry, canonical_json, parse_entry, render_time
from rootkeeper.domain.ledger_chain import find_first_chain_break
from rootkeeper.domain.windows import WindowState
from rootkeeper.errors import DatabaseError
from rootkeeper.storage import schema
from rootkeeper.storage.account_revisions import ChangedPart
from rootkeeper.storage.group_commit import GroupCommit
from rootkeeper.storage.ledger import SqlLedger
from rootkeeper.storage.line_files import LineFileBusyError, open_locked, read_lines, sync_folder
from rootkeeper.storage.owners import OwnerRecord, add_owner
from rootkeeper.storage.processes import ProcessIdentity
from rootkeeper.storage.spill import SPILL_FORMAT
from rootkeeper.storage.transactions import Draft, WriteTransaction, draft_again


@dataclass(frozen=True, slots=True)
class _Spill:
    """What a spill file holds."""

    spill_id: str
    owner_id: str
    process: ProcessIdentity
    entries: tuple[LedgerEntry, ...]
    problem: str | None
    """What doesn't fit in its chain, or can't be read; the file may have been edited."""


def merge_spill(path: Path, commits: GroupCommit, ledger: SqlLedger) -> int:
    """See Database.merge_spill."""
    if not path.exists():
        return 0
    try:
        with open_locked(path, 0):
            spill = _read_spill(path)
            appended = 0
            if spill is not None:
                appended = commits.run_ledger_work(lambda transaction: _merge(transaction, spill, ledger))
            path.unlink()
            sync_folder(path.parent)
    except LineFileBusyError:
        return 0
    except OSError as error:
        raise DatabaseError(f"The spill file {path} can't be read or removed: {error.strerror}.") from error
    return appended


def _read_spill(path: Path) -> _Spill | None:
    """``None`` if its header isn't whole: its writer died while making it, and nothing was acknowledged."""
    whole_lines = list(read_lines(path))
    if not whole_lines:
        return None
    header, *lines = whole_lines
    entries, problem = _parse_lines(lines)
    try:
        fields = json.loads(header)
        if fields["format"] != SPILL_FORMAT:
            raise DatabaseError(f"The spill file {path} was written by a newer version of Rootkeeper.")
        owner = fields["owner"]
        owner_id = str(owner.pop("owner_id"))
        process = ProcessIdentity(**owner)
        return _Spill(str(fields["spill_id"]), owner_id, process, entries, problem)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatabaseError(
            f"{path} isn't a spill of the ledger.", hint="Move it away if it was put there by somebody else."
        ) from error


def _parse_lines(lines: list[bytes]) -> tuple[tuple[LedgerEntry, ...], str | None]:
    entries: list[LedgerEntry] = []
    for number, line in enumerate(lines, start=1):
        try:
            entry = parse_entry(line.decode())
            canonical_json(entry.parameters)
        except ValueError:
            return tuple(entries), f"Entry {number} of the spill can't be read."
        entries.append(entry)
    chain_break = find_first_chain_break(entries, checks_outcomes=False)
    return tuple(entries), None if chain_break is None else chain_break.problem


def _merge(transaction: WriteTransaction, spill: _Spill, ledger: SqlLedger) -> int:
    spills = schema.merged_spills
    connection = transaction.connection
    if connection.execute(select(spills.c.entries).where(spills.c.spill_id == spill.spill_id)).first() is not None:
        return 0
    fact = ledger.draft_fact(Action.SPILL_MERGE, None, _describe(spill))
    add_owner(connection, OwnerRecord(spill.owner_id, spill.process, fact.at), fact.at)
    merged: dict[int, int] = {}
    for entry in spill.entries:
        merged[-entry.sequence] = transaction.append(_draft(transaction, entry, spill, merged, fact.at)).sequence
    transaction.append(fact)
    _begin_closing(connection, spill)
    transaction.note_change(fact.organization_id, ChangedPart.WINDOWS)
    connection.execute(
        insert(spills).values(
            spill_id=spill.spill_id,
            organization_id=fact.organization_id,
            merged_at=fact.at,
            entries=len(spill.entries),
        )
    )
    return len(spill.entries)


def _begin_closing(connection: Connection, spill: _Spill) -> None:
    """Windows whose closing stands in the spill owe it still: only a re-read that is recorded ends them."""
    windows = schema.recovery_windows.c
    closings = [entry.parameters.get("window_id") for entry in spill.entries if entry.action is Action.WINDOW_CLOSE]
    connection.execute(
        update(schema.recovery_windows)
        .where(windows.window_id.in_([str(window_id) for window_id in closings if window_id is not None]))
        .where(windows.state == WindowState.OPEN.value)
        .values(state=WindowState.CLOSING.value)
    )


def _draft(
    transaction: WriteTransaction, entry: LedgerEntry, spill: _Spill, merged: dict[int, int], at: datetime
) -> Draft:
    parameters: dict[str, JsonValue] = {
        **entry.parameters,
        "spilled": True,
        "spilled_at": render_time(entry.at),
        "spill_id": spill.spill_id,
    }
    intent_sequence = entry.intent_sequence
    if intent_sequence is not None:
        intent_sequence = merged.get(intent_sequence, intent_sequence)
        if not transaction.end_intent(intent_sequence):
            # Somebody has settled it meanwhile: an intent has one outcome, so this one is kept as a fact.
            parameters["late_outcome_of"] = intent_sequence
            intent_sequence = None
    return draft_again(entry, at, parameters, intent_sequence)


def _describe(spill: _Spill) -> dict[str, JsonValue]:
    described: dict[str, JsonValue] = {"spill_id": spill.spill_id, "entries": len(spill.entries)}
    if spill.entries:
        described["first_at"] = render_time(spill.entries[0].at)
        described["last_at"] = render_time(spill.entries[-1].at)
    if spill.problem is not None:
        described["problem"] = spill.problem
    return described
