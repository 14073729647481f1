"""``rootkeeper login`` and ``rootkeeper logout``."""

from __future__ import annotations

import sys
from contextlib import suppress
from datetime import datetime
from typing import Annotated

from rootkeeper.access.rules import IdentityKind
from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.outputs import ExitStatus, OutputFormat, option
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import (
    FactorNeededError,
    InputError,
    NotSignedInError,
    ServerUnreachableError,
    UnprovenChangeError,
)

_INSTEAD = "Add --token-stdin with an API token on stdin, or set ROOTKEEPER_TOKEN."


def login(
    invocation: Invocation,
    *,
    user: Annotated[str | None, option("--user NAME", "The user name. Default: asked for.")] = None,
    token_stdin: Annotated[bool, option("--token-stdin", "Store an API token from stdin instead.")] = False,
) -> int:
    """Sign in to a Rootkeeper server.

    Asks for name and password, and for a code if a second factor is set up. Stores the server's token in a file that
    only you can read, for the server that --server or ROOTKEEPER_SERVER names. The token is valid for 12 hours, or
    until rootkeeper logout. A pipeline needs no login: set ROOTKEEPER_TOKEN to an API token of rootkeeper token create.

    Changes: nothing in AWS; writes a file in your configuration folder.

    AWS permissions: none.

    Exit statuses: 0 signed in; 2 wrong usage, or the token can't be stored; 3 the server refused or can't be reached.
    """
    from rootkeeper.cli.rendering.identities import show_membership
    from rootkeeper.remote.connections import Connection, StoredToken, open_stored_tokens, parse_token
    from rootkeeper.remote.server import RemoteServer

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    url = _choose_url(invocation)
    if user and token_stdin:
        raise InputError("--user and --token-stdin exclude each other.", hint="Use one of them.")
    if token_stdin:
        token, ends = parse_token(sys.stdin.read(4096), "stdin"), None
    else:
        token, ends = _sign_in(url, user, invocation.terminal)
    server = RemoteServer(Connection(url, token))
    membership = server.read_membership()
    path = open_stored_tokens().keep(StoredToken(url, membership.name, token, ends))
    invocation.terminal.remark(f"Signed in to {url}. The token is in {path}.")
    invocation.terminal.remark(f"Use the server: --server {url}, or export ROOTKEEPER_SERVER={url}")
    show_membership(url, membership, output, invocation.terminal)
    return ExitStatus.GOOD


def _choose_url(invocation: Invocation) -> str:
    from rootkeeper.remote.connections import parse_server_url

    address = invocation.server_address
    if address is None:
        raise InputError("No server is named.", hint="Add --server https://HOST:PORT, or set ROOTKEEPER_SERVER.")
    return parse_server_url(address)


def _sign_in(url: str, user: str | None, terminal: Terminal) -> tuple[str, datetime | None]:
    from rootkeeper.remote.connections import Connection
    from rootkeeper.remote.server import RemoteServer

    if not terminal.can_ask:
        raise InputError("No one can type a password here, because this isn't a terminal.", hint=_INSTEAD)
    name = user or terminal.ask("Name:")
    password = terminal.ask_secret(f"Password of {name} on {url}:", "password", _INSTEAD)
    server = RemoteServer(Connection(url, None))
    try:
        sign_in = server.sign_in(name, password)
    except FactorNeededError:
        sign_in = server.sign_in(
            name, password, terminal.ask_secret("Code of your authenticator app:", "code", _INSTEAD).strip()
        )
    return sign_in.token, sign_in.expires_at


def logout(invocation: Invocation) -> int:
    """Sign out of a Rootkeeper server.

    Ends the sign-in on the server and removes the stored token, for the server that --server or ROOTKEEPER_SERVER
    names. An API token is only removed here; an administrator can revoke it.

    Changes: nothing in AWS; removes the file that rootkeeper login wrote.

    AWS permissions: none.

    Exit statuses: 0 signed out, or no one was signed in; 2 wrong usage; 3 the token is removed here, but the sign-in on
    the server couldn't be ended.
    """
    from rootkeeper.remote.connections import Connection, open_stored_tokens
    from rootkeeper.remote.server import RemoteServer

    url = _choose_url(invocation)
    stored_tokens = open_stored_tokens()
    stored = stored_tokens.find(url)
    if stored is None:
        invocation.terminal.remark(f"No one is signed in to {url} here.")
        return ExitStatus.GOOD
    try:
        server = RemoteServer(Connection(url, stored.token))
        # the token is removed later, so that an interrupted sign-out can be repeated
        with suppress(NotSignedInError):  # it had ended already
            if server.read_membership().kind is IdentityKind.USER:
                server.sign_out()
    except (ServerUnreachableError, UnprovenChangeError) as error:
        stored_tokens.forget(url)
        raise ServerUnreachableError(
            f"The token for {url} is removed here, but the sign-in on the server couldn't be ended: {error.message}",
            hint="The sign-in expires by itself after 12 hours.",
        ) from error
    stored_tokens.forget(url)
    invocation.terminal.remark(f"Signed out of {url}.")
    return ExitStatus.GOOD


application = command(login)
logout_application = command(logout)
