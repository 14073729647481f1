"""The demo organization: a company of 26 accounts, in which every situation can be seen at once.

Its story: Example Corp grew by projects and by buying AnyCompany, whose accounts were invited with all they had. Some
root users were used for real work, some keys still are. The security team has an account for itself, meant to become
delegated administrator and failsafe, but nothing is switched on yet. A regulated unit denies root by an SCP that
doesn't exempt root sessions, so that nobody can see, let alone delete, what is in there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from rootkeeper.sandbox.scenarios.cast import RootUserBuilder, add_principals, start_of
from rootkeeper.sandbox.scenarios.demo_resources import add_demo_resources
from rootkeeper.sandbox.state import Account, AccountState, Organization, OrganizationalUnit, PolicyType, World
from rootkeeper.sandbox.state.credentials import INACTIVE
from rootkeeper.sandbox.state.description import make_policy
from rootkeeper.sandbox.state.identifiers import derive_lower_id

ORGANIZATION_ID = "o-exampleorgid"
ORGANIZATION_ROOT_ID = "r-demo"
MANAGEMENT_ACCOUNT_ID = "111122223333"
SECURITY_ACCOUNT_ID = "222233334444"
MEMBER_ADMIN_ACCOUNT_ID = "777788889999"

DENY_ROOT_WITHOUT_EXEMPTION = """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "DenyRootUser",
      "Effect": "Deny",
      "Action": "*",
      "Resource": "*",
      "Condition": {"StringLike": {"aws:PrincipalArn": "arn:aws:iam::*:root"}}
    }
  ]
}"""

_OU_PATHS = (
    "Security",
    "Infrastructure",
    "Workloads",
    "Workloads/Prod",
    "Workloads/Prod/EU",
    "Workloads/Test",
    "AnyCompany",
    "Sandboxes",
    "Regulated",
    "Suspended",
)

RootUserSetup = Callable[[RootUserBuilder], None]


@dataclass(frozen=True, slots=True)
class _Member:
    """One line of the demo organization."""

    account_id: str
    name: str
    ou_path: str
    """Empty for the organization root."""
    age: int
    """Days since the account joined."""
    dress: RootUserSetup | None = None
    """Gives the root user its credentials; ``None`` leaves it clean."""
    email: str = ""
    """By default ``aws+NAME@example.com``."""
    state: AccountState = AccountState.ACTIVE
    joined_method: str = "CREATED"
    team: str = ""
    environment: str = ""


def _management(root: RootUserBuilder) -> None:
    root.password(age=2600, last_used=214)
    root.virtual_mfa(age=2600)
    root.hardware_mfa(age=1100)


def _failsafe(root: RootUserBuilder) -> None:
    root.password(age=1180, last_used=92)
    root.virtual_mfa(age=1180)
    root.hardware_mfa(age=1179)


def _password_and_virtual_mfa(root: RootUserBuilder) -> None:
    root.password(age=1500, last_used=930)
    root.virtual_mfa(age=1500)


def _password_and_hardware_mfa(root: RootUserBuilder) -> None:
    root.password(age=3100, last_used=640)
    root.hardware_mfa(age=2900)


def _password_and_security_key(root: RootUserBuilder) -> None:
    root.password(age=500, last_used=260)
    root.security_key(age=499)


def _password_without_mfa(root: RootUserBuilder) -> None:
    root.password(age=1650, last_used=410)


def _password_never_used(root: RootUserBuilder) -> None:
    root.password(age=820)


def _password_used_lately(root: RootUserBuilder) -> None:
    root.password(age=380, last_used=11)
    root.virtual_mfa(age=379)


def _recovery_left_open(root: RootUserBuilder) -> None:
    root.allow_recovery(age=47)


def _key_used_yesterday(root: RootUserBuilder) -> None:
    root.access_key(age=2350, last_used=1, service="s3")


def _key_never_used(root: RootUserBuilder) -> None:
    root.access_key(age=1900)


def _two_old_keys(root: RootUserBuilder) -> None:
    root.password(age=2050, last_used=1300)
    root.access_key(age=2050, last_used=1210, service="ec2")
    root.access_key(age=1800, status=INACTIVE)


def _certificate_and_key(root: RootUserBuilder) -> None:
    root.password(age=4100, last_used=1700)
    root.signing_certificate(age=4050)
    root.access_key(age=4000, last_used=1650, service="ec2")


def _certificate_only(root: RootUserBuilder) -> None:
    root.signing_certificate(age=3900, status=INACTIVE)


def _everything(root: RootUserBuilder) -> None:
    root.password(age=3700, last_used=520)
    root.access_key(age=3650, last_used=700, service="sqs")
    root.access_key(age=3000, last_used=2400, service="iam")
    root.signing_certificate(age=3600)
    root.virtual_mfa(age=3200)


_INVITED = "INVITED"
_INVITED_AGE = timedelta(days=4200)
_MEMBERS = (
    _Member(SECURITY_ACCOUNT_ID, "Security", "Security", 1190, _failsafe, team="security"),
    _Member("333344445555", "Log Archive", "Security", 1188, team="security"),
    _Member("444455556666", "Audit", "Security", 900, team="security"),
    _Member("555566667777", "Network", "Infrastructure", 1600, _password_and_virtual_mfa, team="platform"),
    _Member("666677778888", "Shared Services", "Infrastructure", 1580, team="platform"),
    _Member("012345678901", "Backup", "Infrastructure", 860, _password_never_used, team="platform"),
    _Member(MEMBER_ADMIN_ACCOUNT_ID, "Shop Prod", "Workloads/Prod", 700, team="shop", environment="prod"),
    _Member(
        "888899990000", "Orders Prod", "Workloads/Prod", 1660, _password_without_mfa, team="shop", environment="prod"
    ),
    _Member(
        "999900001111", "Search Prod", "Workloads/Prod", 2400, _key_used_yesterday, team="search", environment="prod"
    ),
    _Member("100020003000", "Warehouse Prod", "Workloads/Prod", 2100, _two_old_keys, team="data", environment="prod"),
    _Member("200030004000", "Shop Prod EU", "Workloads/Prod/EU", 310, team="shop", environment="prod"),
    _Member(
        "300040005000",
        "Payments Prod EU",
        "Workloads/Prod/EU",
        1500,
        _password_and_hardware_mfa,
        joined_method=_INVITED,
        team="payments",
        environment="prod",
    ),
    _Member("400050006000", "Shop Test", "Workloads/Test", 690, team="shop", environment="test"),
    _Member(
        "500060007000", "Payments Test", "Workloads/Test", 640, _recovery_left_open, team="payments", environment="test"
    ),
    _Member("600070008000", "Orders Test", "Workloads/Test", 1950, _key_never_used, team="shop", environment="test"),
    _Member(
        "700080009000",
        "AnyCompany Billing",
        "AnyCompany",
        520,
        _certificate_and_key,
        "billing@example.net",
        joined_method=_INVITED,
        team="anycompany",
    ),
    _Member(
        "800090001000",
        "AnyCompany Web",
        "AnyCompany",
        520,
        _everything,
        "webmaster@example.net",
        joined_method=_INVITED,
        team="anycompany",
    ),
    _Member(
        "900010002000",
        "AnyCompany Data",
        "AnyCompany",
        519,
        _certificate_only,
        "john.doe@example.net",
        joined_method=_INVITED,
        team="anycompany",
    ),
    _Member("121234345656", "Sandbox Ana", "Sandboxes", 150, team="developers", environment="sandbox"),
    _Member(
        "232345456767",
        "Sandbox Li",
        "Sandboxes",
        390,
        _password_used_lately,
        "li.juan@example.com",
        team="developers",
        environment="sandbox",
    ),
    _Member(
        "343456567878",
        "R&D <Prototype>",
        "Sandboxes",
        505,
        _password_and_security_key,
        "aws+rnd-prototype@example.com",
        team="research",
    ),
    _Member("454567678989", "Payroll", "Regulated", 1300, team="finance", environment="prod"),
    _Member(
        "565678789090",
        "Medical Records",
        "Regulated",
        1290,
        _password_and_virtual_mfa,
        team="health",
        environment="prod",
    ),
    _Member("676789890101", "Old Website", "Suspended", 3300, _two_old_keys, state=AccountState.SUSPENDED),
    _Member("787890901212", "Pilot 2023", "Suspended", 980, _password_without_mfa, state=AccountState.PENDING_CLOSURE),
)


def build_demo(clock: Callable[[], datetime]) -> World:
    """Build the demo organization; ids and keys are the same on every start, dates are relative to the clock."""
    organization = Organization(ORGANIZATION_ID, ORGANIZATION_ROOT_ID, MANAGEMENT_ACCOUNT_ID)
    world = World(organization, "demo", clock)
    ou_ids = _add_organizational_units(organization)
    management = _Member(
        MANAGEMENT_ACCOUNT_ID, "Example Corp Management", "", 2600, _management, "aws-management@example.com"
    )
    for member in (management, *_MEMBERS):
        _add_account(world, member, ou_ids[member.ou_path])
    add_principals(world, delegate_id=SECURITY_ACCOUNT_ID, member_id=MEMBER_ADMIN_ACCOUNT_ID)
    _deny_root(organization, ou_ids["Regulated"])
    add_demo_resources(world)
    return world


def _add_organizational_units(organization: Organization) -> dict[str, str]:
    ou_ids = {"": organization.organization_root_id}
    for path in _OU_PATHS:
        parent, _, name = path.rpartition("/")
        ou_id = f"ou-demo-{derive_lower_id(8, 'demo', path)}"
        organization.add_organizational_unit(OrganizationalUnit(ou_id, name, ou_ids[parent]))
        ou_ids[path] = ou_id
    return ou_ids


def _add_account(world: World, member: _Member, parent_id: str) -> None:
    account = Account(
        account_id=member.account_id,
        name=member.name,
        email=member.email or f"aws+{member.name.lower().replace(' ', '-')}@example.com",
        joined_at=start_of(world) - timedelta(days=member.age),
        joined_method=member.joined_method,
        opened_at=start_of(world) - _INVITED_AGE if member.joined_method == _INVITED else None,
        state=member.state,
        tags={key: value for key, value in (("team", member.team), ("environment", member.environment)) if value},
    )
    world.organization.add_account(account, parent_id)
    if member.dress:
        member.dress(RootUserBuilder(world, account))


def _deny_root(organization: Organization, ou_id: str) -> None:
    policy = make_policy(
        organization,
        "DenyRootUser",
        PolicyType.SERVICE_CONTROL_POLICY,
        DENY_ROOT_WITHOUT_EXEMPTION,
        "Landing zone baseline: nobody works as root",
    )
    organization.policy_book.add(policy)
    organization.policy_book.attach(policy, ou_id)
