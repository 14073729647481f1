"""Routes of the failsafes and their drills, of checks of them, and of who can open root sessions."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import Field

from rootkeeper.access.rules import Permission
from rootkeeper.composition.serving import ServerRuntime
from rootkeeper.failsafe.confirmations import DRILL_ENTRIES, MOST_DRILLS, KnownFailsafe, describe_failsafes
from rootkeeper.failsafe.records import DrillRecord
from rootkeeper.failsafe.rules import AlarmObservation, CheckVerdict, Drill, DrillOutcome, SignInDevice, find_drills
from rootkeeper.jobs.records import JobAnswer
from rootkeeper.jobs.rules import JobKind
from rootkeeper.organization.accounts import Account
from rootkeeper.organization.confirmations import Claim
from rootkeeper.organization.records import ConfirmationRecord
from rootkeeper.organization.selection import NamedAccount, find_account
from rootkeeper.server.accounts import require_listed
from rootkeeper.server.documents import change, read
from rootkeeper.server.guards import Identified, Served
from rootkeeper.server.parameters import Body, Name, Text, Time, show_example, show_one
from rootkeeper.server.routes.jobs import take_in
from rootkeeper.shapes import (
    Answer,
    JsonAnswer,
    JsonRecord,
    Moment,
    OrganizationId,
    ShortText,
    fill_record,
    filled_from,
    record,
    record_of,
)


@filled_from(drill="drill.verdict", drill_evidence="drill.evidence")
@record_of(
    KnownFailsafe,
    inside={"account": Account},
    without=("ou_ids", "ou_path", "joined_at", "tags"),
    before={"drill_evidence": "drill_due_at"},
)
class KnownFailsafeRecord(JsonRecord):
    """An account for emergency access."""

    role: Literal["failsafe", "management"]
    drill: CheckVerdict
    """``pass``: the last drill passed and is at most 90 days old."""
    drill_evidence: str
    confirmations: list[ConfirmationRecord]
    """In force: at most one for each claim."""


@record
class KnownFailsafesAnswer(Answer):
    """The known facts of emergency access, without a call to AWS."""

    organization_id: OrganizationId
    listed_at: Moment | None
    """When the organization was listed last; ``null`` if never."""
    accounts: list[KnownFailsafeRecord]
    """The failsafes, then the management account."""
    unknown: str | None
    """Why the failsafes aren't known; ``null`` if they are."""
    drills: list[DrillRecord]
    """The latest held first."""


class DrillAnswer(DrillRecord, JsonAnswer):
    """A recorded drill."""


class ConfirmationAnswer(ConfirmationRecord, JsonAnswer):
    """A recorded attestation."""


class DrillBody(Body):
    """A drill of the emergency sign-in."""

    model_config = show_example({"held_by": "Ana", "held_at": "2026-10-01T00:00:00Z", "outcome": "passed"})

    held_by: Annotated[ShortText, Field(description="The person who signed in.")]
    held_at: Time
    outcome: Annotated[DrillOutcome, Field(description="Whether the sign-in worked.")]
    alarm: Annotated[AlarmObservation | None, Field(description="Whether the sign-in raised an alarm.")] = None
    device: Annotated[SignInDevice | None, Field(description="The kind of MFA device used to sign in.")] = None


class FailsafeAttestationBody(Body):
    """Facts that AWS doesn't show of a delegated administrator account."""

    model_config = show_example(
        {
            "claim": "kept",
            "owner": "Ana",
            "reason": "Its password and devices are in two safes.",
            "until": "2027-03-31T23:59:59Z",
        }
    )

    claim: Annotated[
        Claim,
        Field(description="kept: its root login is kept on purpose. purpose: it isn't a workload account."),
    ]
    owner: Annotated[ShortText, Field(description="The person who is responsible for it.")]
    reason: Text
    until: Annotated[Time, Field(description="When it ends: at most a year from now.")]


def check_failsafes(services: Served, identity: Identified) -> dict[str, Any]:
    """Check each failsafe, as a job that opens a read-only root session in each; its outcome is the checks."""
    return take_in(services, identity, JobKind.FAILSAFE_CHECK, {})


def check_breakglass(services: Served, identity: Identified) -> dict[str, Any]:
    """Read who can open root sessions and which access remains in an emergency, as a job; its outcome is the report."""
    return take_in(services, identity, JobKind.BREAKGLASS_CHECK, {})


def list_failsafes(services: Served) -> dict[str, Any]:
    """Show who the failsafes are, their drills and their confirmations. Makes no AWS call."""
    now, in_sandbox = services.clock.now(), services.endpoint.is_sandbox
    inventory = services.inventory_store.find_last()
    drills = list_recorded_drills(services)
    confirmations = services.confirmations.list_confirmations(in_sandbox=in_sandbox)
    known = describe_failsafes(inventory, drills, confirmations, now)
    return show_one(
        fill_record(
            KnownFailsafesAnswer,
            known,
            organization_id=services.organization_id,
            listed_at=None if inventory is None else inventory.listed_at,
            drills=drills,
        )
    )


def list_recorded_drills(services: ServerRuntime) -> tuple[Drill, ...]:
    """List the drills of this organization, the latest held first. Makes no AWS call."""
    entries = services.ledger_reader.list_latest(DRILL_ENTRIES, limit=MOST_DRILLS)
    return find_drills(entries, services.organization_id, in_sandbox=services.endpoint.is_sandbox)


def record_drill(services: Served, identity: Identified, account_id: Name, body: DrillBody) -> dict[str, Any]:
    """Record a drill in the ledger, as a person reports it. Makes no AWS call."""
    inventory = require_listed(services)
    account = find_account(NamedAccount(account_id), inventory.accounts)
    with services.act_as(identity.to_actor(), None) as acting:
        drill = acting.drill_recorder.prepare(
            inventory,
            account,
            held_by=body.held_by,
            held_at=body.held_at,
            outcome=body.outcome,
            alarm=body.alarm,
            device=body.device,
        )
        acting.drill_recorder.record(drill)
    return show_one(fill_record(DrillRecord, drill))


def attest_failsafe(
    services: Served, identity: Identified, account_id: Name, body: FailsafeAttestationBody
) -> dict[str, Any]:
    """Attest facts AWS doesn't show of a delegated administrator account, until a time; the ledger has your name."""
    inventory = require_listed(services)
    account = find_account(NamedAccount(account_id), inventory.accounts)
    with services.act_as(identity.to_actor(), None) as acting:
        attestation = acting.failsafe_confirmer.prepare(
            inventory, account, body.claim, owner=body.owner, reason=body.reason, until=body.until
        )
        acting.failsafe_confirmer.attest(attestation)
    return show_one(fill_record(ConfirmationRecord, attestation))


ROWS = (
    read("/failsafes", Permission.FAILSAFE_READ, list_failsafes, KnownFailsafesAnswer),
    change("/failsafes/{account_id}/drills", Permission.FAILSAFE_RECORD_DRILL, record_drill, DrillAnswer),
    change("/failsafes/{account_id}/attestations", Permission.FAILSAFE_ATTEST, attest_failsafe, ConfirmationAnswer),
    change("/failsafe-checks", Permission.FAILSAFE_CHECK, check_failsafes, JobAnswer, HTTPStatus.ACCEPTED),
    change("/breakglass-checks", Permission.FAILSAFE_CHECK, check_breakglass, JobAnswer, HTTPStatus.ACCEPTED),
)
