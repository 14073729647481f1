"""The log of calls to a fake, and what a test wants to go wrong with them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum, auto

from rootkeeper.errors import AwsUnclearError
from rootkeeper.organization.accounts import AccountId


class Course(Enum):
    """How a call goes."""

    ACT = auto()
    FAIL = auto()
    """Nothing happens, the error is raised."""
    ACT_THEN_FAIL = auto()
    """The change happens, then the error is raised."""
    LIE = auto()
    """Success is answered, nothing changes."""


@dataclass(slots=True)
class Intervention:
    """From the ``at``-th matching call on, ``times`` calls take another course."""

    course: Course
    operation: str
    account_id: AccountId | None
    """``None`` matches every account."""
    at: int
    times: int | None
    """``None``: for ever."""
    error: Exception | None
    seen: int = 0

    def takes(self, operation: str, account_id: AccountId | None) -> bool:
        if operation != self.operation or self.account_id not in (None, account_id):
            return False
        self.seen += 1
        return self.at <= self.seen and (self.times is None or self.seen < self.at + self.times)


@dataclass(slots=True)
class Calls:
    """Every call, in order, and the interventions; safe in many threads."""

    made: list[tuple[str, AccountId | None]] = field(default_factory=list)
    interventions: list[Intervention] = field(default_factory=list)
    before_each: Callable[[str, AccountId | None], None] | None = None
    """Called before each call is logged, such as to advance a clock or to raise."""
    _guard: threading.RLock = field(default_factory=threading.RLock)

    def perform(self, operation: str, account_id: AccountId | None, change: Callable[[], None] | None = None) -> None:
        """Log the call, and let it act (``change``) or go wrong."""
        if self.before_each is not None:
            self.before_each(operation, account_id)
        with self._guard:
            self.made.append((operation, account_id))
            course, error = self._course(operation, account_id)
            if course is Course.FAIL:
                raise error or AwsUnclearError(f"{operation} failed.", operation=operation)
            if change is not None and course is not Course.LIE:
                change()
            if course is Course.ACT_THEN_FAIL:
                raise error or AwsUnclearError(f"{operation} gave no clear answer.", operation=operation)

    def _course(self, operation: str, account_id: AccountId | None) -> tuple[Course, Exception | None]:
        taken = [one for one in self.interventions if one.takes(operation, account_id)]
        return (taken[0].course, taken[0].error) if taken else (Course.ACT, None)
