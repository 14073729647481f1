"""Records are matched with the ledger of this organization at this endpoint."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from rootkeeper.errors import DatabaseError
from rootkeeper.ledger.rules import Action, LedgerEntry, Result
from rootkeeper.organization.accounts import AccountId, Endpoint
from rootkeeper.watching.rules import RootEventKind
from rootkeeper.watching.service import RootEventClassifier
from tests.fakes.clock import FakeClock
from tests.fakes.cloudtrail import AUDIT_ROLE, CALLER, KEY, MEMBER, make_record, root_session_call, root_sign_in
from tests.fakes.stores import InMemoryLedger

ENDPOINT = Endpoint("SANDBOX 127.0.0.1:4599")


class LedgerOfARole(InMemoryLedger):
    """Written with the credentials of the auditing role."""

    def list_entries(self, **chosen: Any) -> Iterator[LedgerEntry]:
        caller_arn = f"arn:aws:sts::{CALLER}:assumed-role/rootkeeper-audit/ana"
        for entry in super().list_entries(**chosen):
            yield replace(entry, actor=replace(entry.actor, caller_arn=caller_arn))


class UnreadableLedger(InMemoryLedger):
    def list_entries(self, **chosen: Any) -> Iterator[LedgerEntry]:
        raise DatabaseError("The database can't be read.")


@pytest.fixture
def ledger() -> InMemoryLedger:
    """One root session was opened."""
    ledger = LedgerOfARole(FakeClock())
    intent = ledger.append_intent(Action.ROOT_SESSION_OPEN, account_id=AccountId(MEMBER))
    ledger.append_outcome(intent, Result.DONE, {"access_key_id": KEY})
    return ledger


def test_records_are_judged_in_their_order_and_others_are_left_out(ledger: InMemoryLedger) -> None:
    records = [
        root_session_call("ASIAEXAMPLESTRANGER"),
        make_record({"type": "IAMUser", "accountId": MEMBER}),
        root_session_call(),
        root_sign_in(),
    ]
    evaluated = RootEventClassifier(ledger, "o-exampleorgid", ENDPOINT).evaluate(records, [AUDIT_ROLE])
    assert [one.event.kind for one in evaluated] == [
        RootEventKind.STRANGE_ROOT_SESSION,
        RootEventKind.OWN_ROOT_SESSION,
        RootEventKind.LONG_TERM_ROOT,
    ]
    assert [one.record for one in evaluated] == [records[0], records[2], records[3]]


@pytest.mark.parametrize(
    ("organization_id", "endpoint"), [("o-otherorgid", ENDPOINT), ("o-exampleorgid", Endpoint("AWS"))]
)
def test_entries_of_another_organization_or_endpoint_exempt_nothing(
    ledger: InMemoryLedger, organization_id: str, endpoint: Endpoint
) -> None:
    (evaluated,) = RootEventClassifier(ledger, organization_id, endpoint).evaluate([root_session_call()], [AUDIT_ROLE])
    assert evaluated.event.kind is RootEventKind.STRANGE_ROOT_SESSION


def test_a_ledger_that_cant_be_read_is_an_error_and_exempts_nothing() -> None:
    judging = RootEventClassifier(UnreadableLedger(FakeClock()), "o-exampleorgid", ENDPOINT)
    with pytest.raises(DatabaseError):
        judging.evaluate([root_session_call()], [AUDIT_ROLE])
