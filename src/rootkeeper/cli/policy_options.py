"""The options that fit policies to an organization: the same for every ``rootkeeper policies`` command."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.cli.outputs import OptionSet
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.shipped_policies.bundle import PolicyInputs
from rootkeeper.shipped_policies.rules import DEFAULT_CAP

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
