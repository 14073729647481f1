"""How a failed command ends: a sentence and a hint on stderr, and an exit status.

A bug leaves a traceback in a log file that only its owner can read. Error messages can quote AWS or a driver, so
anything that looks like a secret is blanked. Local variables are never written.
"""

from __future__ import annotations

import os
import re
import traceback
from datetime import UTC, datetime

import click

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import ExitStatus
from rootkeeper.cli.terminal import OutputLostError, Terminal
from rootkeeper.errors import RootkeeperError

_SECRETS = (
    re.compile(r"(?<=://)[^\s/@]+@"),
    re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b"),
    re.compile(r"[A-Za-z0-9/+=_-]{40,}"),
)


def report_error(error: RootkeeperError, terminal: Terminal) -> int:
    _show_error(terminal, error.message, render_hint(error.hint))
    return error.exit_status


def report_usage(error: click.ClickException, terminal: Terminal) -> int:
    """Show that the command line can't be understood."""
    message, context = error.format_message(), getattr(error, "ctx", None)
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        terminal.write(f"{message}\n")  # the help
        return ExitStatus.USAGE
    if isinstance(error, click.NoSuchOption):
        similar = " or ".join(error.possibilities or ())
        message = f"There is no option {error.option_name}.{f' Did you mean {similar}?' if similar else ''}"
    path = "rootkeeper" if context is None else context.command_path
    _show_error(terminal, message if message.endswith((".", "?")) else f"{message}.", f"See {path} --help.")
    return ExitStatus.USAGE


def report_lost_output(error: OutputLostError, terminal: Terminal) -> int:
    """Show that the answer can't be written. A reader that is gone wants no more, so then show nothing."""
    if error.reader_is_gone:
        return ExitStatus.READER_GONE
    _show_error(terminal, f"The answer can't be written to {error.output}: {error.cause.strerror}.", None)
    return ExitStatus.OUTPUT_LOST


def report_bug(error: Exception, terminal: Terminal) -> int:
    """Show an unexpected error, and keep its traceback."""
    import platformdirs

    from rootkeeper.database.files import make_private_folder

    folder = platformdirs.user_state_path("rootkeeper", appauthor=False)
    path = folder / f"bug-{datetime.now(UTC):%Y%m%dT%H%M%S}-{os.getpid()}.log"
    kept = f"The details are in {path}."
    try:
        make_private_folder(folder)
        with os.fdopen(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="utf-8") as log:
            log.write(describe_traceback(error))
    except OSError:
        kept = "The details couldn't be written to a file."
    _show_error(terminal, f"Unexpected {type(error).__name__}. {kept}", "Please report it with that file.")
    return ExitStatus.BUG


def blank_secrets(text: str) -> str:
    """Blank passwords in addresses, key ids, and long words that may be secrets or tokens."""
    for pattern in _SECRETS:
        text = pattern.sub("[…]", text)
    return text


def describe_traceback(error: BaseException) -> str:
    """Render frames and types as Python does, with secrets blanked."""
    described = traceback.TracebackException.from_exception(error, capture_locals=False)
    return "".join(
        line if line.startswith(("  File", "Traceback")) else blank_secrets(line) for line in described.format()
    )


def _show_error(terminal: Terminal, message: str, hint: str | None) -> None:
    terminal.remark(f"error: {message}", style="bold red")
    if hint:
        for line in f"hint: {hint}".splitlines():
            terminal.remark(line)
