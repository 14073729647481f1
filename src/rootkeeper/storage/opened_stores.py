"""Which database a URL means."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

from rootkeeper.errors import SettingsError
from rootkeeper.storage.dialects import Store
from rootkeeper.storage.postgresql_store import PostgresqlStore
from rootkeeper.storage.sqlite_store import SqliteStore


def open_store(url_text: str, busy_timeout_seconds: float) -> Store:
    """The database of ``url_text``; no connection is made yet.

    :raises SettingsError: if the URL can't be used.
    """
    hint = "Use sqlite:///<path to a file> or postgresql+psycopg://<user>@<host>/<database>."
    try:
        url = make_url(url_text)
    except ArgumentError as error:
        raise SettingsError("The database URL can't be read.", hint=hint) from error
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        return SqliteStore(Path(url.database), busy_timeout_seconds)
    if url.drivername == "postgresql+psycopg":
        return PostgresqlStore(url, busy_timeout_seconds)
    raise SettingsError(f"Rootkeeper keeps no data in {url.render_as_string(hide_password=True)}.", hint=hint)
