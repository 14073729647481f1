"""Organizations: the tree, trusted access and delegated administrators, policies and tags."""

from __future__ import annotations

from rootkeeper.sandbox.exchange import Operation
from rootkeeper.sandbox.services.organizations import delegation, policies, tags, tree

OPERATIONS: dict[str, Operation] = {
    **delegation.OPERATIONS,
    **policies.OPERATIONS,
    **tags.OPERATIONS,
    **tree.OPERATIONS,
}
