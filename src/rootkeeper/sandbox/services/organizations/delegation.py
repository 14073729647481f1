"""Trusted access of AWS services, and accounts that administer a service for the organization.

Source: aws-facts A3 and F. Switching trusted access off keeps the features of centralized root access as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.services.organizations.access import (
    constraint_violation,
    for_management,
    for_readers,
    invalid_input,
    not_found,
    render_page,
)
from rootkeeper.sandbox.services.organizations.tree import account_arn, describe_account_row
from rootkeeper.sandbox.state import AccountState

SERVICE_PRINCIPALS = frozenset(
    f"{name}.amazonaws.com"
    for name in (
        "access-analyzer", "account", "auditmanager", "backup", "cloudtrail", "compute-optimizer", "config",
        "config-multiaccountsetup", "controltower", "detective", "devops-guru", "fms", "guardduty", "health", "iam",
        "inspector2", "ipam", "license-manager", "macie", "malware-protection.guardduty",
        "member.org.stacksets.cloudformation", "networkmanager", "ram", "reachabilityanalyzer.networkinsights",
        "reporting.trustedadvisor", "resource-explorer-2", "securityhub", "securitylake", "servicecatalog",
        "servicequotas", "ssm", "sso", "storage-lens.s3", "tagpolicies.tag", "user-subscriptions",
    )
)  # fmt: skip
"""Services that work with Organizations; any other is refused. Source: Organizations User Guide."""


def enable_aws_service_access(call: Call) -> dict[str, Any]:
    """Switch trusted access of a service on; a second time changes nothing."""
    call.world.organization.trust(_service_principal(call), call.now)
    return {}


def disable_aws_service_access(call: Call) -> dict[str, Any]:
    """Switch trusted access of a service off, unless an account administers the service."""
    organization, service = call.world.organization, _service_principal(call)
    if organization.delegations.get(service):
        message = (
            "You have delegated administrator/s for this service. De-register them in order to disable service access."
        )
        raise constraint_violation("DELEGATED_ADMINISTRATOR_EXISTS_FOR_THIS_SERVICE", message)
    organization.withdraw_trust(service, call.now)
    return {}


def list_aws_service_access(call: Call) -> dict[str, Any]:
    """List the services that have trusted access."""
    trusted = call.world.organization.trusted_services
    rows = [{"ServicePrincipal": service, "DateEnabled": enabled_at} for service, enabled_at in trusted.items()]
    return render_page(call, "EnabledServicePrincipals", rows)


def register_delegated_administrator(call: Call) -> dict[str, Any]:
    """Make a member account an administrator of a service."""
    organization = call.world.organization
    service, account_id = _service_principal(call), call.parameters["AccountId"]
    _require_eligible(call, account_id)
    if not organization.is_trusted(service):
        message = "You must enable service access before registering a delegated administrator for the service."
        raise constraint_violation("SERVICE_ACCESS_NOT_ENABLED", message)
    if organization.is_delegated_administrator(account_id, service):
        message = "The provided account is already a delegated administrator for your organization."
        raise ServiceError("AccountAlreadyRegisteredException", message)
    organization.register_delegate(account_id, service, call.now)
    return {}


def _require_eligible(call: Call, account_id: str) -> None:
    organization = call.world.organization
    account = organization.accounts.get(account_id)
    if account is None:
        raise not_found("Account")
    if account_id == organization.management_account_id:
        message = "You cannot register master account/yourself as delegated administrator for your organization."
        raise constraint_violation("CANNOT_REGISTER_MASTER_AS_DELEGATED_ADMINISTRATOR", message)
    if account.state is not AccountState.ACTIVE:
        message = "You cannot register a suspended account as delegated administrator for your organization."
        raise constraint_violation("CANNOT_REGISTER_SUSPENDED_ACCOUNT_AS_DELEGATED_ADMINISTRATOR", message)


def deregister_delegated_administrator(call: Call) -> dict[str, Any]:
    """Take the administration of a service from an account."""
    organization = call.world.organization
    service, account_id = _service_principal(call), call.parameters["AccountId"]
    if account_id not in organization.accounts:
        raise not_found("Account")
    if not organization.is_delegated_administrator(account_id, service):
        raise _not_registered()
    organization.deregister_delegate(account_id, service, call.now)
    return {}


def _not_registered() -> ServiceError:
    message = "The provided account is not a registered delegated administrator for your organization."
    return ServiceError("AccountNotRegisteredException", message)


def list_delegated_administrators(call: Call) -> dict[str, Any]:
    """List the administrators of one service, or of any."""
    organization = call.world.organization
    rows = [
        describe_account_row(organization, organization.accounts[account_id]) | {"DelegationEnabledDate": enabled_at}
        for account_id, enabled_at in _delegates(call).items()
    ]
    for row in rows:
        del row["Paths"]
    return render_page(call, "DelegatedAdministrators", rows)


def _delegates(call: Call) -> dict[str, datetime]:
    """Give the account ids with the time since when; over all services the earliest."""
    organization = call.world.organization
    if "ServicePrincipal" in call.parameters:
        return organization.delegations.get(_service_principal(call), {})
    dates: dict[str, datetime] = {}
    for accounts in organization.delegations.values():
        for account_id, enabled_at in accounts.items():
            dates[account_id] = min(enabled_at, dates.get(account_id, enabled_at))
    return dates


def list_delegated_services(call: Call) -> dict[str, Any]:
    """List the services that an account administers."""
    organization, account_id = call.world.organization, call.parameters["AccountId"]
    if account_id not in organization.accounts:
        raise not_found("Account")
    rows = [
        {"ServicePrincipal": service, "DelegationEnabledDate": accounts[account_id]}
        for service, accounts in organization.delegations.items()
        if account_id in accounts
    ]
    if not rows:
        raise _not_registered()
    return render_page(call, "DelegatedServices", rows)


def _service_principal(call: Call) -> str:
    service: str = call.parameters["ServicePrincipal"]
    if service not in SERVICE_PRINCIPALS:
        raise invalid_input("UNRECOGNIZED_SERVICE_PRINCIPAL", "You specified an unrecognized service principal.")
    return service


def _account_resource(call: Call) -> str:
    return account_arn(call.world.organization, call.parameters["AccountId"])


def _service_keys(call: Call) -> Mapping[str, str]:
    service = call.parameters.get("ServicePrincipal")
    return {"organizations:ServicePrincipal": service} if service else {}


OPERATIONS = {
    "DeregisterDelegatedAdministrator": Operation(
        for_management(deregister_delegated_administrator),
        "organizations:DeregisterDelegatedAdministrator",
        is_mutating=True,
        resource=_account_resource,
        condition_keys=_service_keys,
    ),
    "DisableAWSServiceAccess": Operation(
        for_management(disable_aws_service_access),
        "organizations:DisableAWSServiceAccess",
        is_mutating=True,
        condition_keys=_service_keys,
    ),
    "EnableAWSServiceAccess": Operation(
        for_management(enable_aws_service_access),
        "organizations:EnableAWSServiceAccess",
        is_mutating=True,
        condition_keys=_service_keys,
    ),
    "ListAWSServiceAccessForOrganization": Operation(
        for_readers(list_aws_service_access), "organizations:ListAWSServiceAccessForOrganization"
    ),
    "ListDelegatedAdministrators": Operation(
        for_readers(list_delegated_administrators),
        "organizations:ListDelegatedAdministrators",
        condition_keys=_service_keys,
    ),
    "ListDelegatedServicesForAccount": Operation(
        for_readers(list_delegated_services),
        "organizations:ListDelegatedServicesForAccount",
        resource=_account_resource,
    ),
    "RegisterDelegatedAdministrator": Operation(
        for_management(register_delegated_administrator),
        "organizations:RegisterDelegatedAdministrator",
        is_mutating=True,
        resource=_account_resource,
        condition_keys=_service_keys,
    ),
}
