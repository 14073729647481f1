"""A user or token as JSON values: what the command line and the API show of it. Nothing that proves it is in there."""

from __future__ import annotations

from datetime import datetime

from rootkeeper.domain.access import Identity
from rootkeeper.domain.ledger import JsonValue
from rootkeeper.domain.plan_files import render_instant


def identity_to_record(identity: Identity, now: datetime) -> dict[str, JsonValue]:
    """One user or token; ``is_usable`` tells whether it may act now."""
    return {
        "identity_id": identity.identity_id,
        "kind": identity.kind.value,
        "name": identity.name,
        "role": identity.role.value,
        "is_usable": identity.is_usable(now),
        "created_by": identity.created_by,
        "created_at": _render(identity.created_at),
        "expires_at": _render(identity.expires_at),
        "disabled_at": _render(identity.disabled_at),
        "last_used_at": _render(identity.last_used_at),
    }


def _render(moment: datetime | None) -> str | None:
    return None if moment is None else render_instant(moment.replace(microsecond=0))
