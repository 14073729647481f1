"""The way to a Rootkeeper server: its address, and the token by which it knows the person."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import platformdirs

from rootkeeper.bootstrap.application import APPLICATION_NAME
from rootkeeper.errors import NotSignedInError
from rootkeeper.settings import TOKEN_VARIABLE

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer
    from rootkeeper.remote.stored_tokens import StoredTokens


def open_remote_server(address: str, environment: Mapping[str, str] = os.environ) -> RemoteServer:
    """The server of that address, with the token of the environment or of the last sign-in; nothing is sent yet.

    :raises InputError: if it is no address, or its token isn't one or can't be read.
    :raises NotSignedInError: if there is no token.
    """
    from rootkeeper.remote.addresses import parse_server_url
    from rootkeeper.remote.stored_tokens import parse_token

    url = parse_server_url(address)
    given = environment.get(TOKEN_VARIABLE, "").strip()
    if given:
        return connect_to_server(url, parse_token(given, TOKEN_VARIABLE))
    stored = open_stored_tokens().find(url)
    if stored is None:
        raise NotSignedInError(
            f"There is no token for the server {url}.",
            hint=f"Sign in: rootkeeper login --server {url}. Or set {TOKEN_VARIABLE}.",
        )
    return connect_to_server(url, stored.token)


def connect_to_server(url: str, token: str | None) -> RemoteServer:
    """The server of that address, spoken to with this token; without one, only signing in is possible."""
    from rootkeeper.remote.server import open_server

    return open_server(url, token)


def open_stored_tokens() -> StoredTokens:
    """The tokens that this person keeps on this machine."""
    from rootkeeper.remote.stored_tokens import StoredTokens

    return StoredTokens(platformdirs.user_config_path(APPLICATION_NAME, appauthor=False) / "servers")
