"""The first ledger entry that doesn't fit, and what was probably done to it.

Only the chain is judged here; what mirror and anchor know is compared elsewhere. Entries come as a stream and are
looked at one ahead, so that a ledger of any length takes little memory.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from rootkeeper.domain.ledger import GENESIS_HASH, LedgerEntry, Phase, compute_entry_hash

_SEARCHED_DISTANCE = 500
"""How far from its place an entry's true sequence is looked for."""


class ChainBreakKind(StrEnum):
    """What was done to the ledger, as far as the chain shows."""

    EDITED = "edited"
    INSERTED = "inserted"
    REMOVED = "removed"
    REORDERED = "reordered"
    UNMATCHED = "unmatched"
    """An outcome without its intent, or a second one."""


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """The first entry that doesn't fit."""

    sequence: int
    kind: ChainBreakKind
    problem: str
    """One sentence for a person."""


class OpenIntents:
    """Intents seen so far that have no outcome yet."""

    def __init__(self) -> None:
        self._sequences: set[int] = set()

    def accept(self, entry: LedgerEntry) -> bool:
        """Take the next entry; ``False`` if it is an outcome whose intent isn't open."""
        if entry.phase is Phase.INTENT:
            self._sequences.add(entry.sequence)
            return True
        if entry.intent_sequence is None:
            return True
        if entry.intent_sequence not in self._sequences:
            return False
        self._sequences.remove(entry.intent_sequence)
        return True

    def sequences(self) -> frozenset[int]:
        return frozenset(self._sequences)


def find_first_chain_break(
    entries: Iterable[LedgerEntry], open_intents: OpenIntents | None = None, *, checks_outcomes: bool = True
) -> ChainBreak | None:
    """Follow the chain from its first entry; ``None`` if every entry fits.

    :param entries: from sequence 1 on, in the order in which they are kept.
    :param open_intents: left with the intents that have no outcome at the end.
    :param checks_outcomes: ``False`` for a part of a ledger, whose intents may stand elsewhere.
    """
    intents = OpenIntents() if open_intents is None else open_intents
    stream = iter(entries)
    accepted = _VerifiedEntries()
    entry = next(stream, None)
    while entry is not None:
        following = next(stream, None)
        if not accepted.is_continued_by(entry):
            return _make_chain_break(entry, accepted, following, stream)
        if checks_outcomes and not intents.accept(entry):
            return _unmatched(entry)
        accepted.add(entry)
        entry = following
    return None


class _VerifiedEntries:
    """The entries that fit, of which only the end is kept."""

    def __init__(self) -> None:
        self.expected_sequence = 1
        self.head_hash = GENESIS_HASH
        self._recent_hashes: deque[str] = deque(maxlen=_SEARCHED_DISTANCE)

    def is_continued_by(self, entry: LedgerEntry) -> bool:
        place = (entry.sequence, entry.previous_hash)
        return place == (self.expected_sequence, self.head_hash) and _is_hashed_as(entry, None)

    def add(self, entry: LedgerEntry) -> None:
        self.expected_sequence = entry.sequence + 1
        self.head_hash = entry.entry_hash
        self._recent_hashes.append(entry.entry_hash)

    def __contains__(self, entry: LedgerEntry) -> bool:
        return entry.entry_hash in self._recent_hashes


def _is_hashed_as(entry: LedgerEntry | None, sequence: int | None) -> bool:
    """Whether its hash is that of the entry, at its own or another place."""
    if entry is None:
        return False
    placed = entry if sequence is None else replace(entry, sequence=sequence)
    try:
        return compute_entry_hash(placed) == entry.entry_hash
    except ValueError:  # an edit made it something that has no canonical form
        return False


def _make_chain_break(
    entry: LedgerEntry, accepted: _VerifiedEntries, following: LedgerEntry | None, rest: Iterator[LedgerEntry]
) -> ChainBreak:
    expected = accepted.expected_sequence
    if entry.sequence != expected:
        return _misplaced(entry, expected, following, rest)
    if _is_hashed_as(entry, None):
        return _wrongly_linked(entry, following)
    true_sequence = _find_true_sequence(entry)
    if true_sequence is None:
        return _foreign(entry, accepted.head_hash, following)
    if true_sequence > expected:
        return _moved_up(expected, true_sequence, following)
    if entry in accepted:
        problem = f"Entry {expected} was inserted: it repeats entry {true_sequence}."
        return ChainBreak(expected, ChainBreakKind.INSERTED, problem)
    problem = f"Entry {true_sequence} was inserted: the one at {expected} was written as entry {true_sequence}."
    return ChainBreak(true_sequence, ChainBreakKind.INSERTED, problem)


def _misplaced(
    entry: LedgerEntry, expected: int, following: LedgerEntry | None, rest: Iterator[LedgerEntry]
) -> ChainBreak:
    if entry.sequence < expected:
        problem = f"Entry {entry.sequence} appears a second time, after entry {expected - 1}."
        return ChainBreak(entry.sequence, ChainBreakKind.INSERTED, problem)
    later = following is not None and following.sequence == expected
    if later or any(candidate.sequence == expected for candidate in rest):
        problem = f"Entries were reordered: entry {entry.sequence} stands where entry {expected} belongs."
        return ChainBreak(expected, ChainBreakKind.REORDERED, problem)
    last = entry.sequence - 1
    problem = f"Entry {expected} was removed." if last == expected else f"Entries {expected} to {last} were removed."
    return ChainBreak(expected, ChainBreakKind.REMOVED, problem)


def _wrongly_linked(entry: LedgerEntry, following: LedgerEntry | None) -> ChainBreak:
    """The entry is as it was hashed, but names another one before it."""
    suspect = entry.sequence
    if suspect > 1 and following is not None and following.previous_hash == entry.entry_hash:
        suspect -= 1
    return ChainBreak(
        suspect,
        ChainBreakKind.EDITED,
        f"Entry {suspect} was replaced: entry {entry.sequence} isn't chained to what stands before it.",
    )


def _foreign(entry: LedgerEntry, head_hash: str, following: LedgerEntry | None) -> ChainBreak:
    """Its content was never hashed so: it was edited, or put in where what follows belongs."""
    if following is not None and following.previous_hash == head_hash and _is_hashed_as(following, entry.sequence):
        problem = f"Entry {entry.sequence} was inserted: the one after it was written for its place."
        return ChainBreak(entry.sequence, ChainBreakKind.INSERTED, problem)
    problem = f"Entry {entry.sequence} was edited: its hash isn't that of its content."
    return ChainBreak(entry.sequence, ChainBreakKind.EDITED, problem)


def _moved_up(expected: int, true_sequence: int, following: LedgerEntry | None) -> ChainBreak:
    if following is None or _is_hashed_as(following, following.sequence + true_sequence - expected):
        problem = f"Entry {expected} was removed: what stands there was written as entry {true_sequence}."
        return ChainBreak(expected, ChainBreakKind.REMOVED, problem)
    problem = f"Entries were reordered: what stands at {expected} was written as entry {true_sequence}."
    return ChainBreak(expected, ChainBreakKind.REORDERED, problem)


def _find_true_sequence(entry: LedgerEntry) -> int | None:
    for distance in range(1, _SEARCHED_DISTANCE + 1):
        for sequence in (entry.sequence - distance, entry.sequence + distance):
            if sequence > 0 and _is_hashed_as(entry, sequence):
                return sequence
    return None


def _unmatched(entry: LedgerEntry) -> ChainBreak:
    return ChainBreak(
        entry.sequence,
        ChainBreakKind.UNMATCHED,
        f"Entry {entry.sequence} ends intent {entry.intent_sequence}, which isn't there or was ended before.",
    )
