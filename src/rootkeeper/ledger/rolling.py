"""Verifies the ledger again and again while a server runs, a bounded part in each step.

A round recomputes the chain from the first entry to the head, then compares the last heads of the copies, and the head
that an earlier round found, with the database. The chain ties all earlier entries to these heads, so single lines of
the copies aren't compared; ``ledger verify`` does that.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import Connection

from rootkeeper.database.engines import Store, reading
from rootkeeper.ledger.copies import LedgerCopies
from rootkeeper.ledger.memory import CopyName
from rootkeeper.ledger.rules import GENESIS_HASH, ChainBreak, ChainBreakKind, LedgerEntry, find_first_chain_break
from rootkeeper.ledger.store import stream_rows
from rootkeeper.ledger.verification import find_copy_problem
from rootkeeper.ledger.writer import Head, find_entry_hash, parse_entry_row, read_head

STEP_ENTRIES = 500
"""Of a server: about 0.05 s of work."""
_START = Head(0, GENESIS_HASH)


@dataclass(frozen=True, slots=True)
class RoundResult:
    """The result of a round."""

    head: Head
    """The last verified entry."""
    problem: str | None
    """The first thing that is wrong; ``None`` if nothing is."""


class RollingVerification:
    """Verifies a ledger. Not thread-safe."""

    def __init__(self, store: Store, copies: LedgerCopies, step_entries: int) -> None:
        self._store = store
        self._copies = copies
        self._step_entries = step_entries
        self._position = _START
        self._is_at_end = False
        self._verified = _START
        """The head that an earlier round has verified; the ledger must keep it while this process lives."""

    def step(self) -> RoundResult | None:
        """Verify some entries, or the copies at the end; return the round's result when it is over.

        The next step after that begins a new round.

        :raises DatabaseError: if the database can't be read.
        """
        if self._is_at_end:
            return self._end_round(self._find_copy_problem())
        with reading(self._store) as connection:
            found = self._verify_part(connection)
        return None if found is None else self._end_round(found.problem)

    def _end_round(self, problem: str | None) -> RoundResult:
        head = self._position
        if problem is None:
            self._verified = head
        self._position, self._is_at_end = _START, False
        return RoundResult(head, problem)

    def _verify_part(self, connection: Connection) -> ChainBreak | None:
        rows = list(stream_rows(connection, since_sequence=self._position.sequence, limit=self._step_entries))
        entries: list[LedgerEntry] = []
        for row in rows:
            try:
                entries.append(parse_entry_row(row))
            except ValueError:
                problem = f"Entry {row['sequence']} was edited: it isn't a ledger entry any more."
                return ChainBreak(row["sequence"], ChainBreakKind.EDITED, problem)
        start = (self._position.sequence, self._position.entry_hash)
        if (found := find_first_chain_break(entries, checks_outcomes=False, after=start)) is not None:
            return found
        if entries:
            self._position = Head(entries[-1].sequence, entries[-1].entry_hash)
        if len(rows) == self._step_entries:
            return None
        self._is_at_end = True
        return self._check_end(connection)

    def _check_end(self, connection: Connection) -> ChainBreak | None:
        head, last = read_head(connection), self._position
        if (head.sequence, head.entry_hash) != (last.sequence, last.entry_hash):
            problem = f"The ledger's head says entry {head.sequence}, but its last entry is {last.sequence}."
            return ChainBreak(last.sequence, ChainBreakKind.REMOVED, problem)
        known = self._verified
        if known.sequence and find_entry_hash(connection, known.sequence) != known.entry_hash:
            problem = (
                f"Entry {known.sequence} was removed or rewritten while this server ran: it isn't the one that an "
                "earlier verification found."
            )
            return ChainBreak(known.sequence, ChainBreakKind.EDITED, problem)
        return None

    def _find_copy_problem(self) -> str | None:
        """Compare the copies, and the memory of them, with the database."""
        began = self._copies.memory.read_began()
        try:
            heads = self._copies.memory.read_heads()
        except (OSError, ValueError) as error:
            return f"The memory of the ledger's copies can't be read: {error}."
        for name in CopyName:
            found = find_copy_problem(self._copies, name, heads.get(name), must_exist=name in began or name in heads)
            if found is not None:
                return found
        for known in self._copies.list_last_known():
            with reading(self._store) as connection:
                if find_entry_hash(connection, known.head.sequence) != known.head.entry_hash:
                    return (
                        f"Entry {known.head.sequence} isn't the one in the {known.source}: the ledger was cut, "
                        "rewritten or replaced."
                    )
        return None
