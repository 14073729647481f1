"""A change of one policy as data, and what a re-read makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from rootkeeper.domain.ledger import Action, JsonValue, Result
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.resource_policies.documents import fingerprint, hash_policy
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind, change_action


class ChangeKind(StrEnum):
    """What a person asks for."""

    CORRECTED = "corrected"
    REMOVE = "remove"
    REPLACE = "replace"
    RESTORE = "restore"


@dataclass(frozen=True, slots=True)
class PolicyChange:
    """One policy, as it is and as it shall be."""

    resource: Resource
    before: str | None
    """As it was shown; ``None`` for none."""
    after: str | None
    """``None``: it is removed."""

    @property
    def action(self) -> Action:
        return change_action(self.resource.kind, removes=self.after is None)

    @property
    def is_needless(self) -> bool:
        """Whether everything is so already."""
        partition = self.resource.partition
        return fingerprint(self.before, partition) == fingerprint(self.after, partition)


def describe_resource(resource: Resource) -> dict[str, JsonValue]:
    """As the ledger's parameters hold it."""
    return {resource.kind.noun: resource.name, "region": resource.region, "partition": resource.partition}


def describe_change(change: PolicyChange) -> dict[str, JsonValue]:
    """As an intent's parameters hold it: enough to tell later, by a re-read, whether it was done."""
    partition = change.resource.partition
    return {
        **describe_resource(change.resource),
        "previous_sha256": None if change.before is None else hash_policy(change.before),
        "previous_fingerprint": fingerprint(change.before, partition),
        "new_sha256": None if change.after is None else hash_policy(change.after),
        "new_fingerprint": fingerprint(change.after, partition),
    }


def read_resource(action: Action, account_id: AccountId, parameters: Mapping[str, JsonValue]) -> Resource:
    """The resource of an intent that :func:`describe_change` described.

    :raises ValueError: if the parameters aren't such.
    """
    kind = ResourceKind.QUEUE if action is Action.QUEUE_POLICY_SET else ResourceKind.BUCKET
    found = {name: parameters.get(name) for name in (kind.noun, "region", "partition")}
    name, region, partition = found.values()
    if not (isinstance(name, str) and isinstance(region, str) and isinstance(partition, str)):
        raise ValueError(f"an intent of {action} doesn't name its {kind.noun}")
    return Resource(kind, account_id, name, region, partition)


@dataclass(frozen=True, slots=True)
class PolicyRereadResult:
    """What a re-read says of a change."""

    result: Result
    explanation: str
    is_settled: bool
    """``False`` while the policy of before is still shown: AWS may need a while."""


def evaluate_reread(found: str | None, parameters: Mapping[str, JsonValue], partition: str) -> PolicyRereadResult:
    """Compare what stands there now with an intent's parameters; only the new policy itself proves that it was done."""
    shown = fingerprint(found, partition)
    if shown == parameters.get("new_fingerprint"):
        return PolicyRereadResult(Result.DONE, "Done, as a re-read shows.", is_settled=True)
    if shown == parameters.get("previous_fingerprint"):
        return PolicyRereadResult(Result.FAILED, "Not done: a re-read shows the policy of before.", is_settled=False)
    return PolicyRereadResult(
        Result.UNKNOWN, "A re-read shows another policy: somebody else has changed it since.", is_settled=False
    )
