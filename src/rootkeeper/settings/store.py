"""Settings that were changed in the console, in the database, so that every server and worker on it agrees.

Each process reads them when it needs a value. A change and its ledger entry share a transaction, the entry first: no
change holds that the ledger doesn't have, with the old and the new value.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlalchemy import Connection, bindparam, delete, insert, select

from rootkeeper.clock import Clock
from rootkeeper.database import schema
from rootkeeper.database.engines import glancing
from rootkeeper.database.schema import to_row
from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.store import SqlLedger
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.settings.edits import (
    EditableSetting,
    Edits,
    SettingEdit,
    apply_edits,
    parse_value,
    render_value,
    require_edit,
)
from rootkeeper.settings.sections import Settings
from rootkeeper.values import JsonValue

_columns = schema.changed_settings.c

_SELECT_ALL = select(schema.changed_settings).where(_columns.organization_id == bindparam("of_organization"))
"""Built once, because schedules are read each second."""


@dataclass(frozen=True, slots=True)
class SettingChange:
    """A change to make, and its description for the ledger."""

    name: EditableSetting
    edit: SettingEdit | None
    """``None``: the settings of the server hold again."""
    described: dict[str, JsonValue]


class SettingEditStore(OrganizationStore):
    """The changed settings of an organization.

    :raises DatabaseError: if the database can't be read or written.
    """

    def list_edits(self) -> tuple[SettingEdit, ...]:
        with glancing(self._store) as connection:
            return self._list(connection)

    def change(self, plan: Callable[[Edits], SettingChange], ledger: SqlLedger) -> None:
        """Make the change that ``plan`` returns for the settings as they are now.

        :raises LedgerUnavailableError: if the ledger can't be written; nothing was changed.
        """

        def work(transaction: WriteTransaction) -> None:
            connection = transaction.connection
            change = plan({edit.name: edit for edit in self._list(connection)})
            transaction.append(ledger.draft_fact(Action.SETTING_CHANGE, None, change.described))
            connection.execute(
                delete(schema.changed_settings).where(
                    _columns.organization_id == self._organization_id, _columns.name == change.name.value
                )
            )
            if change.edit is not None:
                row = {"organization_id": self._organization_id, **to_row(change.edit)}
                connection.execute(insert(schema.changed_settings).values(row))

        self._commits.run_ledger_work(work)

    def _list(self, connection: Connection) -> tuple[SettingEdit, ...]:
        rows = connection.execute(_SELECT_ALL, {"of_organization": self._organization_id})
        return tuple(
            SettingEdit(EditableSetting(row.name), row.value, row.reason, row.changed_by, row.changed_at)
            for row in rows
        )


@dataclass(frozen=True, slots=True)
class SettingEditor:
    """Changes settings in a person's name."""

    settings: Settings
    """Of file and environment."""
    edits: SettingEditStore
    ledger: SqlLedger
    clock: Clock
    actor_name: str

    def change(self, name: EditableSetting, value: JsonValue, previous: JsonValue, reason: str) -> None:
        """Change a setting, or let the settings of the server hold again if ``value`` is ``None``.

        :param previous: the value that the person saw; if another value holds meanwhile, nothing is changed.
        :raises InputError: if the value is invalid or passes a bound, the server's settings fix it, or it was changed.
        :raises SettingsError: if an entry of a list is invalid.
        :raises LedgerUnavailableError: if the ledger can't be written; nothing was changed.
        """

        def plan(edits: Edits) -> SettingChange:
            old = self._find_held(name, edits)
            if parse_value(name, old) != parse_value(name, previous):
                raise InputError(
                    f"The value was changed meanwhile, to {old}.", hint="Look at the value that holds now."
                )
            edit = None
            if value is not None:
                parsed = render_value(require_edit(self.settings, name, value, edits))
                edit = SettingEdit(name, parsed, reason, self.actor_name, self.clock.now())
            left = {other: kept for other, kept in edits.items() if other is not name}
            new = self._find_held(name, left if edit is None else {**left, name: edit})
            described: dict[str, JsonValue] = {"setting": name.value, "old": old, "new": new, "reason": reason}
            return SettingChange(name, edit, described)

        self.edits.change(plan, self.ledger)

    def _find_held(self, name: EditableSetting, edits: Edits) -> JsonValue:
        return render_value(name.find_value(apply_edits(self.settings, edits.values())))
