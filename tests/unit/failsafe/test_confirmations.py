"""A delegated administrator's root credentials count as failing until the failsafe is confirmed."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from rootkeeper.audit.service import AuditReport
from rootkeeper.errors import InputError
from rootkeeper.failsafe.confirmations import FailsafeConfirmer
from rootkeeper.failsafe.rules import DRILL_EVERY, AlarmObservation, DrillOutcome, find_confirmed_until
from rootkeeper.ledger.rules import Action
from rootkeeper.organization.confirmations import Claim
from rootkeeper.organization.statuses import FAIL_ON_FINDINGS, count_root_logins_left, has_findings
from rootkeeper.root_emails.rules import GroupBasis
from tests.fakes.breakglass_desk import FAILSAFE, MEMBER, BreakGlassDesk
from tests.fakes.organization import MANAGEMENT


@pytest.fixture
def desk() -> BreakGlassDesk:
    """A failsafe whose root login is guarded, beside accounts without root user credentials."""
    return BreakGlassDesk()


def make_confirmer(desk: BreakGlassDesk) -> FailsafeConfirmer:
    return FailsafeConfirmer(desk.desk.act())


def attest(desk: BreakGlassDesk, account_id: str = FAILSAFE, claim: Claim = Claim.KEPT, days: int = 30) -> None:
    inventory = desk.desk.read_inventory()
    account = next(one for one in inventory.accounts if one.account_id == account_id)
    confirmer, until = make_confirmer(desk), desk.now + timedelta(days=days)
    confirmer.attest(
        confirmer.prepare(inventory, account, claim, owner="Nikki Wolf", reason="Emergency access", until=until)
    )


def complete(desk: BreakGlassDesk) -> None:
    """Record what AWS doesn't show, so that every check passes."""
    inventory = desk.desk.read_inventory()
    account = next(one for one in inventory.accounts if one.account_id == FAILSAFE)
    drill = desk.drills.prepare(
        inventory,
        account,
        held_by="Ana",
        held_at=desk.now - timedelta(days=5),
        outcome=DrillOutcome.PASSED,
        alarm=AlarmObservation.SEEN,
    )
    desk.drills.record(drill)


def run_check(desk: BreakGlassDesk) -> None:
    make_confirmer(desk).record_checks(desk.check())


def count_failing(desk: BreakGlassDesk) -> int:
    """Count by a new audit; headline and exit status must agree on the failsafe."""
    report = desk.desk.audit.run(desk.desk.progress)
    assert isinstance(report, AuditReport)
    statuses = [one for one in report.accounts if one.account.account_id == FAILSAFE]
    known = count_root_logins_left(statuses).known
    assert has_findings(statuses, FAIL_ON_FINDINGS) == bool(known)
    return known


def test_registering_a_delegated_administrator_lowers_no_count(desk: BreakGlassDesk) -> None:
    delegates = desk.desk.organization.delegated_administrators
    delegates.remove(FAILSAFE)
    assert count_failing(desk) == 1
    delegates.append(FAILSAFE)
    assert count_failing(desk) == 1


def test_a_check_confirms_only_if_everything_passes(desk: BreakGlassDesk) -> None:
    run_check(desk)
    assert count_failing(desk) == 1
    complete(desk)
    assert count_failing(desk) == 1
    run_check(desk)
    assert count_failing(desk) == 0
    facts = [one for one in desk.desk.ledger.entries if one.action is Action.FAILSAFE_CHECK]
    assert [one.parameters["reason"] for one in facts] == ["A check failed or is unknown", "Every check passed"]


def test_a_later_check_that_does_not_pass_ends_the_confirmation(desk: BreakGlassDesk) -> None:
    complete(desk)
    run_check(desk)
    desk.desk.clock.advance(60)
    desk.desk.organization.fail("AssumeRoot", times=1)
    run_check(desk)
    assert count_failing(desk) == 1


def test_a_passed_check_counts_until_its_drill_is_too_old(desk: BreakGlassDesk) -> None:
    complete(desk)
    run_check(desk)
    desk.desk.clock.advance((DRILL_EVERY.days - 5) * 86_400 - 3_600)
    assert count_failing(desk) == 0
    desk.desk.clock.advance(7_200)
    assert count_failing(desk) == 1


def test_a_passed_check_counts_until_the_last_drill_that_reports_an_alarm_is_too_old(desk: BreakGlassDesk) -> None:
    complete(desk)
    (facts,) = desk.check().facts
    (drill,) = facts.drills
    later = replace(drill, held_at=drill.held_at + timedelta(days=3), alarm=None)
    until = find_confirmed_until(replace(facts, drills=(later, drill)), desk.now)
    assert until == drill.held_at + DRILL_EVERY


def test_a_failsafe_that_fails_its_check_takes_no_confirmation_from_another(desk: BreakGlassDesk) -> None:
    desk.desk.organization.delegated_administrators.append(MEMBER)
    complete(desk)
    run_check(desk)
    confirmed = desk.desk.confirmations.list_confirmed(
        in_sandbox=desk.desk.organization.endpoint.is_sandbox, at=desk.now
    )
    assert confirmed == {FAILSAFE}


def test_a_passed_check_counts_no_longer_than_the_attestation_of_its_mailbox(desk: BreakGlassDesk) -> None:
    complete(desk)
    (facts,) = desk.check().facts
    until = desk.now + timedelta(days=30)
    email = replace(facts.email, group_basis=GroupBasis.ATTESTATION, attested_by="Nikki Wolf", attested_until=until)
    assert find_confirmed_until(replace(facts, email=email), desk.now) == until


def test_an_attestation_confirms_until_its_end(desk: BreakGlassDesk) -> None:
    attest(desk)
    assert count_failing(desk) == 0
    desk.desk.clock.advance(31 * 86_400)
    assert count_failing(desk) == 1


def test_an_attestation_of_its_purpose_does_not_confirm_its_root_login(desk: BreakGlassDesk) -> None:
    attest(desk, claim=Claim.PURPOSE)
    assert count_failing(desk) == 1


def test_an_attestation_excuses_no_root_login_without_mfa(desk: BreakGlassDesk) -> None:
    attest(desk)
    desk.desk.root_user(FAILSAFE).mfa_devices.clear()
    assert count_failing(desk) == 1


@pytest.mark.parametrize("account_id", [MEMBER, MANAGEMENT])
def test_only_a_delegated_administrator_is_attested(desk: BreakGlassDesk, account_id: str) -> None:
    with pytest.raises(InputError, match="isn't a delegated administrator"):
        attest(desk, account_id)
    assert desk.desk.confirmations.kept == []
