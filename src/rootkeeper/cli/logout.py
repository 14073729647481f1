"""``rootkeeper logout``."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.domain.access import IdentityKind
from rootkeeper.errors import InputError, NotSignedInError, ServerUnreachableError, UnprovenChangeError

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


@through_server
def logout(invocation: Invocation) -> int:
    """Sign out of a Rootkeeper server.

    Ends the sign-in there and removes the kept token of the server that --server or ROOTKEEPER_SERVER names. An API
    token is only removed here: to end it, an administrator revokes it.

    Changes: nothing in AWS; the file that rootkeeper login wrote.

    AWS permissions: none.

    Exit statuses: 0 signed out, or nobody was signed in; 2 wrong usage; 3 the token is removed here, and the server
    couldn't be told.
    """
    from rootkeeper import bootstrap
    from rootkeeper.remote.addresses import parse_server_url

    if invocation.server_address is None:
        raise InputError("No server is named.", hint="Add --server https://HOST:PORT, or set ROOTKEEPER_SERVER.")
    url = parse_server_url(invocation.server_address)
    stored_tokens = bootstrap.open_stored_tokens()
    stored = stored_tokens.find(url)
    if stored is None:
        invocation.terminal.remark(f"Nobody is signed in to {url} here.")
        return ExitStatus.GOOD
    try:
        _end(bootstrap.connect_to_server(url, stored.token))
    except (ServerUnreachableError, UnprovenChangeError) as error:
        stored_tokens.forget(url)
        raise ServerUnreachableError(
            f"The token of {url} is removed here, but the server couldn't be told: {error.message}",
            hint="A sign-in ends by itself after 12 hours.",
        ) from error
    stored_tokens.forget(url)
    invocation.terminal.remark(f"Signed out of {url}.")
    return ExitStatus.GOOD


def _end(server: RemoteServer) -> None:
    """While the token is still kept: whoever is interrupted can sign out again."""
    with suppress(NotSignedInError):  # it had ended already
        if server.read_membership().kind is IdentityKind.USER:
            server.sign_out()


application = single(logout)
