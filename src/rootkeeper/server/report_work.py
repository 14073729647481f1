"""What the server is doing for a person's evidence report, so that a page can say it while the report is made.

A person's reports are made one at a time, see :mod:`rootkeeper.server.turns`, so a person has at most one.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rootkeeper.evidence.service import ReportStep


@dataclass(slots=True)
class ReportWork:
    """A report that is being made."""

    step: ReportStep | None = None
    """``None`` before it begins."""
    written_bytes: int = 0
    """The size of the file so far."""

    def begin(self, step: ReportStep) -> None:
        self.step = step

    def count(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Pass the pieces of the file on, and count their bytes."""
        for piece in pieces:
            self.written_bytes += len(piece)
            yield piece


class ReportsInWork:
    """The reports that are being made, by identity. Thread-safe: an identity's own thread alone changes its entry."""

    def __init__(self) -> None:
        self._works: dict[str, ReportWork] = {}

    @contextmanager
    def follow(self, identity_id: str) -> Iterator[ReportWork]:
        """Keep the work of an identity's report while it is made."""
        work = self._works[identity_id] = ReportWork()
        try:
            yield work
        finally:
            self._works.pop(identity_id, None)

    def find(self, identity_id: str) -> ReportWork | None:
        return self._works.get(identity_id)
