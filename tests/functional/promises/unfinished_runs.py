"""Runs to which something is done before they end."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Callable

from tests.functional.promises.forked_runs import ForkedRun
from tests.functional.promises.stage import Stage

NOT_USED_LATELY = ("012345678901", "600070008000")
"""They have a password and an access key."""
_PATIENCE_SECONDS = 60
_LOOK_EVERY_SECONDS = 0.05


def wait_until(run: ForkedRun, is_so: Callable[[], bool]) -> None:
    """Look again and again while it runs.

    :raises AssertionError: if it ends before, or it takes too long.
    """
    end = time.monotonic() + _PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < end, run.remarks
        assert not run.ends_within(_LOOK_EVERY_SECONDS), run.remarks


def interrupt_deletion(stage: Stage) -> str:
    """A deletion that was stopped after the first of two accounts; its job's id."""
    waves = ("--canary", "1", "--pause", "1h")
    run = stage.begin("delete", *NOT_USED_LATELY, *waves, "--yes")
    wait_until(run, lambda: "Wave 1 of 2 is done" in run.remarks)
    run.signal(signal.SIGINT)
    assert run.wait().status == 130
    (job,) = json.loads(stage.run("jobs", "list", "--unfinished", "-o", "json").stdout)["jobs"]
    return str(job["job_id"])
