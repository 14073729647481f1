"""How an account is when it comes to be: the role for its management account, and what its root user has."""

from __future__ import annotations

import json

from rootkeeper.sandbox.state.accounts import Account, IamRole
from rootkeeper.sandbox.state.credentials import LoginProfile
from rootkeeper.sandbox.state.identifiers import derive_unique_id
from rootkeeper.sandbox.state.joining import AccountRequest
from rootkeeper.sandbox.state.policies import ADMINISTRATOR_ACCESS_ARN, FULL_ACCESS_DOCUMENT


def open_account(request: AccountRequest, management_account_id: str, partition: str) -> Account:
    """Make the account that was asked for, outside the tree.

    Its root user has no credentials; where RootCredentialsManagement wasn't on, its password can be set by mail.

    Source: Organizations User Guide, "Accessing a member account that has OrganizationAccountAccessRole".
    """
    account = Account(
        account_id=request.account_id,
        name=request.name,
        email=request.email,
        joined_at=request.due_at,
        tags=dict(request.tags),
    )
    if request.is_recoverable:
        account.root_user.login_profile = LoginProfile(request.due_at)
    account.identities.roles[request.role_name] = _make_access_role(request, management_account_id, partition)
    return account


def _make_access_role(request: AccountRequest, management_account_id: str, partition: str) -> IamRole:
    trusted = {"AWS": f"arn:{partition}:iam::{management_account_id}:root"}
    statement = {"Effect": "Allow", "Principal": trusted, "Action": "sts:AssumeRole"}
    role = IamRole(
        name=request.role_name,
        role_id=derive_unique_id("AROA", request.account_id, request.role_name),
        created_at=request.due_at,
        trust_policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )
    role.permissions.managed_policies[ADMINISTRATOR_ACCESS_ARN] = FULL_ACCESS_DOCUMENT
    return role
