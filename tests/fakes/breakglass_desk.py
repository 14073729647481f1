"""Failsafe and break-glass at work on a fake organization, wired as the product wires them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from rootkeeper.failsafe.breakglass_service import BreakGlassReader, BreakGlassReport, CallerAccountReader
from rootkeeper.failsafe.confirmations import DrillRecorder
from rootkeeper.failsafe.rules import Check, CheckVerdict, Drill, DrillOutcome
from rootkeeper.failsafe.service import FailsafeChecker, FailsafeReport
from rootkeeper.organization.accounts import AccountId, Caller
from rootkeeper.organization.statuses import LoginProfile, MfaDevice, MfaKind
from rootkeeper.root_emails.rules import parse_rules
from tests.fakes.desk import Desk
from tests.fakes.identities import FakeIdentities
from tests.fakes.organization import MANAGEMENT
from tests.fakes.policies import FakePolicies
from tests.fakes.root_users import FakeRootUser
from tests.fakes.stores import InMemoryEmailAttestations

FAILSAFE, MEMBER = AccountId("222233334444"), AccountId("333344445555")
RULES = parse_rules(["example.com"], "", ["security@example.com"])


@dataclass(slots=True)
class BreakGlassDesk:
    """The management account, a failsafe in order, a member; the failsafe's mailbox is a group's."""

    desk: Desk = field(default_factory=Desk)
    identities: FakeIdentities = field(default_factory=FakeIdentities)
    policies: FakePolicies = field(init=False)
    attestations: InMemoryEmailAttestations = field(default_factory=InMemoryEmailAttestations)

    def __post_init__(self) -> None:
        organization = self.desk.organization
        organization.add_account(FAILSAFE, "security", root_user=make_good_login(self.now))
        organization.add_account(MEMBER, "workload")
        organization.delegated_administrators.append(FAILSAFE)
        self.policies = FakePolicies(organization)
        self.identities.use_root(self.now)

    @property
    def now(self) -> datetime:
        return self.desk.clock.now()

    def call_as(self, account_id: AccountId) -> None:
        caller = Caller(account_id, f"arn:aws:iam::{account_id}:user/operator", "aws")
        self.desk.organization.caller = caller

    @property
    def checking(self) -> FailsafeChecker:
        return FailsafeChecker(
            self.desk.audit,
            self.policies,
            self.desk.ledger,
            self.desk.windows,
            self.attestations,
            RULES,
            self.desk.clock,
        )

    @property
    def drills(self) -> DrillRecorder:
        return DrillRecorder(self.desk.act())

    @property
    def reading(self) -> BreakGlassReader:
        caller_accounts = CallerAccountReader(self.identities, self.identities, self.desk.organization.caller)
        return BreakGlassReader(self.checking, caller_accounts, self.identities, self.desk.store, self.desk.clock)

    def record_drill(self, days_ago: float = 5, account_id: AccountId = FAILSAFE) -> Drill:
        inventory = self.desk.read_inventory()
        account = next(one for one in inventory.accounts if one.account_id == account_id)
        drill = self.drills.prepare(
            inventory,
            account,
            held_by="Ana",
            held_at=self.now - timedelta(days=days_ago),
            outcome=DrillOutcome.PASSED,
        )
        self.drills.record(drill)
        return drill

    def check(self) -> FailsafeReport:
        return self.checking.check(self.desk.progress)

    def read(self) -> BreakGlassReport:
        return self.reading.read(self.desk.progress)


def make_good_login(now: datetime) -> FakeRootUser:
    """A password in use, a virtual and a hardware MFA device."""
    since = now - timedelta(days=200)
    return FakeRootUser(
        LoginProfile(since, now - timedelta(days=3)),
        mfa_devices=[
            MfaDevice("arn:aws:iam::222233334444:mfa/root-account-mfa-device", MfaKind.VIRTUAL, since),
            MfaDevice("GAHT12345678", MfaKind.HARDWARE, since),
        ],
    )


def find_check(checks: tuple[Check, ...], name: str, account_id: AccountId | None = None) -> Check:
    return next(one for one in checks if one.name == name and account_id in (None, one.account_id))


def verdicts_of(checks: tuple[Check, ...]) -> dict[str, CheckVerdict]:
    return {check.name: check.verdict for check in checks}


__all__ = ["FAILSAFE", "MANAGEMENT", "MEMBER", "BreakGlassDesk", "find_check", "make_good_login", "verdicts_of"]
