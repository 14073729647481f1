"""Root user credentials of every mixture, for property tests."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st

from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import (
    AccessKey,
    CredentialKind,
    LoginProfile,
    MfaDevice,
    MfaKind,
    RootCredentials,
    SigningCertificate,
)

ACCOUNT_ID = AccountId("444455556666")
NOW = datetime(2026, 1, 15, 9, 0, tzinfo=UTC)
KEY_IDS = ("AKIAIOSFODNN7EXAMPLE", "AKIAI44QH8DHBEXAMPLE")
CERTIFICATE_IDS = ("TA7SMP42TDN5Z26OBPJE7EXAMPLE", "TA7SMP42TDN5Z26OBPJE8EXAMPLE")
SERIAL_NUMBERS = ("arn:aws:iam::444455556666:mfa/root-account-mfa-device", "GAHT12345678")

instants = st.integers(0, 800).map(lambda days: NOW - timedelta(days=days))
uses = st.none() | instants
kinds = st.frozensets(st.sampled_from(CredentialKind))
login_profiles = st.none() | st.builds(LoginProfile, instants, uses)


@st.composite
def credentials(draw: st.DrawFn) -> RootCredentials:
    """Nothing to everything, in one account."""
    return RootCredentials(
        account_id=ACCOUNT_ID,
        login_profile=draw(login_profiles),
        access_keys=tuple(
            AccessKey(key_id, draw(st.booleans()), draw(instants), draw(uses))
            for key_id in KEY_IDS[: draw(st.integers(0, 2))]
        ),
        signing_certificates=tuple(
            SigningCertificate(one, draw(st.booleans()), draw(instants))
            for one in CERTIFICATE_IDS[: draw(st.integers(0, 2))]
        ),
        mfa_devices=tuple(
            MfaDevice(one, draw(st.sampled_from(MfaKind)), draw(instants))
            for one in SERIAL_NUMBERS[: draw(st.integers(0, 2))]
        ),
        observed_at=NOW,
    )
