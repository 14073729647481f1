"""Checks of what is stored: the database and its ledger. They are only read: nothing is created or migrated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rootkeeper.doctor.rules import (
    Check,
    CheckName,
    CheckVerdict,
    check_ledger,
    check_version,
    judge_error,
    make_unknown,
)
from rootkeeper.errors import RootkeeperError

if TYPE_CHECKING:
    from rootkeeper.clock import Clock
    from rootkeeper.maintenance.rules import DatabaseCheck
    from rootkeeper.settings.sections import Settings


class DatabaseChecks:
    """Reads the database and its ledger; creates and migrates nothing."""

    def __init__(self, settings: Settings, profile: str | None, region: str | None, clock: Clock) -> None:
        """:param profile: with ``region``, for an anchor of the ledger in a bucket."""
        self._settings, self._profile, self._region, self._clock = settings, profile, region, clock

    def run(self) -> Iterator[Check]:
        from rootkeeper.composition.application import Application
        from rootkeeper.database.engines import open_store
        from rootkeeper.maintenance.checking import check_database

        try:
            store = open_store(self._settings.database.url)
            store.engine.dispose()
            if not store.exists():
                text = f"There is no database {store.place} yet. The first audit or change creates it."
                yield Check(CheckName.DATABASE, CheckVerdict.SKIPPED, text)
                yield Check(CheckName.LEDGER, CheckVerdict.SKIPPED, "There is no ledger yet.")
                return
            with Application(self._settings, profile=self._profile, region=self._region) as application:
                found = check_database(application)
        except RootkeeperError as error:
            yield judge_error(CheckName.DATABASE, error)
            yield make_unknown(CheckName.LEDGER, "The database can't be read.", "Correct that first.")
            return
        yield self._judge_database(found)
        yield check_ledger(found)

    def _judge_database(self, found: DatabaseCheck) -> Check:
        from rootkeeper.database.processes import find_running_server

        version = check_version(found)
        running = find_running_server(self._settings.database.url)
        if running is None or version.verdict is not CheckVerdict.GOOD:
            return version
        text = f"{version.text} A server runs on it: {running.describe()}."
        silence = running.find_silence(self._clock)
        if silence is None:
            return Check(CheckName.DATABASE, CheckVerdict.GOOD, text)
        return Check(
            CheckName.DATABASE,
            CheckVerdict.PROBLEM,
            f"{text} It has been silent for {silence:.0f} seconds, and closes no recovery window.",
            "End that process, and start the server again.",
        )
