"""What a command's exit status means; the same for every command."""

from __future__ import annotations

from enum import IntEnum


class ExitStatus(IntEnum):
    """Exit statuses."""

    GOOD = 0
    """Done, and the answer is good."""
    BAD = 1
    """Done, and the answer is bad."""
    USAGE = 2
    """Wrong usage or input; nothing was done."""
    REFUSED = 3
    """AWS or our own authorization refused, or can't be reached."""
    INCOMPLETE = 4
    """A change failed, or isn't proven, for at least one account."""
    BUG = 70
    INTERRUPTED = 130
