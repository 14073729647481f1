"""``rootkeeper ledger``: works on the database alone, or in part through a server, without AWS."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rootkeeper.cli.changes import ChangeContext, ChangeOptions, Confirmation
from rootkeeper.cli.invocation import Invocation, add, group, through_server
from rootkeeper.cli.operator.opening import open_operator
from rootkeeper.cli.outputs import ExitStatus, OutputFormat
from rootkeeper.cli.rendering.listings import counted, render_timestamp
from rootkeeper.cli.rendering.windows import show_windows
from rootkeeper.cli.terminal import Terminal
from rootkeeper.errors import InputError
from rootkeeper.ledger.rules import LedgerEntry, render_entry
from rootkeeper.organization.accounts import parse_account_id
from rootkeeper.windows.rules import OWING_STATES, RecoveryWindow

if TYPE_CHECKING:
    from rootkeeper.composition.application import Application
    from rootkeeper.windows.store import LedgerImport, LedgerSource


@through_server
def list_entries(
    invocation: Invocation,
    *,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ID", help="Only entries of this account.")
    ] = None,
    since: Annotated[
        int, typer.Option("--since", metavar="SEQUENCE", min=0, help="Only entries after this one.", show_default=False)
    ] = 0,
    limit: Annotated[int | None, typer.Option("--limit", metavar="N", min=1, help="At most so many.")] = None,
) -> int:
    """List entries of the audit trail, the oldest first.

    Changes: nothing.

    AWS permissions: none.

    Exit statuses: 0 shown; 2 wrong usage; 3 the database can't be read.
    """
    from rootkeeper.cli.rendering.jobs import show_entries

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    account_id = parse_account_id(account) if account else None
    with open_operator(invocation, creates_database=False) as operator:
        show_entries(operator.list_entries(since, account_id, limit), output, invocation.terminal)
    return ExitStatus.GOOD


@through_server
def verify(invocation: Invocation) -> int:
    """Check that no entry was altered, removed, inserted or moved.

    Recomputes the chain of hashes and compares it with the mirror and the anchor, and names the first entry that
    doesn't fit.

    Through a server (--server) it is the server that checks its own ledger, as a job. There it takes the permissions
    ledger:verify and jobs:read, which every role but viewer has.

    Changes: nothing; but a server's ledger names who asked for it.

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
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="A new file; without it stdout gets the entries.")
    ] = None,
) -> int:
    """Write every entry as it was hashed, one line of canonical JSON each.

    Changes: nothing but the file.

    AWS permissions: none.

    Exit statuses: 0 written; 2 wrong usage, or the file can't be written; 3 the database can't be read.
    """
    invocation.choose_output(OutputFormat.JSONL)
    with invocation.open_application(creates_database=False) as application:
        entries = application.ledger_reader.list_entries()
        if out is None:
            for entry in entries:
                invocation.terminal.write(render_entry(entry) + "\n")
        else:
            count = _write_new(out, entries)
            invocation.terminal.remark(f"{counted(count, 'entry', 'entries')} are in {out}.")
    return ExitStatus.GOOD


def _write_new(out: Path, entries: Iterable[LedgerEntry]) -> int:
    """An existing file isn't overwritten: it may be the evidence that is compared with."""
    count = 0
    try:
        with os.fdopen(os.open(out, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as target:
            for entry in entries:
                target.write(render_entry(entry) + "\n")
                count += 1
    except OSError as error:
        raise InputError(f"{out} can't be written: {error.strerror}.", hint="Give a new file.") from error
    return count


def adopt(invocation: Invocation, change: ChangeOptions) -> int:
    """Record that this database was restored, and go on with it.

    A database that is older than its mirror or anchor is refused by every command that changes something, since it was
    restored or cut. This records that it is meant to be so; the old mirror is kept under another name.

    Changes: nothing in AWS; one entry in the ledger, and its mirror begins anew.

    AWS permissions: none for a database of one organization; else organizations:DescribeOrganization.

    Exit statuses: 0 recorded, or there was nothing to adopt; 2 wrong usage or not confirmed; 3 the database or the
    ledger refused.
    """
    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL)
    with invocation.open_application(creates_database=False) as application:
        verification = application.ledger_reader.verify()
        who = application.ledger_identity
        context = ChangeContext(
            who.organization_id, who.actor.caller_arn or "none, AWS isn't asked", who.endpoint.label
        )
        confirmation = Confirmation(invocation.terminal, context, yes=change.yes, output=output)
        statement = (
            f"Go on with this database, whose ledger ends at entry {verification.head_sequence}, though its mirror or "
            "anchor may know later entries."
        )
        if change.dry_run:
            confirmation.show_context()
            invocation.terminal.remark(statement)
            return ExitStatus.GOOD
        confirmation.require_consent([statement])
        entry = application.adopt_ledger()
    if entry is None:
        invocation.terminal.remark("There is nothing to adopt: mirror and anchor agree with the database.")
    else:
        invocation.terminal.remark(f"Recorded as entry {entry.sequence}.")
    return ExitStatus.GOOD


def import_file(
    invocation: Invocation,
    change: ChangeOptions,
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The file that the emergency was recorded in.")],
) -> int:
    """Take in what an emergency recorded while the database couldn't be reached.

    Verifies the file's ledger, appends its entries to this one, each with the time and hash that it had there, and
    keeps its recovery windows: one that isn't over owes its closing here from then on. The file stays as it is; a
    second import does nothing.

    Changes: nothing in AWS; the ledger and the recovery windows.

    AWS permissions: none for a database of one organization; else organizations:DescribeOrganization.

    Exit statuses: 0 imported, or it was before; 2 wrong usage, not confirmed, or the file can't be imported; 3 the
    database or the ledger refused.
    """

    output = invocation.choose_output(OutputFormat.TABLE, OutputFormat.JSON, OutputFormat.JSONL, OutputFormat.CSV)
    with invocation.open_application(creates_database=False) as application:
        return import_ledger(application, file, change, output, invocation.terminal)


def import_ledger(
    application: Application, file: Path, change: ChangeOptions, output: OutputFormat, terminal: Terminal
) -> int:
    """See ``rootkeeper ledger import``."""
    who = application.ledger_identity
    caller = who.actor.caller_arn or "none, AWS isn't asked"
    confirmation = Confirmation(
        terminal, ChangeContext(who.organization_id, caller, who.endpoint.label), yes=change.yes, output=output
    )
    source = application.database.read_ledger_source(file)
    statement = _describe(source)
    if change.dry_run:
        confirmation.show_context()
        for line in statement:
            terminal.remark(line)
        return ExitStatus.GOOD
    confirmation.require_consent(statement)
    found = application.import_emergency(source)
    _show_import(found, terminal)
    show_windows(found.windows, output, terminal, application.clock.now())
    return ExitStatus.GOOD


def _describe(source: LedgerSource) -> list[str]:
    last, number = source.entries[-1], counted(len(source.entries), "entry", "entries")
    return [
        f"Append the {number} of {source.name} to the ledger; its chain of hashes is intact.",
        f"The last one is of {render_timestamp(last.at)}, by {last.actor.name}.",
        *(f"Keep recovery window {_describe_window(window)}" for window in source.windows),
    ]


def _describe_window(window: RecoveryWindow) -> str:
    return f"{window.window_id} of account {window.account_id}, which is {window.state.value}: {window.reason}"


def _show_import(found: LedgerImport, terminal: Terminal) -> None:
    if found.imported_before is not None:
        terminal.remark(f"It was imported before, at {render_timestamp(found.imported_before)}; nothing was done.")
        return
    terminal.remark(f"Imported {counted(found.entries, 'entry', 'entries')}.")
    for window in found.windows:
        if window.state in OWING_STATES:
            terminal.remark(
                f"Recovery window {window.window_id} owes its closing. A server closes it at its end; close it now: "
                f"rootkeeper windows close {window.window_id}",
                style="bold red",
            )
        if window.is_emergency and window.reviewed_by is None:
            terminal.remark(
                f"A second person must review it, through a server: rootkeeper windows review {window.window_id}"
            )


application = group("Read and verify the audit trail.")
add(application, list_entries, "list")
add(application, verify, "verify")
add(application, export, "export")
add(application, adopt, "adopt")
add(application, import_file, "import")
