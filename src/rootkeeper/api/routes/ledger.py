"""The audit trail."""

from __future__ import annotations

import json
from typing import Annotated, Any

from fastapi import Query

from rootkeeper.api.guarding import Served
from rootkeeper.api.parameters import Limit, show_page
from rootkeeper.api.route_tables import read
from rootkeeper.domain.access import Permission
from rootkeeper.domain.ledger import render_entry
from rootkeeper.domain.organizations import parse_account_id

_LARGEST_SEQUENCE = 2**31 - 1


def list_entries(
    services: Served,
    after: Annotated[int, Query(ge=0, le=_LARGEST_SEQUENCE, description="Only entries after this one.")] = 0,
    account_id: Annotated[str | None, Query(max_length=12)] = None,
    limit: Limit = 100,
) -> dict[str, Any]:
    """List entries as they were hashed, the oldest first."""
    wanted = None if account_id is None else parse_account_id(account_id)
    found = list(services.ledger_reader.list_entries(since_sequence=after, account_id=wanted, limit=limit + 1))
    page = found[:limit]
    following = str(page[-1].sequence) if len(found) > limit else None
    return show_page("entries", [json.loads(render_entry(entry)) for entry in page], following)


ROWS = (read("/ledger", Permission.LEDGER_READ, list_entries),)
