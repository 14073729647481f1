"""IAM: small listings that tools of this field ask for before they do anything else.

An account here has no alias, group, password policy, identity provider, server certificate or service-specific
credential, and nothing served creates one. So these answer what IAM answers where there is none.

Source: IAM, API version 2010-05-08.
"""

from __future__ import annotations

from typing import Any

from rootkeeper_sandbox.exchange import Call, ServedOperations, ServiceError, any_resource
from rootkeeper_sandbox.services.iam_credentials import (
    caller_account,
    get_subject,
    no_such_entity,
    render_page,
    require_user_name,
    subject_arn,
)

OPERATIONS = ServedOperations("iam", resource=subject_arn)


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


@OPERATIONS.read("ListGroupsForUser")
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
