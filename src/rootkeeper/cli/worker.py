"""``rootkeeper worker``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rootkeeper.cli.invocation import Invocation, single

if TYPE_CHECKING:
    from rootkeeper.ports.clock import Clock
    from rootkeeper.ports.stopping import StopSignal

_LOOK_SECONDS = 60.0


def worker(invocation: Invocation) -> int:
    """Run a worker: what a server does, without its API.

    On PostgreSQL as many run as you like, beside servers: each closes recovery windows, performs jobs and runs
    schedules, and takes over from those that died. On a SQLite file a worker runs alone. Ends within ten seconds of
    SIGTERM or Ctrl-C; what isn't finished by then is taken up again by another one.

    Changes: brings the database's schema up to date; deletes root user credentials of accounts whose recovery window
    has ended; and whatever was asked for by a server's API.

    AWS permissions: those of the four roles that `rootkeeper policies roles` prints, and sts:AssumeRole for them.

    Exit statuses: 0 ended as it was asked to; 2 wrong usage or settings; 3 the database or AWS refused, or a server
    runs on the same SQLite file.
    """
    return run_worker(invocation)


def run_worker(invocation: Invocation, clock: Clock | None = None) -> int:
    """Work until a signal comes.

    :param clock: the machine's own by default.
    """
    from rootkeeper.bootstrap.serving import ServerRuntime
    from rootkeeper.cli.server_process import announce_ready, run_process

    settings, options = invocation.load_settings(), invocation.options
    runtime = ServerRuntime(settings, clock=clock, profile=options.profile, region=options.region)

    def work(stops: StopSignal) -> None:
        announce_ready(invocation.terminal, runtime, "works")
        while not stops.wait(_LOOK_SECONDS):
            pass

    return run_process(runtime, work)


application = single(worker)
