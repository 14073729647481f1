"""Adds organizations to a running server of several organizations, and removes them.

The settings file is the only place that says which organizations there are. The front's ledger says who changed it. An
organization that is added to the file in another way is served at the front's next look. One that is taken out of the
file in another way is served until the server restarts: only a removal here knows that no recovery window is open.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from rootkeeper.errors import InputError, RootkeeperError
from rootkeeper.ledger.rules import Action, Result
from rootkeeper.ledger.store import Ledger
from rootkeeper.organizations.processes import OrganizationProcesses
from rootkeeper.organizations.rules import KnownOrganization
from rootkeeper.organizations.service import OrganizationCandidate, OrganizationService
from rootkeeper.values import JsonValue

_ACTIONS = frozenset({Action.ORGANIZATION_ADD, Action.ORGANIZATION_REMOVE})
_END_SECONDS = 10.0
"""How long a process that was asked to end may take."""


@dataclass(frozen=True, slots=True)
class OrganizationAdministration:
    """Changes the organizations of a server in a person's name."""

    service: OrganizationService
    processes: OrganizationProcesses
    ledger: Ledger

    def add(self, candidate: OrganizationCandidate) -> None:
        """Add the organization to the settings file, and start its process.

        :raises InputError: if its name or the organization is there already, or its folder has another database.
        :raises SettingsError: if the settings file can't be written.
        :raises LedgerUnavailableError: if the front's ledger can't be written; nothing was changed.
        :raises OSError: if there is no free port.
        """
        organization_id = candidate.setup.organization.organization_id
        facts: dict[str, JsonValue] = {
            "name": candidate.name,
            "added_id": organization_id,
            "settings": {**candidate.aws},
        }
        with self.processes.file_lock, self._recording(Action.ORGANIZATION_ADD, facts):
            self.service.add(candidate)
        self.processes.put(candidate.name, organization_id)

    def remove(self, name: str) -> KnownOrganization:
        """End the organization's process, and remove it from the settings file. Its database and its ledger stay.

        :raises NotFoundError: if the settings file doesn't have it.
        :raises InputError: if it is the only one.
        :raises WindowConflictError: if a recovery window of it must still be closed; the process runs again.
        :raises DatabaseError: if its database can't be read.
        :raises SettingsError: if the settings file can't be written.
        :raises LedgerUnavailableError: if the front's ledger can't be written; nothing was changed.
        """
        with self.processes.file_lock:
            known = self.service.require_removable(name)
            if len(self.service.list_tables()) == 1:
                raise InputError(
                    f"{known.name} is the only organization of this server.",
                    hint="Add another one first, or end the server and remove it on the server's machine.",
                )
            facts = {"name": known.name, "removed_id": known.organization_id}
            with self._recording(Action.ORGANIZATION_REMOVE, facts):
                self.processes.take(known.name, _END_SECONDS)
                try:
                    self.service.require_removable(known.name)  # again: nothing can open a window now
                    self.service.remove(known.name)
                except RootkeeperError:
                    self.processes.put(known.name, known.organization_id)
                    raise
        return known

    @contextmanager
    def _recording(self, action: Action, parameters: Mapping[str, JsonValue]) -> Iterator[None]:
        intent = self.ledger.append_intent(action, parameters=parameters)
        try:
            yield
        except RootkeeperError as error:
            self.ledger.append_outcome(intent, Result.FAILED, {"error": error.code})
            raise
        self.ledger.append_outcome(intent, Result.DONE)

    def settle(self) -> None:
        """Settle intents of a front that died: the settings file shows whether the change was made.

        :raises SettingsError: if the settings file can't be read.
        """
        orphans = [entry for entry in self.ledger.list_orphans() if entry.action in _ACTIONS]
        names = {table.name for table in self.service.list_tables()} if orphans else set()
        for entry in orphans:
            is_done = (entry.parameters["name"] in names) is (entry.action is Action.ORGANIZATION_ADD)
            self.ledger.settle_orphan(entry, Result.DONE if is_done else Result.FAILED, {})


@dataclass(slots=True)
class SettingsFileMonitor:
    """Starts the processes of organizations that another program adds to the settings file."""

    service: OrganizationService
    processes: OrganizationProcesses
    warn: Callable[[str], None]
    _seen: tuple[int, int, int] | None = None
    _warned: set[str] = field(default_factory=set)

    def turn(self) -> None:
        """Look whether the file has changed.

        :raises SettingsError: if it can't be read; the organizations stay as they are.
        """
        with self.processes.file_lock:
            self._follow()

    def _follow(self) -> None:
        try:
            found = self.service.path.stat()
        except FileNotFoundError:
            return
        version = found.st_mtime_ns, found.st_size, found.st_ino
        if version == self._seen:
            return
        tables = {table.name: table.organization_id for table in self.service.list_tables()}
        for name, organization_id in tables.items():
            self.processes.put(name, organization_id)
        for name in self.processes.by_name.keys() - tables.keys() - self._warned:
            self._warned.add(name)
            self.warn(f"{self.service.path} has no organization {name} any more. It is served until the server ends.")
        self._seen = version
