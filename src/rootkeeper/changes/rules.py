"""A change in AWS as a value, the answer to its call, and the evaluation of the re-read that follows. Pure.

A change says how it is sent, how its effect is observed, and what an observation means. The runner does these steps in
their order for a living process, and the settlement does the last two for a dead process, so both decide alike.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from rootkeeper.errors import AwsError, AwsNotFoundError, AwsUnclearError, AwsUnreachableError, RootkeeperError
from rootkeeper.ledger.rules import Action, Intent, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.values import JsonValue

Shown = TypeVar("Shown")
"""What a re-read shows of a change's target."""

SUCCESS = "success"

SENDING_LATENCY = timedelta(minutes=10)
"""No call is sent later than this after its intent, because the writer's lease ends before."""


@dataclass(frozen=True, slots=True)
class Answer:
    """AWS's answer to a changing call that may have acted. None of them proves the change."""

    value: Any = None
    """What the call returned."""
    error: AwsError | None = None
    """The error that came instead of success."""

    @property
    def text(self) -> str:
        """``success``, or AWS's error code."""
        return SUCCESS if self.error is None else self.error.aws_code or self.error.code

    @property
    def is_success(self) -> bool:
        return self.error is None

    @property
    def is_absent(self) -> bool:
        """Whether AWS answered that there was nothing to remove."""
        return isinstance(self.error, AwsNotFoundError)

    @property
    def is_unclear(self) -> bool:
        """Whether it is neither success nor that there was nothing to remove."""
        return not self.is_success and not self.is_absent


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The meaning of a re-read."""

    result: Result | None
    """``None``: the re-read doesn't show it, but a later re-read will. A living process records that as unknown; the
    settlement leaves the intent open.
    """
    explanation: str
    """A sentence for a person."""
    is_settled: bool = True
    """``False`` while AWS may still show an older state, so that a further re-read is worthwhile."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)
    """Further facts for the outcome's ledger entry."""


@dataclass(frozen=True, slots=True)
class Reread(Generic[Shown]):
    """A re-read and its meaning."""

    shown: Shown | None
    """``None`` if the target couldn't be read."""
    evaluation: Evaluation


class ObservedChange(ABC, Generic[Shown]):
    """A change by its effect, for the process that makes it and for a settlement after that process died."""

    __slots__ = ()

    if TYPE_CHECKING:  # fields or properties of the subclasses; a dataclass would take a property here for a default

        @property
        def action(self) -> Action:
            """The ledger's name of the change."""

        @property
        def account_id(self) -> AccountId | None:
            """The target; ``None`` if the change concerns the organization."""

        @property
        def pauses_seconds(self) -> tuple[float, ...]:
            """The pauses, one before each further re-read while a re-read isn't settled."""

    @abstractmethod
    def observe(self) -> Shown:
        """Read the target now.

        :raises AwsError: if AWS refuses a root session, or the target can't be read.
        :raises LockLostError: if a root session is needed and the account's lock is lost.
        """

    @abstractmethod
    def evaluate(self, shown: Shown, answer: Answer | None) -> Evaluation:
        """Find the result from a re-read.

        :param answer: ``None`` if the process that sent the call died.
        """

    @abstractmethod
    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:
        """Describe a change whose target can't be re-read; never a success."""


class Change(ObservedChange[Shown]):
    """A change that can be made."""

    __slots__ = ()

    @property
    @abstractmethod
    def parameters(self) -> Mapping[str, JsonValue]:
        """Of the intent, without secrets. The settlement rebuilds the change from them."""

    def enter(self) -> str | None:
        """Open the root session for the call, and return its access key id. ``None``: with the operator's credentials.

        :raises AwsError: if AWS refuses it; the outcome is recorded.
        :raises LedgerUnavailableError: if its intent can't be recorded; no call was made.
        :raises LockLostError: if the lock is lost; no call was made.
        """
        return None

    def drop_session(self) -> bool:
        """Forget a root session that ended early. ``False``: the call isn't sent in a root session."""
        return False

    @abstractmethod
    def send(self, intent: Intent) -> object:
        """Make the changing call, once.

        :raises AwsError: as the gateway's changing calls do.
        :raises LockLostError: if the intent is no longer valid; nothing was sent.
        """

    def may_have_acted(self, error: AwsError) -> bool:
        """Whether a call with this error may have acted, so that only a re-read decides. All others are refusals."""
        return isinstance(error, AwsUnclearError | AwsUnreachableError)


@dataclass(frozen=True, slots=True)
class SentChange(Generic[Shown]):
    """A change whose call was sent, and that has no outcome yet."""

    change: Change[Shown]
    intent: Intent
    answer: Answer


def describe_error(error: RootkeeperError) -> dict[str, JsonValue]:
    """Return the details of an error for the ledger."""
    details: dict[str, JsonValue] = {"error": error.code, "message": error.message}
    if isinstance(error, AwsError) and error.aws_code:
        details["aws_code"] = error.aws_code
    if isinstance(error, AwsError) and error.request_id:
        details["request_id"] = error.request_id
    return details


@dataclass(frozen=True, slots=True)
class ChangeResult(Generic[Shown]):
    """A change that was sent, and its result."""

    change: Change[Shown]
    answer: Answer
    shown: Shown | None
    """The last re-read; ``None`` if it failed."""
    evaluation: Evaluation

    @property
    def result(self) -> Result:
        return self.evaluation.result or Result.UNKNOWN

    @property
    def explanation(self) -> str:
        return self.evaluation.explanation
