"""Root logins that are kept, and the checks that they are held to."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from rootkeeper.evidence.rules import check_kept_logins
from rootkeeper.failsafe.rules import CheckVerdict, SignInDevice
from rootkeeper.organization.statuses import AccountRole, MfaKind, Status
from tests.fakes.controls import DRILL, make_statuses
from tests.fakes.controls import make_facts as make_facts_in_order
from tests.fakes.evidence import (
    CLEAN,
    END,
    FAILSAFE,
    KEYS,
    MANAGEMENT,
    PERIOD,
    START,
    list_statuses,
    make_facts,
    make_report,
)


def judge(role: AccountRole) -> dict[str, CheckVerdict]:
    (kept,) = [one for one in make_report().kept_logins if one.evidence.role is role]
    return {check.name: check.verdict for check in kept.checks}


def test_the_management_account_is_held_to_mfa_and_to_having_no_key_and_no_certificate() -> None:
    assert judge(AccountRole.MANAGEMENT) == dict.fromkeys(
        ("mfa_devices", "access_keys", "signing_certificates"), CheckVerdict.PASS
    )


def test_the_failsafe_is_held_to_all_that_the_database_can_tell_and_the_rest_is_unknown() -> None:
    verdicts = judge(AccountRole.FAILSAFE)
    assert verdicts["access_keys"] is verdicts["delegated_administrator"] is CheckVerdict.PASS
    assert verdicts["drill"] is CheckVerdict.FAIL
    assert verdicts["policies"] is verdicts["mailbox"] is verdicts["alarm"] is CheckVerdict.UNKNOWN


def test_nothing_read_in_the_period_is_unknown_for_both() -> None:
    facts = make_facts()
    stale = {
        account_id: replace(status, observed_at=START - timedelta(days=1))
        for account_id, status in list_statuses().items()
    }
    report = make_report(replace(facts, statuses=stale))
    for kept in report.kept_logins:
        checks = {check.name: check.verdict for check in kept.checks}
        assert checks["mfa_devices"] is checks["access_keys"] is CheckVerdict.UNKNOWN


def test_a_root_key_of_the_management_account_is_a_failure() -> None:
    facts = make_facts()
    status = replace(list_statuses()[MANAGEMENT], status=Status.NOT_APPLICABLE, summary=KEYS)
    report = make_report(replace(facts, statuses={**list_statuses(), MANAGEMENT: status}))
    kept = next(one for one in report.kept_logins if one.evidence.role is AccountRole.MANAGEMENT)
    assert {check.name: check.verdict for check in kept.checks}["access_keys"] is CheckVerdict.FAIL


def test_members_are_no_kept_logins() -> None:
    report = make_report()
    members = [account for account in report.accounts if account.account.account_id != FAILSAFE]
    assert check_kept_logins(members, make_facts().emails, (), (), PERIOD, "aws") == ()
    assert PERIOD.end == END


def test_a_drill_of_another_failsafe_proves_no_hardware() -> None:
    facts = make_facts_in_order(statuses=make_statuses(kinds=(MfaKind.SECURITY_KEY, MfaKind.SECURITY_KEY)))
    drill = replace(DRILL, device=SignInDevice.HARDWARE)
    verdicts = {}
    for account_id in (FAILSAFE, CLEAN):
        history = replace(facts.history, drills=(replace(drill, account_id=account_id),))
        kept = make_report(replace(facts, history=history)).kept_logins[1]
        verdicts[account_id] = {check.name: check.verdict for check in kept.checks}
    assert verdicts[FAILSAFE]["hardware_mfa"] is verdicts[FAILSAFE]["alarm"] is CheckVerdict.PASS
    assert verdicts[CLEAN]["hardware_mfa"] is verdicts[CLEAN]["alarm"] is CheckVerdict.UNKNOWN
