"""A user or token as JSON values: what the command line and the API show of it. Nothing that proves it is in there."""

from __future__ import annotations

from datetime import datetime

from rootkeeper.domain.access import Identity, IdentityKind, TokenScope
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.plan_files import render_instant


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
        "created_at": _render(identity.created_at),
        "expires_at": _render(identity.expires_at),
        "disabled_at": _render(identity.disabled_at),
        "last_used_at": _render(identity.last_used_at),
    }


def _scope_to_record(scope: TokenScope) -> dict[str, JsonValue] | None:
    """``None`` for whoever may all that the role permits."""
    if scope.is_unlimited:
        return None
    permissions = None if scope.permissions is None else sorted(one.value for one in scope.permissions)
    return {"permissions": permissions, "organizational_units": list(scope.organizational_units)}


def _render(moment: datetime | None) -> str | None:
    return None if moment is None else render_instant(moment.replace(microsecond=0))
