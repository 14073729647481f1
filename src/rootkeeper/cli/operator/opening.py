"""Opens what a command works through: this machine, or a server. Each is imported when it is used."""

from __future__ import annotations

from rootkeeper.cli.invocation import Invocation
from rootkeeper.cli.operator.interface import Operator
from rootkeeper.errors import InputError


def open_operator(
    invocation: Invocation, *, creates_database: bool = True, needs_ledger: bool = True, api_share: int | None = None
) -> Operator:
    """What the command works through: the server that is named, or else this process; a context manager.

    :param api_share: belongs to AWS credentials of one's own; the others too, see ``Invocation.open_application``.
    :raises InputError: as ``Invocation.open_server``, or if the server's share of quotas would be set.
    """
    if invocation.server_address is None:
        from rootkeeper.cli.operator.local import LocalOperator

        application = invocation.open_application(
            creates_database=creates_database, needs_ledger=needs_ledger, api_share=api_share
        )
        return LocalOperator(invocation, application)
    from rootkeeper.cli.operator.remote import RemoteOperator

    server = invocation.open_server()
    if api_share is not None:
        raise InputError(
            "--api-share is for AWS credentials of your own.", hint="On the server it is the setting aws.api_share."
        )
    return RemoteOperator(server, invocation.terminal)
