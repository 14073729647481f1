"""What can change each part of the set-up, as AWS allows it: data, so that a person knows where to look first.

Source: aws-facts of IAM's organization features (Enable* by the management account alone, Disable* by a delegated
administrator too), Organizations API version 2016-11-28, and the Terraform AWS provider's resources.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class DriftKind(StrEnum):
    """The ways in which a set-up can differ from the accepted one."""

    DELEGATE_GONE = "delegate_gone"
    DELEGATE_NEW = "delegate_new"
    FEATURE_OFF = "feature_off"
    FEATURE_ON = "feature_on"
    GUARDRAIL_ATTACHED = "guardrail_attached"
    GUARDRAIL_DETACHED = "guardrail_detached"
    GUARDRAIL_EDITED = "guardrail_edited"
    GUARDRAIL_GONE = "guardrail_gone"
    GUARDRAIL_NEW = "guardrail_new"
    TRUSTED_ACCESS_OFF = "trusted_access_off"
    TRUSTED_ACCESS_ON = "trusted_access_on"


_CONTROL_TOWER = "AWS Control Tower, when a control or a landing zone is switched, updated or reset."
_POLICY_DELEGATE = (
    "Somebody in the management account, or in an account that its delegation policy lets manage policies: "
)

_CAUSES: Mapping[DriftKind, tuple[str, ...]] = MappingProxyType(
    {
        DriftKind.TRUSTED_ACCESS_OFF: (
            "Terraform: an aws_organizations_organization whose aws_service_access_principals lacks iam.amazonaws.com.",
            "Somebody in the management account: organizations:DisableAWSServiceAccess, or the Organizations console.",
            "Every delegated administrator was deregistered before it: AWS refuses it while there is one.",
        ),
        DriftKind.TRUSTED_ACCESS_ON: (
            "Somebody in the management account: organizations:EnableAWSServiceAccess, or Enable in the IAM console.",
            "Terraform: aws_service_access_principals now holds iam.amazonaws.com.",
        ),
        DriftKind.FEATURE_OFF: (
            "Somebody in the management account or in a delegated administrator account: both may call iam:Disable….",
            "Terraform: aws_iam_organizations_features without it in enabled_features, or destroyed.",
        ),
        DriftKind.FEATURE_ON: (
            "Somebody in the management account: no other may enable a feature.",
            "Terraform: aws_iam_organizations_features with it in enabled_features.",
        ),
        DriftKind.DELEGATE_GONE: (
            "Somebody in the management account: organizations:DeregisterDelegatedAdministrator.",
            "Somebody on the way to switch trusted access off: AWS demands that no delegate is left.",
            "Terraform: aws_organizations_delegated_administrator destroyed or replaced.",
            "The account was closed or has left the organization.",
        ),
        DriftKind.DELEGATE_NEW: (
            "Somebody in the management account: organizations:RegisterDelegatedAdministrator.",
            "Beware: whoever may call sts:AssumeRoot there can open root sessions on every member account.",
            "Terraform: a new aws_organizations_delegated_administrator.",
        ),
        DriftKind.GUARDRAIL_EDITED: (
            f"{_POLICY_DELEGATE}organizations:UpdatePolicy.",
            "Terraform: the content of aws_organizations_policy.",
            _CONTROL_TOWER,
        ),
        DriftKind.GUARDRAIL_DETACHED: (
            f"{_POLICY_DELEGATE}organizations:DetachPolicy.",
            "Terraform: an aws_organizations_policy_attachment destroyed or moved.",
            _CONTROL_TOWER,
        ),
        DriftKind.GUARDRAIL_ATTACHED: (
            f"{_POLICY_DELEGATE}organizations:AttachPolicy.",
            "Terraform: a new aws_organizations_policy_attachment.",
            _CONTROL_TOWER,
        ),
        DriftKind.GUARDRAIL_GONE: (
            f"{_POLICY_DELEGATE}organizations:DetachPolicy from its last place, then perhaps DeletePolicy.",
            f"{_POLICY_DELEGATE}organizations:DisablePolicyType, which detaches all policies of that type.",
            "Terraform: aws_organizations_policy destroyed or replaced by another.",
            _CONTROL_TOWER,
        ),
        DriftKind.GUARDRAIL_NEW: (
            f"{_POLICY_DELEGATE}organizations:AttachPolicy of a new one, or of one that was attached to nothing.",
            "Terraform: a new aws_organizations_policy.",
            _CONTROL_TOWER,
        ),
    }
)


def list_causes(change: DriftKind) -> tuple[str, ...]:
    """One sentence each, the likeliest first."""
    return _CAUSES[change]
