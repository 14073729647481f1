"""Verifies the whole ledger in one pass: chain, head, open intents, mirror and anchor. Adopts a restored database.

Entries are streamed, so that a ledger of any length is verified in little memory. A database that is older than its
copies is refused until a person records that it was restored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from sqlalchemy import Connection, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.errors import DatabaseError, Hint, LedgerOutdatedError
from rootkeeper.ledger.copies import Anchor, AnchoredHead, LedgerCopies, Mirror, MirrorLines
from rootkeeper.ledger.rules import (
    Action,
    ChainBreak,
    ChainBreakKind,
    LedgerEntry,
    LedgerVerification,
    OpenIntents,
    find_first_chain_break,
    render_entry,
)
from rootkeeper.ledger.store import Ledger, LedgerFilter, list_entries, list_latest, list_open_entries, stream_rows
from rootkeeper.ledger.writer import Head, find_entry_hash, parse_entry_row, read_head
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue, render_time


def verify_ledger(store: Store, mirror: Mirror | None, anchor: Anchor | None) -> LedgerVerification:
    """Check everything.

    :raises DatabaseError: if the database, its mirror or its anchor can't be read.
    """
    try:
        # The copies first, so that entries written in the meantime don't make them look newer than the database.
        with MirrorLines(mirror) as lines:
            anchored = () if anchor is None else anchor.read_heads()
            with reading(store) as connection:
                return _Verification(connection, lines, anchored).run()
    except OSError as error:
        raise DatabaseError(f"A copy of the ledger in {store.place} can't be read: {error}.") from error


class _Verification:
    """One pass over the ledger, and the first thing found on it."""

    def __init__(self, connection: Connection, lines: MirrorLines, anchored: tuple[AnchoredHead, ...]) -> None:
        self._connection = connection
        self._lines = lines
        self._anchored = {head.head.sequence: head for head in anchored}
        self._last_anchored = anchored[-1].head.sequence if anchored else None
        self._open_intents = OpenIntents()
        self._entries = 0
        self._head = Head(0, "0" * 64)
        self._unlike_copies: ChainBreak | None = None
        self._unreadable: ChainBreak | None = None

    def run(self) -> LedgerVerification:
        chain = find_first_chain_break(self._compared_entries(), self._open_intents)
        found = [
            chain_break for chain_break in (chain, self._unreadable, self._unlike_copies) if chain_break is not None
        ]
        # At the same place the chain describes best what was done.
        first = min(found, key=lambda chain_break: chain_break.sequence) if found else self._check_end()
        return LedgerVerification(
            entries=self._entries,
            head_sequence=self._head.sequence,
            head_hash=self._head.entry_hash,
            first_bad_sequence=None if first is None else first.sequence,
            problem=None if first is None else first.problem,
            anchored_sequence=self._last_anchored,
        )

    def _compared_entries(self) -> Iterator[LedgerEntry]:
        """Yield the entries up to the first unreadable one, each compared with mirror and anchor."""
        for row in stream_rows(self._connection):
            try:
                entry = parse_entry_row(row)
            except ValueError:
                problem = f"Entry {row['sequence']} was edited: it isn't a ledger entry any more."
                self._unreadable = ChainBreak(row["sequence"], ChainBreakKind.EDITED, problem)
                return
            self._entries += 1
            self._head = Head(entry.sequence, entry.entry_hash, entry.organization_id)
            if self._unlike_copies is None:
                self._unlike_copies = self._compare_with_anchor(entry) or self._compare_with_mirror(entry)
            yield entry

    def _compare_with_anchor(self, entry: LedgerEntry) -> ChainBreak | None:
        anchored = self._anchored.get(entry.sequence)
        if anchored is None:
            return None
        if anchored.head.entry_hash != entry.entry_hash:
            problem = f"Entry {entry.sequence} isn't the one in the anchor: the ledger was rewritten up to it."
            return ChainBreak(entry.sequence, ChainBreakKind.EDITED, problem)
        if anchored.is_adoption and entry.action is not Action.LEDGER_ADOPT:
            problem = f"The anchor contains an adoption at entry {entry.sequence}, which the ledger doesn't record."
            return ChainBreak(entry.sequence, ChainBreakKind.UNMATCHED, problem)
        return None

    def _compare_with_mirror(self, entry: LedgerEntry) -> ChainBreak | None:
        line = self._lines.take(entry.sequence)
        with suppress(ValueError):  # an edited entry may have no canonical form
            if line is None or line == render_entry(entry).encode():
                return None
        problem = f"Entry {entry.sequence} isn't the one in the mirror: one of them was edited or rewritten."
        return ChainBreak(entry.sequence, ChainBreakKind.EDITED, problem)

    def _check_end(self) -> ChainBreak | None:
        """Check whether the end was cut off, which the chain doesn't show."""
        head = read_head(self._connection)
        known = max(head.sequence, self._lines.find_last_sequence(), self._last_anchored or 0)
        if known > self._head.sequence:
            first = self._head.sequence + 1
            what = f"Entry {first} was" if known == first else f"Entries {first} to {known} were"
            who = "the ledger's own head" if known == head.sequence else "its mirror or anchor"
            return ChainBreak(first, ChainBreakKind.REMOVED, f"{what} removed: {who} knows entry {known}.")
        if (head.sequence, head.entry_hash) != (self._head.sequence, self._head.entry_hash):
            problem = f"The ledger's head says entry {head.sequence}, but its last entry is {self._head.sequence}."
            return ChainBreak(self._head.sequence, ChainBreakKind.INSERTED, problem)
        # The list of open intents is used to find orphans.
        listed = set(self._connection.execute(select(schema.open_intents.c.sequence)).scalars())
        differing = listed ^ self._open_intents.sequences()
        if not differing:
            return None
        sequence = min(differing)
        problem = f"Entry {sequence} is an open intent in only one of the ledger and its list of open intents."
        return ChainBreak(sequence, ChainBreakKind.UNMATCHED, problem)


_BUSY_SECONDS = 10.0


def require_not_outdated(store: Store, copies: LedgerCopies) -> None:
    """Compare the database with the last heads in mirror and anchor.

    :raises LedgerOutdatedError: if one of them has a later head or another entry.
    :raises DatabaseError: if the database can't be read.
    """
    for name, known in copies.list_last_known():
        if not _has(store, known):
            raise LedgerOutdatedError(
                f"The ledger in {store.place} doesn't match its {name}: entry {known.sequence} is missing or different."
                " The database was restored, cut or replaced.",
                hint=Hint("Verify the ledger. If the database was restored on purpose, adopt it.", "ledger.adopt"),
            )


def adopt(store: Store, copies: LedgerCopies, ledger: Ledger) -> LedgerEntry | None:
    """Record that this database is used from now on, and start new copies; the old mirror is renamed.

    :returns: the entry; ``None`` if the database isn't outdated.
    :raises LedgerUnavailableError: if it can't be recorded; the copies are then left as they are.
    """
    with copies.paused():
        known = dict(copies.list_last_known())
        if all(_has(store, head) for head in known.values()):
            return None
        with reading(store) as connection:
            head = read_head(connection)
        parameters: dict[str, JsonValue] = {"database_head": _describe(head)}
        parameters |= {f"{name}_head": _describe(found) for name, found in known.items()}
        entry = ledger.append_fact(Action.LEDGER_ADOPT, parameters=parameters)
        if copies.anchor is not None:
            agreed = max((old.head.sequence for old in copies.anchor.read_heads() if _has(store, old.head)), default=0)
            adopted = Head(entry.sequence, entry.entry_hash, entry.organization_id)
            overruled = known.get("anchor") or known.get("mirror")
            copies.anchor.append(AnchoredHead(render_time(entry.at), adopted, agreed, overruled), _BUSY_SECONDS)
        if copies.mirror is not None:
            copies.mirror.set_aside(f"before-{entry.sequence}-{entry.entry_hash[:8]}")
        copies.notify()
        return entry


def _has(store: Store, head: Head) -> bool:
    with reading(store) as connection:
        return find_entry_hash(connection, head.sequence) == head.entry_hash


def _describe(head: Head) -> dict[str, JsonValue]:
    return {"sequence": head.sequence, "entry_hash": head.entry_hash}


class LedgerReader:
    """Reads the ledger; works without AWS."""

    def __init__(self, store: Store, copies: LedgerCopies) -> None:
        self._store = store
        self._copies = copies

    def list_entries(
        self, *, since_sequence: int = 0, account_id: AccountId | None = None, limit: int | None = None
    ) -> Iterator[LedgerEntry]:
        """Entries of every organization in this database, in order of their sequence, streamed."""
        return list_entries(self._store, since_sequence=since_sequence, account_id=account_id, limit=limit)

    def list_latest(self, wanted: LedgerFilter, *, before: int | None = None, limit: int) -> tuple[LedgerEntry, ...]:
        """At most ``limit`` entries that fit, the newest first.

        :param before: only entries of a lower sequence.
        """
        return list_latest(self._store, wanted, before=before, limit=limit)

    def list_open_intents(self) -> tuple[LedgerEntry, ...]:
        """All intents without an outcome, of live and dead owners."""
        with reading(self._store) as connection:
            return list_open_entries(connection)

    def verify(self) -> LedgerVerification:
        """Recompute the chain and compare it with mirror and anchor; nothing is written."""
        return verify_ledger(self._store, self._copies.mirror, self._copies.anchor)
