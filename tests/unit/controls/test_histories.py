"""A table of histories within a period, with the verdict of each control that judges root user credentials."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from rootkeeper.controls.assessment import assess_report
from rootkeeper.controls.control_map import load_frameworks
from rootkeeper.controls.rules import CheckName, CheckResult
from rootkeeper.evidence.periods import ChangedKind
from rootkeeper.evidence.rules import DeletionEvidence, Period
from rootkeeper.evidence.service import EvidenceFacts, EvidenceReport
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Result
from rootkeeper.organization.accounts import AccountId, AccountState
from rootkeeper.organization.statuses import (
    CredentialKind,
    FailOn,
    KeptReading,
    RootCredentialsSummary,
    Status,
)
from rootkeeper.windows.rules import RecoveryWindow, WindowState
from tests.fakes.controls import HISTORY, list_accounts, make_facts, make_statuses
from tests.fakes.evidence import (
    CLEAN,
    END,
    FAILSAFE,
    GUARDED,
    MANAGEMENT,
    NOTHING,
    OPERATOR,
    START,
    make_inventory,
    make_report,
    make_state,
    make_window,
)

PASS, FAIL, UNKNOWN = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN
KEY = replace(NOTHING, has_access_keys=True)
PASSWORD = replace(NOTHING, has_password=True)
OPEN = replace(GUARDED, has_mfa_devices=False)
LAST = END - timedelta(hours=1)
DAYS = [START + timedelta(days=day, hours=2) for day in range((END - START).days + 1)]
"""When the daily audits are made."""
LONG_GONE = AccountId("123456789012")

KEY_CREDS, KEY_ONLY, CREDS_MFA, MFA_ONLY, NOTHING_FAILS = (
    {CheckName.NO_ROOT_KEY, CheckName.NO_ROOT_CREDS},
    {CheckName.NO_ROOT_KEY},
    {CheckName.NO_ROOT_CREDS, CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA},
    {CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA},
    set[CheckName](),
)
JUDGED = (CheckName.NO_ROOT_KEY, CheckName.NO_ROOT_CREDS, CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA)


def day(number: float) -> datetime:
    """So many days after the period's start; the audit of day 10 is at ``day(10) + 2 hours``."""
    return START + timedelta(days=number)


@dataclass(frozen=True, kw_only=True)
class History:
    """A history of the organization, and what the report says of the period."""

    name: str
    found: dict[tuple[float, float], RootCredentialsSummary] = field(default_factory=dict)
    """What readings between two days show; everything else shows the state in order."""
    of: AccountId = CLEAN
    audits: list[datetime] = field(default_factory=lambda: DAYS)
    unread: tuple[float, float] = (0, 0)
    """Days on which the audits couldn't read the account."""
    windows: tuple[RecoveryWindow, ...] = ()
    deletions: tuple[DeletionEvidence, ...] = ()
    state: AccountState = AccountState.ACTIVE
    joined_at: datetime | None = None
    is_listed: bool = True
    ou_path: str = "Root/Workloads"
    failing: set[CheckName] = field(default_factory=set)
    unknown: bool = False
    """Whether each check that doesn't fail is unknown, instead of a pass."""
    changes: list[tuple[ChangedKind, str, str, bool]] = field(default_factory=list)
    """Kind, from, until and whether it is explained."""
    is_bad: bool = False
    """Whether ``--fail-on present`` of a report without frameworks is bad because of it."""


def clean_up(number: float) -> DeletionEvidence:
    kind, begun_at = CredentialKind.ACCESS_KEYS, day(number)
    at, key = begun_at + timedelta(seconds=5), "AKIAIOSFODNN7EXAMPLE"
    return DeletionEvidence(11, at, CLEAN, kind, key, Result.DONE, OPERATOR, "plan-1a2b3c", None, begun_at)


def make_closed_window(opened: float, closed: float) -> RecoveryWindow:
    window = make_window(CLEAN, requested_at=day(opened), closed_at=day(closed), approved_by=("john@example.com",))
    length = day(closed) - day(opened)
    return replace(window, expires_at=day(closed), duration_seconds=int(length.total_seconds()))


WEEKLY = DAYS[::7]
KEYS, PASSWORDS, MFA = ChangedKind.ACCESS_KEYS, ChangedKind.PASSWORD, ChangedKind.MFA_DEVICES
UNGUARDED = ChangedKind.PASSWORD_WITHOUT_MFA
HISTORIES = [
    History(name="always in order"),
    History(
        name="a key appeared and was gone two days later",
        found={(10, 12): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(
        name="a password appeared and was gone",
        found={(10, 12): PASSWORD},
        failing=CREDS_MFA,
        changes=[(PASSWORDS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(
        name="a key appeared and stayed",
        found={(80, 92): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "10-20", "", False)],
        is_bad=True,
    ),
    History(
        name="a key was gone and came back",
        found={(-9, 20): KEY, (40, 92): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "07-31", "08-21", False), (KEYS, "09-10", "", False)],
        is_bad=True,
    ),
    History(
        name="a key was gone, came back, and was gone",
        found={(-9, 20): KEY, (40, 42): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "07-31", "08-21", False), (KEYS, "09-10", "09-12", False)],
        is_bad=True,
    ),
    History(
        name="a key from before the period was removed in it",
        found={(-9, 20): KEY},
        deletions=(clean_up(20),),
        failing=KEY_CREDS,
        changes=[(KEYS, "07-31", "08-21", False)],
    ),
    History(name="a key was removed before the period", found={(-9, 0): KEY}),
    History(
        name="a key that no audit saw was deleted",
        deletions=(clean_up(20.5),),
        failing=KEY_CREDS,
        changes=[(KEYS, "08-21", "08-22", False)],
        is_bad=True,
    ),
    History(
        name="a key came and went within a recovery window",
        found={(10, 11): replace(KEY, has_password=True)},
        windows=(make_closed_window(9.9, 10.9),),
        changes=[(KEYS, "08-11", "08-11", True), (PASSWORDS, "08-11", "08-11", True)],
    ),
    History(
        name="a key was there before the window opened",
        found={(9, 11): KEY},
        windows=(make_closed_window(9.9, 10.9),),
        failing=KEY_CREDS,
        changes=[(KEYS, "08-10", "08-11", False)],
        is_bad=True,
    ),
    History(
        name="a window was closed before the key appeared",
        found={(12, 14): KEY},
        windows=(make_closed_window(9.9, 10.9),),
        failing=KEY_CREDS,
        changes=[(KEYS, "08-13", "08-15", False)],
        is_bad=True,
    ),
    History(
        name="a password of a window was back after its closing",
        found={(10, 14): PASSWORD},
        windows=(make_closed_window(9.9, 10.9),),
        failing=CREDS_MFA,
        changes=[(PASSWORDS, "08-11", "08-11", True), (PASSWORDS, "08-12", "08-15", False)],
        is_bad=True,
    ),
    History(
        name="a window that someone else reopened was closed again",
        found={(10, 14): PASSWORD},
        windows=(
            replace(make_closed_window(9.9, 10.9), closed_at=day(14.9), first_closed_at=day(10.9), reopened_at=day(11)),
        ),
        failing=CREDS_MFA,
        changes=[(PASSWORDS, "08-11", "08-11", True), (PASSWORDS, "08-12", "08-15", False)],
        is_bad=True,
    ),
    History(
        name="a window that isn't proven closed explains nothing",
        found={(10, 12): PASSWORD},
        windows=(replace(make_closed_window(9.9, 12.9), state=WindowState.KEPT, closed_at=None),),
        failing=CREDS_MFA,
        changes=[(PASSWORDS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(
        name="the management account had a key for two days",
        of=MANAGEMENT,
        found={(10, 12): replace(GUARDED, has_access_keys=True)},
        failing=KEY_ONLY,
        changes=[(KEYS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(
        name="the management account was without MFA for two days",
        of=MANAGEMENT,
        found={(10, 12): OPEN},
        failing=MFA_ONLY,
        changes=[(MFA, "07-31", "08-11", False), (UNGUARDED, "08-11", "08-13", False), (MFA, "08-13", "", False)],
        is_bad=True,
    ),
    History(
        name="the confirmed failsafe had a key for two days",
        of=FAILSAFE,
        found={(10, 12): replace(GUARDED, has_access_keys=True)},
        failing=KEY_CREDS,
        changes=[(KEYS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(name="audits once a week", audits=WEEKLY),
    History(name="a gap over the period's start", audits=[at for at in DAYS if at > day(40)], unknown=True),
    History(name="a gap over the period's end", audits=[at for at in DAYS if at < day(60)], unknown=True),
    History(name="a gap in the middle", audits=[at for at in DAYS if not day(20) < at < day(60)], unknown=True),
    History(name="a gap of 30 days", audits=[at for at in DAYS if not day(20) < at < day(49)]),
    History(name="a gap of 31 days", audits=[at for at in DAYS if not day(20) < at < day(50)], unknown=True),
    History(name="no audit", audits=[], unknown=True),
    History(
        name="a gap doesn't overrule a failure",
        audits=[at for at in DAYS if at > day(40)],
        found={(50, 52): KEY},
        failing=KEY_CREDS,
        unknown=True,
        changes=[(KEYS, "09-20", "09-22", False)],
        is_bad=True,
    ),
    History(name="an account couldn't be read for 40 days", unread=(20, 60), unknown=True),
    History(name="an account joined in the period", joined_at=day(50), unread=(0, 50)),
    History(
        name="an account joined with a key, which was removed",
        joined_at=day(50),
        unread=(0, 50),
        found={(50, 52): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "09-20", "09-22", False)],
    ),
    History(name="an account was closed in the period", state=AccountState.SUSPENDED, unread=(40, 92)),
    History(
        name="an account had a key for two days and was closed",
        state=AccountState.SUSPENDED,
        unread=(40, 92),
        found={(10, 12): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(
        name="an account was closed with its key",
        state=AccountState.SUSPENDED,
        unread=(40, 92),
        found={(-9, 40): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "07-31", "", False)],
    ),
    History(
        name="an account had a key for two days and moved to another unit",
        ou_path="Root/Archive",
        found={(10, 12): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "08-11", "08-13", False)],
        is_bad=True,
    ),
    History(
        name="an account moved out of the organization with its key",
        of=LONG_GONE,
        is_listed=False,
        unread=(40, 92),
        found={(10, 40): KEY},
        failing=KEY_CREDS,
        changes=[(KEYS, "08-11", "", False)],
        is_bad=True,
    ),
    History(name="an account in order moved out of the organization", of=LONG_GONE, is_listed=False, unread=(40, 92)),
]


def make_history(history: History) -> EvidenceFacts:
    accounts = tuple(
        replace(account, state=history.state, joined_at=history.joined_at, ou_path=history.ou_path)
        if account.account_id == CLEAN
        else account
        for account in list_accounts()
    )
    statuses = make_statuses()
    in_order = {account_id: status.summary or NOTHING for account_id, status in statuses.items()}
    if history.of == LONG_GONE:
        in_order[LONG_GONE] = NOTHING
    readings = []
    for account_id, summary in sorted(in_order.items()):
        for at in (START - timedelta(hours=22), *history.audits):
            number = (at - START) / timedelta(days=1)
            found, unread = summary, False
            if account_id == history.of:
                unread = history.unread[0] <= number < history.unread[1] or (
                    history.joined_at is not None and at < history.joined_at
                )
                shown = [one for (begin, end), one in history.found.items() if begin <= number < end]
                found = shown[0] if shown else summary
            if not unread:
                readings.append(KeptReading(account_id, f"j-{at:%m%d}", at, found))
    last = {one.account_id: one for one in readings}
    statuses = {
        account_id: replace(
            status,
            status=Status.PRESENT if last[account_id].summary.has_access_keys else status.status,
            summary=last[account_id].summary,
            observed_at=last[account_id].observed_at,
        )
        for account_id, status in statuses.items()
    }
    return make_facts(
        inventory=make_inventory(accounts, listed_at=LAST),
        statuses=statuses,
        windows=history.windows,
        history=replace(HISTORY, deletions=history.deletions),
        readings=tuple(readings),
        audited_at=tuple(history.audits),
        setup=make_state(read_at=max(history.audits, default=START)),
    )


def report_on(history: History, period: Period | None = None) -> EvidenceReport:
    return make_report(make_history(history), period or Period(START, END))


def find_checks(report: EvidenceReport) -> dict[CheckName, CheckResult]:
    """Each check as the controls without a frequency of their own have it."""
    return {
        shown.result.check: shown.result
        for assessment in assess_report(report, load_frameworks()).assessments
        for shown in assessment.checks
        if shown.mapping.longest_gap is None
    }


by_history = pytest.mark.parametrize("history", HISTORIES, ids=[one.name for one in HISTORIES])


@by_history
def test_a_control_judges_every_reading_of_the_period(history: History) -> None:
    found = find_checks(report_on(history))
    failed = {name for name in JUDGED if found[name].verdict is FAIL}
    assert failed == history.failing, [found[name] for name in JUDGED]
    for name in set(JUDGED) - failed - {CheckName.ROOT_HW_MFA}:
        assert (found[name].verdict is UNKNOWN) == history.unknown, found[name]


@by_history
def test_the_changes_of_the_period_are_listed(history: History) -> None:
    report = report_on(history)
    assert [
        (one.kind, f"{one.first_seen_at:%m-%d}", "" if one.until is None else f"{one.until:%m-%d}", one.is_explained)
        for one in report.changes
        if one.account_id == history.of
    ] == history.changes
    assert [one for one in report.changes if one.account_id != history.of] == []


@by_history
def test_what_appeared_unexplained_is_bad_also_without_frameworks(history: History) -> None:
    report = report_on(replace(history, audits=history.audits))
    report = replace(report, no_root_credentials=replace(report.no_root_credentials, verdict=PASS))
    report = replace(report, setup=replace(report.setup, drift=replace(report.setup.drift, differences=())))
    assert report.has_findings(frozenset({FailOn.PRESENT})) == history.is_bad


@by_history
def test_the_verdict_of_the_period_agrees_with_the_control_about_members(history: History) -> None:
    report = report_on(history)
    assert report.credentials_in_period.verdict is find_checks(report)[CheckName.NO_ROOT_CREDS].verdict


@by_history
def test_the_account_that_fails_is_named_with_what_was_found(history: History) -> None:
    found = find_checks(report_on(history))
    for name in history.failing:
        account = next(one for one in found[name].accounts if one.account_id == history.of)
        assert account.verdict is FAIL
        forbidden = {CheckName.NO_ROOT_KEY: "access key", CheckName.NO_ROOT_CREDS: "root"}.get(name, "without MFA")
        assert forbidden in account.reason


def find_history(name: str) -> History:
    return next(one for one in HISTORIES if one.name == name)


def test_the_reason_has_kind_from_until_and_the_state_at_the_end() -> None:
    found = find_checks(report_on(find_history("a key appeared and was gone two days later")))
    reason = next(one.reason for one in found[CheckName.NO_ROOT_KEY].accounts if one.account_id == CLEAN)
    assert reason == (
        "A root access key was there from 2026-08-11 02:00:00 UTC, and gone at 2026-08-13 02:00:00 UTC. No recovery "
        "window explains it. At the period's end: The root user has no access key."
    )
    assert "1 account fails by a reading within the period, and not by the state at its end." in (
        found[CheckName.NO_ROOT_KEY].reasons
    )


def test_a_clean_up_names_its_plan_and_a_period_that_begins_later_is_good() -> None:
    history = find_history("a key from before the period was removed in it")
    found = find_checks(report_on(history))
    reason = next(one.reason for one in found[CheckName.NO_ROOT_KEY].accounts if one.account_id == CLEAN)
    assert reason == (
        "A root access key was there when the period began, and gone at 2026-08-21 02:00:00 UTC (deleted for "
        "plan-1a2b3c, ledger entry 11). A period that begins after that doesn't contain it. At the period's end: The "
        "root user has no access key."
    )
    later = replace(make_history(history), history=HISTORY)
    begins_at = day(20.1)
    later = replace(
        later,
        readings=[one for one in later.readings if one.observed_at > begins_at],
        audited_at=tuple(at for at in later.audited_at if at > begins_at),
    )
    report = make_report(later, Period(begins_at, END))
    assert report.changes == ()
    assert find_checks(report)[CheckName.NO_ROOT_KEY].verdict is PASS


def test_a_newcomer_is_told_when_a_period_may_begin() -> None:
    report = report_on(find_history("a gap over the period's start"))
    sentence = "The period has no complete audit before 2026-09-10: choose a period that begins then, or wait."
    assert find_checks(report)[CheckName.NO_ROOT_KEY].reasons[0] == sentence
    assert report.credentials_in_period.reasons[0] == sentence
    assert [gap.what for gap in report.gaps if gap.subject == "audits"] == [sentence]
    assert report.no_root_credentials.verdict is PASS


def test_a_control_with_a_frequency_of_its_own_allows_longer_gaps() -> None:
    report = report_on(find_history("a gap in the middle"))
    inventories = {
        shown.mapping.longest_gap: shown.result.verdict
        for assessment in assess_report(report, load_frameworks()).assessments
        for shown in assessment.checks
        if shown.result.check is CheckName.INVENTORY
    }
    assert inventories == {None: UNKNOWN, timedelta(days=184): PASS}
