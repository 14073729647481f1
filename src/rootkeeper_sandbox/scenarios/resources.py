"""Buckets, queues, and the people and permission sets of IAM Identity Center in a scenario file."""

from __future__ import annotations

import re
from datetime import timedelta

from rootkeeper_sandbox.authorization.documents import PolicyKind
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.scenarios.cast import start_of
from rootkeeper_sandbox.scenarios.permissions import find_account, read_document
from rootkeeper_sandbox.scenarios.yaml_nodes import Fields, Value
from rootkeeper_sandbox.state.accounts import derive_bytes
from rootkeeper_sandbox.state.people import Assignment, IdentityGroup, IdentityUser, PermissionSet
from rootkeeper_sandbox.state.resources import ENABLED, SUSPENDED, Bucket, EventRule, Queue
from rootkeeper_sandbox.state.world import World

_AGE = timedelta(days=300)
"""How long ago everything here was created."""
_REGION = re.compile(r"[a-z]{2}(-[a-z]+)+-\d", re.ASCII)
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]", re.ASCII)
_QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}", re.ASCII)
_PERMISSION_SET_NAME = re.compile(r"[\w+=,.@-]{1,32}", re.ASCII)


def add_buckets(world: World, top: Fields) -> None:
    """Add the file's buckets.

    :raises ScenarioError: if a bucket isn't in order.
    """
    for value in top.items("buckets"):
        fields = value.fields("name", "account", "region", "policy", "versioning", "object_lock")
        name, versioning = fields.get("name"), fields.find("versioning")
        if name.text() in world.buckets.buckets:
            raise name.place.error(f"there is a bucket {name.text()} already.")
        bucket = Bucket(
            name=_read_name(name, _BUCKET_NAME, "3 to 63 small letters, digits, dots and hyphens"),
            account_id=find_account(world, fields.get("account")).account_id,
            region=_read_region(world, fields),
            created_at=start_of(world) - _AGE,
            policy=_read_policy(fields),
            versioning=versioning.choice(ENABLED, SUSPENDED) if versioning else None,
            has_object_lock=fields.flag("object_lock"),
        )
        if bucket.has_object_lock and bucket.versioning != ENABLED:
            raise fields.get("object_lock").place.error(f"needs `versioning: {ENABLED}`.")
        world.buckets.buckets[bucket.name] = bucket


def add_queues(world: World, top: Fields) -> None:
    """Add the file's queues, and the rules that forward root events to them.

    :raises ScenarioError: if a queue isn't in order.
    """
    created_at = start_of(world) - _AGE
    for value in top.items("queues"):
        fields = value.fields("name", "account", "region", "policy", "root_events")
        name = _read_name(fields.get("name"), _QUEUE_NAME, "1 to 80 letters, digits, hyphens and underscores")
        account_id = find_account(world, fields.get("account")).account_id
        queue = Queue(name, account_id, _read_region(world, fields), created_at, created_at, world.partition)
        if queue.arn in world.queues.queues:
            raise fields.get("name").place.error(f"the account has a queue {name} in that Region already.")
        queue.policy = _read_policy(fields)
        world.queues.add(queue)
        if fields.flag("root_events"):
            number = len(world.event_rules)
            world.event_rules.append(EventRule(f"root-events-{number + 1}" if number else "root-events", queue.arn))


def add_identity_center(world: World, top: Fields) -> None:
    """Add people, groups, permission sets and assignments.

    :raises ScenarioError: if an entry isn't in order.
    """
    found = top.find("identity_center")
    if found is None:
        return
    fields, center = found.fields("name", "groups", "users", "permission_sets"), world.identity_center
    center.name = fields.text("name", "")
    for value in fields.items("groups"):
        group = IdentityGroup(_derive_uuid("group", value.text()), value.text())
        if group.group_id in center.groups:
            raise value.place.error(f"there is a group {value.text()} already.")
        center.groups[group.group_id] = group
    for value in fields.items("users"):
        _add_user(world, value)
    for value in fields.items("permission_sets"):
        _add_permission_set(world, value)


def _add_user(world: World, value: Value) -> None:
    fields, center = value.fields("name", "display_name", "email", "groups"), world.identity_center
    name = fields.get("name").text()
    user_id = _derive_uuid("user", name)
    if user_id in center.users:
        raise fields.get("name").place.error(f"there is a user {name} already.")
    center.users[user_id] = IdentityUser(user_id, name, fields.text("display_name", name), fields.get("email").text())
    for group in fields.items("groups"):
        group_id = _find_holder(world, group, "group")
        center.groups[group_id].member_ids[user_id] = _derive_uuid("membership", group.text(), name)


def _add_permission_set(world: World, value: Value) -> None:
    fields = value.fields(
        "name", "description", "managed_policies", "inline_policy", "customer_policies", "boundary", "assignments"
    )
    center, inline, boundary = world.identity_center, fields.find("inline_policy"), fields.find("boundary")
    name = _read_name(fields.get("name"), _PERMISSION_SET_NAME, "1 to 32 letters, digits and +=,.@_-")
    number = derive_bytes("permission-set", name).hex()[:16]
    instance_id = center.instance_arn.rpartition("/")[2]
    arn = f"arn:{world.partition}:sso:::permissionSet/{instance_id}/ps-{number}"
    if arn in center.permission_sets:
        raise fields.get("name").place.error(f"there is a permission set {name} already.")
    managed = [policy.text() for policy in fields.items("managed_policies")]
    center.permission_sets[arn] = PermissionSet(
        arn=arn,
        name=name,
        created_at=start_of(world) - _AGE,
        description=fields.text("description", ""),
        inline_policy=read_document(inline, PolicyKind.IDENTITY) if inline else "",
        managed_policies={policy: policy.rpartition("/")[2] for policy in managed},
        customer_policies={policy.text(): "/" for policy in fields.items("customer_policies")},
        boundary_arn=boundary.text() if boundary else None,
    )
    for assignment in fields.items("assignments"):
        center.assignments.append(_read_assignment(world, assignment, arn))


def _read_assignment(world: World, value: Value, arn: str) -> Assignment:
    fields = value.fields("account", "group", "user")
    kinds = [kind for kind in ("group", "user") if fields.find(kind)]
    if len(kinds) != 1:
        raise value.place.error("needs either a `group` or a `user`.")
    account_id = find_account(world, fields.get("account")).account_id
    return Assignment(account_id, arn, kinds[0].upper(), _find_holder(world, fields.get(kinds[0]), kinds[0]))


def _find_holder(world: World, value: Value, kind: str) -> str:
    """Find the id of a user or group that the file has, by its name."""
    center, holder_id = world.identity_center, _derive_uuid(kind, value.text())
    if holder_id not in (center.groups if kind == "group" else center.users):
        raise value.place.error(f"there is no {kind} {value.text()!r} under identity_center.{kind}s.")
    return holder_id


def _derive_uuid(*parts: str) -> str:
    text = derive_bytes("identity-store", *parts).hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:32]}"


def _read_name(value: Value, pattern: re.Pattern[str], allowed: str) -> str:
    if not pattern.fullmatch(value.text()):
        raise value.place.error(f"must be {allowed}, not {value.text()!r}.")
    return value.text()


def _read_region(world: World, fields: Fields) -> str:
    """Read a Region; a Region of another partition stands for the home Region of this partition."""
    value, partition = fields.find("region"), PARTITIONS[world.partition]
    region = _read_name(value, _REGION, "a Region such as eu-central-1") if value else partition.home_region
    return region if partition.serves(region) else partition.home_region


def _read_policy(fields: Fields) -> str | None:
    value = fields.find("policy")
    return read_document(value, PolicyKind.RESOURCE) if value else None
