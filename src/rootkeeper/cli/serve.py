"""``rootkeeper serve``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.invocation import Invocation, single

if TYPE_CHECKING:
    from rootkeeper.ports.clock import Clock
    from rootkeeper.ports.stopping import StopSignal

_LARGEST_PORT = 65535


def serve(
    invocation: Invocation,
    *,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=_LARGEST_PORT, help="The port; 0 takes any free one.")
    ] = 8700,
    insecure_listen: Annotated[
        bool, typer.Option("--insecure-listen", help="Allow an address that other machines reach, without TLS.")
    ] = False,
    proxy: Annotated[
        list[str] | None,
        typer.Option("--proxy", metavar="ADDRESS", help="Take this proxy's word for who asks (X-Forwarded-For)."),
    ] = None,
) -> int:
    """Run the server: its API, and a worker within.

    Closes recovery windows at their end, performs jobs, runs schedules and tells people. Closes first what is overdue,
    then answers. Ends within ten seconds of SIGTERM or Ctrl-C; what isn't finished by then is taken up again at the
    next start. On a SQLite file one server runs; on PostgreSQL as many as you like, and workers beside them.

    Changes: brings the database's schema up to date; deletes root user credentials of accounts whose recovery window
    has ended; and whatever is asked for by its API.

    AWS permissions: those of the four roles that `rootkeeper policies roles` prints, and sts:AssumeRole for them.

    Exit statuses: 0 ended as it was asked to; 2 wrong usage or settings; 3 the database or AWS refused, or another
    server runs on the same SQLite file.
    """
    return run_server(invocation, host, port, beyond_loopback=insecure_listen, proxies=proxy or ())


def run_server(
    invocation: Invocation,
    host: str,
    port: int,
    *,
    beyond_loopback: bool,
    proxies: Sequence[str] = (),
    clock: Clock | None = None,
) -> int:
    """Serve until a signal comes.

    :param proxies: addresses of those that say truly by whom they were asked.
    :param clock: the machine's own by default.
    """
    from rootkeeper.api.application import make_application
    from rootkeeper.bootstrap.serving import ServerRuntime
    from rootkeeper.cli.http_server import HttpServer, bind, ensure_proxies, url_of
    from rootkeeper.cli.server_process import run_process, tell_ready

    believed = ensure_proxies(proxies)
    settings, options = invocation.load_settings(), invocation.options
    with bind(host, port, beyond_loopback=beyond_loopback) as listener:
        url = url_of(listener)
        runtime = ServerRuntime(settings, url=url, clock=clock, profile=options.profile, region=options.region)

        def work(stops: StopSignal) -> None:
            def tell() -> None:
                tell_ready(invocation.terminal, runtime, f"serves {url}")

            application = make_application(runtime, listener.getsockname()[0])
            HttpServer(application, runtime, stops, tell, believed).run([listener])

        return run_process(runtime, work)


application = single(serve)
