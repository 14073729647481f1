"""The root session of an unlock: opened when something is asked for the first time, renewed before it ends."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.resource_policies.resources import ResourceKind
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.ledger import Ledger
from rootkeeper.ports.locks import AccountLock
from rootkeeper.ports.resource_policies import ResourcePolicies
from rootkeeper.ports.root_sessions import RootSession, RootSessions
from rootkeeper.workflows.root_access import open_root_session

RENEWAL_MARGIN = timedelta(seconds=60)
"""A session that ends sooner than this is renewed before the next call."""


@dataclass(slots=True)
class UnlockAccess:
    """One account's buckets or queues; safe in many threads."""

    sessions: RootSessions
    ledger: Ledger
    clock: Clock
    account_id: AccountId
    kind: ResourceKind
    lock: AccountLock | None = None
    """For a change: each session's intent checks it."""
    _session: RootSession | None = None
    _opening: threading.Lock = field(default_factory=threading.Lock)

    def enter(self) -> RootSession:
        """A session that is open for a while yet, and proven to be the account's root user.

        :raises AwsError: if AWS refuses it; the outcome is recorded.
        :raises LedgerUnavailableError: if the intent can't be recorded; no call was made.
        :raises LockLostError: if the lock is lost; no call was made.
        """
        with self._opening:
            if self._session is None or self._session.expires_at - self.clock.now() < RENEWAL_MARGIN:
                self._session = None
                self._session = open_root_session(
                    self.sessions, self.ledger, self.account_id, self.kind.task_policy, lock=self.lock
                )
            return self._session

    @property
    def policies(self) -> ResourcePolicies:
        """As ``enter``."""
        return self.enter().resource_policies
