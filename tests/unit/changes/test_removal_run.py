"""Whichever call goes wrong, and however: no password or key is ever left without the MFA that guarded it."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rootkeeper.changes.removal import RemovalResult
from rootkeeper.changes.removal_rules import ALL_KINDS, KindOutcome
from rootkeeper.errors import (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
)
from rootkeeper.ledger.rules import LedgerEntry
from rootkeeper.organization.accounts import AccountId
from rootkeeper.organization.statuses import AccessKey, CredentialKind, RootCredentials
from tests.examples import examples
from tests.fakes.desk import PROD, Desk
from tests.fakes.root_users import FakeRootUser, root_user_with_everything
from tests.unit.organization.credential_strategies import ACCOUNT_ID, KEY_IDS, NOW, credentials, kinds

CHANGING = ("DeleteAccessKey", "DeleteSigningCertificate", "DeleteLoginProfile", "DeactivateMFADevice")
READING = (
    "AssumeRoot",
    "GetCallerIdentity",
    "GetLoginProfile",
    "GetUser",
    "ListAccessKeys",
    "GetAccessKeyLastUsed",
    "ListSigningCertificates",
    "ListMFADevices",
    "GetAccountSummary",
)
ERRORS = (
    AwsAccessDeniedError,
    AwsCredentialsError,
    AwsNotFoundError,
    AwsRejectedError,
    AwsThrottledError,
    AwsUnclearError,
    AwsUnreachableError,
)


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the ``at``-th call of an operation."""

    operation: str
    course: str
    error: type[AwsError]
    at: int
    times: int | None

    def arrange(self, desk: Desk) -> None:
        error = self.error("trouble", aws_code=self.error.__name__)
        if self.course == "fail":
            desk.organization.fail(self.operation, error, at=self.at, times=self.times)
        elif self.course == "act_then_fail":
            desk.organization.act_then_fail(self.operation, error, at=self.at, times=self.times)
        else:
            desk.organization.lie(self.operation, at=self.at, times=self.times)


troubles = st.lists(
    st.builds(
        Trouble,
        st.sampled_from(CHANGING + READING),
        st.sampled_from(["fail", "act_then_fail", "lie"]),
        st.sampled_from(ERRORS),
        st.integers(1, 3),
        st.none() | st.integers(1, 2),
    ),
    max_size=4,
)


@dataclass
class Watch:
    """Looks at the root user before each call and at the end."""

    desk: Desk
    devices: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.devices = {device.mfa_serial_number for device in self.desk.root_user(PROD).mfa_devices}
        self.desk.organization.before_each_call(self.look)

    def look(self, operation: str = "", account_id: AccountId | None = None) -> None:
        root_user = self.desk.root_user(PROD)
        left = {device.mfa_serial_number for device in root_user.mfa_devices}
        if left != self.devices:
            assert root_user.login_profile is None, "a password is left without the MFA that guarded it"
            assert root_user.access_keys == [], "a key is left without the MFA that guarded it"


def desk_with(found: RootCredentials) -> Desk:
    desk = Desk()
    root_user = FakeRootUser(
        found.login_profile, list(found.access_keys), list(found.signing_certificates), list(found.mfa_devices)
    )
    desk.organization.add_account(PROD, "prod", root_user=root_user)
    return desk


def remove(desk: Desk, only: frozenset[CredentialKind] = ALL_KINDS) -> RemovalResult:
    with desk.locks.hold(PROD, "testing") as lock:
        return desk.removal.remove(PROD, lock, only=only, check=lambda _: None)


ONE_KEY = RootCredentials(
    account_id=ACCOUNT_ID,
    login_profile=None,
    access_keys=(AccessKey(KEY_IDS[0], is_active=True, created_at=NOW, last_used_at=None),),
    signing_certificates=(),
    mfa_devices=(),
    observed_at=NOW,
)
KEY_CALLED_ABSENT = Trouble("DeleteAccessKey", "fail", AwsNotFoundError, at=1, times=None)
NO_AUDIT_SESSION = Trouble("AssumeRoot", "fail", AwsAccessDeniedError, at=2, times=None)


@settings(max_examples=examples(400), deadline=None)
@example(ONE_KEY, ALL_KINDS, [KEY_CALLED_ABSENT, NO_AUDIT_SESSION], None)
@given(credentials(), kinds, troubles, st.none() | st.integers(0, 20))
def test_p25_no_trouble_leaves_a_password_or_key_without_its_mfa(
    found: RootCredentials, only: frozenset[CredentialKind], trouble: list[Trouble], appends: int | None
) -> None:
    desk = desk_with(found)
    watch = Watch(desk)
    for one in trouble:
        one.arrange(desk)
    desk.ledger.fail_after = appends
    result = remove(desk, only)
    watch.look()
    truth = desk.root_user(PROD).summary
    is_deceived = any(one.course == "lie" and one.operation in READING for one in trouble)
    for kind in result.kinds:
        if kind.outcome in {KindOutcome.DELETED, KindOutcome.ALREADY_ABSENT} and not is_deceived:
            assert not truth.has(kind.kind), f"{kind.kind} is claimed to be gone and is there"
    if result.is_proven_empty:
        assert truth.is_empty
    if appends is None:
        assert desk.ledger.open_intents == []


class Killed(BaseException):
    """The process dies here: nothing of ours runs any more."""


def count_points() -> int:
    """How many calls and commits a whole removal has."""
    desk = desk_with_everything()
    points = Points(desk, dies_at=None)
    remove(desk)
    return points.passed


def desk_with_everything() -> Desk:
    desk = Desk()
    desk.organization.add_account(PROD, "prod", root_user=root_user_with_everything())
    return desk


@dataclass
class Points:
    """Every call and every commit is a point at which the process may die."""

    desk: Desk
    dies_at: int | None
    passed: int = 0

    def __post_init__(self) -> None:
        self.desk.organization.before_each_call(self.call)
        self.desk.ledger.note = self.commit

    def call(self, operation: str, account_id: AccountId | None) -> None:
        self._pass()

    def commit(self, phase: str, entry: LedgerEntry) -> None:
        self._pass()

    def _pass(self) -> None:
        self.passed += 1
        if self.passed == self.dies_at:
            raise Killed


POINTS = 36


def test_the_points_at_which_a_removal_can_die_are_known() -> None:
    assert count_points() == POINTS


@pytest.mark.parametrize("dies_at", range(1, POINTS + 1))
def test_p25_a_removal_that_dies_anywhere_leaves_every_guard_and_the_next_one_ends_it(dies_at: int) -> None:
    desk = desk_with_everything()
    Points(desk, dies_at)
    devices = len(desk.root_user(PROD).mfa_devices)
    with pytest.raises(Killed):
        remove(desk)
    root_user = desk.root_user(PROD)
    if root_user.login_profile is not None or root_user.access_keys:
        assert len(root_user.mfa_devices) == devices
    desk.organization.before_each_call(None)
    desk.ledger.note = None
    watch = Watch(desk)
    assert remove(desk).is_proven_empty
    watch.look()
    assert root_user.is_empty
