"""The server's AWS credentials end: windows close on time, or it is said loudly why not."""

from __future__ import annotations

from tests.functional.serving.stage import OWING, Stage
from tests.server_process import ServerProcess

EXPIRED = {"code": "ExpiredToken", "status": 403, "message": "The security token included in the request is expired"}
PAST_THE_END = 2 * 3600.0
SECONDS = 60.0


def test_credentials_that_end_while_a_window_is_open_are_reported_and_it_closes_once_they_are_renewed(
    stage: Stage,
) -> None:
    account_id = stage.open_window("1h")
    with ServerProcess.start(stage.environment, clock_offset=0) as server:
        stage.sandbox.faults(service="sts", error=EXPIRED)
        server.move_clock(PAST_THE_END)
        server.wait_until(lambda: server.has_error(account_id), SECONDS)
        assert stage.windows_in_database()[0] in OWING
        stage.sandbox.clear_faults()
        server.wait_until(lambda: not stage.is_open(account_id), SECONDS)
        server.wait_until(lambda: stage.windows()[0]["state"] == "CLOSED_VERIFIED", SECONDS)


def test_a_server_without_usable_credentials_runs_says_so_and_is_not_ready_until_they_are_back(stage: Stage) -> None:
    account_id = stage.open_window("1h")
    stage.sandbox.faults(service="sts", error=EXPIRED)
    with ServerProcess.start(stage.environment, clock_offset=0) as server:
        server.wait_until(lambda: any("expired" in line["message"] for line in server.lines), SECONDS)
        server.wait_until(lambda: server.ask("GET", "/readyz").status == 503, SECONDS)
        assert server.ask("GET", "/healthz").status == 200
        stage.sandbox.clear_faults()
        server.wait_until(lambda: server.ask("GET", "/readyz").status == 200, SECONDS)
        server.move_clock(PAST_THE_END)
        server.wait_until(lambda: not stage.is_open(account_id), SECONDS)


def test_a_fresh_database_and_no_credentials_is_an_error(stage: Stage) -> None:
    stage.sandbox.faults(service="sts", error=EXPIRED)
    run = stage.program.run("serve", "--port", "0")
    assert run.status == 3
    assert "expired" in run.stderr
