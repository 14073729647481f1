"""One server on a SQLite file, and what may be done beside it."""

from __future__ import annotations

import signal
import socket
import sqlite3
import stat
from contextlib import closing

import pytest

from tests.functional.serving.stage import Stage
from tests.server_process import ServerProcess

DENIED = 3
USAGE = 2


@pytest.mark.parametrize("command", ["serve", "worker"])
def test_a_second_one_on_the_same_file_is_refused_with_the_reason(stage: Stage, command: str) -> None:
    with (
        ServerProcess.start(stage.environment) as server,
        ServerProcess.start(stage.environment, command, waits=False) as second,
    ):
        assert second.process.wait(60) == DENIED
        for words in ("A server runs on", f"process {server.process.pid}", server.url, "PostgreSQL"):
            assert words in second.stderr
        assert server.ask("GET", "/healthz").status == 200


def test_a_server_that_was_killed_keeps_no_one_out(stage: Stage) -> None:
    with ServerProcess.start(stage.environment) as server:
        server.kill()
        with ServerProcess.start(stage.environment, "worker"):
            pass


@pytest.mark.parametrize("command", ["serve", "worker"])
@pytest.mark.parametrize(
    "number",
    [
        signal.SIGTERM,
        pytest.param(signal.SIGINT, marks=pytest.mark.long),
        pytest.param(signal.SIGHUP, marks=pytest.mark.long),
    ],
)
def test_it_ends_within_ten_seconds_of_being_asked_to(stage: Stage, command: str, number: signal.Signals) -> None:
    with ServerProcess.start(stage.environment, command) as server:
        server.stop(number)


def test_a_command_that_would_change_aws_beside_it_is_refused(stage: Stage) -> None:
    with ServerProcess.start(stage.environment) as server:
        since = stage.sandbox.last_request()
        account_id = stage.account_id
        for arguments in (
            ("recover", account_id, "--reason", "drill"),
            ("delete", account_id),
            ("enable",),
        ):
            run = stage.program.run(*arguments, "--yes")
            assert run.status == DENIED, run.shown
            assert f"--server {server.url}" in run.stderr
            assert str(server.process.pid) in run.stderr
        assert stage.sandbox.operations(since, mutating=True) == []


def test_commands_that_read_or_write_down_work_beside_it(stage: Stage) -> None:
    with ServerProcess.start(stage.environment) as server:
        account_id = stage.account_id
        stage.sandbox.put_root_user(account_id, {})
        for arguments in (
            ("audit", "--fail-on", "none"),
            ("windows", "list"),
            ("ledger", "verify"),
            ("recover", account_id, "--reason", "drill", "--dry-run"),
            ("exceptions", "add", account_id, "--owner", "Ana", "--reason", "contract", "--until", "30d", "--yes"),
        ):
            run = stage.program.run(*arguments)
            assert run.status == 0, run.shown
        assert server.token("viewer", "ana").startswith("rk_")


def test_once_it_has_ended_commands_change_aws_again(stage: Stage) -> None:
    with ServerProcess.start(stage.environment) as server:
        server.stop()
    stage.open_window()


def test_it_refuses_to_be_reached_from_other_machines(stage: Stage) -> None:
    run = stage.program.run("serve", "--host", "0.0.0.0")  # noqa: S104 - that this is refused is the test
    assert run.status == USAGE
    assert "--tls-cert" in run.stderr
    assert "--insecure-listen" in run.stderr
    assert not stage.database.exists()


def test_it_refuses_to_trust_a_principal_that_anyone_could_be(stage: Stage) -> None:
    run = stage.program.run("serve", "--port", "0", ROOTKEEPER_SERVER_TRUSTED_PROXIES="0.0.0.0/0")
    assert run.status == USAGE
    assert "The network 0.0.0.0/0 is too wide for proxies" in run.stderr


def test_a_certificate_that_cant_be_used_is_an_error_before_anything_is_started(stage: Stage) -> None:
    run = stage.program.run("serve", "--port", "0", "--tls-cert", str(stage.database.with_name("gone.pem")))
    assert run.status == USAGE
    assert "gone.pem can't be read: No such file" in run.stderr
    assert not stage.database.exists()


def test_a_port_that_is_taken_is_an_error_before_anything_is_started(stage: Stage) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        run = stage.program.run("serve", "--port", str(taken.getsockname()[1]))
    assert run.status == USAGE
    assert "Choose another port with --port." in run.stderr
    assert not stage.database.exists()


def test_a_database_of_a_newer_version_is_refused_and_open_windows_are_named(stage: Stage) -> None:
    account_id = stage.open_window("1h")
    with closing(sqlite3.connect(stage.database)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    run = stage.program.run("serve", "--port", "0")
    assert run.status == DENIED
    assert "newer version" in run.stderr
    assert account_id in run.stderr


def test_its_first_start_says_how_to_get_in_and_the_next_one_does_not(stage: Stage) -> None:
    """Without a terminal, as in a unit: what it prints may be stored, so the link is in a file."""
    kept = stage.database.with_name("first-administrator-link")
    with ServerProcess.start(stage.environment) as server:
        server.wait_until(lambda: "There is no administrator yet" in server.stderr)
        assert str(kept) in server.stderr
        link = kept.read_text().strip()
        assert link.startswith(f"{server.url}/first-administrator#")
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert link.partition("#")[2] not in server.stderr + (server.folder / "stdout").read_text()
        server.token("administrator", "ana")
        server.stop()
    with ServerProcess.start(stage.environment) as server:
        server.stop()
        assert "There is no administrator yet" not in server.stderr
        assert not kept.exists()


def test_it_warns_of_missing_roles_and_of_keys_that_never_end(stage: Stage) -> None:
    with ServerProcess.start(stage.environment) as server:
        warnings = [line["message"] for line in server.lines if line["level"] == "warning"]
    assert any("No roles are configured" in warning for warning in warnings)
    assert any("static access key" in warning for warning in warnings)


def test_its_log_holds_no_secret(stage: Stage) -> None:
    with ServerProcess.start(stage.environment) as server:
        token = server.token("administrator", "ana")
        server.ask("GET", "/api/v1/me", name="ana")
        server.stop()
        assert token not in server.stderr
        assert stage.environment["AWS_SECRET_ACCESS_KEY"] not in server.stderr
        assert stage.environment["AWS_ACCESS_KEY_ID"] not in server.stderr
