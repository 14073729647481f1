"""The checks, how they are judged, and the checks as JSON. A check that couldn't be made is unknown, never good."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from rootkeeper.aws.rules import CredentialsLifetime, Lifetime
from rootkeeper.errors import Hint, RootkeeperError
from rootkeeper.maintenance.rules import DatabaseCheck, LedgerState, VersionState
from rootkeeper.organization.accounts import Caller, Organization
from rootkeeper.organization.statuses import FailOn
from rootkeeper.shapes import Answer, JsonRecord, record, record_of
from rootkeeper.values import render_duration, render_instant

CLOCK_TOLERANCE = timedelta(seconds=30)
"""More is reported. AWS refuses a difference of five minutes, and so does a recovery window."""


class CheckName(StrEnum):
    """What is checked, in the order in which it is shown."""

    INSTALLATION = "installation"
    SETTINGS = "settings"
    FOLDERS = "folders"
    CREDENTIALS = "credentials"
    CLOCK = "clock"
    REGION = "region"
    ENDPOINT = "endpoint"
    ORGANIZATION = "organization"
    PERMISSIONS = "permissions"
    DATABASE = "database"
    LEDGER = "ledger"
    SERVER = "server"


class CheckVerdict(StrEnum):
    """The result of one check."""

    GOOD = "good"
    PROBLEM = "problem"
    SKIPPED = "skipped"
    """It doesn't apply here."""
    UNKNOWN = "unknown"
    """It couldn't be checked."""


@dataclass(frozen=True, slots=True)
class Check:
    """A check and its result."""

    name: CheckName
    verdict: CheckVerdict
    # The finding, in one or two sentences.
    text: str
    fix: str | None = None
    """What to do; `null` if there is nothing to do."""
    part: str | None = None
    """Of permissions: the work that they are for."""


@record_of(Check, before={"part": "verdict"})
class CheckRecord(JsonRecord):
    """One check."""


@record
class DoctorDocument(Answer):
    """Whether this machine is ready to work."""

    checks: list[CheckRecord]


@record_of(Check, before={"part": "verdict"})
class OrganizationCheckRecord(JsonRecord):
    """One check of an organization of the settings file."""

    organization: str
    """Its name in the settings."""


@record
class OrganizationChecksDocument(Answer):
    """Whether this machine is ready to work with each organization of the settings file."""

    checks: list[OrganizationCheckRecord]


AFTER_CREDENTIALS = "Correct the problem with credentials, endpoint or Region first."


def judge_error(name: CheckName, error: RootkeeperError) -> Check:
    """Make a check of the error that it ended with."""
    return Check(name, CheckVerdict.PROBLEM, error.message, error.hint)


def make_unknown(name: CheckName, text: str, fix: str | None) -> Check:
    """Make a check that couldn't be made."""
    return Check(name, CheckVerdict.UNKNOWN, text, fix)


def make_unknown_after(name: CheckName) -> Check:
    """Make a check that is unknown, because an earlier check of AWS failed."""
    return make_unknown(name, "AWS can't be asked.", AFTER_CREDENTIALS)


def has_findings(checks: Iterable[Check], findings: frozenset[FailOn]) -> bool:
    """Whether a check has a result that makes the exit status bad: a problem counts as present."""
    found = {check.verdict for check in checks}
    is_bad = FailOn.PRESENT in findings and CheckVerdict.PROBLEM in found
    return is_bad or (FailOn.UNKNOWN in findings and CheckVerdict.UNKNOWN in found)


def check_installation(version: str, python: str, extras: Mapping[str, bool]) -> Check:
    """Name the installed parts; the command line alone is a good installation."""
    installed = [name for name, is_there in extras.items() if is_there]
    parts = f"with {', '.join(installed)}" if installed else "the command line alone"
    text = f"Rootkeeper {version} on Python {python}, {parts}."
    if not extras["fast"]:
        text += " Audits of thousands of accounts are faster with the extra fast."
    return Check(CheckName.INSTALLATION, CheckVerdict.GOOD, text)


def check_credentials(caller: Caller, lifetime: CredentialsLifetime) -> Check:
    """Judge the owner and the lifetime of the credentials."""
    if caller.arn.endswith(":root"):
        return Check(
            CheckName.CREDENTIALS,
            CheckVerdict.PROBLEM,
            f"These are credentials of the root user: {caller.arn}.",
            "Use an IAM role or user instead, and delete the root user's access key.",
        )
    until = "" if lifetime.usable_until is None else f" until {render_instant(lifetime.usable_until)}"
    texts = {
        Lifetime.RENEWED: "They renew themselves.",
        Lifetime.ENDING: f"They are valid{until}.",
        Lifetime.STATIC: "They are an access key, which never expires.",
        Lifetime.UNKNOWN: f"They are valid{until}; their end can't be read, because {lifetime.doubt}."
        if until
        else f"Their end can't be read, because {lifetime.doubt}.",
    }
    return Check(CheckName.CREDENTIALS, CheckVerdict.GOOD, f"{caller.arn}. {texts[lifetime.lifetime]}")


def check_clock(offset: timedelta | None) -> Check:
    """Judge how far this machine's clock is from AWS's.

    :param offset: positive if this machine is ahead; ``None`` if AWS's answer has no date.
    """
    if offset is None:
        text = "AWS's answer has no date, so the clock can't be compared."
        return Check(CheckName.CLOCK, CheckVerdict.UNKNOWN, text, "Compare the clock with another one.")
    if abs(offset) <= CLOCK_TOLERANCE:
        return Check(CheckName.CLOCK, CheckVerdict.GOOD, "This machine's clock agrees with AWS's.")
    side = "ahead of" if offset > timedelta() else "behind"
    return Check(
        CheckName.CLOCK,
        CheckVerdict.PROBLEM,
        f"This machine's clock is {render_duration(timedelta(seconds=int(abs(offset).total_seconds())))} {side} AWS's.",
        "Synchronize the clock with a time server (NTP).",
    )


def check_region(region: str, source: str, *, is_opt_in: bool) -> Check:
    """Judge the Region of STS: root sessions in an opt-in Region need it enabled in every account."""
    if not is_opt_in:
        return Check(CheckName.REGION, CheckVerdict.GOOD, f"{region}, {source}.")
    return Check(
        CheckName.REGION,
        CheckVerdict.UNKNOWN,
        f"{region}, {source}, is an opt-in Region. Root sessions in it need it enabled in every account.",
        Hint("Enable it in every account, or use another Region.", "doctor.region"),
    )


def check_organization(
    organization: Organization, caller: Caller, delegates: Collection[str] | None, why: str = ""
) -> Check:
    """Judge whether the caller's account can open root sessions in member accounts.

    :param delegates: the delegated administrators for IAM; ``None`` if they can't be read.
    :param why: why they can't be read.
    """
    place = f"Organization {organization.organization_id}"
    if caller.account_id == organization.management_account_id:
        return Check(CheckName.ORGANIZATION, CheckVerdict.GOOD, f"{place}; the caller is in the management account.")
    if delegates is None:
        return Check(
            CheckName.ORGANIZATION,
            CheckVerdict.UNKNOWN,
            f"{place}; whether account {caller.account_id} is a delegated administrator for IAM can't be read: {why}",
            "Use credentials of the management account or of a delegated administrator.",
        )
    if caller.account_id in delegates:
        text = f"{place}; the caller is in the delegated administrator {caller.account_id}."
        return Check(CheckName.ORGANIZATION, CheckVerdict.GOOD, text)
    return Check(
        CheckName.ORGANIZATION,
        CheckVerdict.PROBLEM,
        f"{place}; account {caller.account_id} is neither the management account nor a delegated administrator.",
        "Use credentials of one of them.",
    )


@dataclass(frozen=True, slots=True)
class WorkPermissions:
    """The permissions that a kind of work needs, and those denied in a simulation."""

    work: str
    needed: tuple[str, ...]
    """Actions, and ``sts:AssumeRoot (TASK)`` for each task."""
    denied: tuple[str, ...]
    own: frozenset[str]
    """The part of ``needed`` that only this work needs: a caller without any of it isn't meant for this work."""
    is_required: bool
    """Whether this principal must be able to do it, such as a role of a server."""


def check_permissions(found: WorkPermissions) -> Check:
    """Judge the simulated permissions of a kind of work."""
    work, denied = found.work, found.denied
    if not denied:
        text = f"To {work}: all {len(found.needed)} permissions are allowed, by simulation."
        return Check(CheckName.PERMISSIONS, CheckVerdict.GOOD, text, part=work)
    missing = f"{len(denied)} of {len(found.needed)} permissions are missing: {', '.join(denied)}."
    if not found.is_required and found.own and found.own <= set(denied):
        text = f"To {work}: this caller isn't meant for it. {missing}"
        return Check(CheckName.PERMISSIONS, CheckVerdict.SKIPPED, text, part=work)
    fix = Hint("Allow them. The shipped roles do.", "doctor.roles")
    return Check(CheckName.PERMISSIONS, CheckVerdict.PROBLEM, f"To {work}: {missing}", fix, part=work)


def find_region_source(option: str | None, setting: str | None, environment: Mapping[str, str]) -> str:
    """Find the source of the Region, as a clause.

    :param setting: the name of the setting or its variable, if it is set.
    """
    if option is not None:
        return "from the option"
    if setting is not None:
        return f"from {setting}"
    variable = next((name for name in ("AWS_REGION", "AWS_DEFAULT_REGION") if environment.get(name)), None)
    return f"from {variable}" if variable else "from the profile or by default"


def check_version(found: DatabaseCheck) -> Check:
    """Judge whether this program can work with the database."""
    versions = f"{found.place} has version {found.version}; this Rootkeeper needs {found.needed_version}."
    if found.state is VersionState.CURRENT:
        return Check(CheckName.DATABASE, CheckVerdict.GOOD, f"{found.place} has the current version {found.version}.")
    if found.state is VersionState.EMPTY:
        text = f"{found.place} is empty. The next command that works with it creates its tables."
        return Check(CheckName.DATABASE, CheckVerdict.GOOD, text)
    if found.state is VersionState.OUTDATED:
        fix: str = Hint("Upgrade the database.", "database.upgrade")
        return Check(CheckName.DATABASE, CheckVerdict.PROBLEM, versions, fix)
    if found.state is VersionState.NEWER:
        return Check(CheckName.DATABASE, CheckVerdict.PROBLEM, versions, "Install the newer Rootkeeper again.")
    text = f"{found.place} lacks tables or columns of version {found.version}: {', '.join(found.missing)}."
    return Check(CheckName.DATABASE, CheckVerdict.PROBLEM, text, "Restore a backup, or use a new database.")


def check_ledger(found: DatabaseCheck) -> Check:
    """Judge the ledger as it was verified."""
    ledger = found.ledger
    if ledger.state is LedgerState.INTACT:
        return Check(CheckName.LEDGER, CheckVerdict.GOOD, f"The chain of {ledger.entries:,} entries is intact.")
    if ledger.state is LedgerState.UNKNOWN:
        fix = "Correct the problem with the database first."
        return make_unknown(CheckName.LEDGER, str(ledger.problem), fix)
    fix = Hint("Verify the ledger.", "ledger.verify")
    return Check(CheckName.LEDGER, CheckVerdict.PROBLEM, str(ledger.problem), fix)
