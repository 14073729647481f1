"""The demo organization: a company of 26 accounts in which every situation can be seen at once.

``demo.yaml`` holds what a scenario file can hold; the buckets, queues and people around it are added here.

A bucket in Orders Prod, a bucket in Payments Prod EU and a queue in Orders Prod have locked out everyone, by policies
that exempt a role which is gone. Log Archive has a bucket with Object Lock for the heads of a ledger; Security has
the queue to which every Root event of the organization comes.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from rootkeeper_sandbox.scenarios.cast import start_of
from rootkeeper_sandbox.scenarios.files import build_from_file
from rootkeeper_sandbox.state.accounts import derive_bytes
from rootkeeper_sandbox.state.people import Assignment, IdentityGroup, IdentityUser, PermissionSet
from rootkeeper_sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN
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
        },
        {
            "Sid": "Watchers",
            "Effect": "Allow",
            "Principal": {"AWS": f"arn:{world.partition}:iam::{_MANAGEMENT}:root"},
            "Action": ["sqs:ReceiveMessage", "sqs:DeleteMessage"],
            "Resource": events.arn,
        },
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
        held=(
            (_MANAGEMENT, "GROUP", "Auditors"),
            (_SECURITY, "GROUP", "Auditors"),
            (_ORDERS, "GROUP", "Auditors"),
        ),
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


def build_demo(clock: Callable[[], datetime]) -> World:
    """Build the demo organization; ids and keys are the same on every start, dates are relative to the clock."""
    world = build_from_file(Path(__file__).parent / "demo.yaml", clock)
    _add_buckets(world)
    _add_queues(world)
    _add_people(world)
    _add_permission_sets(world)
    return world
