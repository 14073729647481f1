"""``rootkeeper controls``: they read the database or ask a server; an attestation is an entry of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import FailOnOptions, gate, parse_moment, parse_period
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OptionSet, OutputFormat, argument, option

if TYPE_CHECKING:
    from datetime import datetime

    from rootkeeper.cli.operator.interface import PeriodRequest

ControlArgument = Annotated[str, argument("CONTROL", "Framework and control, such as cis-7.0/2.7.")]


@dataclass(frozen=True, slots=True)
class PeriodOptions(OptionSet):
    """The period for which controls are judged."""

    start: Annotated[str, option("--from DATE", "Start of the period: 2026-01-01, or 90d before its end.")] = "90d"
    end: Annotated[str | None, option("--to DATE", "End of the period. Default: now.")] = None

    def to_request(self, now: datetime, organization_id: str | None) -> PeriodRequest:
        """:raises InputError: if a date isn't valid."""
        return parse_period(self.start, self.end, now, organization_id)


def frameworks(invocation: Invocation) -> int:
    """List the frameworks, and their controls that aren't judged.

    Changes: nothing. Reads neither AWS nor the database.

    AWS permissions: none.

    Exit statuses: 0 shown; 2 wrong usage.
    """
    from rootkeeper.cli.rendering.controls import show_frameworks

    show_frameworks(invocation.choose_output(*LIST_OUTPUTS), invocation.terminal)
    return ExitStatus.GOOD


def list_controls(
    invocation: Invocation,
    fail_on: FailOnOptions,
    period: PeriodOptions,
    *,
    framework: Annotated[list[str], option("--framework ID", "Such as cis-7.0. Can be repeated.")],
) -> int:
    """Judge the controls of frameworks at the end of a period, without calls to AWS.

    A control passes if a check that shows all of it passes. It fails if a check fails that shows all or a part of it,
    and is unknown if something wasn't read in the period. Everything else is Manual: a person must judge the facts, and
    can attest the result (rootkeeper controls attest). Each verdict names the checks, how much of the control they
    show, and where the mapping is from.

    For --fail-on, a failed control counts as "present"; an unknown or Manual control counts as "unknown".

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 every control passes or isn't applicable; 1 a verdict that --fail-on names; 2 wrong usage; 3 the
    database can't be read; 5 no such verdict, but the last attempt to read some accounts failed.
    """
    from rootkeeper.cli.rendering.controls import has_bad_controls, show_controls

    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    with open_operator(invocation, creates_database=False) as operator:
        record = operator.read_controls(framework, period.to_request(operator.now(), invocation.organization_id))
    show_controls(record, output, invocation.terminal)
    return gate(findings, lambda fail_on: has_bad_controls(record["controls"], record, fail_on))


def show(invocation: Invocation, fail_on: FailOnOptions, period: PeriodOptions, *, control: ControlArgument) -> int:
    """Judge one control, and show the accounts behind the verdict.

    Shows the text of the control, each check with its result and source, every account that fails, is unknown or needs
    a person's judgement, and the attestation in force. JSON has every account.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 the control passes or isn't applicable; 1 a verdict that --fail-on names; 2 wrong usage, or there
    is no such control; 3 the database can't be read; 5 no such verdict, but the last attempt to read some accounts
    failed.
    """
    from rootkeeper.cli.rendering.controls import has_bad_controls, show_control
    from rootkeeper.controls.control_map import get_control

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    findings, wanted = fail_on.to_set(), get_control(control)
    with open_operator(invocation, creates_database=False) as operator:
        record = operator.read_control(wanted, period.to_request(operator.now(), invocation.organization_id))
    show_control(record, output, invocation.terminal)
    return gate(findings, lambda fail_on: has_bad_controls([record["control"]], record, fail_on))


def attest(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    control: ControlArgument,
    owner: Annotated[str, option("--owner", "Who is responsible for it.")],
    reason: Annotated[str, option("--reason", "Why it is so.")],
    until: Annotated[str, option("--until DATE", "When it ends, such as 2026-12-31 or 90d; at most a year.")],
) -> int:
    """Attest a person's judgement of a control.

    The attestation counts only while the control's verdict is Manual, and then makes it Pass (attested). It overrules
    no failed and no unknown check, and doesn't cover later events, such as a later use of the root user. A later
    attestation of the control replaces it. Control cis-7.0/2.1.1 asks about accounts: see rootkeeper failsafe attest
    --claim purpose.

    The ledger records it with your name. Through a server that is the user or token that signed in; without a server it
    is self-asserted.

    Changes: nothing in AWS; adds an entry to the ledger.

    AWS permissions: organizations:DescribeOrganization; opens no root session.

    Exit statuses: 0 recorded; 2 wrong usage or not confirmed; 3 AWS, the server, the database or the ledger refused.
    """
    from rootkeeper.cli.rendering.controls import show_attestation
    from rootkeeper.controls.control_map import get_control
    from rootkeeper.controls.rules import draft_attestation
    from rootkeeper.ledger.rules import Actor, ActorKind

    output = invocation.choose_output(*LIST_OUTPUTS)
    wanted = get_control(control)
    with open_operator(invocation) as operator:
        now = operator.now()
        end = parse_moment(until, "--until", now, day_ends=True)
        # A dry run also refuses an attestation that can't be recorded.
        caller = Actor("", ActorKind.SELF_ASSERTED)
        drafted = draft_attestation(wanted, caller, now, owner=owner, reason=reason, until=end)
        confirmation = operator.begin_change(change, output, Permission.CONTROLS_ATTEST, changes_aws=False)
        statement = [
            f"Attest control {wanted.key}: {wanted.title}.",
            wanted.text,
            f"{drafted.owner} attests it until {end:%Y-%m-%d}: {drafted.reason}",
        ]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        record = operator.attest_control(wanted, owner=drafted.owner, reason=drafted.reason, until=end)
    show_attestation(record, output, invocation.terminal)
    return ExitStatus.GOOD


application = PanelGroup(help="Judge and attest controls of frameworks such as CIS and PCI DSS.")
add(application, frameworks)
add(application, list_controls, "list")
add(application, show)
add(application, attest)
