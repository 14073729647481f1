"""Adds organizations to the settings file, removes them, and reads all of them.

Each organization has a database of its own, so nothing that reads one can reach another. An organization that can't be
read is shown as unknown, with the reason, and hides no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from rootkeeper.audit.rules import AuditRequest
from rootkeeper.audit.service import AuditInterrupted
from rootkeeper.aws.gateway import GatewayOptions, open_gateway
from rootkeeper.clock import Clock
from rootkeeper.composition.application import Application
from rootkeeper.controls.assessment import evaluate
from rootkeeper.controls.control_map import DEFAULT_FRAMEWORK, choose_frameworks
from rootkeeper.database.engines import Store, open_store
from rootkeeper.errors import Hint, InputError, RootkeeperError, WindowConflictError
from rootkeeper.evidence.rules import Period, end_second
from rootkeeper.findings.rules import Verdict
from rootkeeper.organization.progress import RemarkProgress, StopSignal
from rootkeeper.organization.statuses import count_root_logins_left
from rootkeeper.organization.threads import WorkerThreads
from rootkeeper.organizations.orders import OrganizationSort
from rootkeeper.organizations.rules import (
    KnownOrganization,
    OrganizationNumbers,
    count_organization,
    sort_organizations,
)
from rootkeeper.settings.organizations import (
    ORGANIZATIONS,
    OrganizationTable,
    add_table,
    find_table,
    remove_table,
    require_name,
    require_new,
)
from rootkeeper.settings.reading import find_settings_file, list_organizations, load_user_settings
from rootkeeper.settings.sections import Settings
from rootkeeper.setup.service import CallerRole, SetupReader, SetupReport
from rootkeeper.windows.rules import OWING_STATES

_AT_ONCE = 64
"""The most organizations that are audited at the same time."""
_LOOK_SECONDS = 60.0
_JUDGED = timedelta(days=30)
"""The period for which controls are judged: a list shows what is to do now, and must be quick."""


@dataclass(frozen=True, slots=True)
class OrganizationCandidate:
    """An organization that can be added."""

    name: str
    aws: dict[str, str | int]
    """Its settings of the section ``aws``."""
    setup: SetupReport


@dataclass(frozen=True, slots=True)
class _AuditProblem:
    """Why an audit has no result."""

    text: str
    hint: str | None


class OrganizationService:
    """The organizations of a settings file."""

    def __init__(self, config: Path | None, clock: Clock, warn: Callable[[str], None]) -> None:
        """:param config: ``None``: the user's own settings file."""
        self._config = config
        self._clock = clock
        self._warn = warn

    @property
    def path(self) -> Path:
        """The settings file, which may be missing."""
        return find_settings_file(self._config)

    def list_tables(self, name: str | None = None) -> tuple[OrganizationTable, ...]:
        """List the organizations of the settings file, or the one with that name or id.

        :raises SettingsError: if the settings file can't be read.
        :raises NotFoundError: if it doesn't have the organization.
        """
        tables = list_organizations(self._config)
        if name is None:
            return tables
        return (find_table(tables, name),)

    def list_known(
        self, name: str | None = None, order: OrganizationSort | None = None
    ) -> tuple[KnownOrganization, ...]:
        """Read all organizations, or one, from their databases; makes no AWS call.

        :param order: ``None``: those with most to do first.
        :raises SettingsError: if the settings file can't be read.
        :raises NotFoundError: if it doesn't have the organization.
        """
        return sort_organizations(map(self._describe, self.list_tables(name)), order)

    def load_settings(self, name: str) -> Settings:
        """:raises SettingsError: if a setting of the organization can't be used."""
        return load_user_settings(self._config, name)

    def _describe(self, table: OrganizationTable) -> KnownOrganization:
        settings: Settings | None = None
        numbers: OrganizationNumbers | None = None
        problem, hint, place = None, None, ""
        try:
            settings = self.load_settings(table.name)
            place = _find_place(settings)
            numbers = self._count(settings, table.organization_id)
        except RootkeeperError as error:
            problem, hint = error.message, error.hint
        if numbers is None and problem is None:
            problem, hint = "It was never audited.", Hint("Audit it first.", "organization.audit", name=table.name)
        profile, own = None, f"{ORGANIZATIONS}.{table.name}."
        if settings is not None:
            profile = settings.aws.profile or None
        sources = () if settings is None else settings.sources.values()
        own_settings = tuple(source.removeprefix(own) for source in sources if source.startswith(own))
        return KnownOrganization(
            table.name, table.organization_id, profile, place, numbers, problem, hint, tuple(sorted(own_settings))
        )

    def _count(self, settings: Settings, organization_id: str) -> OrganizationNumbers | None:
        """Return ``None`` if there is no database yet, or it has no audit."""
        if not has_database(settings):
            return None
        with self.open_database(settings) as application:
            if organization_id not in application.database.list_organization_ids():
                return None
            application.use_known_organization()
            application.organization_id = organization_id
            return count_numbers(application)

    def audit(self, request: AuditRequest, stop: StopSignal) -> tuple[KnownOrganization, ...]:
        """Audit all organizations at the same time, each with its own credentials, database and pace.

        An organization whose audit fails or hangs delays no other; its problem says why.

        :raises SettingsError: if the settings file can't be read.
        """
        tables = self.list_tables()
        if not tables:
            return ()
        problems: dict[str, _AuditProblem | None] = {}
        threads: WorkerThreads[tuple[str, _AuditProblem | None]] = WorkerThreads(
            min(len(tables), _AT_ONCE), "rootkeeper-audit"
        )
        for table in tables:
            threads.begin(partial(self._audit, table.name, request, stop))
        while len(problems) < len(tables):
            problems |= dict(threads.take_done(_LOOK_SECONDS))
        known = [self._describe(table) for table in tables]
        return sort_organizations(
            organization if found is None else replace(organization, problem=found.text, hint=found.hint)
            for organization in known
            for found in [problems[organization.name]]
        )

    def _audit(self, name: str, request: AuditRequest, stop: StopSignal) -> tuple[str, _AuditProblem | None]:
        """Return the organization's name and the problem of its audit; ``None`` if there was none."""
        progress = RemarkProgress(lambda text: self._warn(f"{name}: {text}"))
        try:
            with Application(self.load_settings(name), warn=progress.remark) as application:
                answer = application.audit.run(progress, request, stop=stop)
        except RootkeeperError as error:
            return name, _AuditProblem(f"The audit failed: {error.message}", error.hint)
        if isinstance(answer, AuditInterrupted):
            hint = Hint("Resume its job.", "organization.resume", job_id=answer.job_id, name=name)
            return name, _AuditProblem("The audit was interrupted.", hint)
        progress.remark(f"{count_root_logins_left(answer.accounts).headline}.")
        return name, None

    def prepare(
        self, name: str, profile: str | None, region: str | None, api_share: int | None = None
    ) -> OrganizationCandidate:
        """Read whose organization the credentials are of, and how it is set up. Changes nothing.

        :param api_share: the percentage of AWS's request rates; ``None``: that of the shared settings.
        :raises InputError: if the name can't be used, it or the organization is in the file already, or the caller
            can't use root access management.
        :raises SettingsError: if the settings file can't be read.
        :raises AwsError: if the caller or the organization can't be read.
        """
        require_name(name)
        given = {"profile": profile, "region": region, "api_share": api_share}
        aws = {setting: value for setting, value in given.items() if value is not None}
        found = SetupReader(open_gateway(GatewayOptions(profile=profile, region=region), self._clock)).read()
        organization_id = found.organization.organization_id
        require_new(self.path, list_organizations(self._config), name, organization_id)
        if found.caller_role not in {CallerRole.MANAGEMENT, CallerRole.DELEGATED_ADMINISTRATOR}:
            raise InputError(
                f"{found.caller.account_id} isn't the management account of {organization_id}, and isn't known as its "
                "delegated administrator for IAM.",
                hint=Hint("Use credentials of one of these accounts.", "audit.caller"),
            )
        return OrganizationCandidate(name, aws, found)

    def add(self, candidate: OrganizationCandidate) -> None:
        """Add the organization to the settings file.

        :raises InputError: if another program has added its name or the organization in the meantime, or its folder has
            the database of another organization.
        :raises SettingsError: if the file can't be written.
        """
        organization_id = candidate.setup.organization.organization_id
        add_table(self.path, candidate.name, organization_id, candidate.aws)
        try:
            settings = self.load_settings(candidate.name)
            if has_database(settings):
                with self.open_database(settings) as application:
                    _ = application.database
        except RootkeeperError:
            remove_table(self.path, candidate.name)
            raise

    def require_removable(self, name: str) -> KnownOrganization:
        """:raises NotFoundError: if the settings file doesn't have the organization.

        :raises WindowConflictError: if a recovery window of it must still be closed.
        :raises DatabaseError: if its database can't be read.
        """
        (known,) = self.list_known(name)
        settings = self.load_settings(known.name)
        if has_database(settings):
            with self.open_database(settings) as application:
                application.organization_id = known.organization_id
                windows = application.windows.list_windows(unfinished_only=True)
            owing = [window for window in windows if window.state in OWING_STATES]
            if owing:
                which = ", ".join(f"{window.window_id} of {window.account_id}" for window in owing)
                raise WindowConflictError(
                    f"Organization {known.name!r} has recovery windows that must still be closed: {which}.",
                    hint=Hint("Close them first.", "organization.close", name=known.name),
                )
        return known

    def remove(self, name: str) -> None:
        """Remove the organization from the settings file; its database and its ledger stay.

        :raises NotFoundError: if the file doesn't have it.
        :raises SettingsError: if the file can't be read or written.
        """
        remove_table(self.path, name)

    def open_database(self, settings: Settings) -> Application:
        """Open the organization's existing database, to read it without AWS."""
        return Application(settings, creates_database=False, needs_ledger=False, warn=self._warn)


def count_numbers(application: Application) -> OrganizationNumbers:
    """Count the numbers of the organization that the application acts for, from its database alone.

    :raises DatabaseError: if the database can't be read.
    """
    now, windows = application.clock.now(), application.windows
    return count_organization(
        application.list_stored_statuses(),
        windows.list_windows(unfinished_only=True),
        windows.list_reviews_due(now),
        application.history.list_audits(only_complete=True),
        _judge_controls(application, now),
        now,
    )


def _judge_controls(application: Application, now: datetime) -> list[Verdict] | None:
    """Judge the controls over the last 30 days; ``None`` if no accounts are listed."""
    end = end_second(now)
    period = Period(end - _JUDGED, end, application.settings.history.stale_after)
    inventory = application.inventory_store.find_last()
    if inventory is None or not inventory.accounts:
        return None
    report = application.evidence_compiler(application.organization_id).compile(period)
    controls = [control for framework in choose_frameworks([DEFAULT_FRAMEWORK]) for control in framework.controls]
    return [assessment.verdict for assessment in evaluate(report, controls)]


def _find_place(settings: Settings) -> str:
    """Return where the database is, without a password."""
    with _open_store(settings) as store:
        return store.place


def has_database(settings: Settings) -> bool:
    """Whether the database of these settings exists.

    :raises SettingsError: if its address can't be used.
    """
    with _open_store(settings) as store:
        return store.exists()


@contextmanager
def _open_store(settings: Settings) -> Iterator[Store]:
    """:raises SettingsError: if the address of the database can't be used."""
    store = open_store(settings.database.url)
    try:
        yield store
    finally:
        store.engine.dispose()
