"""Saved copies of policies, as the ledger knows them by their hashes."""

from __future__ import annotations

from collections.abc import Iterable

from rootkeeper.domain.ledger import JsonValue, LedgerEntry
from rootkeeper.domain.organizations import AccountId
from rootkeeper.domain.resource_policies.changes import describe_resource
from rootkeeper.domain.resource_policies.documents import hash_policy
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind


def describe_saved(resource: Resource, policy: str, path: str) -> dict[str, JsonValue]:
    """As the ledger's parameters hold it."""
    return {
        **describe_resource(resource),
        "sha256": hash_policy(policy),
        "size_bytes": len(policy.encode()),
        "path": path,
    }


def was_saved(
    entries: Iterable[LedgerEntry],
    organization_id: str,
    account_id: AccountId,
    kind: ResourceKind,
    name: str,
    text: str,
) -> bool:
    """Whether the ledger has this very text as a copy of that bucket's or queue's policy."""
    wanted = {kind.noun: name, "sha256": hash_policy(text)}
    return any(
        entry.action is kind.save_action
        and entry.organization_id == organization_id
        and entry.account_id == account_id
        and wanted.items() <= entry.parameters.items()
        for entry in entries
    )
