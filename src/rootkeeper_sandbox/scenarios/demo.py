"""The demo organization: a company of 26 accounts in which every situation can be seen at once.

Example Corp grew by projects and by buying AnyCompany, whose accounts were invited with all their credentials. Some
root users were used for real work, some keys still are. The Security account is meant to become delegated
administrator and failsafe, but nothing is switched on yet. A regulated unit denies root by an SCP that doesn't exempt
root sessions.

A bucket in Orders Prod, a bucket in Payments Prod EU and a queue in Orders Prod have locked out everyone, by policies
that exempt a role which is gone. Log Archive has a bucket with Object Lock for the heads of a ledger; Security has
the queue to which every Root event of the organization comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from rootkeeper_sandbox.scenarios.cast import RootUserBuilder, add_principals, start_of
from rootkeeper_sandbox.state.accounts import INACTIVE, Account, AccountState, derive_bytes, derive_lower_id
from rootkeeper_sandbox.state.description import make_policy
from rootkeeper_sandbox.state.organization import Organization, OrganizationalUnit
from rootkeeper_sandbox.state.people import Assignment, IdentityGroup, IdentityUser, PermissionSet
from rootkeeper_sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN, PolicyType
from rootkeeper_sandbox.state.resources import ENABLED, Bucket, EventRule, Queue
from rootkeeper_sandbox.state.world import World

_MANAGEMENT, _SECURITY, _LOG_ARCHIVE = "111122223333", "222233334444", "333344445555"
_SHOP, _ORDERS, _PAYMENTS_EU = "777788889999", "888899990000", "300040005000"
ROOT_EVENTS_QUEUE = "rootkeeper-root-events"
ANCHOR_BUCKET = "amzn-s3-demo-ledger-anchor"
LOCKED_BUCKET = "amzn-s3-demo-orders-invoices"
LOCKED_BUCKET_EU = "amzn-s3-demo-payments-archive"
LOCKED_QUEUE = "orders-incoming"
_AGE = timedelta(days=300)


def add_demo_resources(world: World) -> None:
    """Add everything to the demo organization."""
    _add_buckets(world)
    _add_queues(world)
    _add_people(world)
    _add_permission_sets(world)


def _document(*statements: Mapping[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def _lock_out(action: str, account_id: str, role: str, resources: Sequence[str], *others: Mapping[str, Any]) -> str:
    """Deny everyone but a role; the demo has no such role."""
    return _document(
        {
            "Sid": "OnlyTheDeployment",
            "Effect": "Deny",
            "Principal": "*",
            "Action": action,
            "Resource": list(resources),
            "Condition": {"StringNotEquals": {"aws:PrincipalArn": f"arn:aws:iam::{account_id}:role/{role}"}},
        },
        *others,
    )


def _bucket_arns(name: str) -> list[str]:
    return [f"arn:aws:s3:::{name}", f"arn:aws:s3:::{name}/*"]


def _add_buckets(world: World) -> None:
    created_at = start_of(world) - _AGE
    arns = _bucket_arns(ANCHOR_BUCKET)
    insecure = {"Bool": {"aws:SecureTransport": "false"}}
    tls_only = {"Sid": "TlsOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*", "Condition": insecure}
    anchors = {
        "Sid": "AnchorsOfTheLedger",
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account_id}:root" for account_id in (_MANAGEMENT, _SECURITY)]},
        "Action": ["s3:GetObject", "s3:ListBucket", "s3:PutObject", "s3:PutObjectRetention"],
        "Resource": arns,
    }
    locked_eu = _lock_out("s3:*", _PAYMENTS_EU, "archive-writer", _bucket_arns(LOCKED_BUCKET_EU))
    shop_policy = _document(tls_only | {"Resource": _bucket_arns("amzn-s3-demo-shop-assets")})
    arns = _bucket_arns(LOCKED_BUCKET)
    locked = _lock_out("s3:*", _ORDERS, "orders-deployment", arns, tls_only | {"Resource": arns})
    for bucket in (
        Bucket(ANCHOR_BUCKET, _LOG_ARCHIVE, "us-east-1", created_at, _document(anchors), ENABLED, has_object_lock=True),
        Bucket("amzn-s3-demo-shop-assets", _SHOP, "us-east-1", created_at, shop_policy),
        Bucket(LOCKED_BUCKET, _ORDERS, "us-east-1", created_at, locked),
        Bucket(LOCKED_BUCKET_EU, _PAYMENTS_EU, "eu-central-1", created_at, locked_eu),
    ):
        world.buckets.buckets[bucket.name] = bucket


def _add_queues(world: World) -> None:
    created_at = start_of(world) - _AGE
    locked = Queue(LOCKED_QUEUE, _ORDERS, "us-east-1", created_at, created_at, world.partition)
    locked.policy = _lock_out("sqs:*", _ORDERS, "orders-deployment", [locked.arn])
    events = Queue(ROOT_EVENTS_QUEUE, _SECURITY, "us-east-1", created_at, created_at, world.partition)
    events.policy = _document(
        {
            "Sid": "RootEvents",
            "Effect": "Allow",
            "Principal": {"Service": "events.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": events.arn,
        }
    )
    for queue in (locked, events):
        world.queues.add(queue)
    world.event_rules.append(EventRule("root-events", events.arn))


@dataclass(frozen=True, slots=True)
class _Person:
    user_name: str
    display_name: str
    groups: tuple[str, ...]


_PEOPLE = (
    _Person("ana.silva", "Ana Carolina Silva", ("Platform Administrators",)),
    _Person("mary.major", "Mary Major", ("Platform Administrators", "Security")),
    _Person("paulo.santos", "Paulo Santos", ("Security",)),
    _Person("nikki.wolf", "Nikki Wolf", ("Auditors",)),
    _Person("li.juan", "Li Juan", ("Developers",)),
    _Person("john.doe", "John Doe", ("Developers",)),
    _Person("shirley.rodriguez", "Shirley Rodriguez", ()),
)

_GROUPS = ("Platform Administrators", "Security", "Auditors", "Developers")


def _uuid(*parts: str) -> str:
    text = derive_bytes("identity-store", *parts).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _add_people(world: World) -> None:
    center = world.identity_center
    center.name = "example-corp"
    for group_name in _GROUPS:
        group = IdentityGroup(_uuid("group", group_name), group_name)
        center.groups[group.group_id] = group
        for person in _PEOPLE:
            user_id = _uuid("user", person.user_name)
            address = f"{person.user_name}@example.com"
            center.users[user_id] = IdentityUser(user_id, person.user_name, person.display_name, address)
            if group_name in person.groups:
                group.member_ids[user_id] = _uuid("membership", group_name, person.user_name)


_ASSUME_ROOT: Mapping[str, Any] = {"Effect": "Allow", "Action": "sts:AssumeRoot", "Resource": "arn:aws:iam::*:root"}
_AUDIT_TASK = "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"
_AUDIT_ONLY = {"Condition": {"ArnEquals": {"sts:TaskPolicyArn": _AUDIT_TASK}}}


@dataclass(frozen=True, slots=True)
class _Set:
    name: str
    description: str
    managed: tuple[str, ...] = ()
    inline: str = ""
    customer: str = ""
    boundary: str | None = None
    held: tuple[tuple[str, str, str], ...] = ()
    """Accounts, each with the type and name of who holds the set there."""


_SETS = (
    _Set(
        "AdministratorAccess",
        "Everything",
        managed=(ADMINISTRATOR_ACCESS_ARN,),
        held=(
            (_MANAGEMENT, "GROUP", "Platform Administrators"),
            (_SECURITY, "GROUP", "Security"),
            (_SHOP, "GROUP", "Developers"),
        ),
    ),
    _Set(
        "RootAccessAudit",
        "Reads what root users hold",
        inline=_document({**_ASSUME_ROOT, **_AUDIT_ONLY}),
        held=((_SECURITY, "GROUP", "Auditors"),),
    ),
    _Set(
        "RootAccessTasks",
        "Opens root sessions of any task",
        inline=_document(_ASSUME_ROOT),
        held=((_SECURITY, "GROUP", "Security"), (_MANAGEMENT, "USER", "shirley.rodriguez")),
    ),
    _Set(
        "ReadOnlyAccess",
        "Reads everything",
        managed=("arn:aws:iam::aws:policy/ReadOnlyAccess",),
        held=((_MANAGEMENT, "GROUP", "Auditors"), (_SECURITY, "GROUP", "Auditors"), (_ORDERS, "GROUP", "Auditors")),
    ),
    _Set(
        "WorkloadOperator",
        "Runs the workloads",
        managed=("arn:aws:iam::aws:policy/PowerUserAccess",),
        customer="WorkloadOperatorExtras",
        boundary="arn:aws:iam::aws:policy/PowerUserAccess",
        held=((_ORDERS, "GROUP", "Developers"), (_PAYMENTS_EU, "GROUP", "Developers")),
    ),
)


def _add_permission_sets(world: World) -> None:
    center = world.identity_center
    instance_id = center.instance_arn.rpartition("/")[2]
    ids = {group.display_name: group.group_id for group in center.groups.values()}
    ids |= {user.user_name: user.user_id for user in center.users.values()}
    for wanted in _SETS:
        number = derive_bytes("permission-set", wanted.name).hex()[:16]
        arn = f"arn:{world.partition}:sso:::permissionSet/{instance_id}/ps-{number}"
        center.permission_sets[arn] = PermissionSet(
            arn=arn,
            name=wanted.name,
            created_at=start_of(world) - _AGE,
            description=wanted.description,
            inline_policy=wanted.inline,
            managed_policies={policy: policy.rpartition("/")[2] for policy in wanted.managed},
            customer_policies={wanted.customer: "/"} if wanted.customer else {},
            boundary_arn=wanted.boundary,
        )
        held = (Assignment(account_id, arn, kind, ids[name]) for account_id, kind, name in wanted.held)
        center.assignments.extend(held)


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
    "Security", "Infrastructure", "Workloads", "Workloads/Prod", "Workloads/Prod/EU", "Workloads/Test", "AnyCompany",
    "Sandboxes", "Regulated", "Suspended",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Held:
    """One credential of a root user, as the method and arguments of ``RootUserBuilder``."""

    kind: str
    age: float
    """In days, as ``last_used``."""
    last_used: float | None = None
    service: str | None = None
    status: str | None = None

    def add_to(self, root: RootUserBuilder) -> None:
        given = {"last_used": self.last_used, "service": self.service, "status": self.status}
        getattr(root, self.kind)(age=self.age, **{name: value for name, value in given.items() if value is not None})


@dataclass(frozen=True, slots=True)
class _Member:
    """One line of the demo organization."""

    account_id: str
    name: str
    ou_path: str
    """Empty for the organization root."""
    age: int
    """Days since the account joined."""
    team: str = ""
    environment: str = ""
    held: tuple[_Held, ...] = ()
    email: str = ""
    """By default ``aws+NAME@example.com``."""
    state: AccountState = AccountState.ACTIVE
    joined_method: str = "CREATED"


_MANAGEMENT_HELD = (
    _Held("password", age=2600, last_used=214),
    _Held("virtual_mfa", age=2600),
    _Held("hardware_mfa", age=1100),
)
_FAILSAFE = (_Held("password", age=1180, last_used=92), _Held("virtual_mfa", age=1180), _Held("hardware_mfa", age=1179))
_PASSWORD_AND_VIRTUAL_MFA = (_Held("password", age=1500, last_used=930), _Held("virtual_mfa", age=1500))
_PASSWORD_AND_HARDWARE_MFA = (_Held("password", age=3100, last_used=640), _Held("hardware_mfa", age=2900))
_PASSWORD_AND_SECURITY_KEY = (_Held("password", age=500, last_used=260), _Held("security_key", age=499))
_PASSWORD_WITHOUT_MFA = (_Held("password", age=1650, last_used=410),)
_PASSWORD_NEVER_USED = (_Held("password", age=820),)
_PASSWORD_USED_LATELY = (_Held("password", age=380, last_used=11), _Held("virtual_mfa", age=379))
_RECOVERY_LEFT_OPEN = (_Held("allow_recovery", age=47),)
_KEY_USED_YESTERDAY = (_Held("access_key", age=2350, last_used=1, service="s3"),)
_KEY_NEVER_USED = (_Held("access_key", age=1900),)
_TWO_OLD_KEYS = (
    _Held("password", age=2050, last_used=1300),
    _Held("access_key", age=2050, last_used=1210, service="ec2"),
    _Held("access_key", age=1800, status=INACTIVE),
)
_CERTIFICATE_AND_KEY = (
    _Held("password", age=4100, last_used=1700),
    _Held("signing_certificate", age=4050),
    _Held("access_key", age=4000, last_used=1650, service="ec2"),
)
_CERTIFICATE_ONLY = (_Held("signing_certificate", age=3900, status=INACTIVE),)
_EVERYTHING = (
    _Held("password", age=3700, last_used=520),
    _Held("access_key", age=3650, last_used=700, service="sqs"),
    _Held("access_key", age=3000, last_used=2400, service="iam"),
    _Held("signing_certificate", age=3600),
    _Held("virtual_mfa", age=3200),
)

_INVITED = "INVITED"
_INVITED_AGE = timedelta(days=4200)

_MEMBERS = (
    _Member(SECURITY_ACCOUNT_ID, "Security", "Security", 1190, "security", held=_FAILSAFE),
    _Member("333344445555", "Log Archive", "Security", 1188, "security"),
    _Member("444455556666", "Audit", "Security", 900, "security"),
    _Member("555566667777", "Network", "Infrastructure", 1600, "platform", held=_PASSWORD_AND_VIRTUAL_MFA),
    _Member("666677778888", "Shared Services", "Infrastructure", 1580, "platform"),
    _Member("012345678901", "Backup", "Infrastructure", 860, "platform", held=_PASSWORD_NEVER_USED),
    _Member(MEMBER_ADMIN_ACCOUNT_ID, "Shop Prod", "Workloads/Prod", 700, "shop", "prod"),
    _Member("888899990000", "Orders Prod", "Workloads/Prod", 1660, "shop", "prod", _PASSWORD_WITHOUT_MFA),
    _Member("999900001111", "Search Prod", "Workloads/Prod", 2400, "search", "prod", _KEY_USED_YESTERDAY),
    _Member("100020003000", "Warehouse Prod", "Workloads/Prod", 2100, "data", "prod", _TWO_OLD_KEYS),
    _Member("200030004000", "Shop Prod EU", "Workloads/Prod/EU", 310, "shop", "prod"),
    _Member(
        "300040005000",
        "Payments Prod EU",
        "Workloads/Prod/EU",
        1500,
        "payments",
        "prod",
        _PASSWORD_AND_HARDWARE_MFA,
        joined_method=_INVITED,
    ),
    _Member("400050006000", "Shop Test", "Workloads/Test", 690, "shop", "test"),
    _Member("500060007000", "Payments Test", "Workloads/Test", 640, "payments", "test", _RECOVERY_LEFT_OPEN),
    _Member("600070008000", "Orders Test", "Workloads/Test", 1950, "shop", "test", _KEY_NEVER_USED),
    _Member(
        "700080009000",
        "AnyCompany Billing",
        "AnyCompany",
        520,
        "anycompany",
        held=_CERTIFICATE_AND_KEY,
        email="billing@example.net",
        joined_method=_INVITED,
    ),
    _Member(
        "800090001000",
        "AnyCompany Web",
        "AnyCompany",
        520,
        "anycompany",
        held=_EVERYTHING,
        email="webmaster@example.net",
        joined_method=_INVITED,
    ),
    _Member(
        "900010002000",
        "AnyCompany Data",
        "AnyCompany",
        519,
        "anycompany",
        held=_CERTIFICATE_ONLY,
        email="john.doe@example.net",
        joined_method=_INVITED,
    ),
    _Member("121234345656", "Sandbox Ana", "Sandboxes", 150, "developers", "sandbox"),
    _Member(
        "232345456767",
        "Sandbox Li",
        "Sandboxes",
        390,
        "developers",
        "sandbox",
        _PASSWORD_USED_LATELY,
        email="li.juan@example.com",
    ),
    _Member(
        "343456567878",
        "R&D <Prototype>",
        "Sandboxes",
        505,
        "research",
        held=_PASSWORD_AND_SECURITY_KEY,
        email="aws+rnd-prototype@example.com",
    ),
    _Member("454567678989", "Payroll", "Regulated", 1300, "finance", "prod"),
    _Member("565678789090", "Medical Records", "Regulated", 1290, "health", "prod", _PASSWORD_AND_VIRTUAL_MFA),
    _Member("676789890101", "Old Website", "Suspended", 3300, held=_TWO_OLD_KEYS, state=AccountState.SUSPENDED),
    _Member(
        "787890901212", "Pilot 2023", "Suspended", 980, held=_PASSWORD_WITHOUT_MFA, state=AccountState.PENDING_CLOSURE
    ),
)


def build_demo(clock: Callable[[], datetime]) -> World:
    """Build the demo organization; ids and keys are the same on every start, dates are relative to the clock."""
    organization = Organization(ORGANIZATION_ID, ORGANIZATION_ROOT_ID, MANAGEMENT_ACCOUNT_ID)
    world = World(organization, "demo", clock)
    ou_ids = _add_organizational_units(organization)
    address = "aws-management@example.com"
    management = _Member(
        MANAGEMENT_ACCOUNT_ID, "Example Corp Management", "", 2600, held=_MANAGEMENT_HELD, email=address
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
    for held in member.held:
        held.add_to(RootUserBuilder(world, account))


def _deny_root(organization: Organization, ou_id: str) -> None:
    policy = make_policy(
        organization,
        "DenyRootUser",
        PolicyType.SERVICE_CONTROL_POLICY,
        DENY_ROOT_WITHOUT_EXEMPTION,
        "Landing zone baseline: no one works as root",
    )
    organization.policy_book.add(policy)
    organization.policy_book.attach(policy, ou_id)
