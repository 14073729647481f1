"""``scripts/step``: one line for each long step of the Makefile, and everything when one fails."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

STEP = Path(__file__).parents[3] / "scripts" / "step"


def run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(STEP), "Installing", *command], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )


def test_a_good_step_is_one_line_with_its_duration() -> None:
    done = run("sh", "-c", "echo much; echo more >&2")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"Installing … \d+ s\n", done.stdout)


def test_a_failed_step_shows_its_output_and_keeps_its_status() -> None:
    done = run("sh", "-c", "echo much; echo more >&2; exit 7")
    assert done.returncode == 7
    assert re.fullmatch(r"Installing … failed after \d+ s:\n", done.stdout)
    assert done.stderr == "much\nmore\n"
