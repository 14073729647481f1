"""Accepted set-ups in memory, and guardrails as a test sets them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event

from rootkeeper.errors import DatabaseError
from rootkeeper.policy_language.documents import PolicyKind, PolicyLabel
from rootkeeper.policy_language.evaluation import OrganizationPolicy, PolicyListing
from rootkeeper.setup.drift import AcceptedSetupStore
from rootkeeper.setup.rules import AcceptedSetup, ManagementReading, SetupState

DENY_ROOT = '{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*"}]}'


@dataclass(slots=True)
class InMemorySetups(AcceptedSetupStore):
    """Implements AcceptedSetupStore."""

    accepted: list[AcceptedSetup] = field(default_factory=list)
    readings: list[SetupState] = field(default_factory=list)
    is_readable: bool = True
    is_writable: bool = True

    def add(self, accepted: AcceptedSetup) -> None:
        self.accepted.append(accepted)

    def find_last(self, until: datetime | None = None) -> AcceptedSetup | None:
        if not self.is_readable:
            raise DatabaseError("The database can't be read.")
        known = [one for one in self.accepted if until is None or one.accepted_at <= until]
        return max(known, key=lambda one: one.ledger_sequence, default=None)

    def save_reading(self, state: SetupState) -> None:
        if not self.is_writable:
            raise DatabaseError("The database can't be written.")
        self.readings.append(state)

    def list_management_readings(self, start: datetime, end: datetime) -> tuple[ManagementReading, ...]:
        found = [ManagementReading(one.read_at, one.setup.manages_root_credentials) for one in self.readings]
        return tuple(sorted((one for one in found if start <= one.read_at <= end), key=lambda one: one.read_at))

    def find_last_reading(self, until: datetime | None = None) -> SetupState | None:
        known = [one for one in self.readings if until is None or one.read_at <= until]
        return max(known, key=lambda one: one.read_at, default=None)


@dataclass(slots=True)
class FakeGuardrails:
    """Implements GuardrailReader; one policy of the organization's own to begin with."""

    policies: list[OrganizationPolicy] = field(default_factory=lambda: [make_policy()])
    problems: dict[PolicyKind, tuple[str, ...]] = field(default_factory=dict)
    error: Exception | None = None
    readings: int = 0
    _is_free: Event = field(default_factory=Event)

    def __post_init__(self) -> None:
        self._is_free.set()

    @contextmanager
    def held(self) -> Iterator[Callable[[], None]]:
        """Readings that begin meanwhile last until the end of the block, or until they are let go."""
        self._is_free.clear()
        try:
            yield self._is_free.set
        finally:
            self._is_free.set()

    def list_own_policies(self) -> PolicyListing:
        self.readings += 1
        self._is_free.wait()
        if self.error is not None:
            raise self.error
        return PolicyListing(tuple(self.policies), frozenset({PolicyKind.SERVICE_CONTROL}), self.problems)


def make_policy(
    content: str | None = DENY_ROOT, targets: tuple[str, ...] = ("r-exam",), problem: str | None = None
) -> OrganizationPolicy:
    label = PolicyLabel("p-examplescp", "DenyRoot")
    return OrganizationPolicy(label, PolicyKind.SERVICE_CONTROL, content, frozenset(targets), problem=problem)
