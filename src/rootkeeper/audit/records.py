"""The result of an audit job as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, NotRequired

from rootkeeper.audit.rules import AuditHead
from rootkeeper.organization.accounts import Setup
from rootkeeper.organization.records import AuditedAccountRecord, CredentialDetails, RootLoginsLeftRecord, StatusCounts
from rootkeeper.setup.records import AuditDriftRecord
from rootkeeper.setup.rules import AcceptedSetup, SetupState
from rootkeeper.shapes import (
    AccountNumber,
    Answer,
    Endpoint,
    JsonAnswer,
    JsonRecord,
    Moment,
    OrganizationId,
    fill_record,
    filled_from,
    parse_facts,
    record,
    record_of,
)
from rootkeeper.values import parse_instant, render_instant


@record_of(AuditHead)
class FinishedAudit(JsonAnswer):
    """Of an audit; its statuses are kept under its job's id."""

    drift: AuditDriftRecord


@filled_from(listed_at="inventory.listed_at", is_complete="is_inventory_complete")
class AuditedInventoryRecord(JsonRecord):
    """The list of accounts that was audited."""

    listed_at: Moment
    is_complete: bool
    """Whether this audit listed all accounts.

    If not, it is the list of ``listed_at`` with the changes that this audit read.
    """


class ListedAuditedAccountRecord(AuditedAccountRecord):
    """The same; with ``--details`` each credential is listed."""

    details: Annotated[CredentialDetails | None, NotRequired]
    """Only under --details; ``null`` where nothing was there or nothing could be read."""


@filled_from(
    organization_id="inventory.organization.organization_id",
    management_account_id="inventory.organization.management_account_id",
    endpoint="endpoint.label",
    caller_arn="caller.arn",
    observed_at="ended_at",
)
@record
class AuditDocument(Answer):
    """Audit."""

    organization_id: OrganizationId
    management_account_id: AccountNumber
    endpoint: Endpoint
    caller_arn: str
    """The AWS principal of the credentials that were used."""
    observed_at: Moment
    inventory: AuditedInventoryRecord
    """The list of accounts that was audited."""
    accounts: list[ListedAuditedAccountRecord]
    summary: StatusCounts
    """How many accounts have each status."""
    root_logins_left_to_secure: RootLoginsLeftRecord
    drift: AuditDriftRecord
    """The differences from the accepted set-up; they don't change the exit status."""


def head_to_record(head: AuditHead) -> dict[str, Any]:
    """Return the outcome of an audit's job."""
    return {**fill_record(FinishedAudit, head, render_instant)}


def head_from_record(record: Mapping[str, Any]) -> AuditHead:
    """Read the record that ``head_to_record`` made; it doesn't contain the accepted set-up itself.

    :raises TypeError: and ValueError, if a value isn't valid.
    :raises KeyError: if a value is missing.
    """
    accepted = record["drift"]["accepted"]
    head = parse_facts(AuditHead, {**record, "drift": {**record["drift"], "accepted": None}})
    if accepted is None:
        return head
    accepted_at = parse_instant(accepted["accepted_at"])
    unknown = SetupState(
        setup=Setup(trusted_access=None, features=None, delegated_administrators=None),
        guardrails=None,
        guardrails_unknown="The record of an audit doesn't contain it.",
        read_at=accepted_at,
        endpoint=head.endpoint,
        caller_arn="",
    )
    kept = AcceptedSetup(unknown, accepted_at, accepted["accepted_by"], int(accepted["ledger_sequence"]))
    return replace(head, drift=replace(head.drift, accepted=kept))
