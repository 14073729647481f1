"""The organizations of a settings file: their numbers, and their checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from rootkeeper.cli.hints import render_hint
from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.checks import CHECK_COLUMNS
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    render_timestamp,
    show_facts,
    show_listing,
    show_record,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.doctor.rules import Check, CheckVerdict, OrganizationCheckRecord
from rootkeeper.organizations.rules import KnownOrganization, KnownOrganizationRecord
from rootkeeper.shapes import fill_record

if TYPE_CHECKING:
    from rootkeeper.organizations.reporting import OrganizationReports

_UNKNOWN = "unknown"


def _number(name: str) -> Callable[[KnownOrganization], str]:
    return lambda known: _UNKNOWN if known.numbers is None else f"{getattr(known.numbers, name):,}"


def _alarming(name: str) -> Callable[[KnownOrganization], str]:
    """Red above 0, yellow where it is unknown."""
    return lambda known: "yellow" if known.numbers is None else "red" if getattr(known.numbers, name) else "green"


def _render_last_audit(known: KnownOrganization) -> str:
    if known.numbers is None:
        return _UNKNOWN
    ended_at = known.numbers.last_complete_audit_at
    return "never" if ended_at is None else render_timestamp(ended_at)


def _render_controls(known: KnownOrganization) -> str:
    numbers = known.numbers
    if numbers is None or numbers.failing_controls is None:
        return _UNKNOWN
    return f"{numbers.failing_controls:,}" + (
        f", {numbers.unknown_controls:,} unknown" * bool(numbers.unknown_controls)
    )


def _color_controls(known: KnownOrganization) -> str:
    numbers = known.numbers
    if numbers is not None and numbers.failing_controls:
        return "red"
    return "yellow" if numbers is None or numbers.failing_controls is None or numbers.unknown_controls else "green"


def render_trend(trend: int | None) -> str:
    """Such as ``+3`` or ``-12``; a dash if it isn't known."""
    return "-" if trend is None else f"{trend:+,}" if trend else "0"


def _render_known_trend(known: KnownOrganization) -> str:
    return _UNKNOWN if known.numbers is None else render_trend(known.numbers.trend)


def _color_trend(known: KnownOrganization) -> str:
    trend = None if known.numbers is None else known.numbers.trend
    return "yellow" if known.numbers is None else "" if not trend else "red" if trend > 0 else "green"


def _describe_trend(known: KnownOrganization) -> str:
    """Describe the trend with the day of the audit that it compares with."""
    since = None if known.numbers is None else known.numbers.compared_at
    return _render_known_trend(known) + ("" if since is None else f" since {since:%Y-%m-%d}")


def _render_problem(known: KnownOrganization) -> str:
    return " ".join(filter(None, (known.problem, render_hint(known.hint))))


_COUNTS = {
    "Root logins left": "root_logins_left",
    "Unknown": "unknown",
    "Unread": "unread",
    "Open windows": "open_windows",
    "Failed closings": "failed_closings",
    "Reviews due": "reviews_due",
}
_COLUMNS = (
    TableColumn("Organization", lambda known: known.name, keeps_whole=True, importance=2),
    TableColumn("Id", lambda known: known.organization_id, keeps_whole=True),
    TableColumn("Accounts", _number("accounts"), is_number=True),
    *(
        TableColumn(title, _number(name), _alarming(name), is_number=True, importance=1)
        for title, name in _COUNTS.items()
    ),
    TableColumn("Failing controls", _render_controls, _color_controls, is_number=True, importance=1),
    TableColumn("Trend", _render_known_trend, _color_trend, is_number=True, importance=1),
    TableColumn("Last complete audit", _render_last_audit),
    TableColumn("Problem", _render_problem, "yellow", importance=2),
)


def show_organizations(known: Sequence[KnownOrganization], output: OutputFormat, terminal: Terminal) -> None:
    """Write the organizations to stdout."""
    records = [fill_record(KnownOrganizationRecord, one, hint=render_hint(one.hint)) for one in known]
    columns = _COLUMNS if any(one.problem for one in known) else _COLUMNS[:-1]
    empty = "The settings have no organizations. Add one: rootkeeper organizations add NAME --profile PROFILE."
    show_listing(Listing("organizations", records, columns, empty=empty, rows=known), output, terminal)


def show_organization_reports(reports: OrganizationReports, output: OutputFormat, terminal: Terminal) -> None:
    """Write the summary to stdout; a table names the reasons exactly."""
    if output is OutputFormat.JSON:
        show_record(reports.document, output, terminal)
        return
    files = {one["name"]: (one["package"] or {}).get("file", "none") for one in reports.document["organizations"]}
    columns = (
        TableColumn("Organization", lambda known: known.name, keeps_whole=True, importance=2),
        TableColumn("Package", lambda known: files[known.name], keeps_whole=True, importance=1),
        *_COLUMNS[3:5],
        TableColumn("Problem", _render_problem, "yellow", importance=2),
    )
    empty = "The settings have no organizations."
    show_listing(Listing("organizations", [], columns, empty=empty, rows=reports.known), output, terminal)


def show_organization_facts(known: KnownOrganization, terminal: Terminal) -> None:
    """Write an organization to stdout, a line for each fact."""
    facts = {
        "Organization": known.name,
        "Id": known.organization_id,
        "AWS profile": known.profile or "the credentials that the AWS CLI would use",
        "Database": known.database or _UNKNOWN,
        "Own settings": ", ".join(known.own_settings) or "none",
        "Accounts": _number("accounts")(known),
        **{title: _number(name)(known) for title, name in _COUNTS.items()},
        "Failing controls": _render_controls(known),
        "Trend": _describe_trend(known),
        "Last complete audit": _render_last_audit(known),
    }
    if known.problem:
        facts["Problem"] = _render_problem(known)
    show_facts(facts, terminal)


def show_organization_checks(checks: Mapping[str, Sequence[Check]], output: OutputFormat, terminal: Terminal) -> None:
    """Write the checks of each organization to stdout; a table has only problems and checks that couldn't be made."""
    records = [
        fill_record(OrganizationCheckRecord, check, fix=render_hint(check.fix), organization=name)
        for name, found in checks.items()
        for check in found
    ]
    columns = (TableColumn("Organization", "organization", keeps_whole=True, importance=2), *CHECK_COLUMNS)
    bad = [entry for entry in records if entry["verdict"] in (CheckVerdict.PROBLEM, CheckVerdict.UNKNOWN)]
    empty = "No check found a problem." if records else "The settings have no organizations."
    show_listing(Listing("checks", records, columns, empty=empty, rows=bad), output, terminal)
