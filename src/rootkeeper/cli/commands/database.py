"""``rootkeeper database``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from rootkeeper.cli.changes import ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.outputs import ExitStatus, OutputFormat, argument, option


def check(invocation: Invocation) -> int:
    """Check the database's version and its ledger, and who uses it.

    A database of another version is checked, too; a server can run meanwhile.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 it is empty or has the version that this Rootkeeper needs, and its ledger is intact; 1 it has
    another version, or the ledger isn't intact; 2 wrong usage; 3 there is no database, or it can't be read.
    """
    from rootkeeper.cli.rendering.checks import show_database
    from rootkeeper.maintenance.upgrading import check_database

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    with invocation.open_application() as application:
        found = check_database(application)
    show_database(found, output, invocation.terminal)
    return ExitStatus.GOOD if found.is_good else ExitStatus.BAD


def backup(
    invocation: Invocation,
    *,
    to: Annotated[
        Path | None,
        option("--to FOLDER", "Where the backup's folder is made. Default: beside the database, ending in .backups."),
    ] = None,
) -> int:
    """Make a backup, while a server runs or not; print its folder.

    It contains the database, the key of second factors, saved policies and the copies of the ledger, each readable by
    its owner alone. Nothing is overwritten. The copy of the database is opened again, and its ledger compared. For
    PostgreSQL it calls pg_dump and pg_restore, and the default folder is in the user's data folder.

    Changes: nothing; writes the folder.

    AWS permissions: none.

    Exit statuses: 0 written; 2 wrong usage, or the folder can't be written; 3 the database can't be read.
    """
    from rootkeeper.clock import SystemClock
    from rootkeeper.maintenance.backups import back_up, find_places

    invocation.choose_output(OutputFormat.TABLE)
    places = find_places(invocation.load_settings())
    made = back_up(places, to or places.backups, SystemClock().now())
    invocation.terminal.write(f"{made}\n")
    return ExitStatus.GOOD


def restore(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    folder: Annotated[Path, argument("BACKUP", "The folder that rootkeeper database backup has printed.")],
) -> int:
    """Restore a backup in place of the present database.

    Stop the server first. The present files are kept under another name; a present mirror and anchor stay, because they
    have the events after the backup. On PostgreSQL the database must be empty.

    Changes: the database and the files beside it; nothing in AWS.

    AWS permissions: none.

    Exit statuses: 0 restored; 2 wrong usage, not confirmed, or the backup is incomplete; 3 a server runs, or the
    database can't be restored.
    """
    from rootkeeper.clock import SystemClock
    from rootkeeper.database.schema import SCHEMA_VERSION
    from rootkeeper.maintenance.backups import find_places, open_backup, restore
    from rootkeeper.values import json_time

    output, terminal = invocation.choose_output(OutputFormat.TABLE), invocation.terminal
    places = find_places(invocation.load_settings())
    found = open_backup(folder, places)
    made_at = json_time(found.made_at)
    statement = [
        f"Restore the backup of {made_at} from {folder}.",
        f"It replaces {places.database}, which is kept under another name."
        if places.database
        else "The database on PostgreSQL must be empty.",
    ]
    if not Confirmation(terminal, None, change, output).confirm(statement):
        return ExitStatus.GOOD
    restore(found, places, SystemClock())
    terminal.write("Restored. Next:\n")
    if found.database_version != SCHEMA_VERSION:
        terminal.write("  rootkeeper database upgrade  the backup was made by another version of Rootkeeper\n")
    terminal.write(
        f"  rootkeeper ledger adopt --since {made_at}\n"
        "                              records the restore, and looks for recovery windows that it lost\n"
        "  rootkeeper ledger verify    checks every entry\n"
        "  rootkeeper serve            closes first what is overdue\n"
    )
    return ExitStatus.GOOD


def upgrade(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    backup_to: Annotated[
        Path | None, option("--backup-to FOLDER", "Where the backup is made. Default: as for database backup.")
    ] = None,
    no_backup: Annotated[bool, option("--no-backup", "Make no backup, because you have your own.")] = False,
) -> int:
    """Upgrade the database to the version that this Rootkeeper needs.

    Stop every server, worker and command first; it refuses while one acts on the database. It makes a backup, migrates
    the database in one transaction, and verifies that the ledger is as it was before. If it is interrupted, the
    database is as before or upgraded; run it again.

    Changes: the database's tables; nothing in AWS. Without --no-backup, writes a backup.

    AWS permissions: none.

    Exit statuses: 0 upgraded, or nothing to upgrade; 2 wrong usage or not confirmed; 3 another process acts on the
    database, or it can't be backed up or migrated.
    """
    from rootkeeper.cli.rendering.checks import describe_upgrade
    from rootkeeper.maintenance.upgrading import plan_upgrade, upgrade

    output, terminal = invocation.choose_output(OutputFormat.TABLE), invocation.terminal
    with invocation.open_application() as application:
        plan = plan_upgrade(application, backup_to, makes_backup=not no_backup)
        found = plan.before
        if not plan.is_needed:
            has = "no tables yet" if found.version is None else f"version {found.version}, which this Rootkeeper needs"
            terminal.remark(f"Nothing to upgrade: the database {found.place} has {has}.")
            return ExitStatus.GOOD
        if not Confirmation(terminal, None, change, output).confirm(describe_upgrade(plan)):
            return ExitStatus.GOOD
        made = upgrade(application, plan)
    if made is not None:
        terminal.remark(f"The backup is {made}.")
    terminal.remark(f"Upgraded from version {found.version} to {found.needed_version}. The ledger is as it was before.")
    return ExitStatus.GOOD


application = PanelGroup(help="Check, back up, restore and upgrade the database.")
add(application, check, "check")
add(application, backup, "backup")
add(application, restore, "restore")
add(application, upgrade, "upgrade")
