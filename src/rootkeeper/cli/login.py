"""``rootkeeper login``."""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Annotated

import typer

from rootkeeper.cli.exit_statuses import ExitStatus
from rootkeeper.cli.invocation import Invocation, OutputFormat, single, through_server
from rootkeeper.cli.passwords import ask_password
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import FactorNeededError, InputError

_LONGEST_SECRET = 4096
_INSTEAD = "Add --token-stdin and give an API token, or set ROOTKEEPER_TOKEN."


@through_server
def login(
    invocation: Invocation,
    *,
    user: Annotated[
        str | None, typer.Option("--user", metavar="NAME", help="Who signs in; else it is asked for.")
    ] = None,
    token_stdin: Annotated[
        bool, typer.Option("--token-stdin", help="Keep an API token, which is read from stdin, instead.")
    ] = False,
) -> int:
    """Sign in to a Rootkeeper server.

    Asks for name and password, and for a code where a second factor is set up. Keeps the token that the server gives in
    a file that only you can read, for the server that --server or ROOTKEEPER_SERVER names. It ends after 12 hours, and
    with rootkeeper logout. For a pipeline set ROOTKEEPER_TOKEN to an API token of rootkeeper token create instead; it
    needs no login.

    Changes: nothing in AWS; a file in your configuration folder.

    AWS permissions: none.

    Exit statuses: 0 signed in; 2 wrong usage, or the token can't be kept; 3 the server refused or can't be reached.
    """
    from rootkeeper import bootstrap
    from rootkeeper.cli.rendering.memberships import show_membership
    from rootkeeper.remote.stored_tokens import StoredToken

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    url = _choose_url(invocation)
    if user and token_stdin:
        raise InputError("--user and --token-stdin are two ways to sign in.", hint="Give one of them.")
    token, ends = (_read_token(), None) if token_stdin else _sign_in(url, user, invocation.terminal)
    server = bootstrap.connect_to_server(url, token)
    membership = server.read_membership()
    path = bootstrap.open_stored_tokens().keep(StoredToken(url, membership.name, token, ends))
    invocation.terminal.remark(f"Signed in to {url}; the token is in {path}.")
    invocation.terminal.remark(f"Go through it: --server {url}, or export ROOTKEEPER_SERVER={url}")
    show_membership(url, membership, output, invocation.terminal)
    return ExitStatus.GOOD


def _choose_url(invocation: Invocation) -> str:
    from rootkeeper.remote.addresses import parse_server_url

    address = invocation.server_address
    if address is None:
        raise InputError("No server is named.", hint="Add --server https://HOST:PORT, or set ROOTKEEPER_SERVER.")
    return parse_server_url(address)


def _sign_in(url: str, user: str | None, terminal: Terminal) -> tuple[str, datetime | None]:
    from rootkeeper import bootstrap

    if not terminal.can_ask:
        raise InputError("Nobody can be asked for a password here, since this isn't a terminal.", hint=_INSTEAD)
    name = user or terminal.ask("Name:")
    password = ask_password(f"Password of {name} on {url}:", _INSTEAD)
    server = bootstrap.connect_to_server(url, None)
    try:
        sign_in = server.sign_in(name, password)
    except FactorNeededError:
        sign_in = server.sign_in(name, password, ask_password("Code of your authenticator app:", _INSTEAD).strip())
    return sign_in.token, sign_in.expires_at


def _read_token() -> str:
    from rootkeeper.remote.stored_tokens import parse_token

    return parse_token(sys.stdin.read(_LONGEST_SECRET), "stdin")


application = single(login)
