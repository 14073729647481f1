"""What shows that a person has completed a failsafe's login, and what doesn't."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from rootkeeper.failsafe.rules import describe_login, evaluate_progress
from rootkeeper.ledger.rules import require_no_secrets
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccessKey,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    RootCredentialsSummary,
    SigningCertificate,
)
from tests.fakes.clock import START

OPENED, LATER = START, START + timedelta(minutes=5)
DEVICE = MfaDevice("arn:aws:iam::222233334444:mfa/root-account-mfa-device", MfaKind.VIRTUAL, LATER)
KEY = AccessKey("AKIAIOSFODNN7EXAMPLE", is_active=False, created_at=LATER, last_used_at=None)
CERTIFICATE = SigningCertificate("TA7SMP42TDN5Z26OBPJE7EXAMPLE", is_active=False, uploaded_at=LATER)


def found(used_at: datetime | None = LATER, **changes: object) -> RootCredentials:
    complete = RootCredentials(
        account_id=AccountId("222233334444"),
        login_profile=LoginProfile(OPENED, used_at),
        access_keys=(),
        signing_certificates=(),
        mfa_devices=(DEVICE,),
        observed_at=LATER,
    )
    return replace(complete, **changes)  # type: ignore[arg-type]  # fields by name


def test_a_password_used_since_and_an_mfa_device_complete_it() -> None:
    assert evaluate_progress(found(), found().summary, OPENED).is_complete


@pytest.mark.parametrize(
    ("credentials", "said"),
    [
        (found(None), "hasn't signed in with a new password"),
        (found(OPENED - timedelta(seconds=1)), "hasn't signed in with a new password"),
        (found(mfa_devices=()), "no MFA device"),
        (found(login_profile=None), "doesn't show the login profile any more"),
        (found(access_keys=(KEY,)), "access key"),
        (found(signing_certificates=(CERTIFICATE,)), "signing certificate"),
    ],
    ids=["never used", "used before", "no MFA", "no profile", "a key", "a certificate"],
)
def test_what_lacks_or_blocks_is_named(credentials: RootCredentials, said: str) -> None:
    progress = evaluate_progress(credentials, credentials.summary, OPENED)
    assert not progress.is_complete
    assert said in " ".join(progress.shortcomings)


@pytest.mark.parametrize("kind", ["has_password", "has_mfa_devices"])
def test_what_only_the_details_show_is_not_done(kind: str) -> None:
    summary = replace(found().summary, **{kind: False})
    assert not evaluate_progress(found(), summary, OPENED).is_complete


@pytest.mark.parametrize("kind", ["has_access_keys", "has_signing_certificates"])
def test_what_only_the_summary_shows_blocks_too(kind: str) -> None:
    summary = replace(found().summary, **{kind: True})
    assert not evaluate_progress(found(), summary, OPENED).is_complete


def test_a_login_from_before_is_judged_by_its_own_age() -> None:
    assert evaluate_progress(found(), found().summary, None).is_complete
    assert not evaluate_progress(found(None), found().summary, None).is_complete


def test_the_use_of_a_password_before_this_window_never_counts() -> None:
    """PasswordLastUsed outlives the login profile that it was of."""
    reopened = found(OPENED, login_profile=LoginProfile(LATER, OPENED))
    assert not evaluate_progress(reopened, reopened.summary, LATER).is_complete


def test_the_ledger_gets_serial_numbers_and_no_secret() -> None:
    described = describe_login(found())
    require_no_secrets(described)
    assert described["mfa_serial_numbers"] == [DEVICE.mfa_serial_number]


def test_the_summary_alone_is_no_login() -> None:
    nothing = found(login_profile=None, mfa_devices=())
    everything = RootCredentialsSummary(True, False, False, True)
    assert not evaluate_progress(nothing, everything, OPENED).is_complete
