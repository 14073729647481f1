"""Buckets, queues and their policies: the list, a single policy, and the result of a change."""

from __future__ import annotations

import shlex
from typing import Any

from rootkeeper.aws.rules import ResourceKind
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    mark_column,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.ledger.rules import Result
from rootkeeper.unlock.rules import LockoutVerdict
from rootkeeper.untrusted_text import json_text, printable

_WORDS = {
    LockoutVerdict.DEPENDS: ("Locks out all but some", "bold yellow"),
    LockoutVerdict.LOCKED: ("Locks everyone out", "bold red"),
    LockoutVerdict.NO_POLICY: ("No policy", "dim"),
    LockoutVerdict.OPEN: ("Open", "green"),
    LockoutVerdict.UNKNOWN: ("Unknown", "bold yellow"),
}


def show_listing_of_resources(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    """Write the account's buckets or queues to stdout; unread Regions go to stderr."""
    kind = ResourceKind(record["service"])
    noun, unknown = kind.noun, record["unknown"]
    columns = (
        TableColumn(noun.capitalize(), "name", keeps_whole=True),
        TableColumn("Region", "region", keeps_whole=True),
        mark_column("Policy", "verdict", _WORDS, importance=1),
        TableColumn("Why", _render_explanation, importance=1),
    )
    head = {name: record[name] for name in ("organization_id", "account_id", "service")}
    empty = f"No {noun}s were found in account {record['account_id']}."
    if unknown:
        empty = f"? Unknown: {unknown}"
        if output is not OutputFormat.TABLE:
            terminal.remark(empty, style="bold yellow")
    tail = {"unread_regions": record["unread_regions"], "unknown": unknown}
    show_listing(Listing(f"{noun}s", record[f"{noun}s"], columns, head, tail, empty), output, terminal)
    for unread in record["unread_regions"]:
        terminal.remark(f"Region {unread['region']} wasn't read: {unread['reason']}", style="bold yellow")


def _render_explanation(record: Record) -> str:
    """Explain the verdict, if it doesn't say all."""
    says_all = record["verdict"] in (LockoutVerdict.NO_POLICY, LockoutVerdict.OPEN)
    explanations = ["" if says_all else record["explanation"], "Protected." if record["protected"] else ""]
    return " ".join(text for text in explanations if text)


def show_resource_policy(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    """Write a policy to stdout, the statement that locks everyone out, and the correction."""
    if output is not OutputFormat.TABLE:
        show_record(record, output, terminal)
        return
    verdict, word = record["verdict"], f"{_WORDS[record['verdict']][0]}."
    facts = {"Verdict": word if verdict == LockoutVerdict.NO_POLICY else f"{word} {record['explanation']}"}
    if record["sha256"] is not None:
        facts["SHA-256"] = record["sha256"]
    if record["protected"]:
        facts["Protected"] = "by unlock.protect in the settings"
    show_facts(_render_place(record) | facts, terminal, 10)
    if record["policy"] is not None:
        _show_policy("Policy", record["policy"], terminal)
    if record["locking_statements"]:
        _show_policy("Corrected", record["corrected_policy"], terminal)
        if not record["protected"]:
            terminal.remark(f"To correct it: {_render_command(record)} --corrected")


def _render_command(record: Record) -> str:
    kind = ResourceKind(record["service"])
    regions = f" --regions {record['region']}" if kind is ResourceKind.QUEUE else ""
    return f"rootkeeper unlock {kind.value} {record['account_id']} {record['name']}{regions}"


def show_unneeded(record: Record, output: OutputFormat, terminal: Terminal) -> None:
    if output is OutputFormat.TABLE:
        terminal.show(printable(record["explanation"]))
    else:
        show_record(record, output, terminal)


def show_outcome(record: Record, found: str | None, output: OutputFormat, terminal: Terminal) -> None:
    """Write the result of a change to stdout, and ``found``: the result of a re-read, if any."""
    saved, is_done = record["saved"], record["result"] == Result.DONE
    terminal.remark(record["explanation"], style="green" if is_done else "bold red")
    if output is not OutputFormat.TABLE:
        show_record(record, output, terminal)
        return
    facts = _render_place(record) | {
        "Change": record["change"],
        "Result": record["result"],
        "Now": "It couldn't be read again." if found is None else found,
    }
    if saved is not None:
        facts |= {"Saved": saved["path"], "SHA-256": saved["sha256"]}
    show_facts(facts, terminal, 10)
    if saved is not None and is_done:
        terminal.remark(f"To restore it: {_render_command(record)} --restore {shlex.quote(saved['path'])}")


def describe_verdict(verdict: str | None) -> str | None:
    """Render a verdict; ``None`` if nothing was read."""
    return None if verdict is None else f"{_WORDS[LockoutVerdict(verdict)][0]}."


def _render_place(record: Record) -> dict[str, str]:
    return {
        ResourceKind(record["service"]).noun.capitalize(): record["name"],
        "Region": record["region"] or "unknown",
        "Account": record["account_id"],
    }


def _show_policy(title: str, policy: Any, terminal: Terminal) -> None:
    """:param policy: JSON, or the text itself if it isn't JSON."""
    terminal.show(title)
    if policy is None:
        terminal.show("  No statement is left, so --corrected removes the policy.")
        return
    text = policy if isinstance(policy, str) else json_text(policy, indent=2)
    for line in text.splitlines():
        terminal.show(f"  {printable(line)}")
