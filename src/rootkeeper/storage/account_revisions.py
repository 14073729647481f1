"""How often what is known of an organization's accounts was changed, so that a server needn't read it again in vain.

A number is raised in the transaction that changes something: who reads a number before the rows never takes old rows
for new ones.
"""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Connection, select, text

from rootkeeper.ports.inventory import Revisions
from rootkeeper.storage import schema


class ChangedPart(StrEnum):
    """What is counted; each is a column."""

    INVENTORY = "inventory"
    STATUSES = "statuses"
    WINDOWS = "windows"


_FIRST = (
    "INSERT INTO account_revisions (organization_id, inventory, statuses, windows) VALUES (:organization_id, 1, 1, 1) "
    "ON CONFLICT (organization_id) DO UPDATE SET "
)
_RAISE = {
    ChangedPart.INVENTORY: text(_FIRST + "inventory = account_revisions.inventory + 1"),
    ChangedPart.STATUSES: text(_FIRST + "statuses = account_revisions.statuses + 1"),
    ChangedPart.WINDOWS: text(_FIRST + "windows = account_revisions.windows + 1"),
}
"""Understood by both databases."""


def raise_revision(connection: Connection, organization_id: str, part: ChangedPart) -> None:
    """Count one change."""
    connection.execute(_RAISE[part], {"organization_id": organization_id})


def find_revisions(connection: Connection, organization_id: str) -> Revisions:
    """The numbers now."""
    columns = schema.account_revisions.c
    row = connection.execute(
        select(columns.inventory, columns.statuses, columns.windows).where(columns.organization_id == organization_id)
    ).one_or_none()
    return Revisions() if row is None else Revisions(row.inventory, row.statuses, row.windows)
