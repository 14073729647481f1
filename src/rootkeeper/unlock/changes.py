"""The rewrite of a bucket or queue policy as a change: put or removed in an unlock session, and proven by a re-read.

A dead process's rewrite is known from the parameters of its intent. They contain hashes and no policy, so it can be
observed, and not sent again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.aws.rules import Resource, ResourceKind, TaskPolicy
from rootkeeper.changes.rules import Answer, Evaluation, ObservedChange
from rootkeeper.changes.sessions import AccountSessions, RootChange
from rootkeeper.changes.settlement import require_account
from rootkeeper.errors import AwsNotFoundError, RootkeeperError
from rootkeeper.ledger.rules import Action, Intent, LedgerEntry
from rootkeeper.organization.accounts import AccountId
from rootkeeper.unlock.rules import ChangeKind, PolicyChange, describe_change, evaluate_reread, read_resource
from rootkeeper.values import JsonValue

POLICY_ACTIONS = frozenset({Action.BUCKET_POLICY_DELETE, Action.BUCKET_POLICY_PUT, Action.QUEUE_POLICY_SET})

_ORPHAN_PAUSES_SECONDS = (1.0, 2.0)
"""A call sent just before its process died may still act."""

_QUEUE_POLICY_SETTLES = timedelta(seconds=60)
"""How long SQS may show the old attributes. Source: SQS SetQueueAttributes, API version 2012-11-05."""


def find_policy(sessions: AccountSessions, resource: Resource) -> str | None:
    """Read the policy of a bucket or queue in an unlock session; ``None`` if there is none.

    :raises AwsError: if AWS refuses the session, or the policy can't be read.
    """
    return sessions.read(resource.kind.task_policy, lambda session: session.resource_policies.find_policy(resource))


@dataclass(frozen=True, slots=True)
class RecordedPolicyRewrite(ObservedChange[str | None]):
    """A rewrite as its intent records it; a re-read shows the current policy."""

    sessions: AccountSessions = field(repr=False)
    action: Action
    resource: Resource
    recorded: Mapping[str, JsonValue]
    """The parameters of the intent, with the hashes of both policies."""
    pauses_seconds: tuple[float, ...]

    @property
    def account_id(self) -> AccountId:
        return self.resource.account_id

    def observe(self) -> str | None:
        return find_policy(self.sessions, self.resource)

    def evaluate(self, shown: str | None, answer: Answer | None) -> Evaluation:  # noqa: ARG002 - only the policy decides
        return evaluate_reread(shown, self.recorded, self.resource.partition)

    def evaluate_unread(self, error: RootkeeperError, answer: Answer | None) -> Evaluation:
        """After the process died, a bucket or queue that doesn't exist any more counts as one without a policy."""
        if answer is not None:
            return Evaluation(None, f"The change was sent, but the policy can't be re-read: {error.message}")
        if isinstance(error, AwsNotFoundError):
            return self.evaluate(None, answer)
        return Evaluation(None, f"The policy can't be re-read: {error.message}")


@dataclass(frozen=True, slots=True)
class PolicyRewrite(RecordedPolicyRewrite, RootChange[str | None]):
    """The new policy of a bucket or queue, or the removal of its policy."""

    policy: str | None
    """``None`` to remove it."""

    @staticmethod
    def of(
        sessions: AccountSessions,
        change: PolicyChange,
        kind: ChangeKind,
        saved_path: str | None,
        pauses_seconds: tuple[float, ...],
    ) -> PolicyRewrite:
        """:param saved_path: the file of the policy from before; ``None`` if there was no policy."""
        recorded = {**describe_change(change), "change": kind.value, "saved_path": saved_path}
        return PolicyRewrite(sessions, change.action, change.resource, recorded, pauses_seconds, change.after)

    @property
    def task_policy(self) -> TaskPolicy:
        return self.resource.kind.task_policy

    @property
    def parameters(self) -> Mapping[str, JsonValue]:
        return self.recorded

    def send(self, intent: Intent) -> None:
        if self.policy is None:
            self.session.resource_policies.remove_policy(self.resource, intent)
        else:
            self.session.resource_policies.put_policy(self.resource, self.policy, intent)


def restore_policy_change(entry: LedgerEntry, sessions: AccountSessions | None, now: datetime) -> RecordedPolicyRewrite:
    """Rebuild the rewrite of a dead process, to observe it until AWS must show it.

    :raises ValueError: if the intent doesn't name its bucket or queue.
    """
    found = require_account(sessions)
    resource = read_resource(entry.action, found.account_id, entry.parameters)
    pauses: tuple[float, ...] = _ORPHAN_PAUSES_SECONDS
    if resource.kind is ResourceKind.QUEUE:
        left_seconds = (entry.at + _QUEUE_POLICY_SETTLES - now).total_seconds()
        pauses = (*pauses, max(left_seconds, 0.0) + 1)
    return RecordedPolicyRewrite(found, entry.action, resource, entry.parameters, pauses)
