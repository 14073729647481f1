"""MFA isn't passed without MFA: every combination of account, password, MFA, set-up and status, in three partitions.

The table is in the guide, too. Kept logins have checks of their own; these and the controls never contradict each
other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from itertools import product
from pathlib import Path

import pytest

from rootkeeper.controls.account_checks import AUDIT_TIME
from rootkeeper.controls.assessment import CHECKS, evaluate
from rootkeeper.controls.control_map import choose_frameworks, get_control
from rootkeeper.controls.rules import AccountResult, CheckName
from rootkeeper.evidence.rules import BY_CLOSING
from rootkeeper.evidence.service import EvidenceReport
from rootkeeper.failsafe.rules import CheckVerdict
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action, Phase, Result
from rootkeeper.organization.accounts import AccountId, AccountState, Feature
from rootkeeper.organization.statuses import (
    AccountRole,
    AccountStatus,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    Status,
    StatusReason,
)
from rootkeeper.setup.rules import SetupState
from tests.fakes.controls import HISTORY, NEVER_USED, list_accounts, make_facts, make_statuses
from tests.fakes.evidence import (
    CHECKED,
    CLEAN,
    FAILSAFE,
    MANAGEMENT,
    PURPOSE,
    READ,
    START,
    make_entry,
    make_inventory,
    make_report,
    make_state,
    make_status,
    make_window,
    read_management,
)

GUIDE = Path(__file__).parents[3] / "docs" / "guides" / "controls.md"
PASS, FAIL, UNKNOWN, MANUAL = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.MANUAL
NOT_APPLICABLE = Verdict.NOT_APPLICABLE


class Who(StrEnum):
    MANAGEMENT = "management"
    CONFIRMED = "confirmed failsafe"
    FAILSAFE = "failsafe"
    MEMBER = "member"


ACCOUNT_IDS = {Who.MANAGEMENT: MANAGEMENT, Who.CONFIRMED: FAILSAFE, Who.FAILSAFE: FAILSAFE, Who.MEMBER: CLEAN}
ROLES = {
    Who.MANAGEMENT: AccountRole.MANAGEMENT,
    Who.CONFIRMED: AccountRole.FAILSAFE,
    Who.FAILSAFE: AccountRole.FAILSAFE,
    Who.MEMBER: AccountRole.MEMBER,
}

NO_MFA: tuple[MfaKind, ...] = ()
DEVICES: dict[str, tuple[MfaKind, ...] | None] = {
    "none": NO_MFA,
    "only the summary": None,
    "virtual": (MfaKind.VIRTUAL,),
    "security key": (MfaKind.SECURITY_KEY,),
    "token": (MfaKind.HARDWARE,),
    "two tokens": (MfaKind.HARDWARE, MfaKind.HARDWARE),
    "token and virtual": (MfaKind.HARDWARE, MfaKind.VIRTUAL),
    "token and security key": (MfaKind.HARDWARE, MfaKind.SECURITY_KEY),
    "security key and virtual": (MfaKind.SECURITY_KEY, MfaKind.VIRTUAL),
}

ON, OFF, UNREAD = "on", "off", "unknown"
HOURS = timedelta(hours=1)


def is_on(at: datetime = READ) -> SetupState:
    return make_state(read_at=at)


def is_off(at: datetime = READ) -> SetupState:
    return make_state(features=frozenset({Feature.ROOT_SESSIONS}), read_at=at)


def is_denied(at: datetime = READ) -> SetupState:
    return make_state(features=None, unknown=("AWS denied iam:ListOrganizationsFeatures.",), read_at=at)


SETUPS: dict[str, tuple[str, tuple[SetupState, ...]]] = {
    "on": (ON, (is_on(),)),
    "on-before-the-accounts": (ON, (is_on(READ - AUDIT_TIME),)),
    "on-after-the-accounts": (ON, (is_on(READ + 9 * HOURS),)),
    "on-again-before-the-accounts": (ON, (is_off(READ - 3 * HOURS), is_on(READ - HOURS), is_on(READ + 9 * HOURS))),
    "on-since-denied": (ON, (is_denied(), is_on(READ + 9 * HOURS))),
    "off-in-an-earlier-audit": (ON, (is_off(READ - 72 * HOURS), is_on())),
    "off": (OFF, (is_off(),)),
    "off-before-the-accounts": (OFF, (is_on(READ - 3 * HOURS), is_off(READ - HOURS), is_on(READ + 9 * HOURS))),
    "off-after-the-accounts": (OFF, (is_on(), is_off(READ + 5 * HOURS), is_on(READ + 9 * HOURS))),
    "off-and-not-read-since": (OFF, (is_off(READ + HOURS), is_denied(READ + 9 * HOURS))),
    "trusted-access-off": (OFF, (make_state(trusted_access=False, features=None),)),
    "denied": (UNREAD, (is_denied(),)),
    "denied-since": (UNREAD, (is_on(), is_denied(READ + 9 * HOURS))),
    "never-read": (UNREAD, ()),
    "read-in-an-earlier-audit": (UNREAD, (is_on(READ - AUDIT_TIME - timedelta(seconds=1)),)),
    "off-in-an-earlier-audit-only": (UNREAD, (is_off(READ - 72 * HOURS),)),
    "read-before-the-period": (UNREAD, (is_on(START - timedelta(days=1)),)),
}
"""What root credentials management counts as, by the readings of the set-up; the accounts are read at ``READ``."""


@dataclass(frozen=True)
class Row:
    """A row of the table: who has which verdict of the check of MFA. ``None`` stands for each value."""

    who: tuple[Who, ...]
    has_password: bool | None
    has_mfa: bool | None
    setups: tuple[str, ...]
    verdict: Verdict

    def fits(self, who: Who, has_password: bool, has_mfa: bool, setup: str) -> bool:
        return (
            who in self.who
            and self.has_password in (None, has_password)
            and self.has_mfa in (None, has_mfa)
            and setup in self.setups
        )


KEPT = (Who.MANAGEMENT, Who.CONFIRMED, Who.FAILSAFE)
MEMBER = (Who.MEMBER,)
ANY = (ON, OFF, UNREAD)
TABLE = (
    Row(KEPT, None, True, ANY, PASS),
    Row(KEPT, None, False, ANY, FAIL),
    Row(MEMBER, True, True, ANY, PASS),
    Row(MEMBER, True, False, ANY, FAIL),
    Row(MEMBER, False, True, ANY, PASS),
    Row(MEMBER, False, False, (ON,), PASS),
    Row(MEMBER, False, False, (OFF,), FAIL),
    Row(MEMBER, False, False, (UNREAD,), UNKNOWN),
)


def render_row(row: Row) -> str:
    word = {None: "yes or no", True: "yes", False: "no"}
    who = "A member account" if row.who == MEMBER else "The management account, a failsafe"
    setup = "any" if row.setups == ANY else row.setups[0]
    verdict = row.verdict.value.capitalize()
    return f"| {who} | {word[row.has_password]} | {word[row.has_mfa]} | {setup} | *{verdict}* |"


def test_the_guide_has_this_table() -> None:
    assert "\n".join(map(render_row, TABLE)) in GUIDE.read_text(encoding="utf-8")


def make_found(
    who: Who, status: Status, has_password: bool, kinds: tuple[MfaKind, ...] | None, account_id: AccountId
) -> AccountStatus:
    account = next(one for one in list_accounts() if one.account_id == account_id)
    summary = RootCredentialsSummary(has_password, False, False, kinds is None or bool(kinds))
    details = None
    if kinds is not None:
        devices = tuple(MfaDevice(f"{kind}-{place}", kind, START) for place, kind in enumerate(kinds))
        details = RootCredentials(account_id, NEVER_USED if has_password else None, (), (), devices, READ)
    if status is Status.UNKNOWN or (status is Status.NOT_APPLICABLE and who is not Who.MANAGEMENT):
        summary = details = None  # type: ignore[assignment]  # not read
    reason = StatusReason.ACCESS_DENIED if status is Status.UNKNOWN else None
    if who is Who.MANAGEMENT:
        reason = StatusReason.MANAGEMENT_ACCOUNT
    return make_status(account, status, summary, role=ROLES[who], reason=reason, credentials=details)


@dataclass(frozen=True)
class Case:
    who: Who
    status: Status
    has_password: bool
    devices: str
    setup: str
    partition: str = "aws"

    @property
    def has_mfa(self) -> bool:
        return DEVICES[self.devices] != NO_MFA

    @property
    def is_active(self) -> bool:
        return self.who is Who.MANAGEMENT or self.status is not Status.NOT_APPLICABLE

    @property
    def was_read(self) -> bool:
        return self.is_active and self.status is not Status.UNKNOWN

    def compile(self) -> EvidenceReport:
        account_id = ACCOUNT_IDS[self.who]
        accounts = tuple(
            replace(one, state=AccountState.SUSPENDED) if one.account_id == account_id and not self.is_active else one
            for one in list_accounts()
        )
        inventory = make_inventory(accounts)
        organization = replace(inventory.organization, partition=self.partition)
        found = make_found(self.who, self.status, self.has_password, DEVICES[self.devices], account_id)
        states = SETUPS[self.setup][1]
        return make_report(
            make_facts(
                inventory=replace(inventory, organization=organization),
                statuses={**make_statuses(), account_id: found},
                confirmations=(PURPOSE,) if self.who is Who.FAILSAFE else (PURPOSE, CHECKED),
                setup=states[-1] if states else None,
                management_readings=read_management(*states),
            )
        )


def list_cases(who: Who, setup: str, partition: str = "aws") -> Iterator[Case]:
    """Every status, also one that this account can't have with these credentials: no verdict rests on its name."""
    for status, has_password, devices in product(Status, (True, False), DEVICES):
        yield Case(who, status, has_password, devices, setup, partition)


def judge(report: EvidenceReport, check: CheckName, who: Who) -> AccountResult:
    return next(one for one in CHECKS[check](report).accounts if one.account_id == ACCOUNT_IDS[who])


def judge_kept(report: EvidenceReport, who: Who) -> dict[str, CheckVerdict]:
    kept = next(one for one in report.kept_logins if one.evidence.account.account_id == ACCOUNT_IDS[who])
    return {check.name: check.verdict for check in kept.checks}


@cache
def judge_cases(who: Who, setup: str) -> tuple[tuple[Case, AccountResult, AccountResult], ...]:
    """Each case with the results of the checks of MFA and of hardware MFA."""
    reports = ((case, case.compile()) for case in list_cases(who, setup))
    return tuple(
        (case, judge(report, CheckName.ROOT_MFA, who), judge(report, CheckName.ROOT_HW_MFA, who))
        for case, report in reports
    )


def test_each_combination_is_in_one_row() -> None:
    for case in product(Who, (True, False), (True, False), ANY):
        assert sum(row.fits(*case) for row in TABLE) == 1, case


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("who", Who)
def test_mfa_has_the_verdict_of_the_table_in_every_combination(who: Who, setup: str) -> None:
    for case, found, _ in judge_cases(who, setup):
        if not case.is_active:
            expected = NOT_APPLICABLE
        elif not case.was_read:
            expected = UNKNOWN
        else:
            (row,) = [row for row in TABLE if row.fits(who, case.has_password, case.has_mfa, SETUPS[setup][0])]
            expected = row.verdict
        assert found.verdict is expected, (case, found.reason)
        assert ("no MFA" in found.reason) is (expected is FAIL or (case.was_read and expected is UNKNOWN)), found.reason


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("who", Who)
def test_hardware_mfa_needs_devices_that_are_all_hardware_in_every_combination(who: Who, setup: str) -> None:
    for case, mfa, found in judge_cases(who, setup):
        kinds = DEVICES[case.devices]
        if mfa.verdict is not PASS or mfa.has_no_password:
            expected = mfa.verdict
        elif not kinds:
            expected = UNKNOWN
        elif MfaKind.VIRTUAL in kinds:
            expected = FAIL
        else:
            expected = MANUAL if MfaKind.SECURITY_KEY in kinds else PASS
        assert found.verdict is expected, (case, found.reason)


@pytest.mark.parametrize("setup", SETUPS)
@pytest.mark.parametrize("who", Who)
def test_a_missing_password_counts_only_in_a_member_account_while_the_feature_is_on(who: Who, setup: str) -> None:
    for case, *results in judge_cases(who, setup):
        for found in results:
            is_enough = case.was_read and not case.has_password and who is Who.MEMBER and SETUPS[setup][0] == ON
            assert found.has_no_password is is_enough, case
            if found.verdict is PASS and not found.has_no_password:
                assert case.has_mfa, case


@pytest.mark.parametrize("partition", ["aws", "aws-us-gov", "aws-cn"])
@pytest.mark.parametrize("who", KEPT)
def test_kept_logins_and_controls_never_contradict_each_other(who: Who, partition: str) -> None:
    """A failsafe's checks ask for two devices; for hardware they ask for one device, and the control for each."""
    for setup in ("on", "off", "denied"):
        for case in list_cases(who, setup, partition):
            report = case.compile()
            kept, mfa = judge_kept(report, who), judge(report, CheckName.ROOT_MFA, who).verdict
            hardware = judge(report, CheckName.ROOT_HW_MFA, who).verdict
            asked = kept["mfa_devices"]
            if mfa is FAIL:
                assert asked is CheckVerdict.FAIL, case
            if asked is CheckVerdict.PASS:
                assert mfa is PASS, case
            if asked is CheckVerdict.FAIL:
                assert mfa is (PASS if case.has_mfa else FAIL), case
                assert not case.has_mfa or len(DEVICES[case.devices] or ()) == 1, case
            if mfa is UNKNOWN:
                assert asked is CheckVerdict.UNKNOWN, case
            if asked is CheckVerdict.UNKNOWN:
                assert not case.was_read or (mfa is PASS and DEVICES[case.devices] is None), case
            if who is Who.MANAGEMENT:
                assert asked.value == mfa.value, case
                continue
            if hardware is PASS:
                assert kept["hardware_mfa"] is CheckVerdict.PASS, case
            if kept["hardware_mfa"] is CheckVerdict.FAIL:
                assert hardware is FAIL, case
            if kept["hardware_mfa"] is CheckVerdict.UNKNOWN:
                assert hardware in {FAIL, MANUAL, UNKNOWN, NOT_APPLICABLE}, case


@pytest.mark.parametrize("who", Who)
@pytest.mark.parametrize("partition", ["aws-us-gov", "aws-cn"])
def test_where_root_users_cannot_sign_in_mfa_is_not_applicable(who: Who, partition: str) -> None:
    for case in list_cases(who, "on", partition):
        verdict = judge(case.compile(), CheckName.ROOT_MFA, who).verdict
        if partition == "aws-cn" or not (case.was_read and case.has_password):
            assert verdict is NOT_APPLICABLE, case
        else:
            assert verdict is (PASS if case.has_mfa else FAIL), case


@pytest.mark.parametrize(
    ("kind", "check"),
    [("access_keys", CheckName.NO_ROOT_KEY), ("signing_certificates", CheckName.NO_ROOT_CERTIFICATE)],
)
@pytest.mark.parametrize("who", KEPT)
def test_keys_and_certificates_of_kept_logins_have_the_same_verdict_in_both(
    who: Who, kind: str, check: CheckName
) -> None:
    for is_present in (True, False):
        case = Case(who, Status.PRESENT, True, "two tokens", "on")
        found = make_found(who, Status.PRESENT, True, None, ACCOUNT_IDS[who])
        assert found.summary is not None
        found = replace(found, summary=replace(found.summary, **{f"has_{kind}": is_present}))
        statuses = {**make_statuses(), ACCOUNT_IDS[who]: found}
        report = make_report(make_facts(statuses=statuses))
        assert judge(report, check, who).verdict.value == judge_kept(report, who)[kind].value, case


def test_a_recovery_that_was_closed_needs_a_reading_of_the_set_up_since() -> None:
    """Its closing showed the account empty, but read no set-up."""
    window = make_window(CLEAN, requested_at=READ + timedelta(hours=12))
    report = make_report(make_facts(windows=(window,)))
    found = judge(report, CheckName.ROOT_MFA, Who.MEMBER)
    member = next(one for one in report.accounts if one.account.account_id == CLEAN)
    assert member.kinds[0].method == BY_CLOSING
    assert found.verdict is UNKNOWN
    assert "The set-up was last read before the account" in found.reason


def test_frameworks_without_the_exemption_fail_too_while_the_feature_is_off() -> None:
    report = make_report(make_facts(setup=is_off()))
    found = evaluate(report, [get_control("cis-1.4/1.5"), get_control("cis-7.0/2.5")])
    assert [one.verdict for one in found] == [FAIL, FAIL]


def test_no_control_of_any_framework_passes_the_management_account_without_mfa() -> None:
    statuses = make_statuses(management=RootCredentialsSummary(False, False, False, False))
    report = make_report(make_facts(statuses=statuses))
    asked = {CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA}
    for framework in choose_frameworks(["cis-1.4", "cis-7.0", "aws-fsbp", "pci-dss-4.0.1", "soc-2"]):
        for assessment in evaluate(report, framework.controls):
            for shown in assessment.checks:
                if shown.mapping.check in asked:
                    assert shown.result.verdict is FAIL, assessment.control.key


def test_a_set_up_that_rootkeeper_changed_since_its_reading_shows_nothing() -> None:
    entry = make_entry(30, Action.FEATURE_DISABLE, READ + timedelta(hours=1), phase=Phase.OUTCOME, result=Result.DONE)
    history = replace(HISTORY, setup_entries=(entry,))
    found = judge(make_report(make_facts(history=history)), CheckName.ROOT_MFA, Who.MEMBER)
    assert found.verdict is UNKNOWN
    assert "Rootkeeper changed the set-up after its last reading" in found.reason
