"""``rootkeeper serve`` and ``rootkeeper worker``."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from click import IntRange

from rootkeeper.cli.invocation import Invocation, command
from rootkeeper.cli.outputs import option
from rootkeeper.installation import require_extra

if TYPE_CHECKING:
    from rootkeeper.cli.server_process import TlsFiles
    from rootkeeper.clock import Clock
    from rootkeeper.organization.progress import StopSignal


_LARGEST_PORT = 65535
_LOOK_SECONDS = 60.0


def serve(
    invocation: Invocation,
    *,
    host: Annotated[str, option("--host", "The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, option("--port", "The port; 0 chooses a free port.", type=IntRange(0, _LARGEST_PORT))] = 8700,
    insecure_listen: Annotated[
        bool, option("--insecure-listen", "Allow an address that other machines can reach, without TLS.")
    ] = False,
    tls_cert: Annotated[
        Path | None, option("--tls-cert FILE", "Use TLS with this certificate and its chain (PEM).")
    ] = None,
    tls_key: Annotated[
        Path | None, option("--tls-key FILE", "The certificate's key, if it is in another file.")
    ] = None,
    proxy: Annotated[
        list[str] | None, option("--proxy ADDRESS", "Trust X-Forwarded-For from this proxy or network.")
    ] = None,
    guided_story: Annotated[
        bool, option("--guided-story", "Show the guided story, as a demo's server does.", hidden=True)
    ] = False,
    exit_with_parent: Annotated[
        int | None, option("--exit-with-parent ID", "End when this process isn't the parent any more.", hidden=True)
    ] = None,
    listener: Annotated[
        int | None,
        option("--listener HANDLE", "Listen on this open socket, for the front of several organizations.", hidden=True),
    ] = None,
) -> int:
    """Run the server: console, API and a worker.

    With several organizations in the settings and none named, each gets a process of its own, and people sign in once
    for all of them.

    Closes recovery windows at their end, runs jobs and schedules, and sends notifications. It first closes overdue
    windows, then answers. It ends within ten seconds of SIGTERM or Ctrl-C; the next start resumes unfinished work. On a
    SQLite file one server runs; on PostgreSQL several servers and workers can run.

    Changes: creates the tables of an empty database, and updates those of the job engine; creates the key file of
    second factors and, if no one sees its output, a file with the first administrator's link; deletes root user
    credentials of accounts with an ended recovery window; and makes the changes that its API is asked for.

    AWS permissions: those of the five roles that `rootkeeper policies roles` prints, and sts:AssumeRole for them.

    Exit statuses: 0 ended as requested; 2 wrong usage or settings; 3 the database or AWS refused, or another server
    runs on the same SQLite file.
    """
    require_extra("server")
    from rootkeeper.cli.server_process import find_tls_files, watch_parent

    if exit_with_parent is not None:
        watch_parent(exit_with_parent)
    if listener is not None:
        return _serve_organization(invocation, listener)
    return run_server(
        invocation,
        host,
        port,
        beyond_loopback=insecure_listen,
        proxies=proxy or (),
        has_story=guided_story,
        tls=find_tls_files(tls_cert, tls_key),
    )


def run_server(
    invocation: Invocation,
    host: str,
    port: int,
    *,
    beyond_loopback: bool,
    proxies: Sequence[str] = (),
    clock: Clock | None = None,
    has_story: bool = False,
    tls: TlsFiles | None = None,
) -> int:
    """Serve until a signal comes: one organization, or the front of several.

    :param beyond_loopback: whether other machines can reach it without TLS.
    :param proxies: addresses of trusted proxies, beside those of the settings.
    """
    from rootkeeper.cli.server_process import (
        HttpServer,
        announce_ready,
        bind,
        find_limits,
        render_url,
        require_proxies,
        run_process,
    )
    from rootkeeper.clock import SystemClock
    from rootkeeper.composition.serving import ServerRuntime
    from rootkeeper.organizations.front import FrontRuntime
    from rootkeeper.organizations.processes import OrganizationProcesses
    from rootkeeper.organizations.service import OrganizationService
    from rootkeeper.server.application import make_application
    from rootkeeper.settings.reading import load_front_settings

    options, several = invocation.options, invocation.list_several()
    settings = load_front_settings(options.config) if several else invocation.load_settings()
    believed = require_proxies((*settings.server.trusted_proxies, *proxies))
    with bind(host, port, beyond_loopback=beyond_loopback or tls is not None) as listener:
        url = render_url(*listener.getsockname()[:2], is_tls=tls is not None)
        if several:
            clock = clock or SystemClock()
            make_command = partial(_make_command, options.config)
            remark = invocation.terminal.remark
            processes = OrganizationProcesses(several, make_command, clock, remark)
            organizations = OrganizationService(options.config, clock, remark)
            runtime: ServerRuntime = FrontRuntime(settings, processes, organizations, url=url, clock=clock)
        else:
            runtime = ServerRuntime(
                settings, url=url, clock=clock, profile=options.profile, region=options.region, has_story=has_story
            )

        def work(stops: StopSignal) -> None:
            def announce() -> None:
                announce_ready(invocation.terminal, runtime, f"serves {url}")

            application = make_application(runtime, listener.getsockname()[0])
            limits = find_limits(settings.server, believed, runtime.warn)
            HttpServer(application, runtime, stops, announce, limits, tls).run([listener])

        return run_process(runtime, work)


def _make_command(config: Path | None, name: str, handle: int) -> Sequence[str]:
    """Return the command of an organization's process."""
    shared = [] if config is None else ["--config", str(config)]
    own = ["--organization", name, "--listener", str(handle), "--exit-with-parent", str(os.getpid())]
    return [sys.executable, "-m", "rootkeeper", *shared, "serve", *own]


def _serve_organization(invocation: Invocation, handle: int) -> int:
    """Serve one of several organizations, behind their front."""
    from rootkeeper.cli.server_process import HttpServer, find_limits, run_process, take_listener
    from rootkeeper.composition.serving import ServerRuntime
    from rootkeeper.organizations.processes import HOST
    from rootkeeper.server.application import make_application

    listener, secret = take_listener(handle)
    settings, options = invocation.load_settings(), invocation.options
    with listener:
        url = f"http://{HOST}:{listener.getsockname()[1]}"
        runtime = ServerRuntime(settings, url=url, profile=options.profile, region=options.region)

        def work(stops: StopSignal) -> None:
            application = make_application(runtime, HOST, front_secret=secret)
            limits = find_limits(settings.server, (HOST,), runtime.warn)
            HttpServer(application, runtime, stops, _announce_nothing, limits).run([listener])

        return run_process(runtime, work)


def _announce_nothing() -> None:
    """The front announces itself."""


def worker(invocation: Invocation) -> int:
    """Run a worker: a server without console and API.

    On PostgreSQL several workers can run beside servers. Each closes recovery windows, runs jobs and schedules, and
    takes over from workers that died. On a SQLite file one worker runs alone. It ends within ten seconds of SIGTERM or
    Ctrl-C; another worker or the next start resumes unfinished work.

    Changes: creates the tables of an empty database, and updates those of the job engine; deletes root user credentials
    of accounts with an ended recovery window; and makes the changes that a server's API is asked for.

    AWS permissions: those of the five roles that `rootkeeper policies roles` prints, and sts:AssumeRole for them.

    Exit statuses: 0 ended as requested; 2 wrong usage or settings; 3 the database or AWS refused, or a server runs on
    the same SQLite file.
    """
    return run_worker(invocation)


def run_worker(invocation: Invocation, clock: Clock | None = None) -> int:
    """Work until a signal comes."""
    require_extra("server")
    from rootkeeper.cli.server_process import announce_ready, run_process
    from rootkeeper.composition.serving import ServerRuntime

    settings, options = invocation.load_settings(), invocation.options
    runtime = ServerRuntime(settings, clock=clock, profile=options.profile, region=options.region)

    def work(stops: StopSignal) -> None:
        announce_ready(invocation.terminal, runtime, "works")
        while not stops.wait(_LOOK_SECONDS):
            pass

    return run_process(runtime, work)


application = command(serve)
worker_application = command(worker)
