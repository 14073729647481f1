"""Organizations: the tree, accounts and invitations, trusted access and delegated administrators, policies, tags."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.organizations import (
    accounts,
    delegation,
    invitations,
    policies,
    policy_changes,
    tags,
    tree,
    units,
)

OPERATIONS: dict[str, Operation] = {
    **accounts.OPERATIONS,
    **delegation.OPERATIONS,
    **invitations.OPERATIONS,
    **policies.OPERATIONS,
    **policy_changes.OPERATIONS,
    **tags.OPERATIONS,
    **tree.OPERATIONS,
    **units.OPERATIONS,
}
