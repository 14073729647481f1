"""One server on a SQLite file, by a lock that the kernel frees."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from rootkeeper.database.processes import RunningServer, ServerLock, find_running_server, take_server_lock
from rootkeeper.errors import DatabaseError, ServerRunningError
from tests.durations import Stopwatch
from tests.fakes.clock import FakeClock

NOW = datetime(2026, 11, 26, 13, tzinfo=UTC)
URL = "http://127.0.0.1:8700"
LEASE_SECONDS = 300.0


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'data' / 'rootkeeper.db'}"


def take(database_url: str) -> ServerLock:
    lock = take_server_lock(database_url, FakeClock(NOW), LEASE_SECONDS, URL)
    assert lock is not None
    return lock


def test_the_second_server_is_refused_and_shown_who_runs_and_where(database_url: str) -> None:
    with take(database_url), pytest.raises(ServerRunningError) as refused:
        take(database_url)
    for word in (str(os.getpid()), "2026-11-26T13:00:00+00:00", URL, "rootkeeper.db"):
        assert word in refused.value.message
    assert "PostgreSQL" in (refused.value.hint or "")


def test_a_server_that_ended_lets_the_next_one_run(database_url: str) -> None:
    take(database_url).close()
    take(database_url).close()


def test_a_server_that_was_killed_lets_the_next_one_run(database_url: str) -> None:
    program = (
        "import os, signal; from rootkeeper.clock import SystemClock; "
        "from rootkeeper.database.processes import take_server_lock; "
        f"lock = take_server_lock({database_url!r}, SystemClock(), 30, None); os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -9
    assert find_running_server(database_url) is None
    take(database_url).close()


def test_who_runs_is_found_by_those_that_look(database_url: str) -> None:
    assert find_running_server(database_url) is None
    with take(database_url):
        running = find_running_server(database_url)
    assert running is not None
    assert (running.process_id, running.url) == (os.getpid(), URL)
    assert find_running_server(database_url) is None


def test_looking_keeps_no_server_out(database_url: str) -> None:
    take(database_url).close()
    for _ in range(10):
        assert find_running_server(database_url) is None
        take(database_url).close()


def test_the_same_file_by_another_name_is_the_same_file(database_url: str, tmp_path: Path) -> None:
    with take(database_url):
        (tmp_path / "link").symlink_to(tmp_path / "data")
        with pytest.raises(ServerRunningError):
            take(f"sqlite:///{tmp_path / 'link' / 'rootkeeper.db'}")


def test_a_lock_file_of_odd_content_still_counts(database_url: str, tmp_path: Path) -> None:
    with take(database_url):
        (tmp_path / "data" / "rootkeeper.db.server").write_text("{")
        running = find_running_server(database_url)
        assert running is not None
        assert "an unknown process" in running.describe()
        with pytest.raises(ServerRunningError):
            take(database_url)


def test_a_server_that_renews_its_lease_no_more_is_silent_once_its_owners_leases_are_over(database_url: str) -> None:
    clock = FakeClock(NOW)
    with take(database_url):
        running = find_running_server(database_url)
        assert running is not None
        clock.advance(LEASE_SECONDS)
        assert running.find_silence(clock) is None
        clock.advance(LEASE_SECONDS / 4 + 7)
        assert running.find_silence(clock) == 7
        clock.jump(-86400)
        assert running.find_silence(clock) == 7, "a wall clock that was set back changes nothing"
        with pytest.raises(ServerRunningError) as refused:
            take_server_lock(database_url, clock, LEASE_SECONDS, None)
        assert "it is stopped or hung" in refused.value.message
        assert f"kill -9 {os.getpid()}" in (refused.value.hint or "")


def test_a_server_of_another_machine_or_an_earlier_version_is_never_called_silent(database_url: str) -> None:
    clock = FakeClock(NOW)
    with take(database_url):
        running = find_running_server(database_url)
    assert running is not None
    clock.advance(86400)
    assert running.find_silence(clock) is not None
    assert replace(running, boot_id="another").find_silence(clock) is None
    assert RunningServer(17, "example", "2026-11-26T13:00:00+00:00", URL).find_silence(clock) is None


def test_a_server_renews_its_lease_while_it_runs(database_url: str) -> None:
    clock = FakeClock(NOW)
    lock = take_server_lock(database_url, clock, 0.1, URL)
    assert lock is not None
    with lock:
        clock.advance(100)
        watch = Stopwatch()
        while (running := find_running_server(database_url)) is None or running.find_silence(clock) is not None:
            assert watch.seconds < 60
            watch.pause(0.01)


def test_only_its_owner_can_read_the_lock_file(database_url: str, tmp_path: Path) -> None:
    with take(database_url):
        assert (tmp_path / "data" / "rootkeeper.db.server").stat().st_mode & 0o777 == 0o600


def test_on_postgresql_many_servers_run() -> None:
    url = "postgresql+psycopg://rootkeeper@127.0.0.1/rootkeeper"
    assert take_server_lock(url, FakeClock(NOW), LEASE_SECONDS, URL) is None
    assert find_running_server(url) is None


def test_a_folder_that_cannot_be_made_is_a_database_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DatabaseError):
        take_server_lock(f"sqlite:///{tmp_path / 'file' / 'rootkeeper.db'}", FakeClock(NOW), LEASE_SECONDS, None)
