"""``rootkeeper ledger``: works on the database alone, without AWS; ``list`` and ``verify`` also through a server."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from click import IntRange

from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation, begin_change
from rootkeeper.cli.invocation import Invocation, PanelGroup, add
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.options import parse_past_moment, parse_range
from rootkeeper.cli.output_files import out_option, require_output_file, write_output_file
from rootkeeper.cli.outputs import LIST_OUTPUTS, ONE_OUTPUTS, ExitStatus, OutputFormat, argument, option
from rootkeeper.cli.progress import open_progress
from rootkeeper.cli.rendering.listings import counted, render_timestamp
from rootkeeper.cli.rendering.windows import remark_lost_windows, show_adoption, show_windows
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import AwsError, InputError, ServerRunningError
from rootkeeper.ledger.rules import render_entry
from rootkeeper.organization.accounts import AccountId, parse_account_id
from rootkeeper.values import json_time
from rootkeeper.windows.rules import OWING_STATES

if TYPE_CHECKING:
    from rootkeeper.composition.application import Application
    from rootkeeper.settlement.lost_windows import LostWindows
    from rootkeeper.windows.imports import LedgerImport
    from rootkeeper.windows.rules import CloseResult


def list_entries(
    invocation: Invocation,
    *,
    account: Annotated[str | None, option("--account ID", "Only entries about this account.")] = None,
    since: Annotated[
        int,
        option("--since SEQUENCE", "Only entries after this sequence number.", type=IntRange(0), show_default=False),
    ] = 0,
    start: Annotated[
        str | None, option("--from DATE", "Only entries from then on: 2026-01-01, or 90d before the end.")
    ] = None,
    end: Annotated[str | None, option("--to DATE", "Only entries until then. Default: now.")] = None,
    limit: Annotated[int | None, option("--limit N", "Show at most N entries.", type=IntRange(1))] = None,
) -> int:
    """List entries of the audit trail, oldest first.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.jobs import show_entries

    output = invocation.choose_output(*LIST_OUTPUTS)
    account_id = parse_account_id(account) if account else None
    with open_operator(invocation, creates_database=False) as operator:
        first, last = parse_range(start, end, operator.now())
        entries = operator.list_entries(since, account_id, limit, start=first, end=last)
        show_entries(entries, output, invocation.terminal)
    return ExitStatus.GOOD


def verify(invocation: Invocation) -> int:
    """Verify that no entry was altered, removed, inserted or moved.

    Recomputes the chain of hashes, compares it with the mirror and the anchor, and names the first entry that doesn't
    fit. A copy that is missing, empty, cut or unreadable fails the verification. If the chain is intact, it also
    compares the rows of recovery windows with their entries, and names each contradiction.

    Through a server (--server), the server verifies its own ledger as a job. That needs the permissions ledger:verify
    and jobs:read, which every role except viewer has.

    Changes: nothing; a server's ledger records who asked for it.

    AWS permissions: none.

    Exit statuses: 0 intact; 1 not intact; 2 wrong usage; 3 the database can't be read, or the server refused or can't
    be reached; 130 interrupted.
    """
    from rootkeeper.cli.rendering.jobs import show_verification

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON)
    with open_operator(invocation, creates_database=False) as operator:
        verification = operator.verify_ledger()
    show_verification(verification, output, invocation.terminal)
    return ExitStatus.GOOD if verification.is_intact else ExitStatus.BAD


def export(
    invocation: Invocation,
    *,
    out: Annotated[Path | None, out_option("A new file; an existing file isn't overwritten. Default: stdout.")] = None,
) -> int:
    """Export every entry as it was hashed, one line of canonical JSON each.

    Changes: nothing; writes the file.

    AWS permissions: none.

    Exit statuses: 0 written; 2 wrong usage, or the file can't be written; 3 the database can't be read.
    """
    invocation.choose_output(OutputFormat.JSONL)
    require_output_file(out, is_new=True)
    with invocation.open_application(creates_database=False) as application:
        entries = application.ledger_reader.list_entries()
        if out is None:
            for entry in entries:
                invocation.terminal.write(render_entry(entry) + "\n")
        else:
            lines = (render_entry(entry) + "\n" for entry in entries)
            count = write_output_file(out, lines, is_new=True, is_private=True)
            invocation.terminal.remark(f"{counted(count, 'entry', 'entries')} are in {out}.")
    return ExitStatus.GOOD


def adopt(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    since: Annotated[
        str | None,
        option("--since TIME", "Look for recovery windows from then on. Default: the last entry before the restore."),
    ] = None,
) -> int:
    """Record that this database was restored, and continue with it.

    Commands that change something refuse a database that is older than its mirror or anchor, because it was restored or
    cut. This command records that the restore is intended. If a copy of the ledger was lost, it records that too. It
    begins the copies again, and keeps the old mirror under another name.

    Then it reads every account of the organization, and lists those where password recovery was allowed or a password
    was set after the backup, and no recovery window explains that: the lost part of the ledger may have opened them. It
    offers to close them. If AWS can't be asked, run it again later.

    Changes: adds one entry to the ledger and starts a new mirror. If you confirm it, deletes every root user credential
    of the listed accounts.

    AWS permissions: to record the restore, none for a database of one organization; otherwise
    organizations:DescribeOrganization. To look for windows, those of rootkeeper audit --details; to close them, those
    of rootkeeper windows close.

    Exit statuses: 0 recorded, or nothing to adopt, and no such window is open; 1 recorded, but such a window may be
    open: it was left as it is, an account couldn't be read, AWS couldn't be asked, or the time of the backup isn't
    known; 2 wrong usage or not confirmed; 3 the database or the ledger refused; 4 a window isn't closed, or not proven.
    """
    output = invocation.choose_output(*ONE_OUTPUTS)
    with invocation.open_application(creates_database=False) as application:
        from rootkeeper.settlement.lost_windows import find_backup_moment

        start = None
        if since is not None:
            start = parse_past_moment(since, "--since", application.clock.now(), day_ends=False)
        verification = application.ledger_reader.verify()
        confirmation = _open_confirmation(application, change, output, invocation.terminal)
        statement = [
            (
                f"Continue with this database. Its ledger ends at entry {verification.head_sequence}; the mirror or "
                "the anchor may have later entries."
            ),
            "Then look for recovery windows that the lost entries may have opened.",
        ]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        entry = application.database.adopt(application.ledger)
        start = start or find_backup_moment(application.ledger_reader)
    if since is None and start is not None:
        invocation.terminal.remark(
            f"The search begins at {render_timestamp(start)}, when the last entry before the restore was written. If a "
            "command ran between the restore and this one, the entry is from that command, and the time from the "
            "backup until then isn't searched: use --since with the time of the backup.",
            style="bold",
        )
    if entry is None:
        invocation.terminal.remark("Nothing to adopt: the mirror and the anchor match the database.")
    else:
        invocation.terminal.remark(f"Recorded as entry {entry.sequence}.")
    return _close_lost(invocation, change, output, start, None if entry is None else entry.sequence)


def _close_lost(
    invocation: Invocation,
    change: ChangeOptions,
    output: OutputFormat,
    since: datetime | None,
    adopted_entry: int | None,
) -> int:
    """Look for windows that the restored database lost, and close those that a person chooses.

    :param since: ``None`` if the time of the backup isn't known. Then nothing can be found: each password may be from
        before it.
    """
    terminal, progress = invocation.terminal, open_progress(invocation.terminal)
    searched: LostWindows | None = None
    closings: dict[AccountId, CloseResult] = {}
    failure: str | None = None
    try:
        if since is None:
            raise InputError("The ledger has no entry from before, so the time of the backup isn't known.")
        with invocation.open_application(creates_database=False) as application:
            from rootkeeper.settlement.lost_windows import LostWindowFinder, close_lost

            confirmation = begin_change(invocation, application, change, output, progress)
            searched = LostWindowFinder(application, application.audit).find(since, progress)
            progress.finish()
            remark_lost_windows(searched, terminal)
            closable = searched.closable
            question = f"Close {counted(len(closable), 'account')}: delete every root user credential there?"
            if closable and confirmation.ask(question):
                closing = application.window_closer(progress)
                for lost in closable:
                    closings[lost.account.account_id] = close_lost(closing, lost)
                progress.finish()
    except (AwsError, InputError, ServerRunningError) as error:
        failure = error.message
        missed = "weren't looked for" if searched is None else "weren't all closed"
        terminal.remark(
            f"ALERT: recovery windows that the lost entries may have opened {missed}: {failure}", style="bold red"
        )
    status = show_adoption(adopted_entry, searched, closings, failure, output, terminal)
    if status != ExitStatus.GOOD:
        backup = "TIME" if since is None else json_time(since)
        terminal.remark(
            "Such a window may be open. When that is corrected, run it again with the time of the backup: "
            f"rootkeeper ledger adopt --since {backup}",
            style="bold red",
        )
    return status


def import_file(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    file: Annotated[Path, argument("FILE", "The ledger file of the emergency.")],
) -> int:
    """Import the ledger that an emergency wrote while the database couldn't be reached.

    Verifies the file's ledger, appends its entries to this ledger, each with its original time and hash, and stores its
    recovery windows. A window that isn't closed is then closed from here. The file stays as it is; a second import does
    nothing.

    Changes: nothing in AWS; the ledger and the recovery windows.

    AWS permissions: none for a database of one organization; otherwise organizations:DescribeOrganization.

    Exit statuses: 0 imported, now or before; 2 wrong usage, not confirmed, or the file can't be imported; 3 the
    database or the ledger refused.
    """
    from rootkeeper.windows.imports import read_source

    output, terminal = invocation.choose_output(*LIST_OUTPUTS), invocation.terminal
    with invocation.open_application(creates_database=False) as application:
        confirmation = _open_confirmation(application, change, output, terminal)
        source = read_source(file)
        last, number = source.entries[-1], counted(len(source.entries), "entry", "entries")
        statement = [
            f"Append the {number} of {source.name} to the ledger; its chain of hashes is intact.",
            f"The last entry is from {render_timestamp(last.at)}, by {last.actor.name}.",
            *(
                f"Store recovery window {window.window_id} of account {window.account_id}, which is "
                f"{window.state.value}: {window.reason}"
                for window in source.windows
            ),
        ]
        if not confirmation.confirm(statement):
            return ExitStatus.GOOD
        found = application.import_emergency(source)
        _show_import(found, terminal)
        show_windows(found.windows, output, terminal, application.clock.now())
    return ExitStatus.GOOD


def _open_confirmation(
    application: Application, change: ChangeOptions, output: OutputFormat, terminal: Terminal
) -> Confirmation:
    application.use_known_organization()
    caller_arn = application.actor.caller_arn or "none (no AWS call)"
    context = ChangeContext(application.organization_id, caller_arn, application.endpoint.label)
    return Confirmation(terminal, context, change, output)


def _show_import(found: LedgerImport, terminal: Terminal) -> None:
    if found.imported_before is not None:
        terminal.remark(
            f"The file was already imported at {render_timestamp(found.imported_before)}. Nothing was done."
        )
        return
    terminal.remark(f"Imported {counted(found.entries, 'entry', 'entries')}.")
    for window in found.windows:
        if window.state in OWING_STATES:
            terminal.remark(
                f"Recovery window {window.window_id} isn't closed. A server closes it at its end. Close it now: "
                f"rootkeeper windows close {window.window_id}",
                style="bold red",
            )
        if window.is_emergency and window.reviewed_by is None:
            terminal.remark(
                "A second person must review the emergency through a server: "
                f"rootkeeper windows review {window.window_id}"
            )


application = PanelGroup(help="Read and verify the audit trail.")
add(application, list_entries, "list")
add(application, verify, "verify")
add(application, export, "export")
add(application, adopt, "adopt")
add(application, import_file, "import")
