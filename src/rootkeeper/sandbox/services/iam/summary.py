"""GetAccountSummary: the one call that tells whether a root user has anything at all.

Source: the full map as observed in a root session (aws-facts D); quotas are AWS's defaults.
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation
from rootkeeper.sandbox.services.iam.subjects import caller_account
from rootkeeper.sandbox.state import Account

_CONSTANTS = {
    "AccessKeysPerUserQuota": 2,
    "AssumeRolePolicySizeQuota": 2048,
    "AttachedPoliciesPerGroupQuota": 10,
    "AttachedPoliciesPerRoleQuota": 20,
    "AttachedPoliciesPerUserQuota": 10,
    "GlobalEndpointTokenVersion": 1,
    "GroupPolicySizeQuota": 5120,
    "Groups": 0,
    "GroupsPerUserQuota": 10,
    "GroupsQuota": 300,
    "InstanceProfiles": 0,
    "InstanceProfilesQuota": 1000,
    "Policies": 0,
    "PoliciesQuota": 1500,
    "PolicySizeQuota": 6144,
    "PolicyVersionsInUse": 0,
    "PolicyVersionsInUseQuota": 10000,
    "Providers": 0,
    "RolePolicySizeQuota": 10240,
    "RolesQuota": 1000,
    "ServerCertificates": 0,
    "ServerCertificatesQuota": 20,
    "SigningCertificatesPerUserQuota": 2,
    "UserPolicySizeQuota": 2048,
    "UsersQuota": 5000,
    "VersionsPerPolicyQuota": 5,
}


def get_account_summary(call: Call) -> dict[str, Any]:
    """Count what is in the caller's account.

    AccountPasswordPresent is 1 from the moment a login profile exists, before anybody sets a password (observed).
    """
    account = caller_account(call)
    root_user = account.root_user
    present = {
        "AccountAccessKeysPresent": int(bool(root_user.access_keys)),
        "AccountMFAEnabled": int(bool(root_user.mfa_devices)),
        "AccountPasswordPresent": int(root_user.login_profile is not None),
        "AccountSigningCertificatesPresent": int(bool(root_user.signing_certificates)),
    }
    return {"SummaryMap": {**_CONSTANTS, **present, **_count_identities(account)}}


def _count_identities(account: Account) -> dict[str, int]:
    identities = account.existing_identities
    if identities is None:
        return {"Users": 0, "Roles": 0, "MFADevices": len(account.root_user.mfa_devices), "MFADevicesInUse": 0}
    in_use = sum(len(user.credentials.mfa_devices) for user in identities.users.values())
    existing = in_use + len(account.root_user.mfa_devices) + len(identities.unassigned_mfa_devices)
    return {
        "Users": len(identities.users),
        "Roles": len(identities.roles),
        "MFADevices": existing,
        "MFADevicesInUse": in_use,
    }


OPERATIONS = {"GetAccountSummary": Operation(get_account_summary, "iam:GetAccountSummary")}
