"""Verifies the whole ledger in a single pass: chain, head, open intents, mirror and anchor. Adopts a restored database.

Entries are streamed, so that a ledger of any length is verified in little memory. A database that is older than its
copies is refused until a person records that it was restored.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import takewhile

from sqlalchemy import Connection, select

from rootkeeper.database import schema
from rootkeeper.database.engines import Store, reading
from rootkeeper.errors import DatabaseError, Hint, LedgerOutdatedError
from rootkeeper.ledger.anchor import (
    AnchoredHead,
    CopyDamagedError,
    CopyMissingError,
    describe_missing,
    require_complete,
)
from rootkeeper.ledger.copies import KnownHead, LedgerCopies, MirrorLines
from rootkeeper.ledger.memory import CopyName
from rootkeeper.ledger.rules import (
    LOSS_ADVICE,
    Action,
    ChainBreak,
    ChainBreakKind,
    LedgerEntry,
    LedgerVerification,
    OpenIntents,
    find_first_chain_break,
    render_entry,
)
from rootkeeper.ledger.store import (
    Ledger,
    LedgerFilter,
    count_entries,
    list_entries,
    list_latest,
    list_open_entries,
    stream_rows,
)
from rootkeeper.ledger.writer import Head, find_entry_hash, parse_entry_row, read_head
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue, render_time

RowsCheck = Callable[[Connection], Sequence[str]]
"""Finds rows of the database that contradict the entries, a sentence each; for an intact chain."""


def verify_ledger(
    store: Store,
    copies: LedgerCopies | None,
    *,
    must_have_copies: bool = True,
    check_rows: RowsCheck = lambda _: (),
) -> LedgerVerification:
    """Check everything. A copy that was begun and is empty, cut or unreadable fails the verification.

    :param must_have_copies: whether a missing copy fails it too; a database may have been copied without its mirror and
        anchor.
    :raises DatabaseError: if the database can't be read.
    """
    # The copies first, so that entries written in the meantime don't make them look newer than the database.
    found = _ReadCopies() if copies is None else read_copies(copies, must_have_copies=must_have_copies)
    try:
        with found.lines as lines, reading(store) as connection:
            verification = _Verification(connection, lines, found).run()
            if not verification.is_intact:
                return verification
            first, *others = check_rows(connection) or (None,)
            return replace(verification, problem=first, further_problems=tuple(map(str, others)))
    except OSError as error:
        raise DatabaseError(f"The ledger in {store.place} or its mirror can't be read: {error}.") from error


@dataclass(frozen=True, slots=True)
class _ReadCopies:
    lines: MirrorLines = field(default_factory=lambda: MirrorLines(None))
    anchored: tuple[AnchoredHead, ...] = ()
    remembered: Mapping[int, KnownHead] = field(default_factory=dict)
    """By sequence."""
    problem: str | None = None
    """The problem of a copy as a whole, with advice."""
    missing_memory: str | None = None


def read_copies(copies: LedgerCopies, *, must_have_copies: bool = True) -> _ReadCopies:
    """Read the memory of the copies, then the copies.

    :param must_have_copies: whether a missing copy is a problem.
    :raises DatabaseError: if the database can't be read.
    """
    problems: list[str] = []
    lines, heads = MirrorLines(None), dict[CopyName, Head]()
    anchored: tuple[AnchoredHead, ...] = ()
    began = copies.memory.read_began()
    try:
        heads = dict(copies.memory.read_heads())
    except (OSError, ValueError) as error:
        problems.append(f"The memory of the ledger's copies can't be read: {error}. {LOSS_ADVICE}")
    for name in CopyName:
        must_exist = name in began or name in heads
        found = find_copy_problem(copies, name, heads.get(name), must_exist=must_exist)
        if found is not None and (must_have_copies or not copies.is_missing(name)):
            problems.append(found)
    try:
        lines = MirrorLines(copies.mirror)
    except OSError as error:
        problems.append(describe_unreadable("mirror", error))
    try:
        anchored = () if copies.anchor is None else copies.anchor.read_heads()
    except OSError as error:
        problems.append(describe_unreadable("anchor", error))
    except CopyDamagedError as error:
        problems.append(f"The anchor of the ledger is damaged: {error}. {LOSS_ADVICE}")
    remembered = {
        head.sequence: KnownHead(f"memory {copies.memory.path}", name, head)
        for name, head in heads.items()
        if copies.find_place(name) is not None
    }
    missing = copies.memory.describe_missing(began)
    return _ReadCopies(lines, anchored, remembered, problems[0] if problems else None, missing)


def find_copy_problem(copies: LedgerCopies, name: CopyName, known: Head | None, *, must_exist: bool) -> str | None:
    """Find the problem of a copy as a whole, with advice: the copy is missing, empty, cut or unreadable.

    :param known: the last head that the memory knows in it.
    """
    place = copies.find_place(name)
    if place is None:
        return None
    try:
        last = copies.find_last(name)
        if last is None and must_exist and copies.is_missing(name):
            return f"The {name.value} of the ledger was removed: {describe_missing(place)}. {LOSS_ADVICE}"
        holds = known.sequence if known is not None else 0 if must_exist else None
        require_complete(place, last, holds)
    except OSError as error:
        return describe_unreadable(name.value, error)
    except CopyMissingError as error:
        return f"The {name.value} of the ledger was emptied or cut: {error}. {LOSS_ADVICE}"
    except CopyDamagedError as error:
        return f"The {name.value} of the ledger is damaged: {error}. {LOSS_ADVICE}"
    return None


def describe_unreadable(name: str, error: OSError) -> str:
    """Describe an unreadable copy, with advice."""
    return f"The {name} of the ledger can't be read: {error}. Correct its permissions or its place, then verify again."


class _Verification:
    """A pass over the ledger, and the first problem found on it."""

    def __init__(self, connection: Connection, lines: MirrorLines, copies: _ReadCopies) -> None:
        self._connection = connection
        self._lines = lines
        self._copies = copies
        anchored = copies.anchored
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
        # At the same place the chain describes the change best.
        first = min(found, key=lambda chain_break: chain_break.sequence) if found else self._check_end()
        return LedgerVerification(
            entries=self._entries,
            head_sequence=self._head.sequence,
            head_hash=self._head.entry_hash,
            first_bad_sequence=None if first is None else first.sequence,
            problem=self._copies.problem if first is None else first.problem,
            anchored_sequence=self._last_anchored,
            missing_memory=self._copies.missing_memory,
        )

    def _compared_entries(self) -> Iterator[LedgerEntry]:
        """Yield the entries up to the first unreadable entry, each compared with mirror and anchor."""
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
                self._unlike_copies = self._find_unlike_copy(entry)
            yield entry

    def _find_unlike_copy(self, entry: LedgerEntry) -> ChainBreak | None:
        """Compare an entry with the anchor, then with the mirror, then with the memory."""
        sequence, anchored = entry.sequence, self._anchored.get(entry.sequence)
        if anchored is not None:
            if anchored.head.entry_hash != entry.entry_hash:
                problem = f"Entry {sequence} isn't the one in the anchor: the ledger was rewritten up to it."
                return ChainBreak(sequence, ChainBreakKind.EDITED, problem)
            if anchored.is_adoption and entry.action is not Action.LEDGER_ADOPT:
                problem = f"The anchor contains an adoption at entry {sequence}, which the ledger doesn't record."
                return ChainBreak(sequence, ChainBreakKind.UNMATCHED, problem)
        line, is_mirrored = self._lines.take(sequence), False
        with suppress(ValueError):  # an edited entry may have no canonical form
            is_mirrored = line is None or line == render_entry(entry).encode()
        if not is_mirrored:
            problem = f"Entry {sequence} isn't the one in the mirror: one of them was edited or rewritten."
            return ChainBreak(sequence, ChainBreakKind.EDITED, problem)
        known = self._copies.remembered.get(sequence)
        if known is not None and known.head.entry_hash != entry.entry_hash:
            problem = f"Entry {sequence} isn't the one in the {known.source}: the ledger was rewritten up to it."
            return ChainBreak(sequence, ChainBreakKind.EDITED, problem)
        return None

    def _check_end(self) -> ChainBreak | None:
        """Check whether the end was cut off, which the chain doesn't show."""
        head = read_head(self._connection)
        remembered = max(self._copies.remembered, default=0)
        known = max(head.sequence, self._lines.find_last_sequence(), self._last_anchored or 0, remembered)
        if known > self._head.sequence:
            first = self._head.sequence + 1
            what = f"Entry {first} was" if known == first else f"Entries {first} to {known} were"
            who = "the ledger's own head" if known == head.sequence else "its mirror or anchor"
            if known == remembered and known > max(self._lines.find_last_sequence(), self._last_anchored or 0):
                who = f"the {self._copies.remembered[known].source}"
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


def require_not_outdated(store: Store, copies: LedgerCopies) -> None:
    """Compare the database with the last heads in mirror, anchor and memory.

    :raises LedgerOutdatedError: if any of them has a later head or another entry.
    :raises DatabaseError: if the database can't be read.
    """
    for known in copies.list_last_known():
        if not _has(store, known.head):
            raise LedgerOutdatedError(
                f"The ledger in {store.place} doesn't match its {known.source}: entry {known.head.sequence} is missing "
                "or different. The database was restored, cut or replaced.",
                hint=Hint("Verify the ledger. If the database was restored on purpose, adopt it.", "ledger.adopt"),
            )


def adopt(store: Store, copies: LedgerCopies, ledger: Ledger) -> LedgerEntry | None:
    """Record that this database is used from now on, and begin both copies again; the old mirror is renamed.

    :returns: the entry; ``None`` if the database matches its copies, and none of them is missing or damaged.
    :raises LedgerUnavailableError: if it can't be recorded; the copies are then left as they are.
    :raises DatabaseError: if the anchor or the memory can't be written; try again.
    """
    with copies.paused():
        known = copies.list_last_known()
        problem = read_copies(copies).problem
        if problem is None and all(_has(store, known_head.head) for known_head in known):
            return None
        with reading(store) as connection:
            head = read_head(connection)
        parameters: dict[str, JsonValue] = {"database_head": _describe(head)}
        parameters |= {known_head.key: _describe(known_head.head) for known_head in known}
        if problem is not None:
            parameters["lost_copy"] = problem
        entry = ledger.append_fact(Action.LEDGER_ADOPT, parameters=parameters)
        agreed = max((old.head.sequence for old in _read_heads(copies) if _has(store, old.head)), default=0)
        adopted = Head(entry.sequence, entry.entry_hash, entry.organization_id)
        overruled = next(
            (known_head.head for known_head in known if known_head.key == "anchor_head"),
            known[0].head if known else None,
        )
        adoption = AnchoredHead(render_time(entry.at), adopted, agreed, overruled)
        try:
            copies.begin_again(adoption, f"before-{entry.sequence}-{entry.entry_hash[:8]}")
        except (OSError, ValueError) as error:
            raise DatabaseError(
                f"Entry {entry.sequence} records the adoption, but the anchor or the memory can't be written: {error}.",
                hint="Correct its permissions or its place, then adopt again.",
            ) from error
        copies.notify()
        return entry


def _read_heads(copies: LedgerCopies) -> tuple[AnchoredHead, ...]:
    try:
        return () if copies.anchor is None else copies.anchor.read_heads()
    except (OSError, ValueError):
        return ()


def _has(store: Store, head: Head) -> bool:
    with reading(store) as connection:
        return find_entry_hash(connection, head.sequence) == head.entry_hash


def _describe(head: Head) -> dict[str, JsonValue]:
    return {"sequence": head.sequence, "entry_hash": head.entry_hash}


class LedgerReader:
    """Reads the ledger; works without AWS."""

    def __init__(self, store: Store, copies: LedgerCopies, check_rows: RowsCheck = lambda _: ()) -> None:
        self._store = store
        self._copies = copies
        self._check_rows = check_rows

    def list_entries(
        self,
        *,
        since_sequence: int = 0,
        account_id: AccountId | None = None,
        start: datetime | None = None,
        end: datetime | None = None,
        limit: int | None = None,
    ) -> Iterator[LedgerEntry]:
        """Entries of every organization in this database, in order of their sequence, streamed.

        :param start: only entries from then on.
        :param end: only entries until then; both times are included.
        """
        return list_entries(
            self._store, since_sequence=since_sequence, account_id=account_id, start=start, end=end, limit=limit
        )

    def list_latest(self, wanted: LedgerFilter, *, before: int | None = None, limit: int) -> tuple[LedgerEntry, ...]:
        """At most ``limit`` entries that fit, the newest first.

        :param before: only entries of a lower sequence.
        """
        return list_latest(self._store, wanted, before=before, limit=limit)

    def count_entries(self, wanted: LedgerFilter) -> int:
        """The number of entries that fit."""
        return count_entries(self._store, wanted)

    def list_open_intents(self) -> tuple[LedgerEntry, ...]:
        """All intents without an outcome, of live and dead owners."""
        with reading(self._store) as connection:
            return list_open_entries(connection)

    def verify(self, *, must_have_copies: bool = True) -> LedgerVerification:
        """Recompute the chain, and compare it with mirror, anchor and rows; nothing is written.

        :param must_have_copies: whether a copy that is missing fails the verification.
        """
        return verify_ledger(self._store, self._copies, must_have_copies=must_have_copies, check_rows=self._check_rows)


@dataclass(frozen=True, slots=True)
class LedgerExtract:
    """The entries from ``first`` to ``last``, of every organization, read again at each walk."""

    reader: LedgerReader
    first: int
    last: int

    def __iter__(self) -> Iterator[LedgerEntry]:
        entries = self.reader.list_entries(since_sequence=self.first - 1)
        return takewhile(lambda entry: entry.sequence <= self.last, entries)
