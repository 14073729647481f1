"""How results of checks become the verdict on a control: nothing unknown, and no mere part, ever passes by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rootkeeper.controls.assessment import CHECKS, assess_report, evaluate, explain_left
from rootkeeper.controls.control_map import choose_frameworks, load_frameworks
from rootkeeper.controls.rules import (
    AccountResult,
    CheckName,
    CheckResult,
    Control,
    ControlAssessment,
    ControlAttestation,
    ControlCheck,
    Showing,
    Strength,
    WithoutPassword,
    apply_without_password,
    assess_control,
    describe_attestation,
    require_attestable,
)
from rootkeeper.errors import InputError
from rootkeeper.findings.rules import Verdict
from rootkeeper.ledger.rules import Action, Actor, ActorKind, LedgerEntry, LedgerVerification, Phase, Result
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import FailOn, RootCredentialsSummary, RootLoginsLeft
from tests.fakes.controls import HISTORY, make_statuses
from tests.fakes.controls import make_facts as make_facts_in_order
from tests.fakes.evidence import CLEAN, END, PURPOSE, READ, START, make_entry, make_facts, make_report

PASS, FAIL, UNKNOWN, MANUAL = Verdict.PASS, Verdict.FAIL, Verdict.UNKNOWN, Verdict.MANUAL
NOT_APPLICABLE = Verdict.NOT_APPLICABLE
DIRECT, PARTIAL, CONTEXT = Showing.DIRECT, Showing.PARTIAL, Showing.CONTEXT
OLGA = Actor("olga@example.com", ActorKind.SIGNED_IN)
ATTESTATION = ControlAttestation(
    "cis-7.0/2.7",
    "Head of Security",
    "Reviewed each month",
    END + timedelta(days=90),
    OLGA.name,
    OLGA.kind,
    READ,
    41,
    "ab" * 32,
)


def make_control(*showings: Showing) -> Control:
    names = list(CheckName)
    checks = tuple(
        ControlCheck(names[place], showing, Strength.OURS, "a test") for place, showing in enumerate(showings)
    )
    return Control("cis-7.0", "2.7", "A title", "A text.", checks)


def assess(
    *parts: tuple[Showing, Verdict], attestation: ControlAttestation | None = None, fact_at: datetime | None = None
) -> ControlAssessment:
    control = make_control(*(showing for showing, _ in parts))
    results = [
        CheckResult(mapping.check, verdict, ("A reason.",), latest_fact_at=fact_at)
        for mapping, (_, verdict) in zip(control.checks, parts, strict=True)
    ]
    return assess_control(control, results, attestation)


@pytest.mark.parametrize(
    ("parts", "verdict"),
    [
        ([(DIRECT, PASS)], PASS),
        ([(DIRECT, PASS), (PARTIAL, PASS)], PASS),
        ([(DIRECT, PASS), (PARTIAL, FAIL)], FAIL),
        ([(DIRECT, PASS), (PARTIAL, UNKNOWN)], UNKNOWN),
        ([(DIRECT, PASS), (CONTEXT, FAIL)], PASS),
        ([(DIRECT, UNKNOWN), (PARTIAL, FAIL)], FAIL),
        ([(DIRECT, NOT_APPLICABLE)], NOT_APPLICABLE),
        ([(DIRECT, NOT_APPLICABLE), (PARTIAL, PASS)], MANUAL),
        ([(DIRECT, MANUAL)], MANUAL),
        ([(PARTIAL, PASS)], MANUAL),
        ([(PARTIAL, FAIL)], FAIL),
        ([(PARTIAL, UNKNOWN)], UNKNOWN),
        ([(CONTEXT, PASS)], MANUAL),
        ([(CONTEXT, FAIL)], MANUAL),
    ],
)
def test_a_control_gets_its_verdict(parts: Sequence[tuple[Showing, Verdict]], verdict: Verdict) -> None:
    assert assess(*parts).verdict is verdict


RESULTS = st.tuples(st.sampled_from(list(Showing)), st.sampled_from([PASS, FAIL, UNKNOWN, MANUAL, NOT_APPLICABLE]))


@given(parts=st.lists(RESULTS, min_size=1, max_size=4), is_attested=st.booleans())
def test_no_unknown_and_no_failure_becomes_a_pass_with_or_without_an_attestation(
    parts: list[tuple[Showing, Verdict]], is_attested: bool
) -> None:
    found = assess(*parts, attestation=ATTESTATION if is_attested else None)
    deciding = [verdict for showing, verdict in parts if showing is not CONTEXT]
    if FAIL in deciding:
        assert found.verdict is FAIL
    elif UNKNOWN in deciding:
        assert found.verdict is UNKNOWN
    if found.verdict is PASS and not found.is_attested:
        assert (DIRECT, PASS) in parts
        assert set(deciding) <= {PASS, NOT_APPLICABLE}


SUMMARIES = st.one_of(st.none(), st.builds(RootCredentialsSummary, *[st.booleans()] * 4))
OF_EACH_ACCOUNT = (CheckName.NO_ROOT_KEY, CheckName.ROOT_MFA, CheckName.ROOT_HW_MFA, CheckName.ROOT_UNUSED)


@given(member=SUMMARIES, management=SUMMARIES)
def test_no_check_passes_over_an_account_that_was_not_read(
    member: RootCredentialsSummary | None, management: RootCredentialsSummary | None
) -> None:
    report = make_report(make_facts_in_order(statuses=make_statuses(member, management=management)))
    for check in (*OF_EACH_ACCOUNT, CheckName.INVENTORY):
        if member is None or management is None:
            assert CHECKS[check](report).verdict in {FAIL, UNKNOWN}, check
    if member is None:
        assert CHECKS[CheckName.NO_ROOT_CREDS](report).verdict is UNKNOWN


def test_no_control_passes_while_a_check_that_decides_it_does_not() -> None:
    for one in assess_report(make_report(), load_frameworks()).assessments:
        deciding = {shown.result.verdict for shown in one.checks if shown.mapping.showing is not CONTEXT}
        if one.verdict is PASS:
            assert deciding <= {PASS, NOT_APPLICABLE}, one.control.key


def test_an_attestation_lets_a_manual_control_pass_and_says_so() -> None:
    found = assess((PARTIAL, PASS), attestation=ATTESTATION)
    assert (found.verdict, found.is_attested) == (PASS, True)
    assert found.reasons[-1] == (
        "Head of Security attests it until 2027-01-29: Reviewed each month (recorded by olga@example.com, 2026-10-30, "
        "signed in, ledger entry 41)."
    )


@pytest.mark.parametrize("verdict", [FAIL, UNKNOWN])
def test_an_attestation_overrules_neither_a_failure_nor_an_unknown(verdict: Verdict) -> None:
    found = assess((PARTIAL, verdict), attestation=ATTESTATION)
    assert (found.verdict, found.is_attested) == (verdict, False)
    assert "An attestation doesn't overrule a failed or an unknown check." in found.reasons


def test_an_attestation_does_not_cover_what_happened_after_it() -> None:
    later = assess((PARTIAL, MANUAL), attestation=ATTESTATION, fact_at=READ + timedelta(seconds=1))
    assert later.verdict is MANUAL
    assert "The attestation is older than the newest facts, so it doesn't cover them." in later.reasons
    assert assess((PARTIAL, MANUAL), attestation=ATTESTATION, fact_at=READ).verdict is PASS


def test_statements_about_accounts_make_a_pass_an_attested_one() -> None:
    control = make_control(DIRECT)
    result = CheckResult(control.checks[0].check, PASS, ("A reason.",), confirmations=(PURPOSE,))
    assert assess_control(control, [result], None).is_attested


def make_result(*has_no_password: bool) -> CheckResult:
    accounts = tuple(
        AccountResult(AccountId(f"{place:012}"), "a", "Root", PASS, "A reason.", READ, absent)
        for place, absent in enumerate(has_no_password)
    )
    return CheckResult(CheckName.ROOT_MFA, PASS, ("A reason.",), accounts)


def test_an_account_without_a_password_is_judged_as_the_controls_text_says() -> None:
    found = {rule: apply_without_password(make_result(True, False), rule) for rule in WithoutPassword}
    verdicts = {rule: [one.verdict for one in result.accounts] for rule, result in found.items()}
    assert verdicts == {
        WithoutPassword.NOT_APPLICABLE: [NOT_APPLICABLE, PASS],
        WithoutPassword.PASS: [PASS, PASS],
        WithoutPassword.PASS_WITH_NOTE: [PASS, PASS],
    }
    assert "accepts" in found[WithoutPassword.PASS].reasons[-1]
    assert "doesn't mention" in found[WithoutPassword.PASS_WITH_NOTE].reasons[-1]
    assert apply_without_password(make_result(True), WithoutPassword.NOT_APPLICABLE).verdict is NOT_APPLICABLE
    assert apply_without_password(make_result(False), WithoutPassword.NOT_APPLICABLE) == make_result(False)


def attest(control: str, sequence: int = 41, **changes: object) -> LedgerEntry:
    attestation = replace(ATTESTATION, control=control, **changes)  # type: ignore[arg-type]  # any field
    return make_entry(
        sequence,
        Action.CONTROL_ATTEST,
        attestation.recorded_at,
        actor=OLGA,
        parameters=describe_attestation(attestation),
        phase=Phase.OUTCOME,
        result=Result.DONE,
        entry_hash="ab" * 32,
    )


def assess_attested(*entries: LedgerEntry, **changes: object) -> ControlAssessment:
    facts = make_facts_in_order(
        statuses=make_statuses(management=RootCredentialsSummary(*[False] * 4)),
        history=replace(HISTORY, control_attestations=entries),
        **changes,
    )
    found = evaluate(make_report(facts), choose_frameworks(["cis-7.0"])[0].controls)
    return next(one for one in found if one.control.key == "cis-7.0/2.7")


def test_an_attestation_in_the_ledger_counts_until_its_end() -> None:
    assert assess_attested().verdict is MANUAL
    found = assess_attested(attest("cis-7.0/2.7"))
    assert (found.verdict, found.is_attested) == (PASS, True)
    assert found.attestation == ATTESTATION
    assert assess_attested(attest("cis-7.0/2.7", until=END)).verdict is MANUAL
    assert assess_attested(attest("cis-7.0/2.4")).verdict is MANUAL


def test_a_later_attestation_replaces_an_earlier_one() -> None:
    ended = attest("cis-7.0/2.7", 43, until=END - timedelta(days=1))
    assert assess_attested(attest("cis-7.0/2.7"), ended).verdict is MANUAL
    assert assess_attested(replace(ended, at=READ - timedelta(days=9)), attest("cis-7.0/2.7", 44)).verdict is PASS


def test_an_altered_ledger_proves_no_attestation() -> None:
    altered = LedgerVerification(120, 120, "c0ffee" + "0" * 58, 7, "Entry 7 was changed.", None)
    assert assess_attested(attest("cis-7.0/2.7"), ledger=altered).verdict is MANUAL


def test_an_entry_in_another_form_is_no_attestation() -> None:
    broken = replace(attest("cis-7.0/2.7"), parameters={"control": "cis-7.0/2.7", "until": "never"})
    assert assess_attested(broken).verdict is MANUAL


def test_a_control_that_is_attested_account_by_account_is_not_attested_as_a_whole() -> None:
    controls = {one.control_id: one for one in choose_frameworks(["cis-7.0"])[0].controls}
    with pytest.raises(InputError, match="each delegated administrator account"):
        require_attestable(controls["2.1.1"])
    assert require_attestable(controls["2.7"]).control_id == "2.7"


@pytest.mark.parametrize(
    ("verdicts", "fail_on"), list(product([{FAIL}, {UNKNOWN}, {MANUAL}, {PASS}], [{"present"}, {"unknown"}]))
)
def test_a_controls_verdict_counts_for_fail_on(verdicts: set[Verdict], fail_on: set[str]) -> None:
    report = make_report(make_facts_in_order(accepted=None))
    report = replace(report, no_root_credentials=replace(report.no_root_credentials, verdict=PASS))
    assessed = assess_report(report, choose_frameworks(["cis-7.0"]))
    wanted = tuple(replace(one, verdict=next(iter(verdicts))) for one in assessed.assessments)
    bad = {"present": {FAIL}, "unknown": {UNKNOWN, MANUAL}}[next(iter(fail_on))]
    found = replace(assessed, assessments=wanted).has_findings(frozenset(map(FailOn, fail_on)))
    assert found is bool(verdicts & bad)


def test_an_attestation_counts_only_in_its_period() -> None:
    early = replace(attest("cis-7.0/2.7"), at=END + timedelta(days=1))
    assert assess_attested(early).verdict is MANUAL


def test_a_report_of_a_whole_organization_is_judged_in_every_framework() -> None:
    report = assess_report(make_report(make_facts()), load_frameworks())
    assert len(report.assessments) == sum(len(one.controls) for one in load_frameworks())
    assert {one.verdict for one in report.assessments} == {PASS, FAIL, UNKNOWN, MANUAL}
    assert START < READ < END
    assert any(one.account_id == CLEAN for item in report.assessments for s in item.checks for one in s.result.accounts)


def test_a_control_of_root_users_says_why_it_passes_while_root_logins_are_left() -> None:
    control = Control(
        "cis-7.0", "2.3", "A title", "A text.", (ControlCheck(CheckName.NO_ROOT_KEY, DIRECT, Strength.OURS, "a test"),)
    )
    passed = assess_control(control, [CheckResult(CheckName.NO_ROOT_KEY, PASS, ())], None)
    (reason,) = explain_left(passed, RootLoginsLeft(1, 2, 3, 9)).reasons
    assert reason == (
        "Root logins left to secure: 1 known, 2 unknown, 3 unread. The control passes all the same: it asks about "
        "access keys."
    )
    assert explain_left(passed, RootLoginsLeft(0, 0, 0, 9)) is passed


def test_no_control_of_root_users_passes_in_silence_while_root_logins_are_left() -> None:
    """The member accounts are clean, and the root user of the management account has a password without MFA."""
    open_login = RootCredentialsSummary(
        has_password=True, has_access_keys=False, has_signing_certificates=False, has_mfa_devices=False
    )
    report = make_report(make_facts_in_order(statuses=make_statuses(management=open_login)))
    assert report.root_logins_left.known == 1
    controls = [control for framework in load_frameworks() for control in framework.controls]
    silent = [
        assessment.control.key
        for assessment in evaluate(report, controls)
        if assessment.verdict is PASS
        and any(
            mapping.check.value.startswith(("no_root", "root_")) and mapping.showing is not CONTEXT
            for mapping in assessment.control.checks
        )
        and not any("Root logins left to secure: 1 known" in reason for reason in assessment.reasons)
    ]
    assert silent == []
