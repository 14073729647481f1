"""A database of its own for an emergency, when the settings' one can't be reached."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import platformdirs

from rootkeeper.bootstrap.application import APPLICATION_NAME, Application
from rootkeeper.clock import SystemClock
from rootkeeper.settings import SQLITE_PREFIX, DatabaseSettings, LedgerSettings, Settings


def open_emergency_application(
    settings: Settings, *, profile: str | None, region: str | None, warn: Callable[[str], None]
) -> tuple[Application, Path]:
    """The program on a fresh file in the user's data folder, which is made when something is kept in it."""
    folder = platformdirs.user_data_path(APPLICATION_NAME, appauthor=False)
    own, path = make_emergency_settings(settings, folder, SystemClock().now())
    return Application(own, profile=profile, region=region, warn=warn), path


def list_emergency_files() -> tuple[Path, ...]:
    """What emergencies of this user left in the data folder, imported or not, the oldest first."""
    return tuple(sorted(platformdirs.user_data_path(APPLICATION_NAME, appauthor=False).glob("emergency-*.db")))


def make_emergency_settings(settings: Settings, folder: Path, now: datetime) -> tuple[Settings, Path]:
    """The same settings on a file of that moment, with everything that stands beside a ledger beside that file."""
    path = folder / f"emergency-{now:%Y%m%dT%H%M%SZ}.db"
    ledger = LedgerSettings(
        anchor=path.with_name(path.name + ".anchor.jsonl"),
        mirror=path.with_name(path.name + ".mirror.jsonl"),
        spill=folder,
    )
    unlock = replace(settings.unlock, saved_policies=path.with_name(path.name + ".policies"))
    database = DatabaseSettings(f"{SQLITE_PREFIX}{path}")
    return replace(settings, database=database, ledger=ledger, unlock=unlock), path
