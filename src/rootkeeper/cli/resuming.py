"""What a command is given that goes on with an interrupted job."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rootkeeper.cli.confirmation import ChangeOptions
from rootkeeper.cli.invocation import Invocation

if TYPE_CHECKING:
    from rootkeeper.bootstrap import Application
    from rootkeeper.domain.jobs import Job


@dataclass(frozen=True, slots=True)
class ResumeRequest:
    """An interrupted job, and how somebody wants it to go on. Nothing is taken over yet."""

    invocation: Invocation
    application: Application
    job: Job
    change: ChangeOptions
    retry_failed: bool


Resumer = Callable[[ResumeRequest], int]
"""Takes the job over, goes on with it, shows what came of it, and returns the exit status."""
