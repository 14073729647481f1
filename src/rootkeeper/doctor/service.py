"""Makes all checks, in an order in which the first problem explains later problems. Nothing is changed.

A failed check ends no other check; checks that depend on it are unknown. The database and its ledger are only read:
nothing is created or migrated.
"""

from __future__ import annotations

import os
import platform
import shlex
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rootkeeper import __version__
from rootkeeper.delivery.targets import parse_configured_targets
from rootkeeper.doctor.permissions import PermissionChecks
from rootkeeper.doctor.rules import (
    AFTER_CREDENTIALS,
    Check,
    CheckName,
    CheckVerdict,
    check_clock,
    check_credentials,
    check_installation,
    check_ledger,
    check_organization,
    check_region,
    check_version,
    find_region_source,
    judge_error,
    make_unknown,
    make_unknown_after,
)
from rootkeeper.errors import AwsCredentialsError, AwsError, AwsUnreachableError, Hint, RootkeeperError
from rootkeeper.installation import EXTRAS, is_installed
from rootkeeper.organization.accounts import AccountState
from rootkeeper.settings.reading import load_user_settings
from rootkeeper.shipped_policies.rules import ShippedRole

if TYPE_CHECKING:
    from rootkeeper.aws.gateway import AwsGateway
    from rootkeeper.clock import Clock
    from rootkeeper.maintenance.rules import DatabaseCheck
    from rootkeeper.organization.accounts import Caller, Organization
    from rootkeeper.remote.server import RemoteServer
    from rootkeeper.settings.sections import Settings


class Doctor:
    """All checks of this machine."""

    def __init__(self, config: Path | None, profile: str | None, region: str | None, clock: Clock) -> None:
        self._config, self._profile, self._region, self._clock = config, profile, region, clock

    def run(self) -> Iterator[Check]:
        """Yield the checks as they are made."""
        yield check_own_installation()
        try:
            settings = load_user_settings(self._config)
        except RootkeeperError as error:
            yield judge_error(CheckName.SETTINGS, error)
            for name in (CheckName.FOLDERS, CheckName.CREDENTIALS, CheckName.DATABASE, CheckName.LEDGER):
                yield make_unknown(name, "The settings can't be used.", "Correct the settings first.")
            return
        source = "the defaults" if self._config is None else f"{self._config}"
        yield Check(CheckName.SETTINGS, CheckVerdict.GOOD, f"They are valid, from {source} and the environment.")
        yield _check_own_folders(settings)
        yield from self._check_aws(settings)
        yield from self._check_stored(settings)

    def _check_aws(self, settings: Settings) -> Iterator[Check]:
        from rootkeeper.acting import make_gateway_options
        from rootkeeper.aws.gateway import open_gateway

        try:
            gateway = open_gateway(make_gateway_options(settings, self._profile, self._region), self._clock)
        except RootkeeperError as error:
            is_region = isinstance(error.hint, Hint) and error.hint.code == "aws.region"
            wrong = CheckName.REGION if is_region else CheckName.CREDENTIALS
            for name in _AWS_CHECKS:
                yield judge_error(wrong, error) if name is wrong else make_unknown_after(name)
            return
        yield from AwsChecks(gateway, settings, self._region).run()

    def _check_stored(self, settings: Settings) -> Iterator[Check]:
        """Read the database and its ledger; profile and Region are for an anchor of the ledger in a bucket."""
        from rootkeeper.composition.application import Application
        from rootkeeper.database.engines import open_store
        from rootkeeper.maintenance.upgrading import check_database

        try:
            store = open_store(settings.database.url)
            store.engine.dispose()
            if not store.exists():
                text = f"There is no database {store.place} yet. The first audit or change creates it."
                yield Check(CheckName.DATABASE, CheckVerdict.SKIPPED, text)
                yield Check(CheckName.LEDGER, CheckVerdict.SKIPPED, "There is no ledger yet.")
                return
            with Application(settings, profile=self._profile, region=self._region) as application:
                found = check_database(application)
        except RootkeeperError as error:
            yield judge_error(CheckName.DATABASE, error)
            yield make_unknown(CheckName.LEDGER, "The database can't be read.", "Correct that first.")
            return
        yield self._check_database(found, settings.database.url)
        yield check_ledger(found)

    def _check_database(self, found: DatabaseCheck, url: str) -> Check:
        from rootkeeper.database.processes import find_running_server

        version = check_version(found)
        running = find_running_server(url)
        if running is None or version.verdict is not CheckVerdict.GOOD:
            return version
        text = f"{version.text} A server runs on it: {running.describe()}."
        silence = running.find_silence(self._clock)
        if silence is None:
            return Check(CheckName.DATABASE, CheckVerdict.GOOD, text)
        return Check(
            CheckName.DATABASE,
            CheckVerdict.PROBLEM,
            f"{text} Its lease ended {silence:.0f} seconds ago, and it closes no recovery window.",
            "End that process, and start the server again.",
        )


def _check_own_folders(settings: Settings) -> Check:
    from rootkeeper.database.files import list_wide_folders
    from rootkeeper.settings.reading import list_own_folders

    wide = [str(folder) for folder in list_wide_folders(list_own_folders(settings))]
    if not wide:
        return Check(CheckName.FOLDERS, CheckVerdict.GOOD, "Only you can open those of data, state and configuration.")
    text = f"Other users can open {', '.join(wide)}."
    return Check(CheckName.FOLDERS, CheckVerdict.PROBLEM, text, f"Run: chmod 700 {shlex.join(wide)}")


_AWS_CHECKS = (
    CheckName.CREDENTIALS,
    CheckName.CLOCK,
    CheckName.REGION,
    CheckName.ENDPOINT,
    CheckName.ORGANIZATION,
    CheckName.PERMISSIONS,
)


def check_own_installation() -> Check:
    """Check the installation on this machine."""
    return check_installation(__version__, platform.python_version(), {name: is_installed(name) for name in EXTRAS})


class AwsChecks:
    """The checks that ask AWS: only reads."""

    def __init__(self, gateway: AwsGateway, settings: Settings, region: str | None) -> None:
        self._gateway, self._settings, self._region = gateway, settings, region

    def run(self) -> Iterator[Check]:
        gateway = self._gateway
        failure: AwsError | None = None
        caller: Caller | None = None
        try:
            caller = gateway.read_caller()
            yield check_credentials(caller, gateway.find_credentials_lifetime())
        except AwsUnreachableError as error:
            failure = error
            yield make_unknown(
                CheckName.CREDENTIALS, "AWS can't be asked whose they are.", "Correct the endpoint first."
            )
        except AwsError as error:
            failure = error
            yield judge_error(CheckName.CREDENTIALS, error)
        try:
            yield check_clock(gateway.find_clock_offset())
        except AwsError as error:
            shown = error if failure is None else failure
            text = f"It can't be compared with AWS's: {shown.message}"
            yield make_unknown(CheckName.CLOCK, text, AFTER_CREDENTIALS)
        source = find_region_source(self._region, os.environ)
        yield check_region(gateway.region, source, is_opt_in=gateway.uses_opt_in_region)
        yield self._check_endpoint(failure)
        if caller is None:
            yield make_unknown_after(CheckName.ORGANIZATION)
            yield make_unknown_after(CheckName.PERMISSIONS)
        else:
            yield from self._check_organization(caller)

    def _check_endpoint(self, failure: AwsError | None) -> Check:
        label = self._gateway.endpoint.label
        if isinstance(failure, AwsUnreachableError):
            return judge_error(CheckName.ENDPOINT, failure)
        if isinstance(failure, AwsCredentialsError) and not failure.aws_code:
            return make_unknown(CheckName.ENDPOINT, f"{label}; no call was sent to it.", AFTER_CREDENTIALS)
        return Check(CheckName.ENDPOINT, CheckVerdict.GOOD, f"{label} answers.")

    def _check_organization(self, caller: Caller) -> Iterator[Check]:
        try:
            organization = self._gateway.read_organization()
        except AwsError as error:
            yield judge_error(CheckName.ORGANIZATION, error)
            yield make_unknown(CheckName.PERMISSIONS, "The organization can't be read.", "Correct that first.")
            return
        setup = self._gateway.read_setup()
        yield check_organization(organization, caller, setup.delegated_administrators, " ".join(setup.unknown))
        yield from self._check_permissions(caller, organization)

    def _check_permissions(self, caller: Caller, organization: Organization) -> Iterator[Check]:
        try:
            # Only the first pages of the list are read, until there is a member account.
            target_id = next(
                (
                    account.account_id
                    for page in self._gateway.list_account_pages()
                    for account in page
                    if account.account_id != organization.management_account_id and account.state is AccountState.ACTIVE
                ),
                None,
            )
        except AwsError as error:
            yield make_unknown(CheckName.PERMISSIONS, f"No member account can be listed: {error.message}", error.hint)
            return
        if target_id is None:
            text = "The organization has no active member account."
            yield Check(CheckName.PERMISSIONS, CheckVerdict.SKIPPED, text)
            return
        roles = self._settings.aws_roles
        given = {
            ShippedRole.AUDIT: roles.audit,
            ShippedRole.DELETE: roles.delete,
            ShippedRole.RECOVER: roles.recover,
            ShippedRole.REPORT: roles.report,
            ShippedRole.UNLOCK: roles.unlock,
        }
        yield from PermissionChecks(
            self._gateway,
            caller,
            target_id,
            caller.account_id == organization.management_account_id,
            {role: arn for role, arn in given.items() if arn},
            self._gateway.region,
            tuple(configured.target for configured in parse_configured_targets(self._settings.delivery.targets)),
        ).run()


def check_server(address: str | None, open_signed_in: Callable[[], RemoteServer]) -> Iterator[Check]:
    """Check that the server answers, is ready, and knows who asks.

    :param address: as it was given; ``None`` if no server is named.
    :param open_signed_in: opens that server with the token of the environment or of the last sign-in.
    """
    if address is None:
        text = "No server is named; commands work with AWS credentials of this machine."
        yield Check(CheckName.SERVER, CheckVerdict.SKIPPED, text)
        return
    from rootkeeper.remote.connections import Connection, parse_server_url

    try:
        url = parse_server_url(address)
        is_ready = Connection(url, None).is_ready()
    except RootkeeperError as error:
        yield judge_error(CheckName.SERVER, error)
        return
    if is_ready:
        yield Check(CheckName.SERVER, CheckVerdict.GOOD, f"{url} answers and is ready.")
    else:
        fix = f"Look at its log, and at {url}/readyz on its own machine."
        yield Check(CheckName.SERVER, CheckVerdict.PROBLEM, f"{url} answers, but isn't ready to work.", fix)
    try:
        member = open_signed_in().read_membership()
    except RootkeeperError as error:
        yield judge_error(CheckName.CREDENTIALS, error)
        return
    text = (
        f"You are {member.name} with the role {member.role.value} on the server of organization "
        f"{member.organization_id} ({member.endpoint.label})."
    )
    yield Check(CheckName.CREDENTIALS, CheckVerdict.GOOD, text)
    if member.version != __version__:
        text = f"The server has version {member.version}; this command line has {__version__}."
        yield Check(CheckName.INSTALLATION, CheckVerdict.PROBLEM, text, f"Install version {member.version}.")
