"""The schema: every table has an organization, and times are texts that sort."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import Dialect, Table
from sqlalchemy.dialects import sqlite

from rootkeeper.database import schema
from rootkeeper.database import schema as access_schema
from rootkeeper.database.schema import JsonText, UtcTime

DIALECT: Dialect = sqlite.dialect()
TABLES = [one for module in (schema, access_schema) for one in vars(module).values() if isinstance(one, Table)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_table_has_an_organization_id(table: Table) -> None:
    assert not table.c.organization_id.nullable


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_no_column_counts_by_itself(table: Table) -> None:
    assert table.autoincrement_column is None


def test_a_time_comes_back_in_utc() -> None:
    there = datetime(2026, 1, 15, 11, 0, tzinfo=timezone(timedelta(hours=2)))
    text = UtcTime().process_bind_param(there, DIALECT)
    assert text == "2026-01-15T09:00:00.000000Z"
    assert UtcTime().process_result_value(text, DIALECT) == datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
    assert UtcTime().process_bind_param(None, DIALECT) is None


def test_a_structure_comes_back_as_it_was_and_none_is_null() -> None:
    text = JsonText().process_bind_param({"a": [1, None]}, DIALECT)
    assert JsonText().process_result_value(text, DIALECT) == {"a": [1, None]}
    assert JsonText().process_bind_param(None, DIALECT) is None
    assert JsonText().process_result_value(None, DIALECT) is None
