"""The append-only ledger: no privileged call without an intent on disk, exactly one outcome for each."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from rootkeeper.domain.ledger import Action, Intent, JsonValue, LedgerEntry, Result
from rootkeeper.domain.ledger_verification import LedgerVerification
from rootkeeper.domain.organizations import AccountId
from rootkeeper.ports.locks import AccountLock


class Ledger(Protocol):
    """Appends entries for one organization, endpoint and actor; safe to call from many threads.

    Every method that writes returns only when its entry is durable.

    :raises LedgerUnavailableError: if it can't be made durable; the privileged call must not leave.
    """

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,
    ) -> Intent:
        """Record what is about to be done.

        With ``lock``, the same transaction checks its fencing token.

        :raises LockLostError: if another owner has taken the lock since; nothing is recorded.
        """
        ...

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        """Record what came of it.

        :raises LockLostError: if another process has settled the intent already; there is never a second outcome.
        """
        ...

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        """Record something that needs no AWS call, as an outcome without an intent."""
        ...

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        """Intents of this organization without an outcome whose owner is provably dead, oldest first."""
        ...

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        """Give an orphan its one outcome, found by a re-read; ``False`` if somebody else has settled it."""
        ...


class LedgerReader(Protocol):
    """Reads the ledger; works without AWS."""

    def list_entries(
        self,
        *,
        since_sequence: int = 0,
        account_id: AccountId | None = None,
        limit: int | None = None,
    ) -> Iterator[LedgerEntry]:
        """Entries of every organization in this database, in order of their sequence, streamed."""
        ...

    def list_open_intents(self) -> tuple[LedgerEntry, ...]:
        """All intents without an outcome, of live and dead owners."""
        ...

    def verify(self) -> LedgerVerification:
        """Recompute the chain and compare it with mirror and anchor; nothing is written."""
        ...


@dataclass(frozen=True, slots=True)
class LedgerFilter:
    """Which entries are asked for; what is left out narrows nothing."""

    account_id: AccountId | None = None
    actor: str | None = None
    """Exactly that name."""
    actions: frozenset[Action] = frozenset()
    results: frozenset[Result] = frozenset()
    """Of outcomes; an intent has none."""


class LedgerSearch(LedgerReader, Protocol):
    """Also finds the latest entries, for people who look through them."""

    def list_latest(self, wanted: LedgerFilter, *, before: int | None = None, limit: int) -> tuple[LedgerEntry, ...]:
        """At most ``limit`` entries that fit, the newest first.

        :param before: only entries of a lower sequence.
        """
        ...
