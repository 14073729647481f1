"""The result of a preflight as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from typing_extensions import TypedDict

from rootkeeper.guardrails.rules import BlockingPolicy, PreflightRow, count_verdicts
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.organization.accounts import Account, AccountId
from rootkeeper.shapes import (
    Answer,
    Count,
    Endpoint,
    JsonRecord,
    Moment,
    OrganizationId,
    fill_record,
    filled_from,
    parse_facts,
    record,
    record_of,
)


@record_of(BlockingPolicy)
class BlockingPolicyRecord(JsonRecord):
    """A policy behind a verdict, at one place where it is attached."""


@filled_from(intended="is_intended")
@record_of(
    PreflightRow,
    inside={"account": Account},
    only=("account_id", "task", "verdict", "intended", "policies", "conditions", "fix"),
)
class PreflightRowRecord(JsonRecord):
    """The verdict on one task in one account."""

    intended: bool
    """Whether it is the denial of long-term root that AWS recommends: ``RootUserSignIn`` is blocked."""


@record
class PreflightCounts(TypedDict):
    """How many accounts were judged, and how many rows have each verdict."""

    accounts: Count
    skipped: Count
    """Selected accounts that aren't judged: the management account, and those that aren't ACTIVE."""
    allowed: Count
    blocked: Count
    """Without intended denials."""
    depends: Count
    unknown: Count
    denied: Count
    """Intended denials of long-term root."""


@filled_from(
    organization_id="inventory.organization.organization_id", endpoint="endpoint.label", caller_arn="caller.arn"
)
@record
class PreflightRecord(Answer):
    """Of a preflight."""

    organization_id: OrganizationId
    endpoint: Endpoint
    caller_arn: str
    observed_at: Moment
    rows: list[PreflightRowRecord]
    """Account by account."""
    summary: PreflightCounts


def row_to_record(row: PreflightRow) -> PreflightRowRecord:
    return fill_record(PreflightRowRecord, row, fix=None if row.is_intended else row.fix)


def row_from_record(plain: Mapping[str, Any], accounts: Mapping[AccountId, Account]) -> PreflightRow:
    """Read the output of ``row_to_record``; the record has only the account's id.

    :raises KeyError: if a value is missing, or the account isn't in ``accounts``.
    :raises TypeError: and ValueError, if a value isn't valid.
    """
    return parse_facts(PreflightRow, {**plain, "account": accounts[plain["account_id"]]})


def preflight_to_record(report: PreflightReport) -> PreflightRecord:
    """Return a preflight as JSON values; ``docs/reference/preflight.schema.json``."""
    counts = {"accounts": len(report.accounts), "skipped": len(report.skipped), **count_verdicts(report.rows)}
    return fill_record(
        PreflightRecord,
        report,
        rows=[row_to_record(row) for row in report.rows],
        summary=counts,
    )
