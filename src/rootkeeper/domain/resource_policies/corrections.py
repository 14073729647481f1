"""What may be put in place of a policy: the offered correction, and the check of a person's own."""

from __future__ import annotations

import json

from rootkeeper.domain.resource_policies.callers import OrdinaryCaller
from rootkeeper.domain.resource_policies.documents import (
    PolicyDocument,
    parse_policy,
    require_acceptable,
    require_size,
)
from rootkeeper.domain.resource_policies.lockouts import Lockout, LockoutVerdict, evaluate_document
from rootkeeper.domain.resource_policies.resources import Resource, ResourceKind
from rootkeeper.errors import PolicyDocumentError


def list_removed(lockout: Lockout) -> tuple[int, ...]:
    """Places of the statements that a correction leaves out: those that deny everyone, or else those that deny all
    but their exceptions.
    """
    return tuple(statement.number for statement in lockout.statements if statement.verdict is lockout.verdict)


def correct_policy(text: str, lockout: Lockout, resource: Resource) -> str | None:
    """The policy of ``resource`` without the statements that lock out; ``None`` if nothing is left of it.

    :raises PolicyDocumentError: if it can't be read.
    """
    document = parse_policy(text, f"The policy of {resource}")
    removed = list_removed(lockout)
    left = [statement for number, statement in enumerate(document.statements) if number not in removed]
    if not left:
        return None
    return json.dumps({**document.content, "Statement": left}, ensure_ascii=False, separators=(",", ":"))


def require_policy_text(kind: ResourceKind, text: str, source: str) -> PolicyDocument:
    """Check as much of a replacement as shows before the resource is known.

    :raises PolicyDocumentError: if it is no policy, or too large.
    """
    require_size(kind, text, source)
    return parse_policy(text, source)


def require_replacement(text: str, resource: Resource, organization_id: str, source: str) -> Lockout:
    """Check a replacement: AWS must take it, and it must not lock everyone out again.

    :returns: what it does; ``DEPENDS`` is left to the person, who knows whether the excepted principals are there.
    :raises PolicyDocumentError: if one of them isn't so.
    """
    document = require_policy_text(resource.kind, text, source)
    require_acceptable(document, resource, source)
    lockout = evaluate_document(document, OrdinaryCaller.of(resource, organization_id))
    if lockout.verdict is LockoutVerdict.LOCKED:
        raise PolicyDocumentError(
            f"{source} would lock everyone out again. {lockout.explanation} Nothing was done.",
            hint="Except a principal that exists in it. To put back a copy that was saved, use --restore.",
        )
    return lockout
