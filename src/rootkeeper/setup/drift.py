"""Compares the set-up with the last accepted set-up, records acceptances, and stores both in the database.

Guardrails need paced calls: two for each policy, at two policies a second. They are read only after a set-up was
accepted, and during an audit in a separate thread. That thread only calls AWS; the caller of the comparison uses the
database, so that no database work is left when a command ends early.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol, TypeAlias

from sqlalchemy import delete, insert, select

from rootkeeper.acting import Acting
from rootkeeper.database import schema
from rootkeeper.database.schema import parse_row, to_row
from rootkeeper.errors import AwsError, DatabaseError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action
from rootkeeper.ledger.writer import OrganizationStore, WriteTransaction
from rootkeeper.organization.accounts import Setup
from rootkeeper.organization.progress import StopSignal
from rootkeeper.organization.threads import WorkerThreads
from rootkeeper.setup.rules import (
    AcceptedSetup,
    Guardrail,
    ManagementReading,
    SetupDrift,
    SetupState,
    compare_setup,
    hash_policy,
    mark_own_changes,
)
from rootkeeper.shapes import parse_facts, to_plain_value
from rootkeeper.values import JsonValue, render_time

if TYPE_CHECKING:
    from rootkeeper.policy_language.evaluation import PolicyListing

_accepted = schema.accepted_setups.c
_readings = schema.setup_readings.c


class AcceptedSetupStore(OrganizationStore):
    """The set-ups of an organization: those that a person accepted, and the readings.

    :raises DatabaseError: if the database can't be read or written.
    """

    def add(self, accepted: AcceptedSetup) -> None:
        """Store an acceptance, which counts from now on; its fact must be in the ledger already."""
        row = {"organization_id": self._organization_id, **to_row(accepted)}
        self._execute(insert(schema.accepted_setups).values(row))

    def find_last(self, until: datetime | None = None) -> AcceptedSetup | None:
        """Find the acceptance that counts now, or counted at ``until``."""
        statement = select(schema.accepted_setups).where(_accepted.organization_id == self._organization_id)
        if until is not None:
            statement = statement.where(_accepted.accepted_at <= until)
        row = self._read_one(statement.order_by(_accepted.ledger_sequence.desc()).limit(1))
        return None if row is None else parse_row(AcceptedSetup, row)

    def save_reading(self, state: SetupState) -> None:
        """An audit saves its reading at its end, when a newer reading of the same day may exist already."""
        own = {"organization_id": self._organization_id, "read_on": state.read_at.astimezone(UTC).date().isoformat()}
        is_same_day = (_readings.organization_id == own["organization_id"]) & (_readings.read_on == own["read_on"])
        new = insert(schema.setup_readings).values(
            **own, read_at=state.read_at, state=to_plain_value(state, render_time)
        )

        def work(transaction: WriteTransaction) -> None:
            known = transaction.connection.execute(select(_readings.read_at).where(is_same_day)).scalar_one_or_none()
            if known is None or known <= state.read_at:
                transaction.connection.execute(delete(schema.setup_readings).where(is_same_day))
                transaction.connection.execute(new)

        self._commits.run(work)

    def list_management_readings(self, start: datetime, end: datetime) -> tuple[ManagementReading, ...]:
        """List when root credentials management was read in a period, the oldest first; a day has one reading."""
        statement = (
            select(_readings.read_at, _readings.state)
            .where(_readings.organization_id == self._organization_id, _readings.read_at.between(start, end))
            .order_by(_readings.read_at)
        )
        return tuple(
            ManagementReading(row.read_at, parse_facts(Setup, row.state["setup"]).manages_root_credentials)
            for row in self._read(statement)
        )

    def find_last_reading(self, until: datetime | None = None) -> SetupState | None:
        """Find the newest reading, or the newest until ``until``."""
        statement = select(_readings.state).where(_readings.organization_id == self._organization_id)
        if until is not None:
            statement = statement.where(_readings.read_at <= until)
        row = self._read_one(statement.order_by(_readings.read_at.desc()).limit(1))
        return None if row is None else parse_facts(SetupState, row.state)


class GuardrailReader(Protocol):
    """Reading calls on the operator's own credentials; none of them changes anything or opens a session."""

    def list_own_policies(self) -> PolicyListing:
        """List every attached SCP and RCP of the organization itself; the listing names the parts that can't be read.

        Policies of AWS are left out: FullAWSAccess is attached to everything, so its targets would need as many pages
        as the whole organization.

        organizations:ListRoots once; for each enabled kind organizations:ListPolicies, and for each policy
        organizations:ListTargetsForPolicy and DescribePolicy.

        :raises AwsCredentialsError: if there are no usable credentials.
        :raises AwsUnreachableError: if no answer came.
        """
        ...


NOT_ACCEPTED = "Guardrails are read after a set-up was accepted."
STILL_BEING_READ = "They weren't read completely when the audit ended. A reading of the set-up waits for them."

_LOOK_SECONDS = 0.1
"""How often a wait for guardrails checks the stop signal."""

Guardrails: TypeAlias = "tuple[tuple[Guardrail, ...] | None, str | None]"
"""Those that were read, or why they weren't."""


@dataclass(frozen=True, slots=True)
class DriftComparison:
    """A comparison in progress. It doesn't fail; parts that can't be read are unknown."""

    _reading: DriftReader
    _setup: Setup
    _read_at: datetime
    _accepted: AcceptedSetup | None
    _guardrails: WorkerThreads[Guardrails] | None
    """The thread that reads them; ``None`` if they aren't read."""
    _unreadable: SetupDrift | None = None
    """The result if the database couldn't be read."""

    def finish(self, stop: StopSignal, wait_seconds: float) -> SetupDrift:
        """Return the drift; guardrails that aren't read within ``wait_seconds``, or before a stop, are unknown."""
        if self._unreadable is not None:
            return self._unreadable
        guardrails = (None, NOT_ACCEPTED) if self._guardrails is None else _wait(self._guardrails, stop, wait_seconds)
        return self._reading.conclude(self._setup, self._read_at, self._accepted, guardrails)


@dataclass(frozen=True, slots=True)
class DriftReader:
    """Compares the set-up with the accepted set-up; changes nothing in AWS."""

    acting: Acting

    def begin(self, setup: Setup) -> DriftComparison:
        """Start a thread that reads the guardrails if a set-up was accepted."""
        read_at = self.acting.clock.now()
        try:
            accepted = self.acting.get_store(AcceptedSetupStore).find_last()
        except DatabaseError as error:
            return DriftComparison(self, setup, read_at, None, None, describe_unreadable(error))
        threads = None
        if accepted is not None:
            threads = WorkerThreads[Guardrails](1, "guardrails")
            threads.begin(self._read_guardrails)
            threads.close()
        return DriftComparison(self, setup, read_at, accepted, threads)

    def compare(self, setup: Setup) -> SetupDrift:
        """Compare, and store the reading. Parts not returned by the database or AWS are unknown, never "no drift"."""
        read_at = self.acting.clock.now()
        try:
            accepted = self.acting.get_store(AcceptedSetupStore).find_last()
        except DatabaseError as error:
            return describe_unreadable(error)
        guardrails = (None, NOT_ACCEPTED) if accepted is None else self._read_guardrails()
        return self.conclude(setup, read_at, accepted, guardrails)

    def conclude(
        self, setup: Setup, read_at: datetime, accepted: AcceptedSetup | None, guardrails: Guardrails
    ) -> SetupDrift:
        """Compare a reading with the accepted set-up, and store it."""
        state = self._make_state(setup, read_at, guardrails)
        try:
            drift = compare_setup(accepted, state)
            if accepted is not None and drift.differences:
                entries = self.acting.ledger_reader.list_entries(since_sequence=accepted.ledger_sequence)
                own = (entry for entry in entries if entry.organization_id == self.acting.organization_id)
                drift = mark_own_changes(drift, own)
        except DatabaseError as error:
            return describe_unreadable(error)
        try:
            self.acting.get_store(AcceptedSetupStore).save_reading(state)
        except (DatabaseError, LedgerUnavailableError) as error:
            self.acting.warn(f"The reading of the set-up couldn't be stored for reports: {error.message}")
        return drift

    def read_state(self, setup: Setup) -> SetupState:
        """Read the guardrails, and return the set-up as it would be accepted."""
        return self._make_state(setup, self.acting.clock.now(), self._read_guardrails())

    def _make_state(self, setup: Setup, read_at: datetime, guardrails: Guardrails) -> SetupState:
        return SetupState(setup, *guardrails, read_at, self.acting.endpoint.label, self.acting.caller.arn)

    def _read_guardrails(self) -> Guardrails:
        try:
            listing = self.acting.aws.list_own_policies()
        except AwsError as error:
            return None, error.message
        problems = [problem for problems in listing.problems.values() for problem in problems]
        problems += [policy.problem for policy in listing.policies if policy.problem is not None]
        if problems:
            return None, f"It {'; '.join(dict.fromkeys(problems))}."
        found = [
            Guardrail(
                policy_id=policy.label.policy_id,
                name=policy.label.name,
                kind=policy.kind.value,
                content_hash=hash_policy(policy.content or ""),
                attached_to=tuple(sorted(policy.target_ids)),
            )
            for policy in listing.policies
        ]
        return tuple(sorted(found, key=lambda guardrail: guardrail.policy_id)), None


@dataclass(frozen=True, slots=True)
class SetupAcceptance:
    """Records that a person accepts a set-up; changes nothing in AWS."""

    acting: Acting

    def accept(self, state: SetupState) -> AcceptedSetup:
        """Record an acceptance in the ledger, then store it; drift is compared with it from now on.

        :raises LedgerUnavailableError: if it can't be recorded; nothing was accepted.
        """
        entry = self.acting.ledger.append_fact(Action.SETUP_ACCEPT, parameters=describe_state(state))
        accepted = AcceptedSetup(state, entry.at, self.acting.actor.name, entry.sequence)
        self.acting.get_store(AcceptedSetupStore).add(accepted)
        self.acting.get_store(AcceptedSetupStore).save_reading(state)
        return accepted


def describe_unreadable(error: DatabaseError) -> SetupDrift:
    """Return the drift for a database that can't be read: it isn't known whether a set-up was accepted."""
    return SetupDrift(None, (), (f"The accepted set-up can't be read: {error.message}",))


def describe_state(state: SetupState) -> dict[str, JsonValue]:
    """Render an accepted set-up for the ledger; ``None`` for parts that weren't read."""
    parts = ("trusted_access", "features", "delegated_administrators")
    setup: dict[str, JsonValue] = {name: to_plain_value(getattr(state.setup, name), render_time) for name in parts}
    if state.guardrails is None:
        return {**setup, "guardrails": None}
    named = ("policy_id", "content_hash", "attached_to")
    guardrails = [
        {name: to_plain_value(getattr(guardrail, name), render_time) for name in named}
        for guardrail in state.guardrails
    ]
    return {**setup, "guardrails": guardrails}


def _wait(reading: WorkerThreads[Guardrails], stop: StopSignal, wait_seconds: float) -> Guardrails:
    for _ in range(max(1, round(wait_seconds / _LOOK_SECONDS))):
        if found := reading.take_done(_LOOK_SECONDS):
            return found[0]
        if stop.asked_once():
            break
    return None, STILL_BEING_READ
