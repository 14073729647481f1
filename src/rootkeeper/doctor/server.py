"""Checks of the Rootkeeper server that commands use."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from rootkeeper import __version__
from rootkeeper.doctor.rules import Check, CheckName, CheckVerdict, judge_error
from rootkeeper.errors import RootkeeperError

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def check_server(address: str | None, open_signed_in: Callable[[], RemoteServer]) -> Iterator[Check]:
    """Check that the server answers, is ready, and knows who asks.

    :param address: as it was given; ``None`` if no server is named.
    :param open_signed_in: opens that server with the token of the environment or of the last sign-in.
    """
    if address is None:
        text = "No server is named; commands work with AWS credentials of this machine."
        yield Check(CheckName.SERVER, CheckVerdict.SKIPPED, text)
        return
    from rootkeeper.remote.connections import parse_server_url
    from rootkeeper.remote.server import open_server

    try:
        url = parse_server_url(address)
        is_ready = open_server(url, None).is_ready()
    except RootkeeperError as error:
        yield judge_error(CheckName.SERVER, error)
        return
    if is_ready:
        yield Check(CheckName.SERVER, CheckVerdict.GOOD, f"{url} answers and is ready.")
    else:
        fix = f"Look at its log, and at {url}/readyz on its own machine."
        yield Check(CheckName.SERVER, CheckVerdict.PROBLEM, f"{url} answers, but isn't ready to work.", fix)
    try:
        member = open_signed_in().read_membership()
    except RootkeeperError as error:
        yield judge_error(CheckName.CREDENTIALS, error)
        return
    text = (
        f"You are {member.name} with the role {member.role.value} on the server of organization "
        f"{member.organization_id} ({member.endpoint.label})."
    )
    yield Check(CheckName.CREDENTIALS, CheckVerdict.GOOD, text)
    if member.version != __version__:
        text = f"The server has version {member.version}; this command line has {__version__}."
        yield Check(CheckName.INSTALLATION, CheckVerdict.PROBLEM, text, f"Install version {member.version}.")
