"""``rootkeeper plan``, ``rootkeeper apply`` and ``rootkeeper preflight``."""

from __future__ import annotations

import shlex
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated

from rootkeeper.access.rules import Permission
from rootkeeper.cli.changes import ChangeOptions
from rootkeeper.cli.invocation import Invocation, command, gives_findings
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import (
    DeletionChoices,
    PaceOptions,
    PlanFailOnOptions,
    SelectionOptions,
    WaveOptions,
    gate,
    parse_moment,
)
from rootkeeper.cli.output_files import out_option, require_output_file, write_output_file
from rootkeeper.cli.outputs import LIST_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.rendering.listings import render_timestamp
from rootkeeper.deletion.records import parse_plan, render_plan
from rootkeeper.deletion.rules import LONGEST_VALIDITY, require_failsafes_named
from rootkeeper.errors import InputError, PlanInvalidError
from rootkeeper.guardrails.rules import has_blocked
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.organization.selection import require_request
from rootkeeper.values import parse_duration

PLAN_FILE = "rootkeeper-plan.json"


def plan(
    invocation: Invocation,
    selection: SelectionOptions,
    choices: DeletionChoices,
    fail_on: PlanFailOnOptions,
    pace: PaceOptions,
    *,
    out: Annotated[Path, out_option("The file to write.")] = Path(PLAN_FILE),
    valid_for: Annotated[str | None, option("--valid-for LENGTH", "How long the plan is valid. Default: 24h.")] = None,
    not_before: Annotated[str | None, option("--not-before TIME", "The plan can't be applied earlier.")] = None,
    not_after: Annotated[str | None, option("--not-after TIME", "The plan can't be applied later.")] = None,
) -> int:
    """Write the plan of a deletion to a file.

    Reads the selected accounts and writes a file that rootkeeper apply follows exactly. The file has an author, a hash
    and an end of validity. The hash protects against accidents alone: a person who edits the file can compute a new
    hash. So rootkeeper apply checks the file's claims again, and a server applies only plans that it made.

    Changes: nothing in AWS; writes the file.

    AWS permissions: those of rootkeeper audit.

    Exit statuses: 0 the plan is written; 1 it is written, and has findings that --fail-on names; 2 wrong usage, or a
    named account can't be changed; 3 AWS or the ledger refused, or AWS can't be reached.
    """
    from rootkeeper.cli.commands.delete import show_planned

    output = invocation.choose_output(*LIST_OUTPUTS)
    findings = fail_on.to_set()
    request = selection.to_request()
    require_request(request)
    require_output_file(out)  # before AWS is read
    with open_operator(invocation, api_share=pace.api_share) as operator:
        now = operator.now()
        start, end = _read_validity(valid_for, not_before, not_after, now)
        options = choices.to_options(operator.recently_used_days, not_before=start, not_after=end)
        operator.warn_overdue()
        proposal = operator.plan_deletion(request, options)
    made = proposal.plan
    write_output_file(out, [render_plan(made)], is_private=True)
    show_planned(made, output, invocation.terminal, now)
    invocation.terminal.remark(
        f"Plan {made.plan_id} is in {out}. It is valid until {render_timestamp(made.not_after)}. "
        f"Next: rootkeeper apply {shlex.quote(str(out))}"
    )
    return gate(findings, proposal.has_findings)


def _read_validity(
    valid_for: str | None, not_before: str | None, not_after: str | None, now: datetime
) -> tuple[datetime | None, datetime | None]:
    if valid_for and not_after:
        raise InputError("--valid-for and --not-after both set the end of validity.", hint="Use one of them.")
    start = parse_moment(not_before, "--not-before", now, day_ends=False) if not_before else None
    if valid_for:
        length = parse_duration(
            valid_for, option="--valid-for", shortest=timedelta(minutes=1), longest=LONGEST_VALIDITY
        )
        return start, (start or now) + length
    return start, parse_moment(not_after, "--not-after", now, day_ends=True) if not_after else None


application = command(plan)


def apply(
    invocation: Invocation,
    waves: WaveOptions,
    pace: PaceOptions,
    change: ChangeOptions,
    *,
    file: Annotated[Path, argument("FILE", "A file that rootkeeper plan wrote.")],
    include_failsafe: Annotated[
        list[str] | None,
        option("--include-failsafe ID", "Name a delegated administrator of the plan again, to include it."),
    ] = None,
) -> int:
    """Apply a plan file exactly.

    Checks again all that the file claims: exceptions, recovery windows, the failsafe, recent use and its reasons, and
    the credentials. An account that changed since the plan, or that was used recently without a reason, isn't touched
    and counts as failed. The file's hash protects against accidents alone; through a server, the file must be a plan
    that the server made. A plan that was interrupted continues with rootkeeper jobs resume.

    Changes: as rootkeeper delete, in the accounts of the plan.

    AWS permissions: those of rootkeeper audit, and sts:AssumeRoot with the task policy IAMDeleteRootUserCredentials.

    Exit statuses: 0 everything planned is deleted, as a re-read shows; 1 the plan holds an account back because of
    recent use; 2 wrong usage, not confirmed, or the plan is unreadable, altered, expired, of another organization,
    already begun, or of a failsafe that isn't named; 3 AWS or the ledger refused, or AWS can't be reached; 4 a deletion
    failed or isn't proven, an account has changed or was used since, or the run stopped early; 130 interrupted.
    """
    from rootkeeper.cli.commands.delete import agree_and_delete
    from rootkeeper.cli.operator.interface import DeletionProposal

    output = invocation.choose_output(*LIST_OUTPUTS)
    try:
        plan = parse_plan(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"The plan {file} can't be read: {error.strerror}.", hint="Check the path.") from error
    except UnicodeDecodeError as error:
        raise PlanInvalidError(f"{file} isn't a plan: it isn't UTF-8 text.") from error
    rules = waves.to_rules()
    require_failsafes_named(plan, [parse_account_id(text) for text in include_failsafe or ()])
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.require_applicable(plan)
        confirmation = operator.begin_change(change, output, Permission.ROOT_CREDENTIALS_DELETE)
        return agree_and_delete(invocation, operator, DeletionProposal(plan), rules, change, confirmation)


apply_application = command(apply)


@gives_findings
def preflight(invocation: Invocation, selection: SelectionOptions, pace: PaceOptions) -> int:
    """Show which tasks SCPs and RCPs would block.

    Reads each service control policy and resource control policy with its attachments. Evaluates for every ACTIVE
    member account: the five task policies, a root user who signs in directly (RootUserSignIn), and AssumeRoot by a
    caller in a delegated administrator account. A verdict is allowed, blocked, depends (on a condition that isn't known
    beforehand) or unknown (something couldn't be read). For each block it names the policy and the statement, and shows
    the smallest change that fixes it. A denial of RootUserSignIn is shown as denied: AWS recommends it.

    Changes: nothing. Opens no root session.

    AWS permissions: organizations:DescribeOrganization, organizations:ListAccounts, organizations:ListRoots,
    organizations:ListOrganizationalUnitsForParent, organizations:ListAccountsForParent,
    organizations:ListDelegatedAdministrators, organizations:ListAWSServiceAccessForOrganization,
    organizations:ListPolicies, organizations:ListTargetsForPolicy, organizations:DescribePolicy,
    organizations:ListPoliciesForTarget (only faster, for a few accounts of a large organization),
    organizations:ListTagsForResource (only with --tag); iam:ListOrganizationsFeatures.

    Exit statuses: 0 nothing is blocked or unknown; 1 something is; 2 wrong usage; 3 AWS refused or can't be reached.
    """
    from rootkeeper.cli.rendering.listings import show_output
    from rootkeeper.cli.rendering.preflights import show_preflight
    from rootkeeper.findings.sources import list_preflight_findings

    output = invocation.choose_output_or_findings(
        OutputFormat.TABLE, OutputFormat.TREE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV
    )
    request = selection.to_request_or_everything()
    with open_operator(invocation, api_share=pace.api_share) as operator:
        operator.warn_overdue()
        report = operator.preflight(request)
    show_output(report, output, invocation.terminal, show_preflight, list_preflight_findings)
    return ExitStatus.BAD if has_blocked(report.rows) else ExitStatus.GOOD


preflight_application = command(preflight)
