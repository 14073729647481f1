"""``rootkeeper logout``."""

from __future__ import annotations

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, single, through_server
from rootkeeper.domain.access import IdentityKind
from rootkeeper.errors import InputError, NotSignedInError, ServerUnreachableError


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
    stored_tokens.forget(url)
    server = bootstrap.connect_to_server(url, stored.token)
    try:
        if server.read_membership().kind is IdentityKind.USER:
            server.sign_out()
    except NotSignedInError:
        pass  # it had ended already
    except ServerUnreachableError as error:
        raise ServerUnreachableError(
            f"The token of {url} is removed here, but the server couldn't be told: {error.message}",
            hint="A sign-in ends by itself after 12 hours.",
        ) from error
    invocation.terminal.remark(f"Signed out of {url}.")
    return ExitStatus.GOOD


application = single(logout)
