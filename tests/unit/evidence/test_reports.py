"""The report as a whole."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.evidence.rules import Period
from rootkeeper.evidence.service import EvidenceFacts
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action, LedgerEntry, LedgerVerification, Phase, Result
from rootkeeper.organization.accounts import Feature
from rootkeeper.organization.statuses import AccountRole, FailOn, Status
from rootkeeper.windows.rules import WindowState
from tests.fakes.evidence import (
    CLEAN,
    END,
    ENDPOINT,
    FAILSAFE,
    MANAGEMENT,
    NOTHING,
    PRESENT,
    READ,
    START,
    accept,
    list_accounts,
    make_entry,
    make_facts,
    make_guardrail,
    make_inventory,
    make_report,
    make_state,
    make_status,
    make_window,
    render_as,
)

BOTH = frozenset({FailOn.PRESENT, FailOn.UNKNOWN})


def make_good_facts() -> EvidenceFacts:
    """A management account and one clean member, all set up and accepted."""
    accounts = (list_accounts()[0], list_accounts()[2])
    facts = make_facts()
    state = make_state(guardrails=(make_guardrail(),))
    return replace(
        facts,
        inventory=make_inventory(accounts),
        statuses={CLEAN: make_status(accounts[1], Status.NOT_PRESENT, NOTHING)},
        windows=(),
        history=replace(facts.history, exceptions=(), open_intents=()),
        setup=state,
        accepted=accept(state),
    )


def test_the_management_account_has_its_own_line_and_isnt_among_the_accounts() -> None:
    report = make_report()
    assert report.management is not None
    assert report.management.account.account_id == MANAGEMENT
    assert MANAGEMENT not in {account.account.account_id for account in report.accounts}
    assert [kept.evidence.role for kept in report.kept_logins] == [AccountRole.MANAGEMENT, AccountRole.FAILSAFE]


def test_the_same_facts_give_the_same_report() -> None:
    assert make_report() == make_report()


def test_everything_in_order_is_two_passes_and_no_finding() -> None:
    report = make_report(make_good_facts())
    assert (report.centralized.verdict, report.no_root_credentials.verdict) == (
        Verdict.PASS,
        Verdict.PASS,
    )
    assert not report.has_findings(BOTH)


@pytest.mark.parametrize(
    "facts",
    [
        replace(make_good_facts(), setup=make_state(features=frozenset(), guardrails=(make_guardrail(),))),
        replace(make_good_facts(), setup=make_state(guardrails=())),
        replace(make_good_facts(), ledger=LedgerVerification(9, 9, "0" * 64, 3, "Entry 3 was edited.", None)),
        make_facts(),
    ],
    ids=["not centralized", "drift", "altered ledger", "credentials"],
)
def test_what_is_bad_counts_as_present(facts: EvidenceFacts) -> None:
    report = make_report(facts)
    assert report.has_findings(frozenset({FailOn.PRESENT}))
    assert not report.has_findings(frozenset({FailOn.NONE}))


@pytest.mark.parametrize(
    "facts",
    [
        replace(make_good_facts(), setup=None),
        replace(make_good_facts(), statuses={}),
        replace(make_good_facts(), setup=make_state(guardrails=None, guardrails_unknown="It needs a caller.")),
    ],
    ids=["set-up never read", "account never read", "guardrails unread"],
)
def test_what_is_unknown_counts_as_unknown_and_is_named_among_the_gaps(facts: EvidenceFacts) -> None:
    report = make_report(facts)
    assert report.has_findings(frozenset({FailOn.UNKNOWN}))
    assert not report.has_findings(frozenset({FailOn.PRESENT}))
    assert report.gaps


def test_a_reading_of_the_set_up_from_before_rootkeeper_changed_it_shows_nothing() -> None:
    facts = make_good_facts()
    at = READ + timedelta(minutes=1)
    changed = make_entry(30, Action.FEATURE_DISABLE, at, phase=Phase.OUTCOME, result=Result.DONE, intent_sequence=29)
    report = make_report(replace(facts, history=replace(facts.history, setup_entries=(changed,))))
    assert report.centralized.verdict is Verdict.UNKNOWN
    assert "ledger entry 30" in report.centralized.reasons[0]
    assert report.setup.drift.unknown


def test_a_sandbox_is_named_before_aws() -> None:
    facts = make_facts()
    report = make_report(replace(facts, history=replace(facts.history, endpoints=("AWS", ENDPOINT))))
    assert (report.endpoint, report.is_sandbox) == (ENDPOINT, True)
    aws = replace(facts, setup=None, history=replace(facts.history, endpoints=("AWS",)))
    assert not make_report(aws).is_sandbox
    listed = make_report(replace(aws, inventory=replace(make_inventory(), endpoint=ENDPOINT)))
    assert (listed.endpoint, listed.is_sandbox) == (ENDPOINT, True)
    nowhere = make_report(replace(facts, setup=None, history=replace(facts.history, endpoints=())))
    assert (nowhere.endpoint, nowhere.is_sandbox) == ("unknown", True)


def test_windows_are_those_that_the_period_touches() -> None:
    before = make_window(CLEAN, requested_at=START - timedelta(days=9))
    into = make_window(CLEAN, requested_at=START - timedelta(days=8), closed_at=START + timedelta(days=1))
    denied = make_window(CLEAN, WindowState.DENIED, requested_at=START - timedelta(days=7))
    kept = make_window(FAILSAFE, WindowState.KEPT, requested_at=START - timedelta(minutes=30))
    still_open = make_window(PRESENT, WindowState.OPEN, requested_at=START - timedelta(days=6))
    after = make_window(CLEAN, requested_at=END + timedelta(days=1))
    report = make_report(replace(make_facts(), windows=(before, into, denied, still_open, kept, after)))
    assert report.windows == (into, still_open, kept)


def test_exceptions_are_those_in_force_at_some_time_of_the_period() -> None:
    facts = make_facts()
    (kept,) = facts.history.exceptions
    ended = replace(kept, account_id=CLEAN, until=START + timedelta(days=1))
    gone = replace(kept, until=START - timedelta(days=1))
    later = replace(kept, added_at=END + timedelta(days=1))
    report = make_report(replace(facts, history=replace(facts.history, exceptions=(gone, later, ended, kept))))
    assert report.exceptions == (ended, kept)
    in_force = {account.account.account_id for account in report.accounts if account.exception is not None}
    assert in_force == {PRESENT}


def test_the_gaps_of_the_sample_are_all_named() -> None:
    reasons = [(gap.subject, gap.reason) for gap in make_report().gaps]
    assert reasons == [
        ("account", "blocked_by_policy"),
        ("account", "never_read"),
        ("account", "stale"),
        ("account", "recovery_open"),
        ("ledger", "no_outcome"),
    ]


def test_a_period_in_which_nothing_was_read_has_no_pass() -> None:
    early = Period(START - timedelta(days=60), START - timedelta(days=31))
    report = make_report(period=early)
    assert Verdict.PASS not in {report.centralized.verdict, report.no_root_credentials.verdict}
    assert {account.verdict for account in report.accounts} <= {Verdict.UNKNOWN, Verdict.NOT_APPLICABLE}


def test_a_feature_that_the_control_doesnt_ask_for_is_reported_and_is_drift() -> None:
    state = make_state(features=frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT}), guardrails=(make_guardrail(),))
    report = make_report(replace(make_good_facts(), setup=state))
    assert report.centralized.verdict is Verdict.PASS
    assert [one.subject for one in report.setup.drift.differences] == ["RootSessions"]


def test_drift_that_rootkeeper_caused_itself_names_its_entry_unless_it_was_accepted_since() -> None:
    state = make_state(features=frozenset({Feature.ROOT_CREDENTIALS_MANAGEMENT}), guardrails=(make_guardrail(),))
    facts = replace(make_good_facts(), setup=state)

    def find_first_cause(accepted_as_entry: int) -> str:
        accepted = replace(accept(make_state(guardrails=(make_guardrail(),))), ledger_sequence=accepted_as_entry)
        history = replace(facts.history, setup_entries=list_entries_of_change())
        (difference,) = make_report(replace(facts, accepted=accepted, history=history)).setup.drift.differences
        return difference.could_be[0]

    assert find_first_cause(7) == "Rootkeeper itself: ledger entry 8, feature:disable by mary@desk."
    assert find_first_cause(9).startswith("A caller")


def list_entries_of_change() -> tuple[LedgerEntry, ...]:
    reported = {"feature": Feature.ROOT_SESSIONS.value}
    intent = make_entry(8, Action.FEATURE_DISABLE, READ - timedelta(days=1), parameters=reported)
    return intent, replace(intent, sequence=9, phase=Phase.OUTCOME, intent_sequence=8, result=Result.DONE)


@pytest.mark.parametrize("name", ["html", "csv", "json", "markdown"])
def test_every_format_has_the_headline_with_the_known_and_the_unknown(name: str) -> None:
    report = make_report()
    left = report.root_logins_left
    unknown = sum(one.status is Status.UNKNOWN for one in report.accounts)
    assert (left.unknown, left.known > 0, unknown > 0) == (unknown, True, True)
    assert left.headline in render_as(name, report)
