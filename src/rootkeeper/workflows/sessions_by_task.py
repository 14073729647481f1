"""Root sessions by the role whose work they are: what settles everything that was left needs more than one."""

from __future__ import annotations

from dataclasses import dataclass

from rootkeeper.domain.ledger import Intent
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.task_policies import TaskPolicy
from rootkeeper.ports.root_sessions import RootSession, RootSessions

_UNLOCKING = frozenset({TaskPolicy.UNLOCK_BUCKET, TaskPolicy.UNLOCK_QUEUE})


@dataclass(frozen=True, slots=True)
class SessionsByTask:
    """Implements RootSessions with the power of two roles."""

    usual: RootSessions
    unlocking: RootSessions

    def open(self, account_id: AccountId, task_policy: TaskPolicy, intent: Intent) -> RootSession:
        """See the port."""
        sessions = self.unlocking if task_policy in _UNLOCKING else self.usual
        return sessions.open(account_id, task_policy, intent)
