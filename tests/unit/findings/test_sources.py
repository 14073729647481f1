"""What each command reads, as findings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.evidence.findings import list_findings
from rootkeeper.failsafe.records import FailsafeCheckName
from rootkeeper.failsafe.rules import Check, CheckVerdict, failed, passed, unknown
from rootkeeper.failsafe.service import FailsafeReport
from rootkeeper.findings.catalogue import FAILSAFE_RULES, RULES
from rootkeeper.findings.rules import Finding, FindingReport, Verdict, evaluate_status, find_finding_id
from rootkeeper.findings.sources import (
    list_email_findings,
    list_failsafe_findings,
    list_preflight_findings,
    list_status_findings,
    make_check_findings,
    make_drift_finding,
    make_email_finding,
    make_status_finding,
    make_task_finding,
)
from rootkeeper.guardrails.rules import PreflightRow
from rootkeeper.guardrails.service import PreflightReport
from rootkeeper.guardrails.tasks import Task
from rootkeeper.organization.accounts import Caller, Endpoint
from rootkeeper.organization.statuses import AccountRole, AccountStatus, RootCredentialsSummary, Status, StatusReason
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.root_emails.rules import EmailReason, EmailVerdict, RootEmail, parse_rules
from rootkeeper.root_emails.service import EmailReport
from rootkeeper.setup.rules import NEVER_ACCEPTED, compare_setup
from tests.architecture.source_files import REPOSITORY
from tests.fakes.evidence import (
    CALLER,
    CLEAN,
    ENDPOINT,
    GUARDED,
    KEYS,
    MANAGEMENT,
    NOTHING,
    PRESENT,
    READ,
    accept,
    list_accounts,
    list_statuses,
    make_inventory,
    make_report,
    make_state,
    make_status,
)
from tests.fakes.findings import make_finding, make_findings

MANAGEMENT_ACCOUNT, FAILSAFE_ACCOUNT, ACCOUNT = list_accounts()[:3]
WHERE = Endpoint(ENDPOINT)
BY = Caller(MANAGEMENT, CALLER, "aws")


def judge(
    status: Status, summary: RootCredentialsSummary | None = None, role: AccountRole = AccountRole.MEMBER
) -> Finding:
    return make_status_finding(make_status(ACCOUNT, status, summary, role=role))


@pytest.mark.parametrize(
    ("status", "summary", "verdict"),
    [
        (Status.NOT_PRESENT, NOTHING, Verdict.PASS),
        (Status.NOT_PRESENT, None, Verdict.UNKNOWN),
        (Status.NOT_PRESENT, GUARDED, Verdict.UNKNOWN),
        (Status.PRESENT, KEYS, Verdict.FAIL),
        (Status.PRESENT, None, Verdict.FAIL),
        (Status.RECOVERY_OPEN, None, Verdict.FAIL),
        (Status.UNKNOWN, None, Verdict.UNKNOWN),
        (Status.NOT_APPLICABLE, None, Verdict.NOT_APPLICABLE),
    ],
)
def test_p06_only_a_member_account_that_was_shown_empty_passes(
    status: Status, summary: RootCredentialsSummary | None, verdict: Verdict
) -> None:
    found = judge(status, summary)
    assert (found.rule.rule_id, found.verdict) == ("root-user-credentials", verdict)
    assert (found.reason is not None) == (verdict in (Verdict.UNKNOWN, Verdict.NOT_APPLICABLE))
    assert found.message.endswith(".")


statuses = st.builds(
    AccountStatus,
    st.just(ACCOUNT),
    st.sampled_from(AccountRole),
    st.sampled_from(Status),
    st.none() | st.sampled_from(StatusReason),
    st.none() | st.just("Denied."),
    st.none() | st.builds(RootCredentialsSummary, st.booleans(), st.booleans(), st.booleans(), st.booleans()),
    observed_at=st.none() | st.just(READ),
    is_confirmed=st.booleans(),
)


@given(statuses)
def test_p06_no_status_without_its_four_kinds_is_a_pass(status: AccountStatus) -> None:
    found = make_status_finding(status)
    if found.verdict is Verdict.PASS:
        assert status.summary is not None
        assert status.is_guarded if status.role is AccountRole.MANAGEMENT else status.summary.is_empty
    if status.role is not AccountRole.MANAGEMENT:
        assert found.verdict is evaluate_status(status)


@pytest.mark.parametrize(
    ("summary", "verdict", "said"),
    [
        (GUARDED, Verdict.PASS, "has MFA"),
        (KEYS, Verdict.FAIL, "has no MFA device, has an access key"),
        (NOTHING, Verdict.FAIL, "has no MFA device"),
        (None, Verdict.UNKNOWN, "couldn't be read"),
    ],
)
def test_the_root_user_of_the_management_account_is_to_be_guarded(
    summary: RootCredentialsSummary | None, verdict: Verdict, said: str
) -> None:
    found = judge(Status.NOT_APPLICABLE, summary, AccountRole.MANAGEMENT)
    assert (found.rule.rule_id, found.verdict) == ("management-account-root-user", verdict)
    assert said in found.message


def test_a_failsafe_is_kept_only_if_it_is_confirmed_and_guarded() -> None:
    status = make_status(FAILSAFE_ACCOUNT, Status.PRESENT, GUARDED, role=AccountRole.FAILSAFE)
    assert make_status_finding(status).verdict is Verdict.FAIL
    assert "isn't a confirmed failsafe" in make_status_finding(status).message
    assert make_status_finding(replace(status, is_confirmed=True)).verdict is Verdict.KEPT
    assert make_status_finding(replace(status, is_confirmed=True, summary=KEYS)).verdict is Verdict.FAIL


def test_an_audit_has_a_finding_of_each_account_and_of_the_set_up() -> None:
    found = list_status_findings(tuple(list_statuses().values()), make_inventory(), WHERE, READ, NEVER_ACCEPTED)
    findings = list(found.findings)
    assert [one.account_id for one in findings] == [*list_statuses(), MANAGEMENT]
    assert findings == list(found.findings)
    assert {one.rule for one in findings} == set(found.rules)
    assert (found.source, found.is_sandbox, found.observed_at) == ("audit", True, READ)


def test_drift_that_is_not_known_any_more_has_no_finding() -> None:
    found = list_status_findings((), make_inventory(), WHERE, READ, None)
    assert list(found.findings) == []


def test_drift_is_a_failure_and_what_was_not_compared_is_unknown() -> None:
    accepted = accept(make_state())
    drifts = {
        Verdict.PASS: compare_setup(accepted, make_state()),
        Verdict.FAIL: compare_setup(accepted, make_state(trusted_access=False)),
        Verdict.UNKNOWN: compare_setup(accepted, make_state(features=None)),
        Verdict.NOT_APPLICABLE: NEVER_ACCEPTED,
    }
    found = {verdict: make_drift_finding(drift, MANAGEMENT_ACCOUNT, READ) for verdict, drift in drifts.items()}
    assert {verdict: one.verdict for verdict, one in found.items()} == {verdict: verdict for verdict in drifts}
    assert found[Verdict.FAIL].facts["differences"] == ["trusted_access iam.amazonaws.com"]


@pytest.mark.parametrize(
    ("access", "verdict"),
    [
        (AccessVerdict.ALLOWED, Verdict.PASS),
        (AccessVerdict.BLOCKED, Verdict.FAIL),
        (AccessVerdict.DEPENDS, Verdict.MANUAL),
        (AccessVerdict.UNKNOWN, Verdict.UNKNOWN),
    ],
)
def test_a_task_of_a_preflight_has_the_verdict_of_its_policies(access: AccessVerdict, verdict: Verdict) -> None:
    row = PreflightRow(ACCOUNT, Task.DELETE, access, conditions=() if verdict is Verdict.PASS else ("aws:SourceIp",))
    found = make_task_finding(row, READ)
    assert (found.verdict, found.subject) == (verdict, "IAMDeleteRootUserCredentials")
    assert (found.reason is not None) == (verdict is Verdict.UNKNOWN)
    report = PreflightReport(make_inventory(), BY, WHERE, READ, (ACCOUNT,), (), (row, row), 1)
    assert list(list_preflight_findings(report).findings) == [found, found]


def check_failsafes(*checks: Check) -> FindingReport:
    return list_failsafe_findings(FailsafeReport(make_inventory(), BY, WHERE, READ, (), checks))


def test_whether_there_is_a_failsafe_is_a_finding_of_the_organization() -> None:
    for check, verdict in (
        (failed("failsafe", "None is registered."), Verdict.FAIL),
        (unknown("failsafe", "It couldn't be read."), Verdict.UNKNOWN),
        (passed("mailbox", "A group reads it."), Verdict.PASS),
    ):
        (found,) = check_failsafes(check).findings
        assert (found.rule.rule_id, found.verdict) == ("failsafe-registered", verdict)
        assert (found.account_id, found.reason is None) == (MANAGEMENT, verdict is not Verdict.UNKNOWN)


@pytest.mark.parametrize("verdict", CheckVerdict)
def test_each_check_of_a_failsafe_has_a_rule_and_keeps_its_verdict(verdict: CheckVerdict) -> None:
    assert set(FAILSAFE_RULES) == set(get_args(FailsafeCheckName))
    checks = [Check(name, verdict, "It is so.") for name in FAILSAFE_RULES if name != "failsafe"]
    found = list(make_check_findings(checks, FAILSAFE_ACCOUNT, READ))
    assert {one.verdict for one in found} == {Verdict(verdict.value)}
    assert [one.rule for one in found] == [rule for name, rule in FAILSAFE_RULES.items() if name != "failsafe"]


def test_a_failsafe_without_an_open_window_passes_that_check() -> None:
    (found,) = make_check_findings((), FAILSAFE_ACCOUNT, READ)
    assert (found.rule.rule_id, found.verdict) == ("failsafe-recovery-window", Verdict.PASS)


@pytest.mark.parametrize(
    ("verdict", "reasons"),
    [
        (EmailVerdict.PASS, ()),
        (EmailVerdict.FAIL, (EmailReason.DUPLICATE,)),
        (EmailVerdict.UNKNOWN, (EmailReason.DOMAINS_NOT_SET,)),
        (EmailVerdict.NOT_APPLICABLE, (EmailReason.NOT_ACTIVE,)),
    ],
)
def test_an_address_keeps_its_verdict_and_its_finding_when_it_changes(
    verdict: EmailVerdict, reasons: Sequence[EmailReason]
) -> None:
    email = RootEmail(ACCOUNT, AccountRole.MEMBER, verdict, tuple(reasons))
    report = EmailReport(make_inventory(), WHERE, parse_rules([], "", []), (email,), ())
    findings = list_email_findings(report)
    (found,) = findings.findings
    assert (found.verdict, found.facts["reasons"]) == (Verdict(verdict.value), [one.value for one in reasons])
    moved = make_email_finding(replace(email, account=replace(ACCOUNT, email="new@example.com")), READ)
    assert find_finding_id(findings, moved) == find_finding_id(findings, found)


def test_an_evidence_report_judges_each_account_as_its_report_does() -> None:
    report = make_report()
    found = list_findings(report)
    accounts = {one.account_id: one.verdict for one in found.findings if one.rule.rule_id == "root-user-credentials"}
    assert accounts == {one.account.account_id: one.verdict for one in report.accounts}
    (centralized,) = [one for one in found.findings if one.rule.rule_id == "centralized-root-access"]
    assert centralized.verdict is report.centralized.verdict
    assert {one.rule for one in found.findings} == set(found.rules)
    assert not {FAILSAFE_RULES["failsafe"], FAILSAFE_RULES["policies"]} & set(found.rules)


def test_a_ledger_that_was_altered_is_a_failure() -> None:
    report = make_report()
    altered = replace(report, ledger=replace(report.ledger, problem="Entry 7 was changed."))
    (found,) = [one for one in list_findings(altered).findings if one.rule.rule_id == "ledger-intact"]
    assert (found.verdict, found.message) == (Verdict.FAIL, "Entry 7 was changed.")


def test_an_id_stays_over_readings_and_belongs_to_one_place_rule_account_and_subject() -> None:
    finding = make_finding(Verdict.FAIL)
    report = make_findings(finding)
    known = find_finding_id(report, finding)
    later = replace(report, source="report", observed_at=READ + timedelta(days=9))
    same = replace(finding, verdict=Verdict.PASS, message="Gone.", observed_at=READ, account_name="New name")
    assert find_finding_id(later, same) == known
    others = [
        find_finding_id(replace(report, endpoint="SANDBOX 127.0.0.1:4599"), finding),
        find_finding_id(replace(report, organization_id="o-otherorgid00"), finding),
        find_finding_id(report, replace(finding, account_id=PRESENT)),
        find_finding_id(report, replace(finding, account_id=CLEAN)),
        find_finding_id(report, replace(finding, rule=RULES[1])),
        find_finding_id(report, replace(finding, subject="AssumeRoot")),
    ]
    assert len({known, *others}) == 1 + len(others)


def test_rules_have_ids_of_their_own_and_guides_that_exist() -> None:
    assert len({one.rule_id for one in RULES}) == len(RULES)
    for rule in RULES:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", rule.rule_id)
        assert (REPOSITORY / rule.guide).is_file()
        assert rule.description.endswith(".")
        assert rule.remediation.endswith(".")
        assert not rule.title.endswith(".")
