"""Reading the summaries of many accounts at once: the two calls of an audit, which is all that most accounts cost."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.root_credentials import RootCredentialsSummary
from rootkeeper.ports.root_sessions import RootSession


@dataclass(frozen=True, slots=True)
class SummaryRequest:
    """One account that is to be read."""

    account_id: AccountId
    intent: Intent
    """Of action ``accounts:audit``, naming the account."""
    session: RootSession | None = None
    """An audit session of an earlier try that is still good; then there is no AssumeRoot."""
    delay_seconds: float = 0.0
    """How long to wait first."""


@dataclass(frozen=True, slots=True)
class SummaryAnswer:
    """What came of it: a summary, or the error of the call that failed."""

    request: SummaryRequest
    session: RootSession | None
    """The session, if one was opened."""
    summary: RootCredentialsSummary | None
    error: BaseException | None
    """An AwsError, LockLostError if the intent was too old (nothing was sent since), or a bug."""


Deliver = Callable[[SummaryAnswer], None]
"""Called once for each request, from any thread; must not block."""


class SummaryReader(Protocol):
    """Reads accounts, as many at once as it was opened for."""

    def submit(self, request: SummaryRequest, deliver: Deliver) -> None:
        """Have one account read: sts:AssumeRoot, iam:GetAccountSummary. Returns at once."""
        ...


class RootSummaries(Protocol):
    """Opens readers."""

    def open_summary_reader(self, concurrency: int) -> AbstractContextManager[SummaryReader]:
        """Leaving the context drops what hasn't begun; what is in flight may be waited for or dropped, too.

        Each call is made once for a request; whether to try again is the caller's to decide.
        """
        ...
