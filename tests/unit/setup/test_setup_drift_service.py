"""Comparing the set-up with what was accepted, and accepting it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from rootkeeper.acting import Acting
from rootkeeper.errors import AwsThrottledError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Actor, ActorKind, Phase, Result
from rootkeeper.organization.accounts import Feature, Setup
from rootkeeper.organization.progress import NullStopSignal
from rootkeeper.policy_language.documents import PolicyKind
from rootkeeper.setup.drift import NOT_ACCEPTED, STILL_BEING_READ, DriftReader, SetupAcceptance
from rootkeeper.setup.rules import SetupDrift, SetupPart
from tests.fakes.acting import make_acting
from tests.fakes.clock import FakeClock
from tests.fakes.organization import FakeOrganization
from tests.fakes.setups import DENY_ROOT, FakeGuardrails, InMemorySetups, make_policy
from tests.fakes.stores import InMemoryLedger

ALL_ON = Setup(True, frozenset(Feature), ())
SESSIONS_OFF = Setup(True, frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT}), ())


@dataclass
class Desk:
    """An operator who reads the set-up and accepts it."""

    organization: FakeOrganization = field(default_factory=lambda: FakeOrganization(FakeClock()))
    guardrails: FakeGuardrails = field(default_factory=FakeGuardrails)
    setups: InMemorySetups = field(default_factory=InMemorySetups)
    warnings: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.ledger = InMemoryLedger(self.organization.clock)

    @property
    def acting(self) -> Acting:
        return make_acting(
            self.organization.clock,
            self.guardrails,
            self.organization,
            ledger=self.ledger,
            stores=[self.setups],
            actor=Actor("mary@desk", ActorKind.SELF_ASSERTED),
            warn=self.warnings.append,
        )

    @property
    def reading(self) -> DriftReader:
        return DriftReader(self.acting)

    def accept(self, setup: Setup = ALL_ON) -> None:
        SetupAcceptance(self.acting).accept(self.reading.read_state(setup))

    def finish(self, setup: Setup, wait_seconds: float = 10) -> SetupDrift:
        return self.reading.begin(setup).finish(NullStopSignal(self.organization.clock), wait_seconds)


class Stopped:
    """Implements StopSignal: a stop was requested already."""

    def asked_once(self) -> bool:
        return True

    def asked_twice(self) -> bool:
        return False

    def wait(self, seconds: float) -> bool:
        return True


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_before_anything_was_accepted_no_guardrail_is_read_and_the_reading_is_remembered(desk: Desk) -> None:
    drift = desk.reading.compare(ALL_ON)
    assert (drift.accepted, drift.differences, drift.unknown) == (None, (), ())
    assert desk.guardrails.readings == 0
    (kept,) = desk.setups.readings
    assert (kept.setup, kept.guardrails, kept.guardrails_unknown) == (ALL_ON, None, NOT_ACCEPTED)


def test_accepting_is_a_fact_in_the_ledger_before_it_is_kept(desk: Desk) -> None:
    desk.accept()
    (entry,) = desk.ledger.entries
    assert (entry.action, entry.phase, entry.result) == (Action.SETUP_ACCEPT, Phase.OUTCOME, Result.DONE)
    assert entry.parameters["trusted_access"] is True
    assert entry.parameters["features"] == ["RootCredentialsManagement", "RootSessions"]
    (accepted,) = desk.setups.accepted
    assert (accepted.ledger_sequence, accepted.accepted_by) == (entry.sequence, "mary@desk")
    assert accepted.state.guardrails is not None


def test_a_ledger_that_cant_be_written_accepts_nothing(desk: Desk) -> None:
    desk.ledger.fail_after = 0
    with pytest.raises(LedgerUnavailableError):
        desk.accept()
    assert desk.setups.accepted == []


def test_nothing_changed_is_clean(desk: Desk) -> None:
    desk.accept()
    drift = desk.reading.compare(ALL_ON)
    assert drift.is_clean


def test_a_policy_that_was_edited_or_moved_is_drift(desk: Desk) -> None:
    desk.accept()
    desk.guardrails.policies = [make_policy(DENY_ROOT.replace('"*"', '"s3:*"', 1), ("ou-exam-workload",))]
    drift = desk.reading.compare(ALL_ON)
    assert [one.part for one in drift.differences] == [SetupPart.GUARDRAIL, SetupPart.GUARDRAIL]
    assert all(one.could_be for one in drift.differences)


def test_what_rootkeeper_did_itself_since_then_is_named(desk: Desk) -> None:
    desk.accept()
    intent = desk.ledger.append_intent(Action.FEATURE_DISABLE, parameters={"feature": "RootSessions"})
    desk.ledger.append_outcome(intent, Result.DONE)
    (difference,) = desk.reading.compare(SESSIONS_OFF).differences
    assert difference.could_be[0].startswith("Rootkeeper itself: ledger entry 2")


@pytest.mark.parametrize("obstacle", ["kind", "policy", "throttled"])
def test_guardrails_that_cant_be_read_are_unknown_with_what_it_needs(desk: Desk, obstacle: str) -> None:
    desk.accept()
    needs = "needs organizations:ListPolicies, from the management account"
    if obstacle == "kind":
        desk.guardrails.policies, desk.guardrails.problems = [], {PolicyKind.SERVICE_CONTROL: (needs,)}
    elif obstacle == "policy":
        desk.guardrails.policies = [make_policy(None, problem=needs)]
    else:
        desk.guardrails.error = AwsThrottledError(needs)
    drift = desk.reading.compare(ALL_ON)
    assert drift.differences == ()
    (sentence,) = drift.unknown
    assert needs in sentence


def test_a_database_that_cant_be_read_leaves_drift_unknown(desk: Desk) -> None:
    desk.setups.is_readable = False
    drift = desk.reading.compare(ALL_ON)
    assert drift.unknown
    assert not drift.is_clean


def test_a_reading_that_cant_be_remembered_is_a_warning_and_no_drift(desk: Desk) -> None:
    desk.accept()
    desk.setups.is_writable = False
    assert desk.reading.compare(ALL_ON).is_clean
    assert "couldn't be stored" in desk.warnings[0]


@pytest.mark.parametrize("is_accepted", [True, False])
def test_a_comparison_that_runs_beside_an_audit_says_the_same(desk: Desk, is_accepted: bool) -> None:
    if is_accepted:
        desk.accept()
    assert desk.finish(SESSIONS_OFF) == desk.reading.compare(SESSIONS_OFF)
    assert desk.setups.readings[-1] == desk.setups.readings[-2]


def test_guardrails_that_take_too_long_are_unknown_and_the_rest_is_compared(desk: Desk) -> None:
    desk.accept()
    with desk.guardrails.held():
        drift = desk.finish(SESSIONS_OFF, wait_seconds=0.1)
    assert [one.subject for one in drift.differences] == ["RootSessions"]
    assert [STILL_BEING_READ in sentence for sentence in drift.unknown] == [True]
    assert desk.setups.readings[-1].guardrails is None


def test_who_is_asked_to_stop_doesnt_wait_for_guardrails(desk: Desk) -> None:
    desk.accept()
    with desk.guardrails.held():
        drift = desk.reading.begin(ALL_ON).finish(Stopped(), wait_seconds=3600)
    assert drift.unknown


def test_a_bug_in_the_reading_of_guardrails_shows(desk: Desk) -> None:
    desk.accept()
    desk.guardrails.error = ZeroDivisionError()
    with pytest.raises(ZeroDivisionError):
        desk.finish(ALL_ON)


def test_a_database_that_cant_be_read_leaves_the_drift_of_an_audit_unknown(desk: Desk) -> None:
    desk.setups.is_readable = False
    assert desk.finish(ALL_ON).unknown == desk.reading.compare(ALL_ON).unknown != ()


def test_the_set_up_is_as_old_as_its_reading_and_not_as_the_end_of_the_audit(desk: Desk) -> None:
    comparison = desk.reading.begin(ALL_ON)
    began_at = desk.organization.clock.now()
    desk.organization.clock.sleep(300)
    comparison.finish(NullStopSignal(desk.organization.clock), 1)
    assert desk.setups.readings[-1].read_at == began_at
