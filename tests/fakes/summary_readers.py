"""A reader of summaries that reads at once, in the thread that asks."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rootkeeper.aws.root_sessions import RootSession, RootSessions
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.aws.summaries import Deliver, SummaryAnswer, SummaryRequest
from rootkeeper.errors import RootkeeperError
from tests.fakes.clock import FakeClock


class FakeSummaryReader:
    """Implements the port SummaryReader over any root sessions."""

    def __init__(self, sessions: RootSessions, clock: FakeClock) -> None:
        self._sessions = sessions
        self._clock = clock
        self.delays: list[float] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Nothing is in flight."""

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        self.delays.append(request.delay_seconds)
        self._clock.advance(request.delay_seconds)
        deliver(self._read(request))

    def _read(self, request: SummaryRequest) -> SummaryAnswer:
        session: RootSession | None = request.session
        try:
            session = session or self._sessions.open(request.account_id, TaskPolicy.AUDIT, request.intent)
            return SummaryAnswer(request, session, session.read_summary(), None)
        except RootkeeperError as error:
            return SummaryAnswer(request, session, None, error)
