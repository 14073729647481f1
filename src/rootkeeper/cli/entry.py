"""The program's start: rare collections of garbage, then the command line."""

from __future__ import annotations

import gc
from collections.abc import Sequence

_COLLECTION_THRESHOLD = 200_000
"""New objects between two looks for unreachable cycles. Python's 700 makes it look hundreds of times while modules are
imported, which finds nothing.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line and return its exit status."""
    gc.set_threshold(_COLLECTION_THRESHOLD)
    from rootkeeper.cli.main import main as run

    status = run(arguments)
    gc.freeze()  # at its exit Python looks for cycles in all that it has, which takes a fifth of a small command's CPU
    return status
