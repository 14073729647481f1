"""``serve`` and ``worker`` with a clock that a test moves: its offset is in a file, read at every look.

Only the process that a test starts has it: the product has no way to set a clock. A clock moved ahead stands for time
that passes, so AWS's time passes, too; the sandbox's own couldn't be set back for the next test. A clock that is only
wrong is in ``tests/attack/test_wrong_clocks.py``.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

from rootkeeper.aws.times import LatestClock
from rootkeeper.cli.commands.serve import run_server, run_worker
from rootkeeper.cli.failures import report_error
from rootkeeper.cli.invocation import Invocation, SharedOptions
from rootkeeper.cli.terminal import Terminal
from rootkeeper.clock import SystemClock
from rootkeeper.errors import RootkeeperError


class MovedClock(SystemClock):
    """The machine's clock, its wall time moved by what the file says, in seconds."""

    def __init__(self, offset_file: Path) -> None:
        self._offset_file = offset_file

    def now(self) -> datetime:
        return super().now() + timedelta(seconds=float(self._offset_file.read_text() or 0))


def pass_time_for_aws() -> None:
    """AWS's time is never earlier than the moved clock; signatures keep the sandbox's time."""
    find_own = LatestClock.now
    LatestClock.now = lambda self: max(find_own(self), self._clock.now())  # type: ignore[method-assign]  # for this process alone


def main() -> int:
    """``OFFSET_FILE serve PORT`` or ``OFFSET_FILE worker``."""
    pass_time_for_aws()
    arguments = sys.argv[1:]
    clock = MovedClock(Path(arguments[0]))
    invocation = Invocation(SharedOptions(), Terminal())
    try:
        if arguments[1] == "worker":
            return run_worker(invocation, clock)
        return run_server(invocation, "127.0.0.1", int(arguments[2]), beyond_loopback=False, clock=clock)
    except RootkeeperError as error:
        return report_error(error, Terminal())


if __name__ == "__main__":
    sys.exit(main())
