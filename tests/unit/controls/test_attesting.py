"""A person's attestation of a control, from the command to the ledger and back into the verdict."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rootkeeper.acting import Acting
from rootkeeper.controls.assessment import ControlAttester
from rootkeeper.controls.control_map import get_control
from rootkeeper.controls.rules import ControlAttestation, find_attestations
from rootkeeper.errors import InputError, LedgerUnavailableError
from rootkeeper.ledger.rules import Action, Actor, ActorKind
from tests.fakes.acting import make_acting
from tests.fakes.clock import FakeClock
from tests.fakes.databases import FakeDatabase, FakeLedger

NOW = datetime(2026, 10, 30, 8, 15, tzinfo=UTC)
UNTIL = NOW + timedelta(days=90)
OLGA = Actor("olga@example.com", ActorKind.SIGNED_IN)
CONTROL = get_control("cis-7.0/2.7")


class Desk:
    """One attester over the fakes."""

    def __init__(self) -> None:
        self.database = FakeDatabase(FakeClock(NOW))
        self.ledger = FakeLedger(self.database, "process", actor=OLGA)
        self.attester = ControlAttester(self.act(OLGA))

    def act(self, actor: Actor) -> Acting:
        return make_acting(self.database.clock, ledger=self.ledger, actor=actor)

    def attest(
        self, owner: str = "Ana", reason: str = "Reviewed each month", until: datetime = UNTIL
    ) -> ControlAttestation:
        return self.attester.attest(CONTROL, owner=owner, reason=reason, until=until)


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_an_attestation_is_an_entry_of_the_ledger_with_its_actor(desk: Desk) -> None:
    attested = desk.attester.attest(CONTROL, owner=" Ana ", reason=" Reviewed each month ", until=UNTIL)
    entry = desk.database.entries[-1]
    assert (entry.action, entry.account_id, entry.actor) == (Action.CONTROL_ATTEST, None, OLGA)
    assert entry.parameters == {
        "control": "cis-7.0/2.7",
        "owner": "Ana",
        "reason": "Reviewed each month",
        "until": UNTIL.isoformat(),
    }
    assert (attested.ledger_sequence, attested.entry_hash) == (entry.sequence, entry.entry_hash)
    assert (attested.recorded_by, attested.recorded_by_kind) == (OLGA.name, ActorKind.SIGNED_IN)


def test_what_was_recorded_is_found_again(desk: Desk) -> None:
    attested = desk.attest()
    assert find_attestations(desk.database.entries, NOW + timedelta(days=1)) == {"cis-7.0/2.7": attested}
    assert find_attestations(desk.database.entries, UNTIL) == {}
    assert find_attestations(desk.database.entries, NOW - timedelta(days=1)) == {}


def test_the_last_attestation_of_a_control_counts(desk: Desk) -> None:
    desk.attest()
    later = desk.attest(owner="Ben", until=NOW + timedelta(days=10))
    assert find_attestations(desk.database.entries, NOW + timedelta(days=1)) == {"cis-7.0/2.7": later}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"owner": " "}, "needs an owner"),
        ({"reason": ""}, "needs a reason"),
        ({"until": NOW}, "isn't in the future"),
        ({"until": NOW + timedelta(days=367)}, "more than a year away"),
    ],
)
def test_an_attestation_without_owner_reason_or_end_is_not_recorded(
    desk: Desk, changes: dict[str, Any], said: str
) -> None:
    with pytest.raises(InputError, match=said):
        desk.attest(**changes)
    assert desk.database.entries == []


def test_an_attestation_that_the_ledger_does_not_take_is_an_error(desk: Desk) -> None:
    desk.database.is_ledger_writable = False
    with pytest.raises(LedgerUnavailableError):
        desk.attest()
    assert desk.database.entries == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        (ActorKind.SELF_ASSERTED, "self-asserted"),
        (ActorKind.SIGNED_IN, "signed in"),
        (ActorKind.TOKEN, "by an API token"),
        (ActorKind.SERVER, "by the server"),
    ],
)
def test_the_sentence_says_how_the_person_was_authenticated(desk: Desk, kind: ActorKind, said: str) -> None:
    attested = ControlAttester(desk.act(Actor("olga@example.com", kind))).attest(
        CONTROL, owner="Ana", reason="Reviewed each month.", until=UNTIL
    )
    assert attested.sentence == (
        f"Ana attests it until 2027-01-28: Reviewed each month (recorded by olga@example.com, 2026-10-30, {said}, "
        f"ledger entry {attested.ledger_sequence})."
    )
