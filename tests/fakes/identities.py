"""IAM users and roles, and permission sets, in memory: what a caller may read, and what it is refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from rootkeeper.aws.identities import (
    AccountIdentities,
    IamRole,
    IamUser,
    PermissionSet,
    PolicySource,
    RootUse,
    UserAccess,
)
from rootkeeper.aws.rules import TaskPolicy
from rootkeeper.errors import AwsError, AwsNotFoundError
from rootkeeper.organization.accounts import AccountId

MFA = ("arn:aws:iam::222233334444:mfa/break-glass",)
NO_ACCESS = UserAccess(has_password=False, active_access_key_ids=(), mfa_serial_numbers=())


def allow(*actions: str, effect: str = "Allow", **elements: Any) -> str:
    """A policy of one statement."""
    statement = {"Effect": effect, "Action": list(actions), "Resource": "*"} | elements
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow_tasks(*tasks: TaskPolicy, **elements: Any) -> str:
    """AssumeRoot with these tasks alone."""
    condition = {"ArnEquals": {"sts:TaskPolicyArn": [task.arn("aws") for task in tasks]}}
    return allow("sts:AssumeRoot", Condition=condition, **elements)


def trust(principal: object, **elements: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"} | elements
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def policy(text: str | None, name: str = "policy") -> PolicySource:
    return PolicySource(f"id of {name}", name, text)


def make_user(
    account_id: AccountId,
    name: str,
    *texts: str | None,
    boundary: str | None = None,
    tags: Mapping[str, str] | None = None,
) -> IamUser:
    """An IAM user with policies of these texts; ``None`` for one that couldn't be read."""
    return IamUser(
        name,
        f"arn:aws:iam::{account_id}:user/{name}",
        tuple(policy(text, f"policy-{number}") for number, text in enumerate(texts)),
        None if boundary is None else policy(boundary, "boundary"),
        dict(tags or {}),
    )


def make_role(account_id: AccountId, name: str, trusts: str | None, *texts: str | None, path: str = "/") -> IamRole:
    """An IAM role that ``trusts``."""
    arn = f"arn:aws:iam::{account_id}:role{path}{name}"
    return IamRole(
        name, arn, tuple(policy(text, f"policy of {name}") for text in texts), policy(trusts, "trust policy")
    )


def make_access(*, password: bool = False, key: bool = False, mfa: tuple[str, ...] = MFA) -> UserAccess:
    return UserAccess(password, ("AKIAIOSFODNN7EXAMPLE",) if key else (), mfa)


@dataclass
class FakeIdentities:
    """Implements IdentityReader and IdentityCenterReader. ``errors`` are raised by the method of that name."""

    accounts: dict[AccountId, AccountIdentities] = field(default_factory=dict)
    access: dict[str, UserAccess] = field(default_factory=dict)
    root_use: RootUse | None = None
    permission_sets: dict[AccountId, tuple[PermissionSet, ...]] = field(default_factory=dict)
    errors: dict[str, AwsError] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)

    def put(self, account_id: AccountId, users: tuple[IamUser, ...] = (), roles: tuple[IamRole, ...] = ()) -> None:
        self.accounts[account_id] = AccountIdentities(account_id, users, roles)

    def use_root(self, at: datetime) -> None:
        self.root_use = RootUse(at, None, None)

    def read_identities(self, account_id: AccountId) -> AccountIdentities:
        self._note("read_identities", account_id)
        return self.accounts.get(account_id, AccountIdentities(account_id, (), ()))

    def read_user_access(self, user_name: str) -> UserAccess:
        self._note("read_user_access", user_name)
        return self.access.get(user_name, NO_ACCESS)

    def read_root_use(self) -> RootUse:
        self._note("read_root_use", "")
        if self.root_use is None:
            raise AwsNotFoundError("There is no report.", aws_code="ReportNotPresent")
        return self.root_use

    def list_permission_sets(
        self, account_id: AccountId, management_account_id: AccountId
    ) -> tuple[PermissionSet, ...]:
        self._note("list_permission_sets", account_id)
        return self.permission_sets.get(account_id, ())

    def _note(self, method: str, argument: str) -> None:
        self.calls.append((method, argument))
        if method in self.errors:
            raise self.errors[method]
