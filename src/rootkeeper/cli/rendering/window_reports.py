"""The report of one recovery window or drill: Markdown for people, JSON for programs."""

from __future__ import annotations

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Record
from rootkeeper.cli.rendering.text import json_text
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.window_reports import WindowReport, report_to_record
from rootkeeper.reports.window_markdown import render_window_markdown


def show_report(report: WindowReport, output: OutputFormat, terminal: Terminal) -> None:
    """Write it to stdout."""
    show_report_record(report_to_record(report), render_window_markdown(report), output, terminal)


def show_report_record(record: Record, markdown: str, output: OutputFormat, terminal: Terminal) -> None:
    """The same of a record and its Markdown, such as a server's."""
    if output is OutputFormat.JSON:
        terminal.write(json_text({"schema_version": SCHEMA_VERSION, **record}, indent=2) + "\n")
    else:
        terminal.write(markdown)
