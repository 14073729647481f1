"""Unlocking at work on a fake organization, wired as the product wires it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rootkeeper.aws.rules import Resource, ResourceKind
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.unlock.rules import ChangeKind
from rootkeeper.unlock.service import (
    PolicyChangeRequest,
    UnlockOutcome,
    UnlockPlan,
    UnlockPlanner,
    UnlockReader,
    UnlockRun,
)
from tests.fakes.acting import make_acting, make_settings
from tests.fakes.clock import FakeClock
from tests.fakes.organization import FakeOrganization
from tests.fakes.saved_policies import InMemorySavedPolicies
from tests.fakes.stores import InMemoryLedger, InMemoryLocks, RecordedProgress

MEMBER = AccountId("222233334444")


def deny(sid: str, resource: str = "*", **elements: Any) -> dict[str, Any]:
    """A statement that denies everyone everything, but for what ``elements`` say."""
    return {"Sid": sid, "Effect": "Deny", "Principal": "*", "Action": "*", "Resource": resource, **elements}


def policy(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


READING = {"Sid": "Reading", "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": "*"}
LOCKING = policy(READING, deny("Everyone"))
OPEN = policy(READING)


@dataclass(slots=True)
class UnlockDesk:
    """One operator in front of one organization with one member account."""

    clock: FakeClock = field(default_factory=FakeClock)
    organization: FakeOrganization = field(init=False)
    locks: InMemoryLocks = field(default_factory=InMemoryLocks)
    ledger: InMemoryLedger = field(init=False)
    saved: InMemorySavedPolicies = field(default_factory=InMemorySavedPolicies)
    progress: RecordedProgress = field(default_factory=RecordedProgress)
    protect: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.organization = FakeOrganization(self.clock)
        self.organization.add_account(MEMBER, "Orders")
        self.ledger = InMemoryLedger(self.clock, self.locks)

    @property
    def account(self) -> Account:
        return self.organization.accounts[MEMBER]

    @property
    def reading(self) -> UnlockReader:
        return UnlockReader(
            make_acting(
                self.clock,
                self.organization,
                self.organization.places,
                ledger=self.ledger,
                locks=self.locks,
                settings=make_settings(unlock={"protect": self.protect}),
            )
        )

    @property
    def planning(self) -> UnlockPlanner:
        return UnlockPlanner(self.reading)

    @property
    def run(self) -> UnlockRun:
        return UnlockRun(self.reading, self.saved, queue_pauses_seconds=(1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 27.0))

    def add(self, name: str, policy: str | None = LOCKING, kind: ResourceKind = ResourceKind.BUCKET) -> Resource:
        return self.organization.resources.add(kind, MEMBER, name, policy)

    def request(
        self, resource: Resource, change: ChangeKind = ChangeKind.REMOVE, text: str | None = None
    ) -> PolicyChangeRequest:
        return PolicyChangeRequest(self.account, resource.kind, resource.name, change, (), text, "new.json")

    def plan(self, resource: Resource, change: ChangeKind = ChangeKind.REMOVE, text: str | None = None) -> UnlockPlan:
        return self.planning.plan(self.request(resource, change, text), self.progress)

    def unlock(
        self, resource: Resource, change: ChangeKind = ChangeKind.REMOVE, text: str | None = None
    ) -> UnlockOutcome:
        return self.run.apply(self.plan(resource, change, text), self.progress)

    def policy_of(self, resource: Resource) -> str | None:
        """The truth."""
        return self.organization.resources.policies[resource]
