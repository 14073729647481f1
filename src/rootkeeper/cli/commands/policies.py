"""``rootkeeper policies``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.cli.changes import warn_overdue
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.output_files import out_option, require_output_file, write_output_file
from rootkeeper.cli.outputs import ExitStatus, OptionSet, OutputFormat, option
from rootkeeper.cli.terminal import read_text_file
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.references import require_bucket_place
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.documents import render_document
from rootkeeper.shipped_policies.rules import (
    DEFAULT_CAP,
    SERVER_ROLES,
    GuardrailKind,
    ShippedRole,
    get_command,
    make_permission_policy,
)

if TYPE_CHECKING:
    from rootkeeper.shipped_policies.bundle import PolicyBundle

_narrowing = partial(option, panel="To fit the organization")


@dataclass(frozen=True, slots=True)
class PolicyOptions(OptionSet):
    """Options for facts that can't be read from the organization, or that narrow the policies; for every ``policies``
    command.
    """

    trusted_principal: Annotated[
        list[str] | None,
        _narrowing(
            "--trusted-principal ARN|ID",
            "Who can assume the roles: a user or account (with MFA), a role, or a pattern of roles. Default: "
            "your permission set if you come from IAM Identity Center, else the account of the roles.",
        ),
    ] = None
    server_role_arn: Annotated[
        str | None,
        _narrowing(
            "--server-role-arn ARN", "The role of a Rootkeeper server; it can assume the roles only in a person's name."
        ),
    ] = None
    account: Annotated[
        list[str] | None,
        _narrowing("--account ID", "Allow root sessions only on these accounts. Default: every member account."),
    ] = None
    role_account: Annotated[
        str | None,
        _narrowing(
            "--role-account ID",
            "The account of the roles. Default: the delegated administrator, or the management account.",
        ),
    ] = None
    failsafe: Annotated[
        list[str] | None,
        _narrowing("--failsafe ID", "Exempt this account's root login. Default: the delegated administrators."),
    ] = None
    known_role: Annotated[
        list[str] | None, _narrowing("--known-role ARN", "Another role that opens root sessions on purpose.")
    ] = None
    allow_task: Annotated[
        list[TaskPolicy] | None,
        _narrowing(
            "--allow-task",
            "A task of the delegated administrator. Default: audit, create and delete, as the failsafe needs.",
        ),
    ] = None
    report_bucket: Annotated[
        str | None,
        _narrowing(
            "--report-bucket s3://BUCKET/PREFIX",
            "Let the role report put reports there. Default: it sends to Security Hub alone.",
        ),
    ] = None

    def to_inputs(self) -> PolicyInputs:
        """:raises InputError: if an account id is invalid, or the bucket's address can't be used."""
        return PolicyInputs(
            role_account_id=None if self.role_account is None else parse_account_id(self.role_account),
            trusted_principals=tuple(self.trusted_principal or ()),
            server_role=self.server_role_arn,
            target_ids=tuple(parse_account_id(text) for text in self.account or ()),
            failsafe_ids=tuple(parse_account_id(text) for text in self.failsafe or ()),
            known_roles=tuple(self.known_role or ()),
            cap=tuple(self.allow_task or DEFAULT_CAP),
            report_place=None if self.report_bucket is None else require_bucket_place(self.report_bucket),
        )


_OUTPUTS = (OutputFormat.JSON, OutputFormat.TABLE, OutputFormat.JSONL)


class RoleDocument(StrEnum):
    """One of a role's two policies."""

    PERMISSIONS = "permissions"
    TRUST = "trust"


class TemplateFormat(StrEnum):
    """The format of a template."""

    YAML = "yaml"
    JSON = "json"


OutOption = Annotated[Path | None, out_option("The file to write. Default: stdout.")]


def show_roles(
    invocation: Invocation,
    inputs: PolicyOptions,
    *,
    role: Annotated[
        list[ShippedRole] | None, option("--role", "Only this role. Default: the five roles of a server.")
    ] = None,
    command: Annotated[
        str | None, option("--command COMMAND", "Print the permissions of one command, such as 'windows close'.")
    ] = None,
    document: Annotated[
        RoleDocument | None, option("--document", "Print one policy of one --role in the form that the AWS CLI takes.")
    ] = None,
) -> int:
    """Show the IAM roles of Rootkeeper, each with the least permissions that its commands need.

    Four roles (audit, delete, recover, unlock) are limited to their tasks by sts:TaskPolicyArn and to their target
    accounts. The role report opens no root session: it sends reports to Security Hub of its own account, and to the
    bucket that --report-bucket names. All five are limited to people under their own name or a server that names the
    person by SourceIdentity. The remarks name limits that AWS can't enforce. None of the five can create or delete root
    user credentials of the failsafe, unless --account names it. The sixth role, set-up, can; it is for people in the
    management account. To use no role, copy the permission policy to a user or a permission set.

    Changes: nothing.

    AWS permissions: those of rootkeeper status for the set-up, and organizations:ListRoots.

    Exit statuses: 0 shown; 2 wrong usage, or AWS wouldn't accept such a policy; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.policies import show_roles
    from rootkeeper.shipped_policies.bundle import make_targets

    output = invocation.choose_output(*_OUTPUTS)
    wanted = tuple(role or SERVER_ROLES)
    if command is not None and (role or document):
        raise InputError("--command excludes --role and --document.", hint="Use --command alone.")
    if document is not None and len(role or ()) != 1:
        raise InputError("--document prints one policy of one role.", hint="Add one --role.")
    bundle = _make_bundle(invocation, inputs)
    if command is not None:
        targets = make_targets(bundle.ground, inputs.to_inputs())
        invocation.terminal.write(render_document(make_permission_policy([get_command(command)], targets)))
    elif document is not None:
        chosen = bundle.get_role(wanted[0])
        policy = chosen.trust_policy if document is RoleDocument.TRUST else chosen.permission_policy
        invocation.terminal.write(render_document(policy))
    else:
        show_roles(bundle, [bundle.get_role(wanted_role) for wanted_role in wanted], output, invocation.terminal)
    return ExitStatus.GOOD


def show_scp(
    invocation: Invocation,
    inputs: PolicyOptions,
    *,
    policy: Annotated[
        GuardrailKind | None, option("--policy", "Print one policy in the form that the AWS CLI takes.")
    ] = None,
) -> int:
    """Show service control policies that keep root closed.

    deny-long-term-root denies everything to signed-in root users and root access keys. It exempts root sessions, the
    failsafe, and accounts with an open recovery window. cap-delegated-administrator limits the delegated administrator
    to root sessions for the agreed tasks. Attach the first policy to one test unit and run rootkeeper preflight before
    you attach it anywhere else. If service control policies aren't enabled in the organization, a remark says so.

    Changes: nothing; you attach the policies.

    AWS permissions: those of rootkeeper status for the set-up, and organizations:ListRoots.

    Exit statuses: 0 shown; 2 wrong usage, AWS wouldn't accept such a policy, or the failsafe isn't known; 3 AWS or the
    database refused.
    """
    from rootkeeper.cli.rendering.policies import show_guardrails

    output = invocation.choose_output(*_OUTPUTS)
    bundle = _make_bundle(invocation, inputs)
    if policy is not None:
        invocation.terminal.write(render_document(bundle.get_guardrail(policy).content))
    else:
        show_guardrails(bundle, bundle.guardrails, output, invocation.terminal)
    return ExitStatus.GOOD


def show_alarms(
    invocation: Invocation,
    inputs: PolicyOptions,
    *,
    evaluator: Annotated[
        Path | None, option("--judge FILE", "Match CloudTrail records with the ledger; - is stdin.")
    ] = None,
) -> int:
    """Show alarms for long-term root use and for root sessions that aren't yours.

    Each alarm has a CloudWatch metric filter and an EventBridge pattern. Two can alert at once. The other two also
    match Rootkeeper's own root sessions, because no pattern knows the ledger: match their records with --judge. A
    record is exempted only for a known role and if a ledger entry names the access key id of the session. A rule sees
    only its own account and Region: the output lists the events not covered, and how many records of which period and
    Regions were judged.

    Changes: nothing.

    AWS permissions: those of rootkeeper status for the set-up, and organizations:ListRoots.

    Exit statuses: 0 shown, or every judged record is ours; 1 a record isn't, or no record could be judged; 2 wrong
    usage, or the file isn't one of records; 3 AWS or the database refused.
    """
    from rootkeeper.aws.cloudtrail import parse_records
    from rootkeeper.cli.rendering.policies import show_alarms, show_classified
    from rootkeeper.watching.rules import measure_coverage
    from rootkeeper.watching.service import ClassifiedRecord, RootEventClassifier

    output = invocation.choose_output(*_OUTPUTS)
    records = () if evaluator is None else parse_records(read_text_file(evaluator), str(evaluator))
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        bundle = application.policy_bundle_builder.make(inputs.to_inputs())
        evaluated: tuple[ClassifiedRecord, ...] = ()
        if evaluator is not None:
            own = application.organization_id, application.endpoint
            classifier = RootEventClassifier(application.ledger_reader, *own)
            evaluated = classifier.evaluate(records, bundle.known_role_arns)
    _remark(bundle, invocation)
    if evaluator is None:
        show_alarms(bundle, output, invocation.terminal)
        return ExitStatus.GOOD
    coverage = measure_coverage(records, [evaluation.record for evaluation in evaluated])
    show_classified(bundle, evaluated, coverage, output, invocation.terminal)
    is_good = coverage.judged > 0 and all(evaluation.event.is_exempt for evaluation in evaluated)
    return ExitStatus.GOOD if is_good else ExitStatus.BAD


def write_cloudformation(
    invocation: Invocation,
    inputs: PolicyOptions,
    *,
    template_format: Annotated[TemplateFormat, option("--format", "The format of the template.")] = TemplateFormat.YAML,
    out: OutOption = None,
) -> int:
    """Write a CloudFormation template of the roles, the guardrails and the alarms.

    One template serves every account and Region: conditions select the resources for each. Its first lines have the
    order of the stacks, and the events not covered. Rules in every Region forward to one topic and one queue, which are
    in the template. Guardrails are created only where service control policies are enabled, and attached only to
    targets that a parameter names. CloudFormation can't enable root access management; rootkeeper enable can.

    Changes: nothing; writes the file.

    AWS permissions: those of rootkeeper status for the set-up, and organizations:ListRoots.

    Exit statuses: 0 written; 2 wrong usage, or the file can't be written; 3 AWS or the database refused.
    """
    from rootkeeper.shipped_policies.infrastructure_code import render_cloudformation_json, render_cloudformation_yaml

    _refuse_output(invocation, "Use --format yaml or --format json.")
    is_json = template_format is TemplateFormat.JSON
    _write(invocation, inputs, render_cloudformation_json if is_json else render_cloudformation_yaml, out)
    return ExitStatus.GOOD


def write_terraform(invocation: Invocation, inputs: PolicyOptions, *, out: OutOption = None) -> int:
    """Write Terraform code of the set-up, the roles, the guardrails and the alarms.

    Variables control the features and the delegated administrator, so that the code takes over nothing that another
    configuration manages. Comments show how to import existing resources, and how to turn on trusted access, which the
    code doesn't manage. The variables management_profile, roles_profile and trail_profile name the AWS profiles that
    Terraform uses.

    Changes: nothing; writes the file.

    AWS permissions: those of rootkeeper status for the set-up, and organizations:ListRoots.

    Exit statuses: 0 written; 2 wrong usage, or the file can't be written; 3 AWS or the database refused.
    """
    from rootkeeper.shipped_policies.infrastructure_code import render_terraform

    _refuse_output(invocation, "Leave it out: the command writes HCL.")
    bundle = _write(invocation, inputs, render_terraform, out)
    management_account_id = bundle.ground.organization.management_account_id
    invocation.terminal.remark(
        f"Terraform takes AWS profiles: management_profile (account {management_account_id}), roles_profile (account"
        f" {bundle.role_account_id}) and trail_profile (the account with the trail's log group), each by default the"
        " credentials of the environment."
    )
    return ExitStatus.GOOD


def _refuse_output(invocation: Invocation, hint: str) -> None:
    if invocation.options.output is not None:
        raise InputError("This command has no -o/--output.", hint=hint)


def _write(
    invocation: Invocation, inputs: PolicyOptions, render: Callable[[PolicyBundle], str], out: Path | None
) -> PolicyBundle:
    require_output_file(out)
    bundle = _make_bundle(invocation, inputs)
    text = render(bundle)
    if out is None:
        invocation.terminal.write(text)
    else:
        write_output_file(out, [text])
        invocation.terminal.remark(f"Written to {out}.")
    return bundle


def _make_bundle(invocation: Invocation, inputs: PolicyOptions) -> PolicyBundle:
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        bundle = application.policy_bundle_builder.make(inputs.to_inputs())
    _remark(bundle, invocation)
    return bundle


def _remark(bundle: PolicyBundle, invocation: Invocation) -> None:
    for remark in bundle.remarks:
        invocation.terminal.remark(remark)


application = PanelGroup(help="Generate least-privilege policies, alarms and infrastructure code.")
add(application, show_roles, "roles")
add(application, show_scp, "scp")
add(application, show_alarms, "alarms")
add(application, write_cloudformation, "cloudformation")
add(application, write_terraform, "terraform")
