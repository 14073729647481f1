"""A database that is older than its copies: refused, until a person records that it was restored."""

from __future__ import annotations

from rootkeeper.domain.ledger import Action, JsonValue, LedgerEntry, render_time
from rootkeeper.errors import LedgerOutdatedError
from rootkeeper.ports.ledger import Ledger
from rootkeeper.storage.anchor import AnchoredHead
from rootkeeper.storage.copying import LedgerCopies
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.ledger_reading import find_entry_hash
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import Head, read_head

_BUSY_SECONDS = 10.0


def require_not_outdated(store: Store, copies: LedgerCopies) -> None:
    """Compare the database with the last head that mirror and anchor know.

    :raises LedgerOutdatedError: if one of them knows a later head, or another entry in its place.
    :raises DatabaseError: if the database can't be read.
    """
    for name, known in copies.list_last_known():
        if not _has(store, known):
            raise LedgerOutdatedError(
                f"The ledger in {store.place} is not the one that its {name} knows: entry {known.sequence} is missing "
                "or another one. The database was restored, cut or replaced.",
                hint="Look at it with rootkeeper ledger verify. If it was restored on purpose, record that: "
                "rootkeeper ledger adopt",
            )


def adopt(store: Store, copies: LedgerCopies, ledger: Ledger) -> LedgerEntry | None:
    """Record that this database is the one to go on with, and begin its copies anew; the old mirror is set aside.

    :returns: the entry; ``None`` if there is nothing to adopt.
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
        _renew_copies(store, copies, entry, known)
        return entry


def _renew_copies(store: Store, copies: LedgerCopies, entry: LedgerEntry, known: dict[str, Head]) -> None:
    head = Head(entry.sequence, entry.entry_hash, entry.organization_id)
    if copies.anchor is not None:
        agreed = [old.head.sequence for old in copies.anchor.read_heads() if _has(store, old.head)]
        overruled = known.get("anchor") or known.get("mirror")
        copies.anchor.append(
            AnchoredHead(render_time(entry.at), head, agreed_sequence=max(agreed, default=0), adopted_over=overruled),
            _BUSY_SECONDS,
        )
    if copies.mirror is not None:
        copies.mirror.set_aside(f"before-{entry.sequence}-{entry.entry_hash[:8]}")
    copies.notify()


def _has(store: Store, head: Head) -> bool:
    with reading(store) as connection:
        return find_entry_hash(connection, head.sequence) == head.entry_hash


def _describe(head: Head) -> dict[str, JsonValue]:
    return {"sequence": head.sequence, "entry_hash": head.entry_hash}
