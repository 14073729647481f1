"""Users, tokens and answers kept for a repeat, as JSON values.

A user or token as JSON values: what the command line and the API show of it, and what the ledger keeps. Nothing that
proves it is in there.

An answer that is given again to whoever asks again: a value alone.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from rootkeeper.access.rules import Identity, IdentityKind, TokenScope
from rootkeeper.values import JsonValue, json_time


def identity_to_record(identity: Identity, now: datetime) -> dict[str, JsonValue]:
    """One user or token; ``is_usable`` tells whether it may act now."""
    return {
        "identity_id": identity.identity_id,
        "kind": identity.kind.value,
        "name": identity.name,
        "role": identity.role.value,
        "signs_in_by": identity.signs_in_by.value if identity.kind is IdentityKind.USER else None,
        "limited_to": _scope_to_record(identity.scope),
        "is_usable": identity.is_usable(now),
        "created_by": identity.created_by,
        "created_at": json_time(identity.created_at),
        "expires_at": json_time(identity.expires_at),
        "disabled_at": json_time(identity.disabled_at),
        "last_used_at": json_time(identity.last_used_at),
    }


def _scope_to_record(scope: TokenScope) -> dict[str, JsonValue] | None:
    """``None`` for whoever may all that the role permits."""
    if scope.is_unlimited:
        return None
    permissions = None if scope.permissions is None else sorted(one.value for one in scope.permissions)
    return {"permissions": permissions, "organizational_units": list(scope.organizational_units)}


def identity_to_parameters(identity: Identity) -> dict[str, JsonValue]:
    """What the ledger keeps of one that is added or changed, as it was before; limits only where it has some."""
    parameters: dict[str, JsonValue] = {
        "identity_id": identity.identity_id,
        "kind": identity.kind.value,
        "name": identity.name,
        "role": identity.role.value,
        "expires_at": None if identity.expires_at is None else identity.expires_at.isoformat(),
    }
    if identity.scope.permissions is not None:
        parameters["permissions"] = sorted(one.value for one in identity.scope.permissions)
    if identity.scope.organizational_units:
        parameters["organizational_units"] = list(identity.scope.organizational_units)
    return parameters


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered."""

    status: int
    media_type: str | None
    body: str | None = field(repr=False)
    """``None`` if it isn't kept: it held a secret, or was too long."""
