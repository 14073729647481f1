"""kill -9 during an upgrade leaves the old database or the new one, and a second run completes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rootkeeper.database.schema import SCHEMA_VERSION
from tests.old_databases import VERSION
from tests.unit.database.samples import REPOSITORY


@pytest.mark.long
@pytest.mark.timeout(900)
def test_kill_at_any_moment_leaves_the_old_version_or_the_new_one_and_a_second_run_completes_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.functional.crash.upgrade_kills", str(tmp_path)],
        cwd=REPOSITORY,
        env=os.environ | {"XDG_STATE_HOME": str(tmp_path / "state")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    whole, *killed = (line.split() for line in done.stdout.splitlines())
    assert whole == ["0", "False", SCHEMA_VERSION, "ok", "1", "0"]
    assert {line[1] for line in killed} == {"True"}
    left = [line[2] for line in killed]
    assert left == sorted(left)
    assert {(line[2], line[4]) for line in killed} == {(VERSION, "0"), (SCHEMA_VERSION, "1")}
    assert {line[3] for line in killed} == {"ok"}
    assert {line[5] for line in killed} == {"0"}
