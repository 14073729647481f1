"""The program is replaced by another version and back again, and runs without its engine, while windows are open."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.functional.running import Runner
from tests.functional.serving.outposts import Outpost, copy_program_as, open_outpost

pytestmark = pytest.mark.long

NEWER = "9.0.0"


@pytest.fixture(scope="module")
def newer(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> dict[str, str]:
    """What lets a process run the program's next version."""
    return copy_program_as(tmp_path_factory.mktemp("newer"), repository, NEWER)


@pytest.fixture(params=["sqlite", "postgresql"])
def outpost(request: pytest.FixtureRequest, tmp_path: Path, runner: Runner) -> Iterator[Outpost]:
    with open_outpost(
        request.param,
        tmp_path,
        runner,
        lambda: request.getfixturevalue("postgresql"),
        ROOTKEEPER_WINDOWS_APPROVALS="0",
        ROOTKEEPER_AWS_CONCURRENCY="2",
    ) as opened:
        yield opened


def find_version(outpost: Outpost) -> str:
    return str(outpost.server.ask("GET", "/api/openapi.json").body["info"]["version"])


def test_p11_windows_close_on_time_while_the_program_goes_to_another_version_and_back(
    outpost: Outpost, newer: dict[str, str]
) -> None:
    accounts = [outpost.take_account() for _ in range(3)]
    outpost.start()
    older = find_version(outpost)
    in_the_change = outpost.open(accounts[0], "10s")
    due_at = time.time() + 10
    under_the_newer = outpost.open(accounts[1], "16s")
    without_engine = outpost.open(accounts[2], "22s")
    outpost.sandbox.faults(service="iam", operation="GetAccountSummary", latency_ms=1000)
    job_id = outpost.post("/audits").body["job_id"]
    outpost.server.wait_until(lambda: outpost.get(f"/jobs/{job_id}")["state"] == "running")
    outpost.server.stop()
    outpost.sandbox.clear_faults()
    time.sleep(max(due_at - time.time(), 0))

    outpost.start(newer)
    assert find_version(outpost) == NEWER
    assert outpost.find(in_the_change)["state"] == "CLOSED_VERIFIED"
    assert not outpost.is_open(accounts[0])
    outpost.wait_closed_on_time(under_the_newer)
    outpost.wait_done(job_id)
    outpost.server.stop()

    outpost.start({"ROOTKEEPER_SERVER_ENGINE": "false"})
    assert find_version(outpost) == older
    outpost.wait_closed_on_time(without_engine)
    outpost.verify_ledger()


@pytest.mark.parametrize("outpost", ["postgresql"], indirect=True)
def test_p11_two_versions_beside_each_other_close_windows_once(outpost: Outpost, newer: dict[str, str]) -> None:
    accounts = [outpost.take_account() for _ in range(4)]
    outpost.start()
    with_newer = outpost.start_worker(newer)
    since = outpost.sandbox.last_request()
    for window_id in [outpost.open(account_id, "10s") for account_id in accounts]:
        outpost.wait_closed_on_time(window_id)
    assert with_newer.process.poll() is None
    changed = outpost.sandbox.operations(since, mutating=True)
    deleted = [account_id for name, account_id in changed if name == "DeleteLoginProfile"]
    assert sorted(deleted, key=str) == sorted(accounts)
