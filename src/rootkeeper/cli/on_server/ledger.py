"""``ledger list --server``: the audit trail as a server keeps it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from rootkeeper.domain.ledger import LedgerEntry, parse_entry
from rootkeeper.domain.organizations import AccountId

if TYPE_CHECKING:
    from rootkeeper.remote.server import RemoteServer


def read_entries(
    server: RemoteServer, since: int, account_id: AccountId | None, limit: int | None
) -> Iterator[LedgerEntry]:
    """Entries after that one, the oldest first, page by page."""
    for record in islice(server.list_entries(since=since, account_id=account_id), limit):
        yield server.connection.understand(lambda entry: parse_entry(json.dumps(entry)), record)
