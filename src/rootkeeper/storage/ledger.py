"""The ledger in the database: appends through the process's one writer, and settles what dead owners left open."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TypeVar

from rootkeeper.domain.ledger import (
    Action,
    Actor,
    Intent,
    JsonValue,
    LedgerEntry,
    Phase,
    Result,
    canonical_json,
    require_no_secrets,
)
from rootkeeper.domain.organizations import AccountId, Endpoint
from rootkeeper.errors import InputError, LedgerUnavailableError, LockLostError
from rootkeeper.ports.locks import AccountLock
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.group_commit import GroupCommit, PrefetchRequest
from rootkeeper.storage.ledger_reading import list_open_entries
from rootkeeper.storage.locks import require_lock_held
from rootkeeper.storage.owners import Owner, find_owner
from rootkeeper.storage.reading import reading
from rootkeeper.storage.transactions import Draft, WriteTransaction

T = TypeVar("T")


class SqlLedger:
    """Appends for one organization, endpoint and actor; implements the port Ledger."""

    def __init__(
        self, store: Store, commits: GroupCommit, organization_id: str, endpoint: Endpoint, actor: Actor, owner: Owner
    ) -> None:
        check_parameters({"organization_id": organization_id, "endpoint": endpoint.label, "actor": actor.name})
        if "\0" in organization_id + endpoint.label + actor.name:
            raise InputError("A name holds characters that can't be recorded.", hint="Use printable characters.")
        self._store = store
        self._commits = commits
        self._organization_id = organization_id
        self._endpoint = endpoint
        self._actor = actor
        self._owner = owner

    def append_intent(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
        lock: AccountLock | None = None,
    ) -> Intent:
        """See the port.

        :raises ValueError: if a parameter is named like a secret, or has no canonical form.
        """
        draft, clock = self._draft(action, account_id, parameters, Phase.INTENT), self._owner.clock

        def append(transaction: WriteTransaction) -> Intent:
            self._require_same_owner(draft)
            if lock is not None:
                require_lock_held(transaction, self._organization_id, lock)
            valid_until = self._owner.confirm_lease(transaction, must_have_lasted=lock is not None)
            entry = transaction.append(draft)
            return Intent(
                sequence=entry.sequence,
                action=action,
                account_id=account_id,
                valid_until=valid_until,
                parameters=entry.parameters,
                valid_until_at=clock.now() + timedelta(seconds=valid_until - clock.monotonic()),
            )

        needs = None if lock is None else PrefetchRequest(lock=(self._organization_id, lock.account_id))
        return self._run(append, needs)

    def append_outcome(
        self, intent: Intent, result: Result, details: Mapping[str, JsonValue] | None = None
    ) -> LedgerEntry:
        draft = self._draft(
            intent.action, intent.account_id, details, Phase.OUTCOME, intent_sequence=intent.sequence, result=result
        )

        def append(transaction: WriteTransaction) -> LedgerEntry:
            if not transaction.end_intent(intent.sequence):
                raise LockLostError(
                    f"Another process has settled intent {intent.sequence} already.",
                    hint="Look at what it recorded: rootkeeper ledger list",
                )
            return transaction.append(draft)

        return self._run(append, PrefetchRequest(ends_intent=intent.sequence))

    def append_fact(
        self,
        action: Action,
        *,
        account_id: AccountId | None = None,
        parameters: Mapping[str, JsonValue] | None = None,
    ) -> LedgerEntry:
        draft = self.draft_fact(action, account_id, parameters)
        return self._commits.run_ledger_work(lambda transaction: transaction.append(draft))

    def draft_fact(
        self, action: Action, account_id: AccountId | None, parameters: Mapping[str, JsonValue] | None
    ) -> Draft:
        """A fact for a transaction that does more than append it."""
        return self._draft(action, account_id, parameters, Phase.OUTCOME, result=Result.DONE)

    def list_orphans(self) -> tuple[LedgerEntry, ...]:
        """See the port. An owner that this database doesn't know isn't provably dead.

        :raises DatabaseError: if the database can't be read.
        """
        now = self._owner.clock.now()
        with reading(self._store) as connection:
            entries = list_open_entries(connection, self._organization_id)
            owner_ids = {entry.owner_id for entry in entries}
            records = {owner_id: find_owner(connection, owner_id) for owner_id in owner_ids}
        dead = {owner_id for owner_id, record in records.items() if record is not None and record.is_dead(now)}
        return tuple(entry for entry in entries if entry.owner_id in dead)

    def settle_orphan(self, entry: LedgerEntry, result: Result, details: Mapping[str, JsonValue]) -> bool:
        """See the port; ``False`` also if its owner turns out to be alive."""
        draft = self._draft(
            entry.action, entry.account_id, details, Phase.OUTCOME, intent_sequence=entry.sequence, result=result
        )

        def settle(transaction: WriteTransaction) -> bool:
            record = find_owner(transaction.connection, entry.owner_id)
            if record is None or not record.is_dead(self._owner.clock.now()):
                return False
            if not transaction.end_intent(entry.sequence):
                return False
            transaction.append(draft)
            return True

        return self._commits.run_ledger_work(settle)

    def _run(self, work: Callable[[WriteTransaction], T], needs: PrefetchRequest | None) -> T:
        """An intent that may be written without anybody knowing, or one whose outcome isn't, must be settled."""
        try:
            return self._commits.run_ledger_work(work, needs)
        except LedgerUnavailableError:
            self._owner.doubt()
            raise

    def _require_same_owner(self, draft: Draft) -> None:
        """:raises LockLostError: if this process has become another owner since the intent was drafted."""
        if draft.owner_id != self._owner.owner_id:
            raise LockLostError(
                "This process goes on as another owner, since the database was away meanwhile.", hint="Try it again."
            )

    def _draft(
        self,
        action: Action,
        account_id: AccountId | None,
        parameters: Mapping[str, JsonValue] | None,
        phase: Phase,
        intent_sequence: int | None = None,
        result: Result | None = None,
    ) -> Draft:
        return Draft(
            at=self._owner.clock.now(),
            organization_id=self._organization_id,
            endpoint=self._endpoint.label,
            actor=self._actor,
            action=action,
            account_id=account_id,
            parameters=check_parameters(parameters),
            phase=phase,
            owner_id=self._owner.owner_id,
            intent_sequence=intent_sequence,
            result=result,
        )


def check_parameters(parameters: Mapping[str, JsonValue] | None) -> Mapping[str, JsonValue]:
    """A copy that nobody changes any more, as it will be read back.

    :raises ValueError: if one is named like a secret, or has no canonical form.
    :raises InputError: if a text can't be encoded.
    """
    if not parameters:
        return {}
    require_no_secrets(parameters)
    try:
        return json.loads(canonical_json(parameters))  # type: ignore[no-any-return]  # an object, as a mapping went in
    except ValueError as error:
        if isinstance(error, UnicodeEncodeError) or isinstance(error.__cause__, UnicodeEncodeError):
            raise InputError("A text holds characters that can't be recorded.", hint="Use valid UTF-8.") from error
        raise
