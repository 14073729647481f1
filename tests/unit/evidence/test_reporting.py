"""Evidence from what is kept."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest

from rootkeeper.errors import InputError
from rootkeeper.evidence.rules import Period
from rootkeeper.evidence.service import EvidenceCompiler, choose_organization
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action, LedgerVerification
from rootkeeper.organization.statuses import KeptAudit
from rootkeeper.root_emails.rules import EmailRules
from tests.fakes.clock import FakeClock
from tests.fakes.evidence import (
    END,
    ORGANIZATION_ID,
    PERIOD,
    PRESENT,
    PURPOSE,
    READ,
    START,
    accept,
    list_statuses,
    make_facts,
    make_guardrail,
    make_inventory,
    make_state,
)
from tests.fakes.histories import InMemoryHistory
from tests.fakes.setups import InMemorySetups
from tests.fakes.stores import (
    InMemoryConfirmations,
    InMemoryEmailAttestations,
    InMemoryInventory,
    InMemoryLedger,
    InMemoryWindows,
)


@dataclass
class Archive:
    """What one organization's database holds."""

    store: InMemoryInventory = field(default_factory=InMemoryInventory)
    windows: InMemoryWindows = field(default_factory=InMemoryWindows)
    setups: InMemorySetups = field(default_factory=InMemorySetups)
    ledger: InMemoryLedger = field(default_factory=lambda: InMemoryLedger(FakeClock()))
    confirmations: InMemoryConfirmations = field(default_factory=InMemoryConfirmations)
    audits: InMemoryHistory = field(default_factory=InMemoryHistory)

    def fill(self) -> None:
        self.store.save(make_inventory())
        self.store.save_statuses(list(list_statuses().values()))
        for window in make_facts().windows:
            self.windows.add(window)
        exception = {"owner": "Billing", "reason": "Reseller sign-up needs root", "until": END.isoformat()}
        self.ledger.append_fact(Action.EXCEPTION_ADD, account_id=PRESENT, parameters=exception)
        state = make_state(guardrails=(make_guardrail(),))
        self.setups.save_reading(state)
        self.setups.add(accept(state))
        self.confirmations.add(PURPOSE)

    @property
    def evidence_compiler(self) -> EvidenceCompiler:
        return EvidenceCompiler(
            ORGANIZATION_ID,
            self.store,
            self.windows,
            self.setups,
            InMemoryEmailAttestations(),
            self.confirmations,
            EmailRules(),
            self.ledger,
            self.audits,
        )


@pytest.fixture
def archive() -> Archive:
    archive = Archive()
    archive.fill()
    return archive


def test_everything_that_is_kept_comes_together(archive: Archive) -> None:
    report = archive.evidence_compiler.compile(PERIOD)
    assert report.organization_id == ORGANIZATION_ID
    assert (report.centralized.verdict, report.no_root_credentials.verdict) == (
        Verdict.PASS,
        Verdict.FAIL,
    )
    assert len(report.windows) == 2
    assert [one.account_id for one in report.exceptions] == [PRESENT]
    assert report.setup.drift.is_clean
    assert report.ledger.is_intact


def test_the_same_database_and_period_give_the_same_report(archive: Archive) -> None:
    assert archive.evidence_compiler.compile(PERIOD) == archive.evidence_compiler.compile(PERIOD)


def test_the_extract_has_the_ledger_from_the_period_up_to_the_head_of_the_report(archive: Archive) -> None:
    report = archive.evidence_compiler.compile(PERIOD)
    before = [entry.sequence for entry in report.extract]
    archive.ledger.append_fact(Action.ACCOUNTS_AUDIT)
    assert [entry.sequence for entry in report.extract] == before
    assert before[-1] == report.ledger.head_sequence
    later = Period(END + timedelta(days=9000), END + timedelta(days=9001))
    assert [entry.sequence for entry in archive.evidence_compiler.compile(later).extract] == [before[-1] + 1]


class GrowingLedger(InMemoryLedger):
    """Another process writes to it while a report is made."""

    def verify(self, *, must_have_copies: bool = True) -> LedgerVerification:
        found = super().verify(must_have_copies=must_have_copies)
        self.append_fact(Action.ACCOUNTS_AUDIT)
        return found


def test_an_entry_that_is_written_meanwhile_is_in_no_part_of_the_report() -> None:
    archive = Archive(ledger=GrowingLedger(FakeClock()))
    archive.fill()
    now = FakeClock().now()
    report = archive.evidence_compiler.compile(Period(now - timedelta(days=1), now + timedelta(days=1)))
    assert report.history.entries == report.ledger.entries == len(list(report.extract))


def test_a_set_up_accepted_or_read_after_the_periods_end_doesnt_count(archive: Archive) -> None:
    early = Period(START.replace(year=2025), START.replace(month=7))
    report = archive.evidence_compiler.compile(early)
    assert report.setup.state is None
    assert report.setup.drift.accepted is None
    assert report.centralized.verdict is Verdict.UNKNOWN


def test_a_past_period_is_known_by_the_audits_that_were_kept_of_it(archive: Archive) -> None:
    read = list(list_statuses().values())
    later = [one if one.observed_at is None else replace(one, observed_at=END + timedelta(days=40)) for one in read]
    archive.store.save_statuses(later)
    unknown = sum(one.verdict is Verdict.UNKNOWN for one in archive.evidence_compiler.compile(PERIOD).accounts)
    archive.audits.add(KeptAudit("j-1", READ, READ, "AWS", True, "ana", {}), read)
    known = sum(one.verdict is Verdict.UNKNOWN for one in archive.evidence_compiler.compile(PERIOD).accounts)
    assert known < unknown
    before_it = Period(START.replace(year=2025), START.replace(month=7))
    assert {one.read_at for one in archive.evidence_compiler.compile(before_it).accounts} == {None}


def test_an_organization_that_was_never_listed_has_no_evidence() -> None:
    with pytest.raises(InputError, match="no accounts"):
        Archive().evidence_compiler.compile(PERIOD)


def test_a_period_must_last(archive: Archive) -> None:
    with pytest.raises(InputError, match="which isn't after its start"):
        archive.evidence_compiler.compile(Period(END, START))


@pytest.mark.parametrize(
    ("known", "wanted", "chosen"),
    [(("o-one",), None, "o-one"), (("o-one", "o-two"), "o-two", "o-two"), (("o-one",), "o-one", "o-one")],
)
def test_the_organization_meant_is_chosen(known: tuple[str, ...], wanted: str | None, chosen: str) -> None:
    assert choose_organization(known, wanted) == chosen


@pytest.mark.parametrize(
    ("known", "wanted", "said"),
    [((), None, "has no organization"), (("o-one", "o-two"), None, "several"), (("o-one",), "o-two", "doesn't know")],
)
def test_an_organization_that_isnt_clear_is_an_error(known: tuple[str, ...], wanted: str | None, said: str) -> None:
    with pytest.raises(InputError, match=said):
        choose_organization(known, wanted)
