"""Checks of what is stored: the database and its ledger. They are only read: nothing is created or migrated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rootkeeper.doctor.rules import Check, CheckName, CheckVerdict, judge_error, make_unknown
from rootkeeper.errors import Hint, RootkeeperError

if TYPE_CHECKING:
    from rootkeeper.clock import Clock
    from rootkeeper.database.engines import Store
    from rootkeeper.settings.sections import Settings

_BUSY_SECONDS = 5.0


class DatabaseChecks:
    """Reads the database and its ledger; creates and migrates nothing."""

    def __init__(self, settings: Settings, profile: str | None, region: str | None, clock: Clock) -> None:
        """:param profile: with ``region``, for an anchor of the ledger in a bucket."""
        self._settings, self._profile, self._region, self._clock = settings, profile, region, clock

    def run(self) -> Iterator[Check]:
        from rootkeeper.database.engines import open_store

        try:
            store = open_store(self._settings.database.url, _BUSY_SECONDS)
        except RootkeeperError as error:
            yield judge_error(CheckName.DATABASE, error)
            yield make_unknown(CheckName.LEDGER, "The database can't be opened.", "Correct that first.")
            return
        try:
            yield from self._check(store)
        finally:
            store.engine.dispose()

    def _check(self, store: Store) -> Iterator[Check]:
        from rootkeeper.database.engines import reading
        from rootkeeper.database.schema import SCHEMA_VERSION
        from rootkeeper.database.version import read_version

        if not store.exists():
            text = f"There is no database {store.place} yet. The first audit or change creates it."
            yield Check(CheckName.DATABASE, CheckVerdict.SKIPPED, text)
            yield Check(CheckName.LEDGER, CheckVerdict.SKIPPED, "There is no ledger yet.")
            return
        try:
            with reading(store) as connection:
                version = read_version(connection, store)
        except RootkeeperError as error:
            yield judge_error(CheckName.DATABASE, error)
            yield make_unknown(CheckName.LEDGER, "The database can't be read.", "Correct that first.")
            return
        if version != SCHEMA_VERSION:
            state = "is empty" if version is None else f"has schema {version}; this version needs {SCHEMA_VERSION}"
            text = f"The database {store.place} {state}. The next command that works with it brings it up to date."
            yield Check(CheckName.DATABASE, CheckVerdict.GOOD, text)
            yield make_unknown(
                CheckName.LEDGER,
                "It is read once the database is up to date.",
                Hint("Verify the ledger then.", "ledger.verify"),
            )
            return
        yield self._describe_database(store, version)
        yield self._check_ledger()

    def _describe_database(self, store: Store, version: str) -> Check:
        from rootkeeper.database.processes import find_running_server

        text = f"{store.place} has the current schema {version}."
        running = find_running_server(self._settings.database.url)
        if running is None:
            return Check(CheckName.DATABASE, CheckVerdict.GOOD, text)
        text = f"{text} A server runs on it: {running.describe()}."
        silence = running.find_silence(self._clock)
        if silence is None:
            return Check(CheckName.DATABASE, CheckVerdict.GOOD, text)
        return Check(
            CheckName.DATABASE,
            CheckVerdict.PROBLEM,
            f"{text} It has been silent for {silence:.0f} seconds, and closes no recovery window.",
            "End that process, and start the server again.",
        )

    def _check_ledger(self) -> Check:
        from rootkeeper.composition.application import Application

        try:
            with Application(
                self._settings, profile=self._profile, region=self._region, creates_database=False
            ) as application:
                found = application.ledger_reader.verify()
        except RootkeeperError as error:
            return judge_error(CheckName.LEDGER, error)
        if found.is_intact:
            text = f"The chain of {found.entries:,} entries is intact."
            return Check(CheckName.LEDGER, CheckVerdict.GOOD, text)
        return Check(
            CheckName.LEDGER, CheckVerdict.PROBLEM, str(found.problem), Hint("Verify the ledger.", "ledger.verify")
        )
