"""The report of one recovery window or drill: Markdown for people, JSON for programs."""

from __future__ import annotations

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import SCHEMA_VERSION, Record
from rootkeeper.cli.rendering.text import json_text
from rootkeeper.cli.terminal import Terminal


def show_report(record: Record, markdown: str, output: OutputFormat, terminal: Terminal) -> None:
    """Write it to stdout."""
    if output is OutputFormat.JSON:
        terminal.write(json_text({"schema_version": SCHEMA_VERSION, **record}, indent=2) + "\n")
    else:
        terminal.write(markdown)
