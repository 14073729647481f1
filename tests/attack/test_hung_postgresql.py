"""PostgreSQL hangs, or is gone: windows close on time, also across a restart, and their record is merged later."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import psutil
import psycopg
import pytest
from sqlalchemy import make_url

from rootkeeper.cli.outputs import ExitStatus
from tests.attack.stage import AttackStage, open_attack_stage
from tests.functional.running import Runner
from tests.postgresql import PostgresqlServer
from tests.sandbox_process import SandboxProcess
from tests.server_process import ServerProcess

pytestmark = pytest.mark.long


@pytest.fixture
def stopping_postgresql() -> Iterator[PostgresqlServer]:
    """A server of the test's own, because others would wait, too."""
    with PostgresqlServer.start() as server:
        yield server


@pytest.fixture
def postgresql_stage(
    running_sandbox: SandboxProcess, tmp_path: Path, runner: Runner, stopping_postgresql: PostgresqlServer
) -> Iterator[AttackStage]:
    url = stopping_postgresql.create_current_database()
    with open_attack_stage(running_sandbox, tmp_path, runner, ROOTKEEPER_DATABASE_URL=url) as stage:
        yield stage


@contextmanager
def stopped(server: PostgresqlServer, _url: str) -> Iterator[None]:
    """All of its processes, as on a machine that hangs: connections stay open, and nothing answers."""
    parent = psutil.Process(server.process_id)
    processes = [parent, *parent.children(recursive=True)]
    for process in processes:
        process.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            process.send_signal(signal.SIGCONT)


@contextmanager
def locked(_server: PostgresqlServer, url: str) -> Iterator[None]:
    """Every table, by a session that keeps its transaction open."""
    parts = make_url(url)
    with psycopg.connect(host=str(parts.query["host"]), user="postgres", dbname=parts.database) as connection:
        found = connection.execute("SELECT quote_ident(tablename) FROM pg_tables WHERE schemaname = 'public'")
        names = ", ".join(str(row[0]) for row in found)
        connection.execute(f"LOCK TABLE {names} IN ACCESS EXCLUSIVE MODE".encode())
        yield


@pytest.mark.parametrize("hanging", [stopped, locked])
def test_p11_a_postgresql_that_hangs_keeps_no_window_open_also_not_across_a_restart(
    postgresql_stage: AttackStage,
    stopping_postgresql: PostgresqlServer,
    hanging: Callable[[PostgresqlServer, str], AbstractContextManager[None]],
) -> None:
    stage = postgresql_stage
    server = stage.start_server()
    first, second = stage.open_window(10), stage.open_window(26)
    stage.wait_known(first, second)
    with hanging(stopping_postgresql, stage.environment["ROOTKEEPER_DATABASE_URL"]):
        stage.require_closed_on_time(first)
        server.process.kill()
        server.process.wait()
        restarted = stage.start_server(waits=False)
        stage.require_closed_on_time(second)

    require_recorded(stage, restarted)


def test_p11_a_start_that_is_refused_by_postgresql_closes_what_is_due_before_it_ends(
    postgresql_stage: AttackStage, stopping_postgresql: PostgresqlServer
) -> None:
    stage = postgresql_stage
    server = stage.start_server()
    window = stage.open_window(10)
    stage.wait_known(window)
    server.process.kill()
    server.process.wait()
    stopping_postgresql.stop_immediately()
    while datetime.now(UTC) < window.ends_at:
        time.sleep(0.2)

    began_at = datetime.now(UTC)
    assert stage.start_server(waits=False).process.wait() == ExitStatus.REFUSED
    stage.require_closed_on_time(window, back_at=began_at)

    stopping_postgresql.start_again()
    require_recorded(stage, stage.start_server(waits=False))


def require_recorded(stage: AttackStage, server: ServerProcess) -> None:
    """Wait until all windows are closed with a recorded re-read, and no spill is left."""
    stage.wait_recorded()
    server.wait_until(lambda: not any(stage.folder.rglob("rootkeeper-spill-*.jsonl")))
    verified = stage.local.run("ledger", "verify")
    assert verified.status == 0, verified.shown
