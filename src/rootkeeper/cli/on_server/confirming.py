"""Asking before something is changed through a server: who one is there stands where else the AWS caller does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, OutputFormat
from rootkeeper.cli.on_server.overdue import name_overdue
from rootkeeper.domain.access import Permission

if TYPE_CHECKING:
    from rootkeeper.remote.server import Membership, RemoteServer


def open_confirmation(
    invocation: Invocation,
    server: RemoteServer,
    change: ChangeOptions,
    output: OutputFormat,
    needs: Permission,
    membership: Membership | None = None,
) -> Confirmation:
    """Names the server's organization and endpoint, who the token stands for, and windows that are overdue.

    :param needs: what the change takes on the server.
    :raises PermissionDeniedError: if the token's role doesn't permit it; nobody is asked.
    :raises InputError: if nobody can answer, unless it is a dry run; nothing was done.
    :raises NotSignedInError: if the server doesn't know the token.
    """
    known = membership or server.read_membership()
    known.ensure_may(needs)
    context = ChangeContext(
        organization_id=known.organization_id,
        caller_arn=f"{known.name} ({known.kind.value}, {known.role.value}) on {server.url}",
        endpoint=known.endpoint.label,
    )
    confirmation = Confirmation(invocation.terminal, context, yes=change.yes, output=output)
    if not change.dry_run:
        confirmation.ensure_answerable()
    name_overdue(server, invocation.terminal)
    return confirmation
