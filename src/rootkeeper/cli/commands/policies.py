"""``rootkeeper policies``."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.cli.changes import warn_overdue
from rootkeeper.cli.invocation import Invocation, add, group
from rootkeeper.cli.outputs import ExitStatus, OptionSet, OutputFormat
from rootkeeper.errors import InputError
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.rules import (
    DEFAULT_CAP,
    SERVER_ROLES,
    GuardrailKind,
    PolicyDocument,
    ShippedCallerRole,
    ShippedRole,
    get_command,
    make_permission_policy,
    render_document,
)

if TYPE_CHECKING:
    from rootkeeper.shipped_policies.bundle import PolicyBundle

_PANEL = "To fit the organization"


@dataclass(frozen=True, slots=True)
class PolicyOptions(OptionSet):
    """What can't be read of the organization, or shall be narrower."""

    trusted_principal: Annotated[
        list[str] | None,
        typer.Option(
            "--trusted-principal",
            metavar="ARN|ID",
            help="Who may assume the roles: a user or account (with MFA), a role, or a pattern of roles. Default: the"
            " account in which the roles are.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    server_role_arn: Annotated[
        str | None,
        typer.Option(
            "--server-role-arn",
            metavar="ARN",
            help="What a Rootkeeper server runs as; it may assume the roles only in the name of a person.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    account: Annotated[
        list[str] | None,
        typer.Option(
            "--account",
            metavar="ID",
            help="Root sessions on these accounts alone. Default: every member account.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    role_account: Annotated[
        str | None,
        typer.Option(
            "--role-account",
            metavar="ID",
            help="The account in which the roles are. Default: the delegated administrator, or the management account.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    failsafe: Annotated[
        list[str] | None,
        typer.Option(
            "--failsafe",
            metavar="ID",
            help="Spare this account's root login, too. Default: the delegated administrators.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    known_role: Annotated[
        list[str] | None,
        typer.Option(
            "--known-role",
            metavar="ARN",
            help="A further role that opens root sessions on purpose: no alarm on it alone.",
            rich_help_panel=_PANEL,
        ),
    ] = None
    allow_task: Annotated[
        list[TaskPolicy] | None,
        typer.Option(
            "--allow-task",
            help="What the delegated administrator may do. Default: audit, create and delete, as the failsafe needs.",
            rich_help_panel=_PANEL,
        ),
    ] = None

    def to_wishes(self) -> PolicyInputs:
        """:raises InputError: if an account id isn't one."""
        return PolicyInputs(
            role_account_id=None if self.role_account is None else parse_account_id(self.role_account),
            trusted_principals=tuple(self.trusted_principal or ()),
            server_role=self.server_role_arn,
            target_ids=tuple(parse_account_id(text) for text in self.account or ()),
            failsafe_ids=tuple(parse_account_id(text) for text in self.failsafe or ()),
            known_roles=tuple(self.known_role or ()),
            cap=tuple(self.allow_task or DEFAULT_CAP),
        )


_OUTPUTS = (OutputFormat.JSON, OutputFormat.TABLE, OutputFormat.JSONL)


class RoleDocument(StrEnum):
    """Which of a role's two policies."""

    PERMISSIONS = "permissions"
    TRUST = "trust"


class TemplateFormat(StrEnum):
    """How a template is written."""

    YAML = "yaml"
    JSON = "json"


OutOption = Annotated[
    Path | None, typer.Option("--out", metavar="FILE", help="Write it into this file instead of stdout.")
]


def show_roles(
    invocation: Invocation,
    wishes: PolicyOptions,
    *,
    role: Annotated[
        list[ShippedRole] | None, typer.Option("--role", help="Only this role. Default: the four of a server.")
    ] = None,
    command: Annotated[
        str | None,
        typer.Option("--command", metavar="COMMAND", help="The permissions of one command, such as 'windows close'."),
    ] = None,
    document: Annotated[
        RoleDocument | None,
        typer.Option("--document", help="Print one policy of one --role alone, as the AWS CLI takes it."),
    ] = None,
) -> int:
    """Show the roles that hold Rootkeeper's power, each with the least that its commands need.

    Four roles (audit, delete, recover, unlock), each pinned to its tasks by sts:TaskPolicyArn, to its target accounts,
    and to MFA or to a server that names the person by SourceIdentity. The fifth, set-up, is for people in the
    management account. Whoever trusts no role copies the permission policy to a user or a permission set.

    Changes: nothing.

    AWS permissions: those of rootkeeper status.

    Exit statuses: 0 shown; 2 wrong usage, or AWS wouldn't take such a policy; 3 AWS or the database refused.
    """
    from rootkeeper.cli.rendering.policies import show_roles

    output = invocation.choose_output(*_OUTPUTS)
    wanted = tuple(role or SERVER_ROLES)
    _require_one_document(document, role, command)
    bundle = _make_bundle(invocation, wishes)
    if command is not None:
        invocation.terminal.write(render_document(_permit(command, bundle, wishes)))
    elif document is not None:
        invocation.terminal.write(render_document(_choose_document(bundle.get_role(wanted[0]), document)))
    else:
        show_roles(bundle, [bundle.get_role(one) for one in wanted], output, invocation.terminal)
    return ExitStatus.GOOD


def _require_one_document(document: RoleDocument | None, role: list[ShippedRole] | None, command: str | None) -> None:
    if command is not None and (role or document):
        raise InputError("--command goes with neither --role nor --document.", hint="It prints one permission policy.")
    if document is not None and len(role or ()) != 1:
        raise InputError("--document prints one policy of one role.", hint="Add --role, once.")


def _permit(command: str, bundle: PolicyBundle, wishes: PolicyOptions) -> PolicyDocument:
    from rootkeeper.shipped_policies.bundle import make_targets

    return make_permission_policy([get_command(command)], make_targets(bundle.ground, wishes.to_wishes()))


def _choose_document(role: ShippedCallerRole, document: RoleDocument) -> PolicyDocument:
    return role.trust_policy if document is RoleDocument.TRUST else role.permission_policy


def show_scp(
    invocation: Invocation,
    wishes: PolicyOptions,
    *,
    policy: Annotated[
        GuardrailKind | None, typer.Option("--policy", help="Print this policy alone, as the AWS CLI takes it.")
    ] = None,
) -> int:
    """Show the service control policies that keep root closed.

    deny-long-term-root denies everything to root users who signed in and to root access keys; it exempts root sessions,
    the failsafe, and accounts with an open recovery window. cap-delegated-administrator lets the delegated
    administrator open root sessions for the agreed tasks alone. Attach the first to one test unit, run rootkeeper
    preflight, and only then go on.

    Changes: nothing; attaching is left to you.

    AWS permissions: those of rootkeeper status.

    Exit statuses: 0 shown; 2 wrong usage, AWS wouldn't take such a policy, or the failsafe isn't known; 3 AWS or the
    database refused.
    """
    from rootkeeper.cli.rendering.policies import show_guardrails

    output = invocation.choose_output(*_OUTPUTS)
    bundle = _make_bundle(invocation, wishes)
    if policy is not None:
        invocation.terminal.write(render_document(bundle.get_guardrail(policy).content))
    else:
        show_guardrails(bundle, bundle.guardrails, output, invocation.terminal)
    return ExitStatus.GOOD


def show_alarms(
    invocation: Invocation,
    wishes: PolicyOptions,
    *,
    evaluator: Annotated[
        Path | None,
        typer.Option("--judge", metavar="FILE", help="Match CloudTrail records with the ledger; - is stdin."),
    ] = None,
) -> int:
    """Show alarms that tell long-term root, our own root sessions and strangers' apart.

    Each has a CloudWatch metric filter and an EventBridge pattern. Two wake somebody at once. The other two pick
    records that may be ours: no pattern knows the ledger, so match them with --judge. A record is exempted only for a
    known role with an entry of the ledger that names the access key id of the session.

    Changes: nothing.

    AWS permissions: those of rootkeeper status.

    Exit statuses: 0 shown, or every record is ours; 1 a record isn't; 2 wrong usage, or the file holds no records; 3
    AWS or the database refused.
    """
    from rootkeeper.aws.cloudtrail import parse_records
    from rootkeeper.cli.rendering.policies import show_alarms, show_classified
    from rootkeeper.cli.terminal import read_text_file

    output = invocation.choose_output(*_OUTPUTS)
    records = () if evaluator is None else parse_records(read_text_file(evaluator), str(evaluator))
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        bundle = application.policy_bundle_builder.make(wishes.to_wishes())
        evaluated = (
            () if evaluator is None else application.root_event_classifier.evaluate(records, bundle.known_role_arns)
        )
    _remark(bundle, invocation)
    if evaluator is None:
        show_alarms(bundle, output, invocation.terminal)
    else:
        show_classified(bundle, evaluated, output, invocation.terminal)
    return ExitStatus.GOOD if all(one.event.is_exempt for one in evaluated) else ExitStatus.BAD


def write_cloudformation(
    invocation: Invocation,
    wishes: PolicyOptions,
    *,
    template_format: Annotated[
        TemplateFormat, typer.Option("--format", help="How the template is written.")
    ] = TemplateFormat.YAML,
    out: OutOption = None,
) -> int:
    """Write a CloudFormation template of the roles, the guardrails and the alarms.

    One template for every account: conditions decide what is made where. Nothing is attached and nothing rings until a
    parameter says where. CloudFormation can't switch root access management on; rootkeeper enable can.

    Changes: nothing but the file.

    AWS permissions: those of rootkeeper status.

    Exit statuses: 0 written; 2 wrong usage, or the file can't be written; 3 AWS or the database refused.
    """
    from rootkeeper.shipped_policies.infrastructure_code import render_cloudformation_json, render_cloudformation_yaml

    _refuse_output(invocation, "Use --format yaml or --format json.")
    is_json = template_format is TemplateFormat.JSON
    _write(invocation, wishes, render_cloudformation_json if is_json else render_cloudformation_yaml, out)
    return ExitStatus.GOOD


def write_terraform(invocation: Invocation, wishes: PolicyOptions, *, out: OutOption = None) -> int:
    """Write Terraform code of the set-up, the roles, the guardrails and the alarms.

    Trusted access, the features and the delegated administrator stand behind variables, so that nothing is taken over
    that another configuration manages; comments say how to import what exists.

    Changes: nothing but the file.

    AWS permissions: those of rootkeeper status.

    Exit statuses: 0 written; 2 wrong usage, or the file can't be written; 3 AWS or the database refused.
    """
    from rootkeeper.shipped_policies.infrastructure_code import render_terraform

    _refuse_output(invocation, "It always writes HCL.")
    _write(invocation, wishes, render_terraform, out)
    return ExitStatus.GOOD


def _refuse_output(invocation: Invocation, hint: str) -> None:
    if invocation.options.output is not None:
        raise InputError("This command writes code, which has no -o/--output.", hint=hint)


def _write(
    invocation: Invocation, wishes: PolicyOptions, render: Callable[[PolicyBundle], str], out: Path | None
) -> None:
    from rootkeeper.cli.terminal import write_text_file

    text = render(_make_bundle(invocation, wishes))
    if out is None:
        invocation.terminal.write(text)
    else:
        write_text_file(out, text)
        invocation.terminal.remark(f"Written into {out}.")


def _make_bundle(invocation: Invocation, wishes: PolicyOptions) -> PolicyBundle:
    with invocation.open_application() as application:
        warn_overdue(application, invocation.terminal)
        bundle = application.policy_bundle_builder.make(wishes.to_wishes())
    _remark(bundle, invocation)
    return bundle


def _remark(bundle: PolicyBundle, invocation: Invocation) -> None:
    for remark in bundle.remarks:
        invocation.terminal.remark(remark)


application = group("Make least-privilege policies, alarms and infrastructure code.")
add(application, show_roles, "roles")
add(application, show_scp, "scp")
add(application, show_alarms, "alarms")
add(application, write_cloudformation, "cloudformation")
add(application, write_terraform, "terraform")
