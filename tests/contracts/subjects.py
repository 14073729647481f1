"""What a contract is tried on: the fake organization, and the real adapter against a sandbox."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from rootkeeper.aws.gateway import AwsGateway
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import AwsThrottledError, AwsUnreachableError
from rootkeeper.ledger.rules import Action, Intent
from rootkeeper.organization.accounts import AccountId, AccountState, Feature
from rootkeeper.organization.statuses import MfaKind, RootCredentialsSummary
from tests.fakes.clock import FakeClock
from tests.fakes.intents import make_intent
from tests.fakes.organization import FakeOrganization
from tests.fakes.root_sessions import FakeRootSession
from tests.fakes.root_users import FakeRootUser
from tests.sandbox_process import SandboxProcess

MANAGEMENT = AccountId("111122223333")
SECURITY = AccountId("222233334444")
MEMBER = AccountId("777788889999")
"""An ordinary member, clean at the start."""
BLOCKED = AccountId("454567678989")
"""A service control policy denies its root user everything, root sessions included."""
SUSPENDED = AccountId("676789890101")
FOREIGN = AccountId("999999999999")
"""Of no organization that we know."""

AnyOrganization = FakeOrganization | AwsGateway


class Subject(Protocol):
    """One implementation of the three ports, and the truth behind it. Trusted access and both features are on."""

    @property
    def organization(self) -> AnyOrganization: ...

    @property
    def clock(self) -> FakeClock: ...

    def give(self, account_id: AccountId, root_user: FakeRootUser) -> None:
        """Make it the truth."""
        ...

    def truth(self, account_id: AccountId) -> RootCredentialsSummary: ...

    def true_features(self) -> set[Feature]: ...

    def operations(self) -> list[tuple[str, AccountId | None]]:
        """Every call so far, in order."""
        ...

    def cut_off(self, operation: str) -> None:
        """The next such call acts, and its answer is lost."""
        ...

    def lie(self, operation: str) -> None:
        """The next such call answers success and changes nothing."""
        ...

    def throttle(self, operation: str) -> None:
        """The next such call is refused for its rate."""
        ...

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        ...


def intent(subject: Subject, action: Action, account_id: AccountId | None = None) -> Intent:
    return make_intent(subject.clock, action, account_id)


def open_session(subject: Subject, task_policy: TaskPolicy, account_id: AccountId = MEMBER) -> FakeRootSession:
    """An open root session whose identity was checked. (Both kinds answer alike; the type is the fake's.)"""
    session = subject.organization.open(account_id, task_policy, intent(subject, Action.ROOT_SESSION_OPEN, account_id))
    session.require_identity()
    return session  # type: ignore[return-value]  # the contract is that both are used alike


@dataclass
class FakeSubject:
    """The fake, furnished like the sandbox's demo organization as far as the contracts look at it."""

    organization: FakeOrganization

    @staticmethod
    def add_demo_resources() -> FakeSubject:
        organization = FakeOrganization()
        organization.page_size = 3
        organization.root_users[MANAGEMENT].mfa_devices = []
        security = organization.add_unit("ou-exam-security", "Security")
        workloads = organization.add_unit("ou-exam-workload", "Workloads")
        production = organization.add_unit("ou-exam-production", "Prod", workloads)
        regulated = organization.add_unit("ou-exam-regulated", "Regulated")
        organization.add_account(SECURITY, "Security", ou_id=security)
        organization.add_account(MEMBER, "Shop Prod", ou_id=production)
        organization.add_account(BLOCKED, "Payroll", ou_id=regulated)
        organization.add_account(SUSPENDED, "Old Website", state=AccountState.SUSPENDED)
        organization.blocked_by[BLOCKED] = "p-examplescp"
        return FakeSubject(organization)

    @property
    def clock(self) -> FakeClock:
        return self.organization.clock

    def give(self, account_id: AccountId, root_user: FakeRootUser) -> None:
        self.organization.root_users[account_id] = root_user

    def truth(self, account_id: AccountId) -> RootCredentialsSummary:
        return self.organization.root_users[account_id].summary

    def true_features(self) -> set[Feature]:
        return self.organization.features

    def operations(self) -> list[tuple[str, AccountId | None]]:
        return list(self.organization.calls)

    def cut_off(self, operation: str) -> None:
        is_reading = operation.startswith(("Get", "List"))
        self.organization.act_then_fail(operation, AwsUnreachableError("No answer.") if is_reading else None)

    def lie(self, operation: str) -> None:
        self.organization.lie(operation, times=1)

    def throttle(self, operation: str) -> None:
        self.organization.fail(operation, AwsThrottledError("Rate exceeded", aws_code="Throttling"), times=1)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)


_MFA_KINDS = {MfaKind.VIRTUAL: "virtual", MfaKind.HARDWARE: "hardware", MfaKind.SECURITY_KEY: "fido"}


@dataclass
class SandboxSubject:
    """The real adapter, speaking to a sandbox over HTTP."""

    sandbox: SandboxProcess
    organization: AwsGateway
    clock: FakeClock
    start: int
    """The number of the last request before this test."""

    def give(self, account_id: AccountId, root_user: FakeRootUser) -> None:
        self.sandbox.put_root_user(account_id, _describe(root_user))

    def truth(self, account_id: AccountId) -> RootCredentialsSummary:
        found = self.sandbox.root_user(account_id)
        return RootCredentialsSummary(
            has_password=bool(found["password"] or found["recovery_allowed"]),
            has_access_keys=bool(found["access_keys"]),
            has_signing_certificates=bool(found["signing_certificates"]),
            has_mfa_devices=bool(found["mfa_devices"]),
        )

    def true_features(self) -> set[Feature]:
        return {Feature(word) for word in self.sandbox.organization()["features"]}

    def operations(self) -> list[tuple[str, AccountId | None]]:
        return [(operation, AccountId(on) if on else None) for operation, on in self.sandbox.operations(self.start)]

    def cut_off(self, operation: str) -> None:
        self.sandbox.faults(operation=operation, times=1, drop=True)

    def lie(self, operation: str) -> None:
        self.sandbox.faults(operation=operation, times=1, lie=True)

    def throttle(self, operation: str) -> None:
        error = {"code": "Throttling", "status": 400, "message": "Rate exceeded"}
        self.sandbox.faults(operation=operation, times=1, error=error)

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.sandbox.clock(seconds)


def _describe(root_user: FakeRootUser) -> dict[str, object]:
    """As ``PUT /_sandbox/accounts/{id}/root-user`` takes it."""
    profile = root_user.login_profile
    return {
        "password": profile is not None,
        "password_last_used_at": profile.last_used_at.isoformat() if profile and profile.last_used_at else None,
        "access_keys": [
            {
                "access_key_id": key.access_key_id,
                "status": "Active" if key.is_active else "Inactive",
                "created_at": key.created_at.isoformat(),
                "last_used_at": key.last_used_at.isoformat() if key.last_used_at else None,
            }
            for key in root_user.access_keys
        ],
        "signing_certificates": [
            {
                "certificate_id": one.signing_certificate_id,
                "status": "Active" if one.is_active else "Inactive",
                "uploaded_at": one.uploaded_at.isoformat(),
            }
            for one in root_user.signing_certificates
        ],
        "mfa_devices": [
            {
                "serial_number": one.mfa_serial_number,
                "kind": _MFA_KINDS[one.kind],
                "enabled_at": one.enabled_at.isoformat(),
            }
            for one in root_user.mfa_devices
        ],
    }
