"""The roles by which permission sets reach accounts, and the sessions that IAM Identity Center opens by them.

Source: IAM Identity Center User Guide, "Referencing permission sets in resource policies" (the roles' names and path).
"""

from __future__ import annotations

import json
import re
from datetime import datetime, timedelta

from rootkeeper.sandbox.exchange import Credential, Principal, PrincipalKind
from rootkeeper.sandbox.state import Account, IamRole, PermissionSet, World
from rootkeeper.sandbox.state.identifiers import (
    derive_bytes,
    derive_unique_id,
    new_access_key_id,
    new_secret_access_key,
    new_session_token,
)
from rootkeeper.sandbox.state.managed_policies import MANAGED_DOCUMENTS

_PATH = "/aws-reserved/sso.amazonaws.com/"
_DURATION = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,3})M)?")


def provision_role(world: World, account: Account, permission_set: PermissionSet, now: datetime) -> IamRole:
    """Bring a permission set's role in an account up to date; what isn't known of its policies grants nothing."""
    suffix = derive_bytes("reserved-role", permission_set.arn, account.account_id).hex()[:16]
    name = f"AWSReservedSSO_{permission_set.name}_{suffix}"
    role = account.identities.roles.get(name)
    if role is None:
        role_id = derive_unique_id("AROA", account.account_id, name)
        role = IamRole(name, role_id, now, _trust_policy(world, account, suffix), path=_PATH)
        account.identities.roles[name] = role
    role.max_session_seconds = session_seconds(permission_set)
    inline = permission_set.inline_policy
    role.permissions.inline_policies = {"AwsSSOInlinePolicy": inline} if inline else {}
    role.permissions.managed_policies = {
        arn: MANAGED_DOCUMENTS[known]
        for arn, known in permission_set.managed_policies.items()
        if known in MANAGED_DOCUMENTS
    }
    return role


def _trust_policy(world: World, account: Account, suffix: str) -> str:
    provider = f"arn:{world.partition}:iam::{account.account_id}:saml-provider/AWSSSO_{suffix}_DO_NOT_DELETE"
    condition = {"StringEquals": {"SAML:aud": "https://signin.aws.amazon.com/saml"}}
    actions = ["sts:AssumeRoleWithSAML", "sts:TagSession"]
    statement = {"Effect": "Allow", "Principal": {"Federated": provider}, "Action": actions, "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def session_seconds(permission_set: PermissionSet) -> int:
    """Read how long sessions last; one hour where it isn't said as IAM Identity Center says it."""
    match = _DURATION.fullmatch(permission_set.session_duration)
    hours, minutes = (int(part or 0) for part in match.groups()) if match else (1, 0)
    return hours * 3600 + minutes * 60 or 3600


def open_session(world: World, account: Account, role: IamRole, user_name: str, now: datetime) -> Credential:
    """Issue credentials of a role session in the person's name."""
    access_key_id = new_access_key_id("ASIA", account.account_id)
    principal = Principal(
        kind=PrincipalKind.ROLE_SESSION,
        arn=f"arn:{world.partition}:sts::{account.account_id}:assumed-role/{role.name}/{user_name}",
        account_id=account.account_id,
        user_id=f"{role.role_id}:{user_name}",
        access_key_id=access_key_id,
        identity_name=role.name,
        role_arn=world.role_arn(account.account_id, role),
        session_issued_at=now,
    )
    credential = Credential(
        access_key_id=access_key_id,
        secret_access_key=new_secret_access_key(),
        principal=principal,
        session_token=new_session_token(),
        expires_at=now + timedelta(seconds=role.max_session_seconds),
    )
    world.sessions.add(credential, now)
    return credential
