"""kill -9 around each call and at each commit of two batches of findings that are sent to Security Hub.

Wherever the sending ends, the next run settles its intent and sends all findings, and Security Hub has each one once.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.functional.administration import open_client
from tests.functional.crash.judgement import (
    assert_chained,
    assert_each_intent_has_one_outcome,
    assert_every_privileged_call_has_an_intent,
)
from tests.functional.crash.killing_proxy import KillPoint
from tests.functional.crash.program_runs import KILLED, Program, Run, started_program

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]

IMPORT = "BatchImportFindings"
BATCHES = 2
LAST_COMMITS = 5
"""The intent and the outcome of each batch, and the owner's end."""


class Sending:
    """A report with more findings than one batch has, and Security Hub of the account that sends it."""

    def __init__(self, program: Program) -> None:
        self.program = program
        sandbox = program.sandbox
        self.hub: Any = open_client("securityhub", sandbox.base_url, sandbox.principals()["management-admin"])

    def start_over(self) -> int:
        """Database and Security Hub as before the sending; the number of the sandbox's last request."""
        self.program.restore_database()
        self.hub.disable_security_hub()
        self.hub.enable_security_hub(EnableDefaultStandards=False)
        return self.program.sandbox.last_request()

    def send(self, kill: KillPoint | None = None) -> Run:
        return self.program.run("report", "send", "--to", "securityhub", "--yes", "-o", "json", kill=kill)

    def list_ids(self) -> set[str]:
        """Of the findings that Security Hub shows."""
        pages = self.hub.get_paginator("get_findings").paginate(Filters={})
        return {finding["Id"] for page in pages for finding in page["Findings"]}

    def list_results(self) -> list[str | None]:
        """Of the batches in the ledger: ``None`` for an intent."""
        return [one["result"] for one in self.program.entries() if one["action"] == "findings:import"]


@pytest.fixture(scope="module")
def sending(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sending]:
    folder = tmp_path_factory.mktemp("report")
    with started_program(folder, "--accounts", "120", "--seed", "1", "--features", "all") as program:
        sending = Sending(program)
        sending.hub.enable_security_hub(EnableDefaultStandards=False)
        assert program.run("audit", "--fail-on", "none").status == 0
        program.keep_database()
        yield sending


def list_points(run: Run) -> list[KillPoint]:
    """Around both calls, and after each commit from the first intent on."""
    numbers = [number for number, operation in enumerate(run.operations, 1) if operation == IMPORT]
    assert len(numbers) == BATCHES
    first = run.commits - LAST_COMMITS + 1
    return [
        *(KillPoint("call", when, number) for number in numbers for when in ("before", "after")),
        *(KillPoint("commit", "after", number) for number in range(first, run.commits)),
    ]


def test_p01_p03_a_sending_killed_anywhere_is_completed_by_the_next_run_without_doubles(sending: Sending) -> None:
    sending.start_over()
    undisturbed = sending.send()
    assert undisturbed.status == 0, undisturbed.stderr
    assert sending.list_results() == [None, "done"] * BATCHES
    ids = sending.list_ids()
    arrived, recorded = set(), []
    for point in list_points(undisturbed):
        since = sending.start_over()
        killed = sending.send(kill=point)
        assert killed.status == KILLED, f"{point}: {killed.stderr}"
        arrived.add(len(sending.list_ids()))
        if point.what == "commit":
            recorded.append(sending.list_results())
        settled = sending.send()
        assert settled.status == 0, f"{point}: {settled.stderr}"
        (delivery,) = json.loads(settled.stdout)["deliveries"]
        assert (delivery["result"], delivery["arrived"]) == ("done", len(ids)), point
        assert sending.list_ids() == ids, point
        entries = sending.program.entries()
        assert_every_privileged_call_has_an_intent(sending.program.sandbox.requests(since), entries)
        assert_each_intent_has_one_outcome(entries)
        assert_chained(entries)
    assert arrived == {0, 100, len(ids)}
    assert recorded == [[None], [None, "done"], [None, "done", None], [None, "done"] * BATCHES]
    assert sending.program.run("ledger", "verify").status == 0
