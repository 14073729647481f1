"""``scripts/step``: two lines for each long step of the Makefile, and everything when one fails."""

from __future__ import annotations

import os
import re
import subprocess
import time
from pathlib import Path

STEP = Path(__file__).parents[3] / "scripts" / "step"


def run(*command: str, began_at: float | None = None) -> subprocess.CompletedProcess[str]:
    """Run a command as a step, in a set-up that began at a time."""
    kept = {name: value for name, value in os.environ.items() if name != "SET_UP_BEGAN_AT"}
    return subprocess.run(
        [str(STEP), "Installing", *command],
        env=kept if began_at is None else kept | {"SET_UP_BEGAN_AT": f"{began_at:.0f}"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_good_step_says_when_it_begins_and_when_it_ends() -> None:
    done = run("sh", "-c", "echo much; echo more >&2")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r" +\d+ s  Installing …\n +\d+ s  Installing: done in \d+ s\n", done.stdout)


def test_each_line_starts_with_the_seconds_since_the_set_up_began() -> None:
    done = run("true", began_at=time.time() - 103)
    assert re.fullmatch(r" 1\d\d s  Installing …\n 1\d\d s  Installing: done in \d+ s\n", done.stdout)


def test_a_failed_step_shows_its_output_and_keeps_its_status() -> None:
    done = run("sh", "-c", "echo much; echo more >&2; exit 7")
    assert done.returncode == 7
    assert re.fullmatch(r" +\d+ s  Installing …\n +\d+ s  Installing: failed after \d+ s:\n", done.stdout)
    assert done.stderr == "much\nmore\n"
