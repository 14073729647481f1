"""The set-up of root access management and its drift: active and missing parts, and the steps of a change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    Record,
    TableColumn,
    counted,
    mark_column,
    render_timestamp,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.organization.accounts import Feature, Setup
from rootkeeper.organization.statuses import RootLoginsLeft
from rootkeeper.setup.records import (
    CallerRecord,
    SetupChangeDocument,
    SetupPlanDocument,
    StatusDocument,
    list_planned_steps,
)
from rootkeeper.setup.rules import AcceptedSetup, SetupDrift, SetupState, compare_setup
from rootkeeper.setup.service import SetupChange, SetupPlan, SetupReport, StepOutcome
from rootkeeper.shapes import fill_record
from rootkeeper.untrusted_text import printable

if TYPE_CHECKING:
    from rootkeeper.watching.coverage import RuleCoverage


def drift_parts(drift: SetupDrift) -> Iterator[Record]:
    """Drift as rows beside the parts of the set-up."""
    detail = None
    if drift.accepted is not None:
        detail = f"accepted by {drift.accepted.accepted_by} at {render_timestamp(drift.accepted.accepted_at)}"
    if drift.is_clean:
        state = "no drift"
    elif drift.differences:
        state = counted(len(drift.differences), "difference")
    else:
        state = "unknown" if drift.unknown else "never accepted"
    yield {"part": "Drift", "state": state, "detail": detail}
    for found in drift.differences:
        yield {"part": f"Drift: {found.subject}", "state": found.found, "detail": f"accepted: {found.accepted}"}


def show_drift(drift: SetupDrift, terminal: Terminal) -> None:
    """Show every difference with its causes, below the table."""
    from rich.text import Text

    for line, style in _lines(drift):
        terminal.show(Text(printable(line), style=style))


def remark_drift(drift: SetupDrift, terminal: Terminal) -> None:
    """Show the same on stderr; nothing without drift."""
    for line, style in _lines(drift):
        terminal.remark(line, style=style)


def _lines(drift: SetupDrift) -> Iterator[tuple[str, str]]:
    for difference in drift.differences:
        yield f"✗ Drift: {difference.what}", "bold red"
        yield from ((f"    possible cause: {cause}", "") for cause in difference.could_be)
    yield from ((f"? Drift unknown: {sentence}", "bold magenta") for sentence in drift.unknown)
    if drift.differences:
        yield "If this is intended, accept it: rootkeeper status --accept", ""


def accepted_lines(state: SetupState) -> list[str]:
    """Render the set-up to accept; unread parts are named."""
    setup = state.setup
    delegates = setup.delegated_administrators
    lines = [f"  Trusted access for IAM: {_render_switch(setup.trusted_access)}"]
    lines += [
        f"  Feature {feature.value}: {_render_switch(None if setup.features is None else feature in setup.features)}"
        for feature in Feature
    ]
    lines.append(f"  Delegated administrators: {_UNREAD if delegates is None else ', '.join(delegates) or 'none'}")
    lines += [f"    Unknown: {sentence}" for sentence in setup.unknown]
    if state.guardrails is None:
        return [*lines, f"  Guardrails: {_UNREAD}", f"    Unknown: {state.guardrails_unknown}"]
    lines.append(f"  Guardrails: {counted(len(state.guardrails), 'policy', 'policies')} of your own")
    for own in state.guardrails:
        places = ", ".join(own.attached_to)
        lines.append(f"    {own.policy_id} ({own.name}), content {own.content_hash[:12]}, attached to {places}")
    return lines


_UNREAD = "couldn't be read, so its drift won't be shown"


def _render_switch(is_on: bool | None) -> str:
    return _UNREAD if is_on is None else "on" if is_on else "off"


def show_accepted(
    report: SetupReport,
    left: RootLoginsLeft,
    coverage: RuleCoverage | None,
    accepted: AcceptedSetup,
    output: OutputFormat,
    terminal: Terminal,
) -> None:
    """Show that it is accepted; as JSON, the set-up with its drift, which is none, or unknown for unread parts."""
    if output is OutputFormat.TABLE:
        terminal.remark(f"Accepted. The ledger records it as entry {accepted.ledger_sequence}.")
        return
    show_report(report, left, compare_setup(accepted, accepted.state), coverage, output, terminal)


_STYLES = {
    "never accepted": "dim",
    "no drift": "green",
    "none": "bold red",
    "off": "bold red",
    "on": "green",
    "unknown": "bold magenta",
}
_OUTCOME_WORDS = {
    StepOutcome.CHANGED: ("✓ Done", "green"),
    StepOutcome.UNNEEDED: ("✓ No change needed", "green"),
    StepOutcome.FAILED: ("✗ Failed", "bold red"),
    StepOutcome.UNKNOWN: ("? Not proven", "bold magenta"),
    StepOutcome.SKIPPED: ("· Skipped", "dim"),
}
_PLAIN_OUTCOMES = (StepOutcome.CHANGED, StepOutcome.UNNEEDED)
"""These need no detail."""


def show_report(
    report: SetupReport,
    left: RootLoginsLeft,
    drift: SetupDrift,
    coverage: RuleCoverage | None,
    output: OutputFormat,
    terminal: Terminal,
) -> None:
    """Show the set-up; ``left`` is as last read."""
    from rich.text import Text

    setup = report.setup
    if output is OutputFormat.JSON:
        document = fill_record(
            StatusDocument,
            report,
            caller=fill_record(CallerRecord, report.caller, role=report.caller_role),
            features=_feature_record(setup),
            missing=[{"what": part.what, "command": render_hint(part.fix)} for part in report.missing],
            root_logins_left_to_secure=left,
            drift=drift,
            strange_caller_rules=coverage,
        )
        show_record(document, output, terminal)
        return
    show_listing(Listing("parts", [*_parts(report), *drift_parts(drift)], _COLUMNS), output, terminal)
    if output is OutputFormat.TABLE:
        terminal.show(Text())
        for sentence in setup.unknown:
            terminal.show(Text(printable(f"? Unknown: {sentence}"), style="bold magenta"))
        for part in report.missing:
            terminal.show(Text.assemble((f"✗ Missing: {part.what}", "bold red"), f"  Fix it: {render_hint(part.fix)}"))
        if report.is_complete:
            terminal.show(Text("✓ Root access management is set up.", style="bold green"))
        show_drift(drift, terminal)
        if report.is_complete and drift.accepted is None and not drift.unknown:
            terminal.show("No set-up was accepted, so drift can't be detected. Accept it: rootkeeper status --accept")
        if coverage is not None:
            for line, style in _coverage_lines(coverage):
                terminal.show(Text(printable(line), style=style))
        terminal.show(Text(f"{left.headline}. Read the accounts again: rootkeeper audit"))


_MOST_NAMED_REGIONS = 4
"""Up to so many Regions that weren't read are named; the JSON names all of them."""


def _coverage_lines(coverage: RuleCoverage) -> Iterator[tuple[str, str]]:
    account_id, rule = coverage.account_id, coverage.rule_name
    if coverage.is_complete:
        yield f"✓ The rule {rule} watches all {len(coverage.covered)} enabled Regions of {account_id}.", "green"
    if coverage.uncovered:
        yield f"✗ {account_id} has no rule {rule} that watches {', '.join(coverage.uncovered)}.", "bold red"
        yield "    Deploy the rules in every enabled Region: rootkeeper policies cloudformation", ""
    if coverage.unread:
        is_short = len(coverage.unread) <= _MOST_NAMED_REGIONS
        unread = ", ".join(coverage.unread) if is_short else f"{len(coverage.unread)} other Regions"
        yield f"    Not read, because the first Region doesn't show the rule: {unread}.", ""
    yield from ((f"? Unknown: {sentence}", "bold magenta") for sentence in coverage.unknown)
    if coverage.other_account_ids:
        others = ", ".join(coverage.other_account_ids)
        yield f"    The rules of {others} can be read only with credentials of that account.", ""


_COLUMNS = (
    TableColumn("", "part"),
    TableColumn("", "state", style=lambda part: _STYLES.get(part["state"], ""), importance=1),
    TableColumn("", "detail", importance=1),
)


def _parts(report: SetupReport) -> list[Record]:
    organization, caller, setup = report.organization, report.caller, report.setup
    role = report.caller_role.value.replace("_", " ")
    features = [_part(f"Feature {feature.value}", _has_feature(setup, feature)) for feature in Feature]
    delegates = setup.delegated_administrators
    return [
        {"part": "Organization", "state": organization.organization_id, "detail": report.endpoint.label},
        {"part": "Management account", "state": organization.management_account_id, "detail": None},
        {"part": "Caller", "state": caller.account_id, "detail": f"{caller.arn} ({role})"},
        _part("Trusted access for IAM", setup.trusted_access),
        *features,
        {
            "part": "Delegated administrator",
            "state": "unknown" if delegates is None else ", ".join(delegates) or "none",
            "detail": "the failsafe" if delegates else None,
        },
    ]


def _part(name: str, is_on: bool | None) -> Record:
    return {"part": name, "state": "unknown" if is_on is None else "on" if is_on else "off", "detail": None}


def _has_feature(setup: Setup, feature: Feature) -> bool | None:
    if setup.features is None:
        return False if setup.trusted_access is False else None
    return feature in setup.features


def _feature_record(setup: Setup) -> dict[str, bool | None]:
    return {
        "root_credentials_management": _has_feature(setup, Feature.ROOT_CREDENTIALS_MANAGEMENT),
        "root_sessions": _has_feature(setup, Feature.ROOT_SESSIONS),
    }


def plan_lines(plan: SetupPlan) -> list[str]:
    """Render the steps of a change, for a question."""
    return [
        *(f"  {step.title}" for step in plan.steps),
        *(f"  (no change) {sentence}" for sentence in plan.unneeded),
        *plan.remarks,
    ]


def show_plan(plan: SetupPlan, output: OutputFormat, terminal: Terminal) -> None:
    document = fill_record(SetupPlanDocument, plan, steps=list_planned_steps(plan))
    columns = (TableColumn("Change", "what"),)
    show_listing(Listing("steps", document["steps"], columns, document, empty="No change is needed."), output, terminal)
    for sentence in (*plan.unneeded, *plan.remarks):
        terminal.remark(sentence)


def show_change(change: SetupChange, output: OutputFormat, terminal: Terminal) -> None:
    """Write the result of a change to stdout, and the next steps to stderr."""
    closing_remarks = [render_hint(remark) or remark for remark in change.closing_remarks]
    document = fill_record(SetupChangeDocument, change, features=_feature_record(change.setup), remarks=closing_remarks)
    listing = Listing(
        "steps",
        document["steps"],
        _CHANGE_COLUMNS,
        document,
        empty="Nothing was changed: everything was already set up.",
    )
    show_listing(listing, output, terminal)
    for hint in dict.fromkeys(render_hint(result.hint) for result in change.results if result.hint):
        terminal.remark(f"hint: {hint}")
    for remark in closing_remarks:
        terminal.remark(remark)


_CHANGE_COLUMNS = (
    TableColumn("Step", "what"),
    mark_column("Outcome", "outcome", _OUTCOME_WORDS, importance=1),
    TableColumn("", lambda step: "" if step["outcome"] in _PLAIN_OUTCOMES else step["detail"], importance=1),
)
