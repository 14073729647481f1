"""Set-up drift: what differs from the accepted set-up, and what is accepted."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rootkeeper.cli.invocation import OutputFormat
from rootkeeper.cli.rendering.listings import Record
from rootkeeper.cli.rendering.text import counted, json_time, printable, render_timestamp
from rootkeeper.cli.terminal import Terminal
from rootkeeper.domain.drift_records import difference_to_record
from rootkeeper.domain.setup import Feature
from rootkeeper.domain.setup_drift import AcceptedSetup, SetupDrift, SetupState, compare_setup
from rootkeeper.workflows.setup import SetupReport


def drift_record(drift: SetupDrift) -> dict[str, Any]:
    """Drift as JSON shows it."""
    return {
        "accepted": None if drift.accepted is None else accepted_record(drift.accepted),
        "differences": [difference_to_record(one) for one in drift.differences],
        "unknown": list(drift.unknown),
    }


def accepted_record(accepted: AcceptedSetup) -> dict[str, Any]:
    """Who accepted it, and when."""
    return {
        "accepted_at": json_time(accepted.accepted_at),
        "accepted_by": accepted.accepted_by,
        "ledger_sequence": accepted.ledger_sequence,
    }


def drift_parts(drift: SetupDrift) -> Iterator[Record]:
    """Drift as rows beside the parts of the set-up."""
    yield {"part": "Drift", "state": _state_of(drift), "detail": _detail_of(drift)}
    for one in drift.differences:
        yield {"part": f"Drift: {one.subject}", "state": one.found, "detail": f"accepted was {one.accepted}"}


def _state_of(drift: SetupDrift) -> str:
    if drift.is_clean:
        return "no drift"
    if drift.differences:
        return counted(len(drift.differences), "difference")
    return "unknown" if drift.unknown else "never accepted"


def _detail_of(drift: SetupDrift) -> str | None:
    if drift.accepted is None:
        return None
    return f"since {drift.accepted.accepted_by} accepted it, {render_timestamp(drift.accepted.accepted_at)}"


def show_drift(drift: SetupDrift, terminal: Terminal) -> None:
    """Every difference with its causes, below the table."""
    from rich.text import Text

    for line, style in _lines(drift):
        terminal.show(Text(printable(line), style=style))


def remark_drift(drift: SetupDrift, terminal: Terminal) -> None:
    """The same beside other data; nothing where nothing drifted, or was ever accepted."""
    for line, style in _lines(drift):
        terminal.remark(line, style=style)


def _lines(drift: SetupDrift) -> Iterator[tuple[str, str]]:
    """Lines with their styles."""
    for one in drift.differences:
        yield f"✗ Drift: {one.what}", "bold red"
        yield from ((f"    could be: {cause}", "") for cause in one.could_be)
    yield from ((f"? Drift unknown: {sentence}", "bold magenta") for sentence in drift.unknown)
    if drift.differences:
        yield "Is it as it should be? Accept it: rootkeeper status --accept", ""


def accepted_lines(state: SetupState) -> list[str]:
    """What is about to be accepted, for a prompt; what couldn't be read is named as such."""
    setup = state.setup
    delegates = setup.delegated_administrators
    lines = [f"  Trusted access for IAM: {_render_switch(setup.trusted_access)}"]
    lines += [
        f"  Feature {feature.value}: {_render_switch(None if setup.features is None else feature in setup.features)}"
        for feature in Feature
    ]
    lines.append(f"  Delegated administrators: {_unread if delegates is None else ', '.join(delegates) or 'none'}")
    lines += [f"    Unknown: {sentence}" for sentence in setup.unknown]
    return [*lines, *_guardrail_lines(state)]


_unread = "couldn't be read, so that no drift of it will show"


def _render_switch(is_on: bool | None) -> str:
    return _unread if is_on is None else "on" if is_on else "off"


def _guardrail_lines(state: SetupState) -> Iterator[str]:
    if state.guardrails is None:
        yield f"  Guardrails: {_unread}"
        yield f"    Unknown: {state.guardrails_unknown}"
        return
    yield f"  Guardrails: {counted(len(state.guardrails), 'policy', 'policies')} of your own"
    for one in state.guardrails:
        places = ", ".join(one.attached_to)
        yield f"    {one.policy_id} ({one.name}), content {one.content_hash[:12]}, attached to {places}"


def show_accepted(report: SetupReport, accepted: AcceptedSetup, output: OutputFormat, terminal: Terminal) -> None:
    """Say that it is accepted; as JSON, the set-up with its drift: none now, unknown where it couldn't be read."""
    from rootkeeper.cli.rendering.setups import show_report

    if output is OutputFormat.TABLE:
        terminal.remark(f"Accepted, as entry {accepted.ledger_sequence} of the ledger.")
        return
    show_report(report, compare_setup(accepted, accepted.state), output, terminal)
