"""What is judged: one action on one resource by one caller, with the facts around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from rootkeeper.sandbox.authorization.variables import Context


@dataclass(frozen=True, slots=True)
class AccessRequest:
    """One request for access."""

    action: str
    """In lower case, such as ``iam:getuser``; actions don't distinguish case."""
    resource: str
    context: Context
    account_id: str = ""
    """The caller's account."""
    principal_arns: frozenset[str] = field(default=frozenset())
    """All ARNs that a Principal element may mean the caller by: a role session's own and its role's."""
    service_principal: str | None = None
    """The AWS service that calls, such as ``events.amazonaws.com``, when no account does."""
