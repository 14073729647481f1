"""Roles, guardrails, alarms and classified CloudTrail records."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from rootkeeper.cli.outputs import OutputFormat
from rootkeeper.cli.rendering.listings import (
    Listing,
    TableColumn,
    counted,
    mark_column,
    render_timestamp,
    show_listing,
)
from rootkeeper.cli.terminal import Terminal
from rootkeeper.shapes import fill_record
from rootkeeper.shipped_policies.bundle import PolicyBundle
from rootkeeper.shipped_policies.documents import measure_guardrail, measure_iam_policy
from rootkeeper.shipped_policies.records import GuardrailRecord, ShippedRoleRecord, alarms_to_records, describe_bundle
from rootkeeper.shipped_policies.rules import ShippedCallerRole, ShippedGuardrail
from rootkeeper.watching.rules import RecordCoverage, RootEventKind
from rootkeeper.watching.service import ClassifiedRecord, JudgedEventRecord, RecordCoverageRecord

_KIND_WORDS = {
    RootEventKind.LONG_TERM_ROOT: ("✗ Long-term root", "bold red"),
    RootEventKind.OWN_ROOT_SESSION: ("✓ Ours", "green"),
    RootEventKind.STRANGE_ROOT_SESSION: ("✗ Not ours", "bold red"),
}


def show_roles(
    bundle: PolicyBundle, roles: Iterable[ShippedCallerRole], output: OutputFormat, terminal: Terminal
) -> None:
    records = [
        fill_record(
            ShippedRoleRecord,
            role,
            role_arn=bundle.arn_of(role),
            permission_policy_characters=measure_iam_policy(role.permission_policy),
            trust_policy_characters=measure_iam_policy(role.trust_policy),
        )
        for role in roles
    ]
    columns = (
        TableColumn("Role", "role_name", keeps_whole=True),
        TableColumn("Root sessions for", lambda role: ", ".join(role["task_policies"])),
        TableColumn("For the commands", lambda role: _shorten(role["commands"])),
        TableColumn("Characters", lambda role: f"{role['permission_policy_characters']:,}", is_number=True),
    )
    show_listing(Listing("roles", records, columns, describe_bundle(bundle), _tail(bundle)), output, terminal)


def _shorten(commands: Sequence[str]) -> str:
    """``windows list, windows show`` as ``windows list/show``."""
    groups: dict[str, list[str]] = {}
    for command in commands:
        first, _, rest = command.partition(" ")
        groups.setdefault(first, []).append(rest)
    return ", ".join(f"{first} {'/'.join(rest)}".strip() for first, rest in groups.items())


def show_guardrails(
    bundle: PolicyBundle, guardrails: Iterable[ShippedGuardrail], output: OutputFormat, terminal: Terminal
) -> None:
    records = [
        fill_record(
            GuardrailRecord,
            guardrail,
            name=guardrail.kind.policy_name,
            characters=measure_guardrail(guardrail.content),
        )
        for guardrail in guardrails
    ]
    columns = (
        TableColumn("Policy", "policy", keeps_whole=True),
        TableColumn("Attach to", lambda policy: ", ".join(policy["attach_to"])),
        TableColumn("Does", "description"),
        TableColumn("Characters", lambda policy: f"{policy['characters']:,}", is_number=True),
    )
    show_listing(Listing("policies", records, columns, describe_bundle(bundle), _tail(bundle)), output, terminal)


def show_alarms(bundle: PolicyBundle, output: OutputFormat, terminal: Terminal) -> None:
    columns = (
        TableColumn("Alarm", "alarm", keeps_whole=True),
        TableColumn("Alerts", lambda alarm: "after matching" if alarm["needs_matching"] else "at once"),
        TableColumn("When", "description"),
        TableColumn("Seen in", "seen_in"),
    )
    head = {**describe_bundle(bundle), "known_role_arns": list(bundle.known_role_arns)}
    tail = {"not_covered": list(bundle.not_covered), **_tail(bundle)}
    show_listing(Listing("alarms", alarms_to_records(bundle), columns, head, tail), output, terminal)
    if output is OutputFormat.TABLE:
        for sentence in bundle.not_covered:
            terminal.remark(f"Not covered: {sentence}")


def show_classified(
    bundle: PolicyBundle,
    evaluated: Sequence[ClassifiedRecord],
    coverage: RecordCoverage,
    output: OutputFormat,
    terminal: Terminal,
) -> None:
    """Write the judged records to stdout, and to stderr how many of which period and Regions there are."""
    columns = (
        TableColumn("At", "event_time", keeps_whole=True),
        TableColumn("Account", "account_id", keeps_whole=True),
        TableColumn("Event", "event_name"),
        mark_column("Whose", "kind", _KIND_WORDS, importance=1),
        TableColumn("Why", "explanation", importance=1),
    )
    head = {
        **describe_bundle(bundle),
        "known_role_arns": list(bundle.known_role_arns),
        "coverage": fill_record(RecordCoverageRecord, coverage),
    }
    records = [
        fill_record(
            JudgedEventRecord,
            found.event,
            event_id=_text(found.record, "eventID"),
            event_name=_text(found.record, "eventName"),
            event_time=_text(found.record, "eventTime"),
            account_id=_text(found.record, "recipientAccountId"),
        )
        for found in evaluated
    ]
    rest = _render_coverage(coverage)
    show_listing(Listing("events", records, columns, head, _tail(bundle), rest=rest), output, terminal)
    if output is not OutputFormat.TABLE:
        terminal.remark(rest)


def _render_coverage(coverage: RecordCoverage) -> str:
    given = counted(coverage.records, "record")
    period, regions = "without a valid time", "without a valid Region"
    if coverage.first_at is not None and coverage.last_at is not None:
        period = f"from {render_timestamp(coverage.first_at)} to {render_timestamp(coverage.last_at)}"
    if coverage.regions:
        regions = f"in {', '.join(coverage.regions)}"
    if coverage.judged:
        judged = f"Judged {coverage.judged:,} of {given}, {period}, {regions}."
        return f"{judged} Other periods, Regions and accounts weren't judged."
    reason = "the file has none"
    if coverage.records:
        reason = f"none of the {given}, {period}, {regions}, is about a root user or AssumeRoot"
    return (
        f"No record was judged: {reason}. This doesn't show that no root session was opened: `aws cloudtrail"
        " lookup-events` reads one account and one Region, and CloudTrail has an AssumeRoot only in the Region of"
        " the STS endpoint that was called."
    )


def _text(record: Any, name: str) -> str | None:
    """Get a text member of a foreign record."""
    value = record.get(name)
    return value if isinstance(value, str) else None


def _tail(bundle: PolicyBundle) -> dict[str, Any]:
    return {"remarks": list(bundle.remarks)}
