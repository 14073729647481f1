"""Recovery windows, what came of their opening and closing, and their reports."""

from __future__ import annotations

from typing_extensions import TypedDict

from rootkeeper.shapes import AccountNumber, Answer, Count, CountedPage, record
from rootkeeper.windows.records import WindowAnswer, WindowRecord
from rootkeeper.windows.rules import CloseOutcome, OpenOutcome


@record
class WindowPage(CountedPage):
    """Windows, the newest first."""

    windows: list[WindowRecord]


@record
class WindowOpenedAnswer(WindowAnswer):
    """A window, and what came of its opening."""

    outcome: OpenOutcome
    explanation: str
    hint: str | None
    exit_status: int
    """What the command line ends with."""


@record
class WindowClosedAnswer(WindowAnswer):
    """A window, and what came of its closing."""

    outcome: CloseOutcome
    explanation: str
    hint: str | None
    is_closed: bool


@record
class KindsPresent(TypedDict):
    """The four kinds of root user credentials."""

    password: bool
    access_keys: bool
    signing_certificates: bool
    mfa_devices: bool


@record
class WindowCheckAnswer(Answer):
    """What a request would need; nothing was requested."""

    account_id: AccountNumber
    name: str
    email: str
    duration_seconds: Count
    approvals_needed: Count
    present: KindsPresent
    """What the account has already."""
    remarks: list[str]
