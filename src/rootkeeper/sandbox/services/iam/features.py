"""The organization features of centralized root access: list, enable, disable.

The order of checks is AWS's as observed: trusted access, then who calls, then the feature set; IAM permissions come
before all of them. Every answer is the resulting full state. Source: aws-facts A.
"""

from __future__ import annotations

from typing import Any

from rootkeeper.sandbox.exchange import Call, Operation, ServiceError
from rootkeeper.sandbox.state import Feature
from rootkeeper.sandbox.state.organization import IAM_SERVICE_PRINCIPAL


def list_features(call: Call) -> dict[str, Any]:
    """List the features that are on."""
    _require_organization_administrator(call)
    _require_all_features(call)
    return _render_features(call)


def enable_root_credentials_management(call: Call) -> dict[str, Any]:
    """Switch RootCredentialsManagement on."""
    return _enable(call, Feature.ROOT_CREDENTIALS_MANAGEMENT)


def enable_root_sessions(call: Call) -> dict[str, Any]:
    """Switch RootSessions on."""
    return _enable(call, Feature.ROOT_SESSIONS)


def disable_root_credentials_management(call: Call) -> dict[str, Any]:
    """Switch RootCredentialsManagement off; nothing that was deleted comes back."""
    return _disable(call, Feature.ROOT_CREDENTIALS_MANAGEMENT)


def disable_root_sessions(call: Call) -> dict[str, Any]:
    """Switch RootSessions off; issued sessions live on."""
    return _disable(call, Feature.ROOT_SESSIONS)


def _enable(call: Call, feature: Feature) -> dict[str, Any]:
    _require_organization_administrator(call)
    account_id = call.principal.account_id
    if account_id != call.world.management_account_id:
        message = (
            f"Caller account {account_id} is not management account of the organization and cannot enable IAM features."
        )
        raise ServiceError("CallerIsNotManagementAccountException", message)
    _require_all_features(call)
    call.world.organization.switch_feature(feature, call.now, is_on=True)
    return _render_features(call)


def _disable(call: Call, feature: Feature) -> dict[str, Any]:
    """A delegated administrator may do this, too (observed)."""
    _require_organization_administrator(call)
    _require_all_features(call)
    call.world.organization.switch_feature(feature, call.now, is_on=False)
    return _render_features(call)


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


_CHANGES = {
    "DisableOrganizationsRootCredentialsManagement": disable_root_credentials_management,
    "DisableOrganizationsRootSessions": disable_root_sessions,
    "EnableOrganizationsRootCredentialsManagement": enable_root_credentials_management,
    "EnableOrganizationsRootSessions": enable_root_sessions,
}
OPERATIONS = {
    **{name: Operation(perform, f"iam:{name}", is_mutating=True) for name, perform in _CHANGES.items()},
    "ListOrganizationsFeatures": Operation(list_features, "iam:ListOrganizationsFeatures"),
}
