"""Compares the set-up with what was last accepted, and records what a person accepts.

Guardrails cost paced calls: two for each policy, at two policies a second. They are read only once a set-up was
accepted, in a thread of their own, so that an audit lists and reads its accounts meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from threading import Thread

from rootkeeper.domain.ledger import Action, JsonValue
from rootkeeper.domain.organization_policies import OrganizationPolicy, PolicyListing
from rootkeeper.domain.organizations import Caller, Endpoint
from rootkeeper.domain.setup import Setup
from rootkeeper.domain.setup_drift import (
    AcceptedSetup,
    Guardrail,
    SetupDrift,
    SetupState,
    compare_setup,
    hash_policy,
    name_own_changes,
)
from rootkeeper.errors import AwsError, DatabaseError, LedgerUnavailableError
from rootkeeper.ports.accepted_setups import AcceptedSetups
from rootkeeper.ports.clock import Clock
from rootkeeper.ports.guardrails import GuardrailReader
from rootkeeper.ports.ledger import Ledger, LedgerReader

NOT_ACCEPTED = "Guardrails are read once a set-up was accepted: rootkeeper status --accept."


@dataclass(frozen=True, slots=True)
class DriftComparison:
    """A comparison on its way. It never fails: what couldn't be read is told as unknown."""

    _future: Future[SetupDrift]

    def finish(self) -> SetupDrift:
        """What came of it; waits for the guardrails."""
        return self._future.result()


@dataclass(frozen=True, slots=True)
class DriftReading:
    """Compares what was read of the set-up with what was last accepted; changes nothing in AWS."""

    guardrails: GuardrailReader
    setups: AcceptedSetups
    ledger: LedgerReader
    clock: Clock
    organization_id: str
    caller: Caller
    endpoint: Endpoint
    warn: Callable[[str], None]
    """Told, from any thread, that what was read couldn't be remembered."""

    def begin(self, setup: Setup) -> DriftComparison:
        """Compare in a thread of its own; ``finish`` waits for it. The thread ends with the program."""
        future: Future[SetupDrift] = Future()
        Thread(target=_settle, args=(future, lambda: self.compare(setup)), name="drift", daemon=True).start()
        return DriftComparison(future)

    def compare(self, setup: Setup) -> SetupDrift:
        """Compare, and remember what was read. Reads guardrails only if a set-up was accepted.

        What the database or AWS doesn't tell is unknown, never "no drift".
        """
        try:
            accepted = self.setups.find_last()
            state = self._read_state(setup, reads_guardrails=accepted is not None)
            drift = self._name_own_changes(compare_setup(accepted, state))
        except DatabaseError as error:
            return describe_unreadable(error)
        try:
            self.setups.save_reading(state)
        except (DatabaseError, LedgerUnavailableError) as error:
            self.warn(f"What was read of the set-up couldn't be remembered for reports: {error.message}")
        return drift

    def read_state(self, setup: Setup) -> SetupState:
        """The set-up with its guardrails, as it would be accepted."""
        return self._read_state(setup, reads_guardrails=True)

    def _read_state(self, setup: Setup, *, reads_guardrails: bool) -> SetupState:
        guardrails, unknown = self._read_guardrails() if reads_guardrails else (None, NOT_ACCEPTED)
        return SetupState(setup, guardrails, unknown, self.clock.now(), self.endpoint.label, self.caller.arn)

    def _read_guardrails(self) -> tuple[tuple[Guardrail, ...] | None, str | None]:
        try:
            listing = self.guardrails.list_own_policies()
        except AwsError as error:
            return None, error.message
        problems = list(dict.fromkeys(_list_problems(listing)))
        if problems:
            return None, f"It {'; '.join(problems)}."
        found = (_describe(policy) for policy in listing.policies)
        return tuple(sorted(found, key=lambda guardrail: guardrail.policy_id)), None

    def _name_own_changes(self, drift: SetupDrift) -> SetupDrift:
        if drift.accepted is None or not drift.differences:
            return drift
        entries = self.ledger.list_entries(since_sequence=drift.accepted.ledger_sequence)
        return name_own_changes(drift, (one for one in entries if one.organization_id == self.organization_id))


@dataclass(frozen=True, slots=True)
class SetupAcceptance:
    """Records that a set-up is as it should be; changes nothing in AWS."""

    setups: AcceptedSetups
    ledger: Ledger
    actor_name: str

    def accept(self, state: SetupState) -> AcceptedSetup:
        """Keep it; drift is judged by it from now on. Its fact is in the ledger before.

        :raises LedgerUnavailableError: if it can't be recorded; nothing was accepted.
        """
        entry = self.ledger.append_fact(Action.SETUP_ACCEPT, parameters=describe_state(state))
        accepted = AcceptedSetup(state, entry.at, self.actor_name, entry.sequence)
        self.setups.add(accepted)
        self.setups.save_reading(state)
        return accepted


def describe_unreadable(error: DatabaseError) -> SetupDrift:
    """What is known where the database can't be read: not even whether a set-up was accepted."""
    return SetupDrift(None, (), (f"What was accepted can't be read: {error.message}",))


def describe_drift(drift: SetupDrift) -> tuple[str, ...]:
    """One sentence for a person for each difference and each part that couldn't be compared."""
    found = (f"DRIFT: {one.what} It could be: {one.could_be[0]}" for one in drift.differences)
    return (*found, *(f"Drift unknown: {sentence}" for sentence in drift.unknown))


def describe_state(state: SetupState) -> dict[str, JsonValue]:
    """What the ledger keeps of an accepted set-up; ``None`` where it wasn't read."""
    setup = state.setup
    features, delegates, guardrails = setup.features, setup.delegated_administrators, state.guardrails
    return {
        "trusted_access": setup.trusted_access,
        "features": None if features is None else sorted(feature.value for feature in features),
        "delegated_administrators": None if delegates is None else list(delegates),
        "guardrails": None
        if guardrails is None
        else [
            {"policy_id": one.policy_id, "content_hash": one.content_hash, "attached_to": list(one.attached_to)}
            for one in guardrails
        ],
    }


def _settle(future: Future[SetupDrift], compare: Callable[[], SetupDrift]) -> None:
    """Hand on whatever came of it, a bug too: it shows where the answer is asked for."""
    try:
        future.set_result(compare())
    except BaseException as error:
        future.set_exception(error)
        raise


def _list_problems(listing: PolicyListing) -> list[str]:
    of_kinds = [problem for problems in listing.problems.values() for problem in problems]
    return of_kinds + [policy.problem for policy in listing.policies if policy.problem is not None]


def _describe(policy: OrganizationPolicy) -> Guardrail:
    return Guardrail(
        policy_id=policy.label.policy_id,
        name=policy.label.name,
        kind=policy.kind.value,
        content_hash=hash_policy(policy.content or ""),
        attached_to=tuple(sorted(policy.target_ids)),
    )
