"""IAM: users and roles, enough to set up callers.

Groups, customer managed policies and boundaries aren't imitated.

Source: IAM, API version 2010-05-08.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, unquote

from rootkeeper_sandbox.authorization.documents import PolicyDocumentError, PolicyKind, compile_policy
from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError, any_resource
from rootkeeper_sandbox.services.iam_credentials import (
    caller_account,
    describe_user,
    get_subject,
    no_such_entity,
    render_page,
    require_user_name,
    subject_arn,
    user_not_found,
)
from rootkeeper_sandbox.state.accounts import (
    ACTIVE,
    INACTIVE,
    AccessKey,
    Account,
    IamRole,
    IamUser,
    new_access_key_id,
    new_secret_access_key,
    new_unique_id,
)
from rootkeeper_sandbox.state.policies import find_managed_document
from rootkeeper_sandbox.state.world import KeyOwner

_KEYS_PER_USER = 2
_TAGS_PER_IDENTITY = 50
"""Source: IAM User Guide, "IAM and AWS STS quotas"."""


def identity_arn(call: Call) -> str:
    """Spell the ARN of the user or role that a call names, whether or not it exists yet."""
    account, path = caller_account(call), call.parameters.get("Path", "/")
    if "RoleName" not in call.parameters:
        found = account.find_user(call.parameters["UserName"])
        name = f"user{found.path if found else path}{call.parameters['UserName']}"
    else:
        role = account.find_role(call.parameters["RoleName"])
        name = f"role{role.path if role else path}{call.parameters['RoleName']}"
    return f"arn:{call.world.partition}:iam::{account.account_id}:{name}"


OPERATIONS = ServedOperations("iam", resource=identity_arn)


@OPERATIONS.change("CreateUser")
def create_user(call: Call) -> dict[str, Any]:
    """Create a user without any permission."""
    account, name = caller_account(call), call.parameters["UserName"]
    if account.find_user(name):
        raise ServiceError("EntityAlreadyExists", f"User with name {name} already exists.", 409)
    user = IamUser(name, new_unique_id("AIDA"), call.now, call.parameters.get("Path", "/"))
    user.permissions.tags.update(_read_tags(call))
    account.identities.users[name] = user
    return {"User": describe_user(call, account, user) | _render_tags(user)}


@OPERATIONS.read("ListUsers", resource=any_resource)
def list_users(call: Call) -> dict[str, Any]:
    account = caller_account(call)
    users = account.existing_identities.users.values() if account.existing_identities else ()
    return render_page(call, "Users", [describe_user(call, account, user) for user in users])


@OPERATIONS.change("DeleteUser")
def delete_user(call: Call) -> dict[str, Any]:
    """Delete a user that has nothing any more."""
    account, user = _get_user(call)
    held = user.credentials
    if held.login_profile or held.access_keys or held.mfa_devices or held.signing_certificates:
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete access keys first.", 409)
    if user.permissions.documents():
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    del account.identities.users[user.name]
    return {}


@OPERATIONS.change("CreateRole")
def create_role(call: Call) -> dict[str, Any]:
    """Create a role that the trust policy's principals may assume."""
    account, name = caller_account(call), call.parameters["RoleName"]
    if account.find_role(name):
        raise ServiceError("EntityAlreadyExists", f"Role with name {name} already exists.", 409)
    role = IamRole(
        name=name,
        role_id=new_unique_id("AROA"),
        created_at=call.now,
        trust_policy=_read_document(call, "AssumeRolePolicyDocument", PolicyKind.RESOURCE),
        path=call.parameters.get("Path", "/"),
        description=call.parameters.get("Description", ""),
        max_session_seconds=call.parameters.get("MaxSessionDuration", 3600),
    )
    role.permissions.tags.update(_read_tags(call))
    account.identities.roles[name] = role
    return {"Role": describe_role(call, account, role) | _render_tags(role)}


@OPERATIONS.read("GetRole")
def get_role(call: Call) -> dict[str, Any]:
    account, role = _get_role(call)
    return {"Role": describe_role(call, account, role) | _render_tags(role)}


@OPERATIONS.read("ListRoles", resource=any_resource)
def list_roles(call: Call) -> dict[str, Any]:
    account = caller_account(call)
    roles = account.identities.roles.values()
    return render_page(call, "Roles", [describe_role(call, account, role) for role in roles])


@OPERATIONS.change("UpdateRole")
def update_role(call: Call) -> dict[str, Any]:
    """Change a role's description and longest session; a value left out stays."""
    _, role = _get_role(call)
    role.description = call.parameters.get("Description", role.description)
    role.max_session_seconds = call.parameters.get("MaxSessionDuration", role.max_session_seconds)
    return {}


@OPERATIONS.change("UpdateAssumeRolePolicy")
def update_assume_role_policy(call: Call) -> dict[str, Any]:
    """Replace a role's trust policy."""
    _, role = _get_role(call)
    role.trust_policy = _read_document(call, "PolicyDocument", PolicyKind.RESOURCE)
    return {}


@OPERATIONS.change("DeleteRole")
def delete_role(call: Call) -> dict[str, Any]:
    """Delete a role without policies; its sessions lose their permissions."""
    account, role = _get_role(call)
    if role.permissions.documents():
        raise ServiceError("DeleteConflict", "Cannot delete entity, must delete policies first.", 409)
    del account.identities.roles[role.name]
    return {}


@OPERATIONS.read("ListRoleTags")
@OPERATIONS.read("ListUserTags")
def list_tags(call: Call) -> dict[str, Any]:
    return render_page(call, "Tags", render_tags(get_identity(call).permissions.tags))


@OPERATIONS.change("TagRole")
@OPERATIONS.change("TagUser")
def tag(call: Call) -> dict[str, Any]:
    """Add tags to a user or role; those with the same keys are replaced."""
    tags = get_identity(call).permissions.tags
    if len(tags | _read_tags(call)) > _TAGS_PER_IDENTITY:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for TagsPerResource: {_TAGS_PER_IDENTITY}", 409)
    tags.update(_read_tags(call))
    return {}


@OPERATIONS.change("UntagRole")
@OPERATIONS.change("UntagUser")
def untag(call: Call) -> dict[str, Any]:
    """Remove tags; keys that aren't there are no error."""
    for key in call.parameters["TagKeys"]:
        get_identity(call).permissions.tags.pop(key, None)
    return {}


@OPERATIONS.read("ListInstanceProfilesForRole")
def list_instance_profiles_for_role(call: Call) -> dict[str, Any]:
    """List nothing: there are no instance profiles."""
    _get_role(call)
    return render_page(call, "InstanceProfiles", [])


@OPERATIONS.change("PutRolePolicy")
@OPERATIONS.change("PutUserPolicy")
def put_policy(call: Call) -> dict[str, Any]:
    """Give a user or role an inline policy, in the place of any policy of the same name."""
    document = _read_document(call, "PolicyDocument", PolicyKind.IDENTITY)
    get_identity(call).permissions.inline_policies[call.parameters["PolicyName"]] = document
    return {}


@OPERATIONS.change("DeleteRolePolicy")
@OPERATIONS.change("DeleteUserPolicy")
def delete_policy(call: Call) -> dict[str, Any]:
    """Take an inline policy away."""
    identity, name = get_identity(call), call.parameters["PolicyName"]
    if identity.permissions.inline_policies.pop(name, None) is None:
        kind = "user" if isinstance(identity, IamUser) else "role"
        raise no_such_entity(f"The {kind} policy with name {name} cannot be found.")
    return {}


@OPERATIONS.change("AttachRolePolicy")
@OPERATIONS.change("AttachUserPolicy")
def attach_policy(call: Call) -> dict[str, Any]:
    """Attach an AWS managed policy that the sandbox knows; task policies can't be attached."""
    identity, arn = get_identity(call), call.parameters["PolicyArn"]
    document = find_managed_document(arn, call.world.partition)
    if document is None:
        raise no_such_entity(f"Policy {arn} does not exist or is not attachable.")
    identity.permissions.managed_policies[arn] = document
    return {}


@OPERATIONS.change("DetachRolePolicy")
@OPERATIONS.change("DetachUserPolicy")
def detach_policy(call: Call) -> dict[str, Any]:
    identity, arn = get_identity(call), call.parameters["PolicyArn"]
    if identity.permissions.managed_policies.pop(arn, None) is None:
        raise no_such_entity(f"Policy {arn} was not found.")
    return {}


@OPERATIONS.change("CreateAccessKey", resource=subject_arn, validate=require_user_name)
def create_access_key(call: Call) -> dict[str, Any]:
    """Create an access key; its secret is shown this once."""
    subject = get_subject(call)
    if len(subject.credentials.access_keys) >= _KEYS_PER_USER:
        raise ServiceError("LimitExceeded", f"Cannot exceed quota for AccessKeysPerUser: {_KEYS_PER_USER}", 409)
    account_id = subject.account.account_id
    secret = new_secret_access_key()
    key = AccessKey(new_access_key_id("AKIA", account_id), call.now, secret_access_key=secret)
    call.world.add_access_key(KeyOwner(account_id, subject.user.name if subject.user else None), key)
    shown = {"AccessKeyId": key.access_key_id, "Status": key.status, "SecretAccessKey": secret, "CreateDate": call.now}
    return {"AccessKey": subject.render_user_name() | shown}


@OPERATIONS.change("UpdateAccessKey", resource=subject_arn, validate=require_user_name)
def update_access_key(call: Call) -> dict[str, Any]:
    """Make a key active or inactive."""
    key = get_subject(call).credentials.access_keys.get(call.parameters["AccessKeyId"])
    if key is None:
        raise no_such_entity(f"The Access Key with id {call.parameters['AccessKeyId']} cannot be found.")
    if call.parameters["Status"] not in (ACTIVE, INACTIVE):
        raise ServiceError("ValidationError", f"Status must be {ACTIVE} or {INACTIVE}.")
    key.status = call.parameters["Status"]
    return {}


def describe_role(call: Call, account: Account, role: IamRole) -> dict[str, Any]:
    return {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.role_id,
        "Arn": call.world.role_arn(account.account_id, role),
        "CreateDate": role.created_at,
        "AssumeRolePolicyDocument": quote(role.trust_policy, safe=""),
        "Description": role.description,
        "MaxSessionDuration": role.max_session_seconds,
    }


def _read_document(call: Call, name: str, kind: PolicyKind) -> str:
    text = str(call.parameters[name])
    document = unquote(text) if text.lstrip().startswith("%7B") else text
    try:
        compile_policy(document, kind)
    except PolicyDocumentError as error:
        raise ServiceError("MalformedPolicyDocument", str(error)) from error
    return document


def render_tags(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


def _render_tags(identity: IamUser | IamRole) -> dict[str, Any]:
    """Give the response member Tags, which is absent for a user or role without any."""
    tags = identity.permissions.tags
    return {"Tags": render_tags(tags)} if tags else {}


def _read_tags(call: Call) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in call.parameters.get("Tags", ())}


def get_identity(call: Call) -> IamUser | IamRole:
    """Get the user or role that a call names.

    :raises ServiceError: NoSuchEntity.
    """
    return _get_role(call)[1] if "RoleName" in call.parameters else _get_user(call)[1]


def _get_user(call: Call) -> tuple[Account, IamUser]:
    account, name = caller_account(call), call.parameters["UserName"]
    user = account.find_user(name)
    if user is None:
        raise user_not_found(name)
    return account, user


def _get_role(call: Call) -> tuple[Account, IamRole]:
    account, name = caller_account(call), call.parameters["RoleName"]
    role = account.find_role(name)
    if role is None:
        raise no_such_entity(f"The role with name {name} cannot be found.")
    return account, role
