"""``rootkeeper organizations``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rootkeeper.audit.rules import AUDIT_EVENTS
from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.options import FailOnOptions, gate, parse_period
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.organizations.orders import OrganizationSort

if TYPE_CHECKING:
    from rootkeeper.organizations.rules import KnownOrganization
    from rootkeeper.organizations.service import OrganizationService

NameArgument = Annotated[str, argument("NAME", "The organization's name in the settings, such as shop.")]
OptionalNameArgument = Annotated[str | None, argument("NAME", "Only this organization, by its name or its id.")]


def add_organization(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Add an organization to the settings file.

    The credentials are those of --profile, or of the AWS CLI. AWS says whose organization they are of: the same one
    can't be added twice. Its id is written to the settings file beside profile and Region, and each later command
    refuses credentials of another organization. The organization gets a database of its own.

    Without --config, the file is settings.toml in the user's folder of configuration.

    Changes: nothing in AWS; adds a table to the settings file.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListDelegatedAdministrators, iam:ListOrganizationsFeatures. sts:GetCallerIdentity needs none.

    Exit statuses: 0 added; 2 wrong usage or settings, not confirmed, or the organization is there already; 3 AWS
    refused.
    """
    from rootkeeper.cli.hints import render_hint

    output = invocation.choose_output(*LIST_OUTPUTS)
    service, terminal = _open_service(invocation), invocation.terminal
    candidate = service.prepare(name, invocation.options.profile, invocation.options.region)
    setup = candidate.setup
    context = ChangeContext(setup.organization.organization_id, setup.caller.arn, setup.endpoint.label)
    for part in setup.missing:
        terminal.remark(f"Missing: {part.what}. Fix it: {render_hint(part.fix)}")
    for reason in setup.setup.unknown:
        terminal.remark(f"Unknown: {reason}")
    statement = f"The organization will be added to {service.path} as {name}."
    if not Confirmation(terminal, context, change, output).confirm([statement]):
        return ExitStatus.GOOD
    service.add(candidate)
    terminal.remark(f"Added organization {name}. Next: rootkeeper audit --organization {name}")
    return ExitStatus.GOOD


def list_organizations(
    invocation: Invocation,
    fail_on: FailOnOptions,
    *,
    sort: Annotated[
        OrganizationSort | None,
        option("--sort", "A name, or a number with the highest first. Default: most to do, failed closings above all."),
    ] = None,
) -> int:
    """Show all organizations of the settings file with their numbers; with --server, those in which you have a role.

    Root logins left to secure, unknown accounts, open recovery windows, failed closings, overdue reviews, failing
    controls, the trend and the last complete audit, from the database of each organization. Controls are those of the
    CIS AWS Foundations Benchmark 7.0, judged over the last 30 days. The trend is the change of root logins left since
    the audit about 30 days ago; a dash means that it isn't known. An organization that can't be read is shown as
    unknown with the reason.

    For --fail-on, "present" is a root login left, a failed closing or an overdue review; "unknown" is an account or an
    organization that wasn't read. Controls and the trend don't count.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 nothing is left that --fail-on names; 1 something is; 2 wrong usage or settings; 5 nothing is left
    of what was read, but accounts couldn't be read.
    """
    from rootkeeper.cli.rendering.organizations import show_organizations
    from rootkeeper.organizations.rules import has_findings

    output, findings = invocation.choose_output(*LIST_OUTPUTS), fail_on.to_set()
    if invocation.server_address is None:
        known = _open_service(invocation).list_known(order=sort)
    else:
        known = _list_of_server(invocation, sort)
    show_organizations(known, output, invocation.terminal)
    return gate(findings, lambda fail_on: has_findings(known, fail_on))


def show_organization(invocation: Invocation, fail_on: FailOnOptions, *, name: NameArgument) -> int:
    """Show an organization of the settings file: its id, credentials, database, own settings and numbers.

    For --fail-on as in `rootkeeper organizations list`.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 nothing is left that --fail-on names; 1 something is; 2 wrong usage or settings, or there is no
    such organization; 5 nothing is left of what was read, but accounts couldn't be read.
    """
    from rootkeeper.cli.rendering.organizations import show_organization_facts, show_organizations
    from rootkeeper.organizations.rules import has_findings

    output, findings = invocation.choose_output(*LIST_OUTPUTS), fail_on.to_set()
    known = _open_service(invocation).list_known(name)
    if output is OutputFormat.TABLE:
        show_organization_facts(known[0], invocation.terminal)
    else:
        show_organizations(known, output, invocation.terminal)
    return gate(findings, lambda fail_on: has_findings(known, fail_on))


def audit_organizations(
    invocation: Invocation,
    fail_on: FailOnOptions,
    *,
    details: Annotated[bool, option("--details", "Read each credential, with its age and last use.")] = False,
    refresh: Annotated[
        bool, option("--refresh", "First list all accounts and the names of their organizational units.")
    ] = False,
) -> int:
    """Audit all organizations of the settings file at the same time, and show their numbers.

    Each is audited as `rootkeeper audit` does it, with its own credentials, database and pace: a slow or throttled
    organization delays no other. If an audit fails, the others continue, and the organization shows the reason. Ctrl-C
    once stops all audits, and each leaves a job that rootkeeper jobs resume continues.

    For --fail-on as in `rootkeeper organizations list`; an audit that failed counts as "unread".

    Changes: nothing in AWS. {AUDIT_EVENTS} Events of root users can trigger alarms.

    AWS permissions: those of `rootkeeper audit`, in each organization.

    Exit statuses: 0 nothing is left that --fail-on names; 1 something is; 2 wrong usage or settings; 5 nothing is left
    of what was read, but an audit failed or accounts couldn't be read.
    """
    from rootkeeper.audit.rules import AuditRequest
    from rootkeeper.cli.rendering.organizations import show_organizations
    from rootkeeper.cli.terminal import StopRequests
    from rootkeeper.organizations.rules import has_findings

    output, findings = invocation.choose_output(*LIST_OUTPUTS), fail_on.to_set()
    service = _open_service(invocation)
    with StopRequests() as stop:
        known = service.audit(AuditRequest(details=details, refresh=refresh, fail_on=findings), stop)
    show_organizations(known, output, invocation.terminal)
    return gate(findings, lambda fail_on: has_findings(known, fail_on))


def report_organizations(
    invocation: Invocation,
    fail_on: FailOnOptions,
    *,
    folder: Annotated[Path, argument("FOLDER", "A new or empty folder for the files.")],
    start: Annotated[str, option("--from DATE", "Start of the period: 2026-01-01, or 90d before its end.")] = "90d",
    end: Annotated[str | None, option("--to DATE", "End of the period. Default: now.")] = None,
    framework: Annotated[
        list[str] | None,
        option("--framework ID", "Add the verdicts on a framework's controls, such as cis-7.0. Can be repeated."),
    ] = None,
) -> int:
    """Write an evidence package for each organization, and a summary of all, without calls to AWS.

    FOLDER gets NAME.zip for each organization, as `rootkeeper report --format package` writes it, and summary.html and
    summary.json with the numbers of `rootkeeper organizations list`, their sums and the packages' SHA-256. The summary
    names no account and no person. An organization that fails prevents no other: the summary has it without a package.

    For --fail-on as in `rootkeeper organizations list`; a package that couldn't be written counts as "unread".

    Changes: nothing; writes the files.

    AWS permissions: none.

    Exit statuses: 0 nothing is left that --fail-on names; 1 something is; 2 wrong usage or settings, or the folder
    can't be used; 5 nothing is left of what was read, but accounts couldn't be read or a package couldn't be written.
    """
    from datetime import UTC, datetime

    from rootkeeper.cli.output_files import prepare_output_folder, write_output_file
    from rootkeeper.cli.rendering.organizations import show_organization_reports
    from rootkeeper.controls.control_map import choose_frameworks
    from rootkeeper.evidence.rules import require_period
    from rootkeeper.organizations.reporting import write_reports
    from rootkeeper.organizations.rules import has_findings

    output, findings = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON), fail_on.to_set()
    period = require_period(parse_period(start, end, datetime.now(UTC), None).period)
    frameworks, service = choose_frameworks(framework or ()), _open_service(invocation)
    service.list_tables()
    prepare_output_folder(folder)
    reports = write_reports(
        service, period, frameworks, lambda name, parts: write_output_file(folder / name, parts, is_private=True)
    )
    show_organization_reports(reports, output, invocation.terminal)
    invocation.terminal.remark(f"The summary is in {folder / 'summary.html'}.")
    return gate(findings, lambda fail_on: has_findings(reports.known, fail_on))


def check_organizations(invocation: Invocation, fail_on: FailOnOptions, *, name: OptionalNameArgument = None) -> int:
    """Check each organization as `rootkeeper doctor` does, or one of them.

    The table has a line for each problem, and for each check that couldn't be made.

    For --fail-on, a problem counts as "present"; a check that couldn't be made counts as "unknown".

    Changes: nothing.

    AWS permissions: those of `rootkeeper doctor`.

    Exit statuses: 0 no findings; 1 findings that --fail-on names; 2 wrong usage or settings.
    """
    from rootkeeper.cli.rendering.organizations import show_organization_checks
    from rootkeeper.clock import SystemClock
    from rootkeeper.doctor.rules import has_findings
    from rootkeeper.doctor.service import Doctor

    output = invocation.choose_output(*LIST_OUTPUTS)
    findings, options = fail_on.to_set(), invocation.options
    checks = {
        known.name: tuple(Doctor(options.config, known.name, None, None, SystemClock()).run())
        for known in _open_service(invocation).list_tables(name)
    }
    show_organization_checks(checks, output, invocation.terminal)
    every = [check for found in checks.values() for check in found]
    return ExitStatus.BAD if has_findings(every, findings) else ExitStatus.GOOD


def remove_organization(invocation: Invocation, change: ChangeOptions, *, name: NameArgument) -> int:
    """Remove an organization from the settings file.

    Its database, ledger and evidence stay where they are. It is refused while a recovery window of the organization
    must still be closed, and while its database can't be read.

    Changes: nothing in AWS; removes the organization's table from the settings file.

    AWS permissions: none.

    Exit statuses: 0 removed; 2 wrong usage or settings, not confirmed, there is no such organization, or a recovery
    window must still be closed; 3 its database can't be read.
    """
    output = invocation.choose_output(*LIST_OUTPUTS)
    service, terminal = _open_service(invocation), invocation.terminal
    known = service.require_removable(name)
    statement = [
        f"Organization {known.name} ({known.organization_id}) will be removed from {service.path}.",
        f"Its database {known.database} stays.",
    ]
    if not Confirmation(terminal, None, change, output).confirm(statement):
        return ExitStatus.GOOD
    service.remove(known.name)
    terminal.remark(f"Removed organization {known.name}. Its database {known.database} stays.")
    return ExitStatus.GOOD


def _open_service(invocation: Invocation) -> OrganizationService:
    """:raises InputError: if a server is named: it has its own settings."""
    from rootkeeper.clock import SystemClock
    from rootkeeper.organizations.service import OrganizationService

    invocation.require_no_server()
    return OrganizationService(invocation.options.config, SystemClock(), invocation.terminal.remark)


def _list_of_server(invocation: Invocation, order: OrganizationSort | None) -> tuple[KnownOrganization, ...]:
    from rootkeeper.organizations.rules import KnownOrganization, sort_organizations
    from rootkeeper.shapes import parse_facts

    return sort_organizations(
        invocation.open_server().connection.read(
            lambda answer: [parse_facts(KnownOrganization, one) for one in answer["organizations"]],
            "overview/organizations",
        ),
        order,
    )


application = PanelGroup(help="Manage several organizations, each with credentials and a database of its own.")
add(application, add_organization, "add")
add(application, list_organizations, "list")
add(application, show_organization, "show")
add(application, audit_organizations, "audit", AUDIT_EVENTS=AUDIT_EVENTS)
add(application, check_organizations, "check")
add(application, remove_organization, "remove")
add(application, report_organizations, "report")
