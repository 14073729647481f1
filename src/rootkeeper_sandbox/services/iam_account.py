"""IAM: the organization features of centralized root access, and its reports on an account as a whole.

For features the order of checks is AWS's as observed: trusted access, then who calls, then the feature set; IAM
permissions come before all of them. Every answer is the resulting full state.

An account here has no alias, group, password policy, identity provider, server certificate or service-specific
credential, and no served operation creates any. So their listings answer as IAM does where there are none.

Source: IAM, API version 2010-05-08; IAM User Guide, "Credential reports"; aws-facts A and D; quotas are AWS's
defaults.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError, any_resource
from rootkeeper_sandbox.partitions import PARTITIONS
from rootkeeper_sandbox.services.iam_credentials import (
    caller_account,
    get_subject,
    no_such_entity,
    render_page,
    require_user_name,
    subject_arn,
)
from rootkeeper_sandbox.state.accounts import ACTIVE, AccessKey, Account, CredentialReport, Credentials
from rootkeeper_sandbox.state.organization import IAM_SERVICE_PRINCIPAL, Feature

OPERATIONS = ServedOperations("iam")


@OPERATIONS.read("ListOrganizationsFeatures")
def list_features(call: Call) -> dict[str, Any]:
    _require_organization_administrator(call)
    _require_all_features(call)
    return _render_features(call)


def _enable(call: Call, feature: Feature) -> dict[str, Any]:
    _require_organization_administrator(call)
    account_id = call.principal.account_id
    if account_id != call.world.management_account_id:
        message = (
            f"Caller account {account_id} is not management account of the organization and cannot enable IAM features."
        )
        raise ServiceError("CallerIsNotManagementAccountException", message)
    _require_all_features(call)
    if feature not in PARTITIONS[call.world.partition].features:
        # AWS documents no error for it.
        raise ServiceError("AccessDenied", f"{feature} is not available in the partition {call.world.partition}.", 403)
    call.world.organization.switch_feature(feature, call.now, is_on=True)
    return _render_features(call)


def _disable(call: Call, feature: Feature) -> dict[str, Any]:
    """A delegated administrator may do this, too (observed)."""
    _require_organization_administrator(call)
    _require_all_features(call)
    call.world.organization.switch_feature(feature, call.now, is_on=False)
    return _render_features(call)


for _perform, _verb in ((_enable, "Enable"), (_disable, "Disable")):
    for _feature in Feature:
        OPERATIONS.change(f"{_verb}Organizations{_feature}")(partial(_perform, feature=_feature))


def _require_organization_administrator(call: Call) -> None:
    """Check membership, trusted access and the caller's role in the organization, in this order."""
    account_id, organization = call.principal.account_id, call.world.organization
    if not call.world.is_in_organization(account_id):
        message = f"Organization not found for input account {account_id}."
        raise ServiceError("OrganizationNotFoundException", message)
    if not organization.is_trusted(IAM_SERVICE_PRINCIPAL):
        message = f"Trusted Access for IAM not enabled by organization of input account {account_id}."
        raise ServiceError("ServiceAccessNotEnabledException", message)
    is_delegate = organization.is_delegated_administrator(account_id, IAM_SERVICE_PRINCIPAL)
    if account_id != call.world.management_account_id and not is_delegate:
        message = f"Input account {account_id} is neither management account nor delegated admin."
        raise ServiceError("AccountNotManagementOrDelegatedAdministratorException", message)


def _require_all_features(call: Call) -> None:
    if not call.world.organization.has_all_features:
        message = f"Organization {call.world.organization_id} is not in all features mode."
        raise ServiceError("OrganizationNotInAllFeaturesModeException", message)


def _render_features(call: Call) -> dict[str, Any]:
    enabled = call.world.organization.features
    return {
        "OrganizationId": call.world.organization_id,
        "EnabledFeatures": [str(feature) for feature in Feature if feature in enabled],
    }


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


@OPERATIONS.read("GetAccountSummary")
def get_account_summary(call: Call) -> dict[str, Any]:
    """Count the contents of the caller's account.

    AccountPasswordPresent is 1 from the moment a login profile exists, before a password is set (observed).
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
        roles = int(account.management_root_arn is not None)
        return {"Users": 0, "Roles": roles, "MFADevices": len(account.root_user.mfa_devices), "MFADevicesInUse": 0}
    in_use = sum(len(user.credentials.mfa_devices) for user in identities.users.values())
    existing = in_use + len(account.root_user.mfa_devices) + len(identities.unassigned_mfa_devices)
    return {
        "Users": len(identities.users),
        "Roles": len(identities.roles),
        "MFADevices": existing,
        "MFADevicesInUse": in_use,
    }


_NOT_KNOWN, _NOT_SUPPORTED, _NO_INFORMATION = "N/A", "not_supported", "no_information"
_KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")

_HEADER = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{column}" for number in (1, 2) for column in _KEY_COLUMNS),
    "cert_1_active",
    "cert_1_last_rotated",
    "cert_2_active",
    "cert_2_last_rotated",
)


REPORT_LIFETIME = timedelta(hours=4)
"""Source: IAM User Guide, "Generate credential reports for your AWS account"."""


@OPERATIONS.read("GenerateCredentialReport")
def generate_credential_report(call: Call) -> dict[str, Any]:
    """Make the report, which takes no time here."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\n")
    writer.writerow(_HEADER)
    account = caller_account(call)
    writer.writerows(_list_rows(call, account))
    call.world.credential_reports[account.account_id] = CredentialReport(call.now, target.getvalue())
    return {"State": "COMPLETE", "Description": "A report is available."}


@OPERATIONS.read("GetCredentialReport")
def get_credential_report(call: Call) -> dict[str, Any]:
    """Give the report that was made last, as text/csv."""
    report = call.world.credential_reports.get(caller_account(call).account_id)
    if report is None:
        raise ServiceError("ReportNotPresent", "No credential report is present. Generate one first.", 410)
    if report.generated_at + REPORT_LIFETIME <= call.now:
        raise ServiceError("ReportExpired", "The credential report has expired. Generate one again.", 410)
    return {"Content": report.content, "ReportFormat": "text/csv", "GeneratedTime": report.generated_at}


def _list_rows(call: Call, account: Account) -> Iterator[list[str]]:
    root_arn = call.world.root_user_arn(account.account_id)
    yield _row("<root_account>", root_arn, account.created_at, account.root_user, is_root=True)
    for user in account.existing_identities.users.values() if account.existing_identities else ():
        arn = call.world.user_arn(account.account_id, user)
        yield _row(user.name, arn, user.created_at, user.credentials, is_root=False)


def _row(name: str, arn: str, created_at: datetime, held: Credentials, *, is_root: bool) -> list[str]:
    keys = [*held.access_keys.values(), None, None][:2]
    certificates = [*held.signing_certificates.values(), None, None][:2]
    return [
        name,
        arn,
        _render_time(created_at),
        *_describe_password(held, is_root=is_root),
        _render_flag(value=bool(held.mfa_devices)),
        *(cell for key in keys for cell in _describe_key(key)),
        *(
            cell
            for certificate in certificates
            for cell in (
                _render_flag(value=certificate is not None and certificate.status == ACTIVE),
                _render_time(certificate.uploaded_at) if certificate else _NOT_KNOWN,
            )
        ),
    ]


def _describe_password(held: Credentials, *, is_root: bool) -> list[str]:
    """Of a root user the password counts as enabled from CreateLoginProfile on (observed).

    Its last use stays in the report after the password is deleted, as in GetUser (assumed).
    """
    profile = held.login_profile
    used = _render_time(held.password_last_used_at) if held.password_last_used_at else _NO_INFORMATION
    if profile is None:
        without = [used, _NOT_KNOWN, _NOT_SUPPORTED] if is_root else [_NOT_KNOWN] * 3
        return [_render_flag(value=False), *without]
    return [
        _render_flag(value=True),
        used,
        _render_time(profile.created_at),
        _NOT_SUPPORTED if is_root else _NOT_KNOWN,
    ]


def _describe_key(key: AccessKey | None) -> list[str]:
    if key is None:
        return [_render_flag(value=False), *[_NOT_KNOWN] * 4]
    used = _render_time(key.last_used_at) if key.last_used_at else _NOT_KNOWN
    active = _render_flag(value=key.status == ACTIVE)
    return [active, _render_time(key.created_at), used, key.last_used_region, key.last_used_service]


def _render_flag(*, value: bool) -> str:
    return "true" if value else "false"


def _render_time(moment: datetime) -> str:
    """Write a time as the report does, with an offset instead of ``Z`` (public reports)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S+00:00")


@OPERATIONS.read("ListSAMLProviders", resource=any_resource)
def list_saml_providers(_call: Call) -> dict[str, Any]:
    return {"SAMLProviderList": []}


@OPERATIONS.read("ListAccountAliases", resource=any_resource)
def list_account_aliases(call: Call) -> dict[str, Any]:
    return render_page(call, "AccountAliases", [])


@OPERATIONS.read("ListGroups", resource=any_resource)
def list_groups(call: Call) -> dict[str, Any]:
    return render_page(call, "Groups", [])


@OPERATIONS.read("ListServerCertificates", resource=any_resource)
def list_server_certificates(call: Call) -> dict[str, Any]:
    return render_page(call, "ServerCertificateMetadataList", [])


@OPERATIONS.read("GetAccountPasswordPolicy", resource=any_resource)
def get_account_password_policy(call: Call) -> dict[str, Any]:
    """Refuse as IAM does in an account that never set a password policy; the text is from public reports."""
    account_id = caller_account(call).account_id
    raise no_such_entity(f"The Password Policy with domain name {account_id} cannot be found.")


@OPERATIONS.read("ListGroupsForUser", resource=subject_arn)
def list_groups_for_user(call: Call) -> dict[str, Any]:
    get_subject(call)
    return render_page(call, "Groups", [])


def _validate_service_specific(call: Call) -> None:
    if not call.parameters.get("AllUsers"):
        require_user_name(call)
    elif "UserName" in call.parameters:
        raise ServiceError("ValidationError", "UserName must not be specified when AllUsers is true.")


@OPERATIONS.read(
    "ListServiceSpecificCredentials",
    validate=_validate_service_specific,
    resource=lambda call: any_resource(call) if call.parameters.get("AllUsers") else subject_arn(call),
)
def list_service_specific_credentials(call: Call) -> dict[str, Any]:
    """List nothing; a page of it is never cut, so it has no marker."""
    if not call.parameters.get("AllUsers"):
        get_subject(call)
    return {"ServiceSpecificCredentials": [], "IsTruncated": False}
