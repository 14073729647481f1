"""What a failsafe is held to: each check, good, bad and not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from rootkeeper.cli.hints import render_hint
from rootkeeper.failsafe.rules import (
    AlarmObservation,
    CheckVerdict,
    Drill,
    DrillOutcome,
    FailsafeFacts,
    PolicyFinding,
    SignInDevice,
    check_failsafe,
)
from rootkeeper.organization.accounts import Account, AccountId, AccountState, find_sign_in_obstacle
from rootkeeper.organization.statuses import (
    AccessKey,
    AccountRole,
    AccountStatus,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
    Status,
    StatusReason,
)
from rootkeeper.policy_language.evaluation import AccessVerdict
from rootkeeper.root_emails.rules import EmailVerdict, GroupBasis, RootEmail
from rootkeeper.windows.rules import WindowState
from tests.fakes.clock import START
from tests.fakes.stores import make_window

FAILSAFE = AccountId("222233334444")
ACCOUNT = Account(FAILSAFE, "Security", "aws+security@example.com", AccountState.ACTIVE, ("r-exam",), "Root")
PASS, FAIL, UNKNOWN = CheckVerdict.PASS, CheckVerdict.FAIL, CheckVerdict.UNKNOWN
LONG_AGO = START - timedelta(days=400)
VIRTUAL = MfaDevice("arn:aws:iam::222233334444:mfa/root-account-mfa-device", MfaKind.VIRTUAL, LONG_AGO)
HARDWARE = MfaDevice("GAHT12345678", MfaKind.HARDWARE, LONG_AGO)
KEY = MfaDevice("arn:aws:iam::222233334444:u2f/root-account/key", MfaKind.SECURITY_KEY, LONG_AGO)
ACCESS_KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=False, created_at=LONG_AGO, last_used_at=None)
CERTIFICATE = SigningCertificate("TA7SMP42TDN5Z26OBPJE7EXAMPLE", is_active=False, uploaded_at=LONG_AGO)
EMAIL = RootEmail(ACCOUNT, AccountRole.FAILSAFE, EmailVerdict.PASS, (), GroupBasis.SETTINGS)


def drill(days_ago: float = 10, **changes: Any) -> Drill:
    reported = Drill(FAILSAFE, START - timedelta(days=days_ago), "Ana", DrillOutcome.PASSED, "alice", START)
    return replace(reported, **({"alarm": AlarmObservation.SEEN} | changes))


def credentials(used_at: datetime | None = START, *devices: MfaDevice, **changes: Any) -> RootCredentials:
    return replace(
        RootCredentials(FAILSAFE, LoginProfile(LONG_AGO, used_at), (), (), devices or (VIRTUAL, HARDWARE), START),
        **changes,
    )


def status(found: RootCredentials | None) -> AccountStatus:
    if found is None:
        return AccountStatus(
            ACCOUNT, AccountRole.FAILSAFE, Status.UNKNOWN, StatusReason.ACCESS_DENIED, "AssumeRoot was denied."
        )
    return AccountStatus(ACCOUNT, AccountRole.FAILSAFE, Status.PRESENT, summary=found.summary, credentials=found)


def facts(found: RootCredentials | None = credentials(), **changes: Any) -> FailsafeFacts:  # noqa: B008 - frozen
    good = FailsafeFacts(
        ACCOUNT, status(found), EMAIL, (drill(),), PolicyFinding(AccessVerdict.ALLOWED, "Nothing stops it.")
    )
    return replace(good, **changes)


def verdicts(reported: FailsafeFacts) -> dict[str, CheckVerdict]:
    return {check.name: check.verdict for check in check_failsafe(reported, START)}


def test_without_a_console_sign_in_the_checks_of_a_login_are_not_applicable_with_the_reason() -> None:
    obstacle = find_sign_in_obstacle("aws-us-gov")
    assert obstacle is not None
    assert find_sign_in_obstacle("aws") is None
    empty = credentials(login_profile=None, mfa_devices=(), access_keys=(ACCESS_KEY,))
    checks = check_failsafe(facts(empty, sign_in_obstacle=obstacle, drills=()), START)
    inapplicable = [check for check in checks if check.verdict is CheckVerdict.NOT_APPLICABLE]
    assert [check.name for check in inapplicable] == [
        "password",
        "mfa_devices",
        "hardware_mfa",
        "alarm",
        "drill",
        "policies",
    ]
    assert {(check.evidence, check.hint, check.account_id) for check in inapplicable} == {(obstacle, None, FAILSAFE)}
    assert {check.name for check in checks if check.verdict is FAIL} == {"access_keys"}


def test_a_failsafe_in_order_passes_every_check() -> None:
    checks = check_failsafe(facts(), START)
    assert {check.verdict for check in checks} == {PASS}
    assert {check.account_id for check in checks} == {FAILSAFE}
    assert [check.name for check in checks] == [
        "delegated_administrator",
        "mailbox",
        "password",
        "mfa_devices",
        "hardware_mfa",
        "access_keys",
        "signing_certificates",
        "alarm",
        "drill",
        "policies",
    ]


ENDED = replace(EMAIL, group_basis=None, attested_by="Ana", attested_until=START - timedelta(days=1))
IN_FORCE = replace(ENDED, group_basis=GroupBasis.ATTESTATION, attested_until=START + timedelta(days=1))
OPEN_WINDOW = make_window(FAILSAFE, START)


@pytest.mark.parametrize(
    ("reported", "name", "verdict"),
    [
        (facts(account=replace(ACCOUNT, state=AccountState.SUSPENDED)), "delegated_administrator", FAIL),
        (facts(window=OPEN_WINDOW), "recovery_window", FAIL),
        (facts(email=replace(EMAIL, group_basis=None)), "mailbox", UNKNOWN),
        (facts(email=ENDED), "mailbox", FAIL),
        (facts(email=IN_FORCE), "mailbox", PASS),
        (facts(credentials(None)), "password", UNKNOWN),
        (facts(credentials(LONG_AGO - timedelta(days=1))), "password", UNKNOWN),
        (facts(credentials(login_profile=None)), "password", FAIL),
        (facts(None), "password", UNKNOWN),
        (facts(credentials(START, VIRTUAL)), "mfa_devices", FAIL),
        (facts(credentials(mfa_devices=())), "mfa_devices", FAIL),
        (facts(credentials(mfa_devices=())), "hardware_mfa", FAIL),
        (facts(None), "mfa_devices", UNKNOWN),
        (facts(credentials(START, VIRTUAL, VIRTUAL)), "hardware_mfa", FAIL),
        (facts(credentials(START, VIRTUAL, KEY)), "hardware_mfa", UNKNOWN),
        (facts(credentials(START, VIRTUAL, KEY), drills=(drill(device=SignInDevice.HARDWARE),)), "hardware_mfa", PASS),
        (
            facts(credentials(START, VIRTUAL, KEY), drills=(drill(device=SignInDevice.SOFTWARE),)),
            "hardware_mfa",
            UNKNOWN,
        ),
        (
            facts(
                credentials(START, VIRTUAL, replace(KEY, enabled_at=START)),
                drills=(drill(device=SignInDevice.HARDWARE),),
            ),
            "hardware_mfa",
            UNKNOWN,
        ),
        (facts(credentials(access_keys=(ACCESS_KEY,))), "access_keys", FAIL),
        (facts(None), "access_keys", UNKNOWN),
        (facts(credentials(signing_certificates=(CERTIFICATE,))), "signing_certificates", FAIL),
        (facts(None), "signing_certificates", UNKNOWN),
        (facts(drills=(drill(alarm=None),)), "alarm", UNKNOWN),
        (facts(drills=()), "alarm", UNKNOWN),
        (facts(drills=(drill(alarm=AlarmObservation.MISSED),)), "alarm", FAIL),
        (facts(drills=(drill(100),)), "alarm", UNKNOWN),
        (facts(drills=(drill(10), drill(20, alarm=AlarmObservation.MISSED))), "alarm", PASS),
        (facts(drills=()), "drill", FAIL),
        (facts(drills=(drill(100),)), "drill", FAIL),
        (facts(root_sign_in=PolicyFinding(AccessVerdict.BLOCKED, "Blocked by p-x.")), "policies", FAIL),
        (facts(root_sign_in=PolicyFinding(AccessVerdict.DEPENDS, "Depends on x.")), "policies", UNKNOWN),
        (facts(root_sign_in=PolicyFinding(AccessVerdict.UNKNOWN, "Not read.")), "policies", UNKNOWN),
    ],
)
def test_what_is_not_in_order_is_reported_and_what_is_not_known_never_passes(
    reported: FailsafeFacts, name: str, verdict: CheckVerdict
) -> None:
    assert verdicts(reported)[name] is verdict


def test_an_account_of_which_only_the_summary_was_read_passes_only_what_that_shows() -> None:
    summary = RootCredentialsSummary(True, False, False, True)
    read = AccountStatus(ACCOUNT, AccountRole.FAILSAFE, Status.PRESENT, summary=summary)
    found = verdicts(facts(status=read))
    assert {name for name, verdict in found.items() if verdict is UNKNOWN} == {
        "password",
        "mfa_devices",
        "hardware_mfa",
    }
    assert found["access_keys"] is PASS


def test_what_fails_says_what_to_do() -> None:
    checks = check_failsafe(facts(credentials(login_profile=None, mfa_devices=(), access_keys=(ACCESS_KEY,))), START)
    assert all(check.hint for check in checks if check.verdict is not PASS)
    key = next(check for check in checks if check.name == "access_keys")
    assert key.evidence == "The root user has an access key."
    assert f"--include-failsafe {FAILSAFE} --only access_keys" in (render_hint(key.hint) or "")


@pytest.mark.parametrize("state", [WindowState.CLOSED_VERIFIED, WindowState.KEPT])
def test_a_window_that_is_over_is_no_matter(state: WindowState) -> None:
    assert "recovery_window" not in verdicts(facts(window=replace(OPEN_WINDOW, state=state)))
