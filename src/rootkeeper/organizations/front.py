"""The front of a server of several organizations: its people, their sign-ins, and the processes of the organizations.

It has a database of its own, with users, sign-ins and a ledger of what was done to them, and nothing of any
organization. A user there has a role in an organization only if the organization's own database says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from rootkeeper.access.rules import Identity, IdentityKind, ServerRole
from rootkeeper.access.service import make_identity_id
from rootkeeper.clock import Clock
from rootkeeper.composition.application import Application
from rootkeeper.composition.serving import ActorUseCases, ServerRuntime, ServerWork
from rootkeeper.organization.accounts import Endpoint
from rootkeeper.organizations.administration import OrganizationAdministration, SettingsFileMonitor
from rootkeeper.organizations.processes import OrganizationProcesses
from rootkeeper.organizations.service import OrganizationService, has_database
from rootkeeper.settings.reading import load_front_settings
from rootkeeper.settings.sections import AwsRoleSettings, AwsSettings, Settings
from rootkeeper.worker.health import Readiness, ReadinessCheck
from rootkeeper.worker.loops import Loop

PEOPLE = "people"
"""In the front's database, the place of an organization's id, which always begins with ``o-``."""
_FILE_SECONDS = 1.0
_SETTLING_SECONDS = 30.0
_LONGEST_STOP_SECONDS = 9.5
"""After the request to stop, for the processes too, which are asked at the same time as the front."""


@contextmanager
def open_people(config: Path | None, warn: Callable[[str], None], label: str = "AWS") -> Iterator[Application]:
    """Open the database of the people of several organizations, on the server's machine.

    :param label: of the endpoint; a demo's is a sandbox.
    """
    with Application(load_front_settings(config), warn=warn) as application:
        application.use_organization(PEOPLE, Endpoint(label))
        yield application


def has_people(config: Path | None) -> bool:
    """Whether a front has served the settings file: then its people are there, also while one organization is left.

    :raises SettingsError: if a setting is unknown or out of range.
    :raises DatabaseError: if the database can't be read.
    """
    settings = load_front_settings(config)
    if not has_database(settings):
        return False
    with Application(settings, creates_database=False, needs_ledger=False) as application:
        return PEOPLE in application.database.list_organization_ids()


class _FrontWork(ServerWork):
    """The front's own work: it asks AWS nothing, closes no windows and has no jobs."""

    _server: FrontRuntime

    def require_settings(self) -> None:
        """Each organization's process checks its own."""

    def close_first(self, seconds: float) -> None:
        """There is nothing to close."""

    def list_loops(self) -> tuple[Loop, ...]:
        server, now = self._server, self._server.clock.now
        file = SettingsFileMonitor(server.organizations, server.processes, server.warn)
        return (
            Loop("settings file", _FILE_SECONDS, file.turn),
            Loop("organizations", _SETTLING_SECONDS, lambda: server.administer(server.act_as_server(None)).settle()),
            Loop("database", 1.0, self.database_monitor.turn, longest_pause_seconds=1.0),
            Loop("database pages", 1.0, self.database_monitor.turn_pages, longest_pause_seconds=1.0),
            Loop("notifications", 1.0, lambda: self.delivery_loop.tick(now()), longest_pause_seconds=1.0),
            Loop("ledger", 1.0, self.ledger_monitor.turn),
            Loop("connections", 1.0, self.connection_monitor.turn),
        )


class FrontRuntime(ServerRuntime):
    """The front. Its processes begin with it and end with it."""

    _work_kind = _FrontWork

    def __init__(
        self,
        settings: Settings,
        processes: OrganizationProcesses,
        organizations: OrganizationService,
        *,
        url: str,
        clock: Clock | None = None,
    ) -> None:
        # What the organizations share about AWS isn't the front's: it asks AWS nothing.
        own = replace(settings, aws=AwsSettings(), aws_roles=AwsRoleSettings())
        super().__init__(replace(own, server=replace(own.server, engine=False)), url=url, clock=clock)
        self.processes = processes
        self.organizations = organizations

    def administer(self, acting: ActorUseCases) -> OrganizationAdministration:
        """Return the administration of the organizations, in the name of ``acting``."""
        return OrganizationAdministration(self.organizations, self.processes, acting.ledger)

    def start(self) -> None:
        """Start the organizations' processes first: they have windows to close.

        :raises OSError: if there is no free port.
        """
        self.processes.start()
        super().start()

    def _find_organization_id(self) -> str:
        return PEOPLE

    def _list_aws_warnings(self) -> tuple[str, ...]:
        return ()

    def describe(self) -> str:
        return f"organizations {', '.join(self.processes.by_name)}"

    def readiness(self) -> Readiness:
        """Whether the front can sign people in, and each organization's process runs."""
        of_front = {"process", "database", "ledger", "notifications", "loops"}
        own = [check for check in super().readiness().checks if check.name in of_front]
        return Readiness((*own, self._check_processes()))

    def _check_processes(self) -> ReadinessCheck:
        """A single check, because its name is shown to anyone, and its explanation only on this machine."""
        faults = [f"{one.name}: {one.fault}" for one in self.processes.by_name.values() if one.fault is not None]
        return ReadinessCheck("organizations", not faults, " ".join(faults) or "Each organization's process runs.")

    def make_person(self, name: str) -> Identity:
        """Return a user who isn't added yet: without any right at the server but to sign in."""
        identity_id = make_identity_id(IdentityKind.USER)
        return Identity(identity_id, IdentityKind.USER, name, ServerRole.VIEWER, "", self.clock.now())

    def begin_stop(self) -> None:
        super().begin_stop()
        self.processes.begin_stop()

    def stop(self) -> bool:
        is_orderly = super().stop()
        killed = self.processes.stop(self._stop_began_at + _LONGEST_STOP_SECONDS - self.clock.monotonic())
        if killed:
            self.log.warning("stop.killed", f"Killed, and left to be taken up again: {', '.join(killed)}.")
        return is_orderly and not killed
